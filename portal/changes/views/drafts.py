"""Views of drafts: automatic saves of an open form, and their deletion."""

from __future__ import annotations

import re

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import time_format
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.limits import LimitReached
from portal.accounts.roles import Right
from portal.catalog.models import ApiSecret
from portal.changes.domain.proposal import InvalidProposalToken
from portal.changes.forms import editor
from portal.changes.workflow import drafts
from portal.changes.workflow.drafts import NewerDraft, PageVersion
from portal.common.parsing import parse_db_integer
from portal.web import undo

_TAB = re.compile(r"[0-9a-f-]{36}")
_WORDS = {"reason": 4000, "ticket": 100}
"""Fields that belong to no field of the secret, with their longest texts."""
undo.register_restorer("draft", drafts.restore_draft)


@sensitive_post_parameters("client_secret")
@require_POST
@require_rights(Right.PROPOSE)
def autosave(request: UserRequest, identifier: int) -> HttpResponse:
    """Save the form as it is typed, and answer in one sentence; a client secret is never saved."""
    secret = get_object_or_404(ApiSecret, pk=identifier)
    tab = request.POST.get("tab", "")
    if not _TAB.fullmatch(tab):
        return HttpResponse(status=400)
    try:
        edit = editor.editor_from_post(request.POST, secret, by=request.user)
    except InvalidProposalToken:
        return _sentence(_("Not saved: this page is open for more than an hour. Press Review changes."), status=422)
    patch = edit.form.draft_patch()
    if edit.form.quotes_value:
        return _sentence(_("Not saved: a field holds the new client secret."), status=422)
    page = PageVersion(tab, parse_db_integer(request.POST.get("saves", "")) or 0, request.POST.get("draft_version", ""))
    words = {name: str(edit.form[name].data or "").replace("\0", "")[:limit] for name, limit in _WORDS.items()}
    base = edit.base.fields if edit.base else None
    try:
        drafts.save_draft(
            by=request.user, secret=secret.pk, name=secret.name, patch=patch, base=base, words=words, page=page
        )
    except NewerDraft:
        return _sentence(_("Not saved: another tab has saved a newer draft of this secret."), status=409)
    except LimitReached as reached:
        return _sentence(str(reached), status=429)
    return _sentence(_("Saved %(time)s") % {"time": time_format(timezone.localtime(), "H:i")})


@require_POST
@require_rights(Right.PROPOSE)
def discard(request: UserRequest, identifier: int) -> HttpResponse:
    """Delete the user's own draft of this secret; a click restores it for a short time."""
    deleted = drafts.discard_draft(by=request.user, secret=identifier)
    if deleted is not None:
        address = reverse("changes:propose", args=[identifier])
        undo.offer_undo(request, "draft", deleted, _("Draft deleted."), address=address)
    return redirect("home")


def _sentence(text: str, *, status: int = 200) -> HttpResponse:
    return HttpResponse(text, status=status, content_type="text/plain; charset=utf-8")
