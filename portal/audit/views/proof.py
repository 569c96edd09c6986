"""What auditors take away, so that they need not believe the portal: packs, checkpoints, sealed log, verifier."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.access import PersonRequest, limited, requires
from portal.accounts.roles import Right
from portal.audit import evidence, proofs, tasks
from portal.audit.export import accounted
from portal.audit.leaves import SealedLog
from portal.audit.ledger import record
from portal.audit.models import Checkpoint
from portal.audit.reading import on_record
from portal.audit.standing import public_key


@require_GET
@requires(Right.AUDIT)
@limited("export")
def pack(request: PersonRequest, change: int) -> HttpResponseBase:
    """The evidence of one change as a zip; what is in it is on record before it leaves."""
    try:
        made = evidence.pack(change)
    except evidence.Unknown:
        raise Http404 from None
    except evidence.BeginningGone:
        messages.error(
            request,
            _("The first events of CR-%(change)s are gone, as at the end of their retention: no pack can be made.")
            % {"change": change},
        )
        return redirect("audit:change_timeline", change)
    except evidence.NotSealedYet:
        messages.warning(
            request,
            _("The newest events of CR-%(change)s are not sealed yet, so nothing proves them. Try again in a moment.")
            % {"change": change},
        )
        return redirect("audit:change_timeline", change)
    except proofs.Missing:
        messages.error(request, _("There is no proof to give: the kept tree is damaged. Verify the log."))
        return redirect("audit:change_timeline", change)
    data = {"subject": f"CR-{change}", "rows": made.events, "leaves": made.checkpoint.size}
    record("audit.evidence_exported", by=request.user.username, data=data)
    return _download(made.content, f"CR-{change}-evidence.zip", "application/zip")


@require_GET
@requires(Right.AUDIT)
@limited("export")
def sealed_log(request: PersonRequest) -> HttpResponseBase:
    """Every sealed event in the order of the tree, streamed: what the verifier reads beside a checkpoint."""
    file = SealedLog()
    begun = record("audit.exported", by=request.user.username, data={"format": file.format})
    name = f"sealed-log-{timezone.now():%Y%m%dT%H%M%SZ}.txt"
    return StreamingHttpResponse(
        accounted(file, begun, by=request.user.username, all_rows=file.size),
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


@require_GET
@requires(Right.AUDIT)
def checkpoint(request: PersonRequest) -> HttpResponse:
    """The newest signed checkpoint, to be kept where the portal cannot reach it."""
    newest = _newest()
    on_record(request, "checkpoint", leaves=newest.size)
    return _download(newest.note.encode(), f"checkpoint-{newest.size}.txt", "text/plain; charset=utf-8")


@require_GET
@requires(Right.AUDIT)
def key(_request: PersonRequest) -> HttpResponse:
    """The public key of the newest checkpoint."""
    return _download(f"{public_key(_newest())}\n".encode(), "public-key.txt", "text/plain; charset=utf-8")


@require_GET
@requires(Right.AUDIT)
def verifier(_request: PersonRequest) -> HttpResponse:
    """The program an outsider verifies with."""
    return _download(evidence.VERIFIER.read_bytes(), evidence.VERIFIER.name, "text/x-python; charset=utf-8")


@require_POST
@requires(Right.AUDIT)
@limited("verification")
def verify(request: PersonRequest) -> HttpResponse:
    """Ask a worker to read the whole log anew; the result is on record and on the log's page."""
    if tasks.ask_for_verification(by=request.user.username):
        messages.info(request, _("The log is being verified. The result will stand here, and in the log."))
    else:
        messages.error(request, _("The queue cannot be reached, so no worker can verify the log now. Try again later."))
    return redirect("audit:events")


def _newest() -> Checkpoint:
    newest = Checkpoint.objects.first()
    if newest is None:
        raise Http404
    return newest


def _download(content: bytes, name: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return HttpResponse(content, content_type=content_type, headers=headers)
