"""Views to propose an edit of an API secret and to revise a proposal: form, preview, submission."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.conf import settings
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.limits import LimitReached
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.accounts.typed_forms import expired_sentence, is_expired, returns_typed
from portal.catalog.models import ApiSecret
from portal.changes.domain import plausibility, risks
from portal.changes.domain.proposal import InvalidProposalToken, Proposal, decode_proposal, encode_proposal
from portal.changes.forms import editor, live_difference, prefill, revert
from portal.changes.forms.editor import ProposalEditor
from portal.changes.forms.prefill import Prefill
from portal.changes.forms.rebase import RevertSource
from portal.changes.models import REVISABLE, Change, Revision, Vote
from portal.changes.models.draft import Draft
from portal.changes.models.template import ChangeTemplate
from portal.changes.presenters import change_rows
from portal.changes.presenters.error_responses import violation_response
from portal.changes.rules import revert_rules
from portal.changes.rules.guards import RuleViolation
from portal.changes.transitions import WrongState
from portal.changes.workflow import drafts, revisions, submission
from portal.common.parsing import parse_db_integer

FORM, PREVIEW = "changes/propose.html", "changes/preview.html"


@dataclass(frozen=True)
class ProposalTarget:
    """Target of the form: a new change of this secret, which may revert `reverted`, or a revision of `change`."""

    secret: ApiSecret
    by: User
    submit: Callable[[Proposal], Change]
    change: Change | None = None
    revised: Revision | RevertSource | None = None
    reverted: Change | None = None
    over: Prefill | None = None
    refused: str = ""
    status: int = 422


@returns_typed
@sensitive_post_parameters("client_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(Right.PROPOSE)
def propose(request: UserRequest, identifier: int) -> HttpResponseBase:
    """Propose an edit of this secret; the change `like`, the own `draft` or a `template` may prefill the form."""
    secret = get_object_or_404(ApiSecret, pk=identifier)

    def submit(proposal: Proposal) -> Change:
        return submission.submit_change(proposal, by=request.user, read=secret)

    return _answer(
        request,
        ProposalTarget(secret, request.user, submit, over=_over(request, secret), refused=secret.blocked_reason),
    )


@returns_typed
@sensitive_post_parameters("client_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(Right.PROPOSE)
def revise(request: UserRequest, change_id: int) -> HttpResponseBase:
    """Revise the user's own change while it is pending or stale."""
    change = get_object_or_404(Change.objects.proposed_by(request.user), pk=change_id)

    def submit(proposal: Proposal) -> Change:
        return submission.revise_change(change_id, proposal, by=request.user)

    secret = get_object_or_404(ApiSecret, pk=change.secret)
    refused, status = secret.blocked_reason, 422
    if change.status not in REVISABLE:
        status, refused = violation_response(WrongState(change), request)
    return _answer(
        request,
        ProposalTarget(
            secret, request.user, submit, change, change.get_current_revision(), refused=refused, status=status
        ),
    )


@returns_typed
@sensitive_post_parameters("client_secret")
@require_http_methods(["GET", "HEAD", "POST"])
@require_rights(Right.PROPOSE)
def revert_change(request: UserRequest, change_id: int) -> HttpResponseBase:
    """Propose the values from before an applied change, as a new change that needs its own approvals."""
    change = get_object_or_404(Change.objects.visible_to(request.user), pk=change_id)
    secret = get_object_or_404(ApiSecret, pk=change.secret)

    def submit(proposal: Proposal) -> Change:
        return submission.submit_change(proposal, by=request.user, read=secret, reverts=change.pk)

    revision = change.get_current_revision()
    source, refused, status = prefill.build_revert_source(revision), secret.blocked_reason, 422
    violation = revert_rules.find_revert_violation(change, revision)
    if violation is not None:
        status, refused = violation_response(violation, request)
    target = ProposalTarget(
        secret, request.user, submit, revised=source, reverted=change, refused=refused, status=status
    )
    return _answer(request, target)


def _over(request: UserRequest, secret: ApiSecret) -> Prefill | None:
    """Return the prefill that the URL asks for, or None."""
    if template := request.GET.get("template"):
        found = get_object_or_404(ChangeTemplate.objects.open_to(request.user), pk=parse_db_integer(template) or 0)
        return prefill.of_template(found)
    like = request.GET.get("like", "")
    if not like:
        draft = Draft.objects.of(request.user).filter(secret=secret.pk).first()
        return prefill.of_draft(draft) if draft and request.method != "POST" else None
    return prefill.of_change(
        get_object_or_404(Change.objects.visible_to(request.user), pk=parse_db_integer(like) or 0), secret.pk
    )


def _answer(request: UserRequest, task: ProposalTarget) -> HttpResponseBase:
    if request.method != "POST":
        if task.refused:
            return _page(request, task, None, status=task.status)
        edit = editor.open_editor(task.secret, by=task.by, revised=task.revised, over=task.over)
        if task.reverted and edit.base is None:
            return _page(request, replace(task, refused=revert_rules.current_values_unknown()), None, status=422)
        return _page(request, task, edit)
    asked = request.POST.get("act", "").partition(":")[0]
    if asked == "live":
        return _live(request, task)
    if is_expired(request):
        asked = "again" if asked in ("confirm", "back") else "rows"
    act = {"again": _again, "confirm": _confirm, "back": _back, "rows": _rows, "draft": _draft}.get(asked, _preview)
    try:
        return act(request, task)
    except InvalidProposalToken:
        edit = editor.editor_after_lost_token(request.POST, task.secret, by=task.by, revised=task.revised)
        return _page(request, task, edit, lost=True, status=422)


def _preview(request: UserRequest, task: ProposalTarget) -> HttpResponse:
    edit = editor.editor_from_post(request.POST, task.secret, by=task.by, revised=task.revised)
    if edit.form.is_valid() and not task.refused and _is_in_scope(edit, task):
        return _show(request, task, edit.proposal())
    edit.keep_typed_secret()
    return _page(request, task, edit, status=task.status)


def _is_in_scope(edit: ProposalEditor, task: ProposalTarget) -> bool:
    """Return whether a revert changes only what the reverted change did; True for every other proposal."""
    if task.reverted is None or not isinstance(task.revised, RevertSource):
        return True
    return revert.is_within_revert(edit, task.revised, task.reverted)


def _live(request: UserRequest, task: ProposalTarget) -> HttpResponse:
    """Return the difference beside the form, as it is being typed; 204 for a form whose base cannot be decrypted."""
    try:
        edit = editor.editor_from_post(request.POST, task.secret, by=task.by, revised=task.revised)
    except InvalidProposalToken:
        return HttpResponse(status=204)
    base = edit.base.fields if edit.base else None
    typed = live_difference.read_typed_values(edit)
    diff = live_difference.list_typed_changes(edit, typed, revisions.find_directory_names(typed, base))
    context = {"diff": diff, "base_known": base is not None}
    return render(request, "changes/_live_difference.html", context)


def _rows(request: UserRequest, task: ProposalTarget) -> HttpResponse:
    to = request.POST.get("act", "").partition(":")[2]
    edit = editor.editor_with_more_rows(request.POST, task.secret, by=task.by, to=to, revised=task.revised)
    if is_expired(request):
        return _page(request, replace(task, refused=expired_sentence()), edit, status=403)
    return _page(request, task, edit)


def _draft(request: UserRequest, task: ProposalTarget) -> HttpResponseBase:
    edit = editor.editor_from_post(request.POST, task.secret, by=task.by, revised=task.revised)
    if task.change or task.reverted or not edit.form.is_draft():
        edit.keep_typed_secret()
        return _page(request, task, edit, status=422)
    form, base = edit.form, edit.base.fields if edit.base else None
    words = {name: form.cleaned_data.get(name, "") for name in ("reason", "ticket")}
    try:
        saved = drafts.save_draft(
            by=task.by, secret=task.secret.pk, name=task.secret.name, patch=form.patch(), base=base, words=words
        )
    except LimitReached as reached:
        form.add_error(None, str(reached))
        edit.keep_typed_secret()
        return _page(request, task, edit, status=429)
    edit.keep_typed_secret()
    return _page(request, task, edit, saved=saved)


def _back(request: UserRequest, task: ProposalTarget) -> HttpResponse:
    edit = editor.reopen_editor(_carried(request, task), task.secret, by=task.by, revised=task.revised)
    return _page(request, task, edit)


def _again(request: UserRequest, task: ProposalTarget) -> HttpResponse:
    """Show the preview again, in a form of this session."""
    return _show(request, task, _carried(request, task), refused=expired_sentence(), status=403)


def _confirm(request: UserRequest, task: ProposalTarget) -> HttpResponseBase:
    proposal = _carried(request, task)
    try:
        change = task.submit(proposal)
    except (RuleViolation, WrongState) as refusal:
        status, refused = violation_response(refusal, request)
        return _show(request, task, proposal, refused=refused, status=status)
    return redirect("changes:change", change.pk)


def _carried(request: UserRequest, task: ProposalTarget) -> Proposal:
    proposal = decode_proposal(request.POST.get("proposal", ""), task.by)
    if proposal.secret != task.secret.pk:
        raise InvalidProposalToken
    return proposal


def _page(
    request: UserRequest,
    task: ProposalTarget,
    edit: ProposalEditor | None,
    *,
    lost: bool = False,
    saved: Draft | None = None,
    status: int = 200,
) -> HttpResponse:
    context = {**_about(task), "edit": edit, "over": task.over, "refused": task.refused, "lost": lost, "only": None}
    draft = saved or (task.over.draft if task.over else None)
    if edit and isinstance(task.revised, RevertSource):
        context["only"] = revert.list_shown_fields(edit, task.revised)
    context |= {"methods": plausibility.METHODS, "saved": saved, "draft_version": _version_of(request, draft)}
    return render(request, FORM, context, status=status)


def _version_of(request: UserRequest, draft: Draft | None) -> str:
    """Return the version of the draft that the page shows; a form that is shown again keeps the one it had."""
    return draft.version if draft else request.POST.get("draft_version", "")[:50]


def _show(
    request: UserRequest, task: ProposalTarget, proposal: Proposal, *, refused: str = "", status: int = 200
) -> HttpResponse:
    burst_size = (
        task.change.burst_size
        if task.change
        else revisions.count_recent_submissions(proposal, by=task.by, now=timezone.now()).secrets
    )
    names = revisions.find_directory_names(proposal.patch, proposal.base.fields if proposal.base else None)
    able = roles.users_with_right(Right.DECIDE).exclude(pk=task.by.pk).count()
    context = {
        **_about(task),
        "proposal": proposal,
        "diff": proposal.describe_changes(names),
        "risks": risks.find_risks(proposal.changes, base_known=proposal.base is not None, burst_size=burst_size),
        "strangers": names.unknown,
        "packed": encode_proposal(proposal, task.by),
        "able": able,
        "required": settings.APPROVALS_REQUIRED,
        "deciders": roles.group_names_with_right(Right.DECIDE),
        "refused": refused,
        "short_reason": plausibility.is_short_reason(proposal.reason),
    }
    return render(request, PREVIEW, context, status=status)


def _about(task: ProposalTarget) -> dict[str, object]:
    """Return the context of form and preview: secret, its open changes, templates, requests for changes."""
    others = change_rows.open_rows_of_secret(task.secret.pk, reader=task.by, besides=task.change)
    templates = [] if task.change or task.over or task.reverted else ChangeTemplate.objects.open_to(task.by)
    return {
        "secret": task.secret,
        "change": task.change,
        "reverted": task.reverted,
        "others": others,
        "templates": templates,
        "requests": Vote.objects.requesting_changes().filter(change=task.change).select_related("voter")
        if task.change
        else [],
    }
