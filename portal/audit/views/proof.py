"""Downloads for auditors who do not rely on the portal: evidence packs, checkpoints, sealed log, offline verifier."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.roles import Right
from portal.audit import tasks
from portal.audit.exports import evidence_pack
from portal.audit.exports.evidence_book import MOST_EVENTS, EvidenceBook, NoChange, TooManyEvents
from portal.audit.exports.log_export import record_export
from portal.audit.forms import PeriodForm
from portal.audit.ledger import record_event
from portal.audit.log_views import record_log_view
from portal.audit.models import Checkpoint
from portal.audit.sealing import inclusion_proofs
from portal.audit.sealing.leaves import SealedLogExport
from portal.audit.sealing.status import announced_public_key, get_seal_status


@require_GET
@require_rights(Right.AUDIT)
@limit_acts("export")
def pack(request: UserRequest, change: int) -> HttpResponseBase:
    """Send the evidence of one change as a zip file; the export is recorded before it is sent."""
    try:
        made = evidence_pack.build_evidence_pack(change)
    except evidence_pack.UnknownChange:
        raise Http404 from None
    except evidence_pack.HistoryPruned:
        messages.error(
            request,
            _("The first events of CR-%(change)s are gone, as at the end of their retention: no pack can be made.")
            % {"change": change},
        )
        return redirect("audit:change_timeline", change)
    except evidence_pack.NotSealedYet:
        messages.warning(
            request,
            _("The newest events of CR-%(change)s are not sealed yet, so nothing proves them. Try again in a moment.")
            % {"change": change},
        )
        return redirect("audit:change_timeline", change)
    except inclusion_proofs.MissingNode:
        messages.error(request, _("There is no proof to give: the kept tree is damaged. Verify the log."))
        return redirect("audit:change_timeline", change)
    data = {"subject": f"CR-{change}", "rows": made.events, "leaves": made.checkpoint.size}
    record_event("audit.evidence_exported", by=request.user.username, data=data)
    return _download(made.content, f"CR-{change}-evidence.zip", "application/zip")


@require_GET
@require_rights(Right.AUDIT)
@limit_acts("export")
def book(request: UserRequest) -> HttpResponseBase:
    """Stream the evidence of all changes of a period as a zip file; the export is recorded before it is sent."""
    form = PeriodForm(request.GET)
    if not form.is_valid():
        return render(request, "audit/overview.html", {"form": form, "standing": get_seal_status()}, status=422)
    try:
        file = EvidenceBook(form.period(), timezone.now())
    except (NoChange, TooManyEvents, evidence_pack.HistoryPruned, evidence_pack.NotSealedYet) as error:
        messages.error(request, _explain_refused_book(error))
        return redirect(f"{reverse('audit:overview')}?{urlencode(form.asked())}")
    by, data = request.user.username, {"format": file.format, "filters": form.asked(), "leaves": file.checkpoint.size}
    begun = record_event("audit.exported", by=by, data=data)
    name = f"evidence-book-{file.since:%Y-%m-%d}-{file.period.last:%Y-%m-%d}.zip"
    return StreamingHttpResponse(
        record_export(file, begun, by=by, all_rows=file.all_rows),
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


def _explain_refused_book(error: Exception) -> str:
    if isinstance(error, evidence_pack.HistoryPruned):
        return _(
            "The first events of CR-%(change)s were removed at the end of their retention. No evidence book was made."
            " Choose a later first day."
        ) % {"change": error}
    if isinstance(error, evidence_pack.NotSealedYet):
        return _("The newest events are not sealed yet. No evidence book was made. Try again in a moment.")
    if isinstance(error, TooManyEvents):
        return _("An evidence book holds at most %(most)s events. None was made. Choose a shorter period.") % {
            "most": number_format(MOST_EVENTS, force_grouping=True)
        }
    return _("No change has an event in this period, so there is nothing to put into an evidence book.")


@require_GET
@require_rights(Right.AUDIT)
@limit_acts("export")
def sealed_log(request: UserRequest) -> HttpResponseBase:
    """Stream every sealed event in the order of the tree, as the offline verifier reads it beside a checkpoint."""
    file = SealedLogExport()
    begun = record_event("audit.exported", by=request.user.username, data={"format": file.format})
    name = f"sealed-log-{timezone.now():%Y%m%dT%H%M%SZ}.txt"
    return StreamingHttpResponse(
        record_export(file, begun, by=request.user.username, all_rows=file.size),
        content_type=file.content_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"', "X-Accel-Buffering": "no"},
    )


@require_GET
@require_rights(Right.AUDIT)
def checkpoint(request: UserRequest) -> HttpResponse:
    """Send the newest signed checkpoint, to be stored where the portal cannot reach it."""
    newest = _newest()
    record_log_view(request, "checkpoint", leaves=newest.size)
    return _download(newest.note.encode(), f"checkpoint-{newest.size}.txt", "text/plain; charset=utf-8")


@require_GET
@require_rights(Right.AUDIT)
def key(_request: UserRequest) -> HttpResponse:
    """Send the public key of the newest checkpoint."""
    return _download(f"{announced_public_key(_newest())}\n".encode(), "public-key.txt", "text/plain; charset=utf-8")


@require_GET
@require_rights(Right.AUDIT)
def verifier(_request: UserRequest) -> HttpResponse:
    """Send the program that outside auditors verify with."""
    return _download(evidence_pack.VERIFIER.read_bytes(), evidence_pack.VERIFIER.name, "text/x-python; charset=utf-8")


@require_POST
@require_rights(Right.AUDIT)
@limit_acts("verification")
def verify(request: UserRequest) -> HttpResponse:
    """Enqueue a verification of the whole log; its result is recorded and shown on the page of the log."""
    if tasks.enqueue_verification(by=request.user.username):
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
