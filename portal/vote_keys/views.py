"""Pages and acts of vote keys: enrol one, confirm a colleague's, revoke one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.accounts import roles
from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.roles import Right
from portal.audit.denied_requests import note_denial_reason
from portal.audit.sealing import vote_key_chain
from portal.governance.violations import GovernanceViolation, NotEntitled, PasswordRequired
from portal.vote_keys import ceremonies, commands
from portal.vote_keys.forms import EnrolForm, RevokeForm
from portal.vote_keys.key_page import load_key_page
from portal.vote_keys.models import VoteKey
from portal.vote_keys.registration import InvalidRegistration
from portal.vote_keys.signed_text import build_confirmation_text
from portal.vote_keys.violations import EnrolmentRefused, OwnVoteKey, VoteKeyClosed, VoteKeyNotSealed

_DENIED = (NotEntitled, OwnVoteKey)
_ELSEWHERE = (VoteKeyClosed, VoteKeyNotSealed)
"""Violations because the key is not as the page showed it: HTTP status 409."""


@require_safe
@require_rights(Right.DECIDE, Right.OPERATE)
def keys(request: UserRequest) -> HttpResponse:
    """Show the reader's vote keys; to administrators also the keys that wait for a confirmation, and all others."""
    return _page(request)


@require_POST
@require_rights(Right.DECIDE, Right.OPERATE)
@limit_acts("governance")
def enrol_options(request: UserRequest) -> HttpResponse:
    """Return what the browser needs to make a passkey."""
    return JsonResponse(ceremonies.begin_registration(request))


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.DECIDE, Right.OPERATE)
@limit_acts("governance")
def enrol(request: UserRequest) -> HttpResponse:
    """Enrol the passkey that the browser made."""
    form = EnrolForm(request.POST, request=request)
    if not form.is_valid():
        return _page(request, enrol_form=form, status=422)

    def act() -> str:
        try:
            made = ceremonies.take_registration(request, form.cleaned_data["credential"])
        except InvalidRegistration:
            raise EnrolmentRefused(
                _(
                    "The browser made no passkey for this site in time. Nothing was enrolled. "
                    "Try again, with JavaScript on."
                )
            ) from None
        commands.enrol_key(made, by=request.user, name=form.cleaned_data["name"], recent_auth=form.recent_auth)
        return _("You enrolled a vote key. It counts once an administrator has confirmed it.")

    return _act(request, act, enrol_form=form)


@require_POST
@require_rights(Right.OPERATE)
def confirm_options(request: UserRequest, key_id: int) -> HttpResponse:
    """Return what the browser needs to sign the confirmation of a colleague's key."""
    key = _get_key(request, key_id)
    by = request.user
    text = build_confirmation_text(
        log=vote_key_chain.get_log_name(),
        key=key.fingerprint,
        confirmer=by.pk,
        person=by.username,
        at=timezone.now(),
    )
    return JsonResponse(ceremonies.begin_signature(request, text))


@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def confirm(request: UserRequest, key_id: int) -> HttpResponse:
    """Confirm a colleague's key with the signature that the browser made."""
    key = _get_key(request, key_id)
    signed = ceremonies.take_signature(request, request.POST.get("credential", ""))

    def act() -> str:
        commands.confirm_key(key.pk, by=request.user, signed=signed)
        return _("You confirmed the vote key of %(person)s. It counts once this is sealed in the audit log.") % {
            "person": key.owner.display_name
        }

    return _act(request, act)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.DECIDE, Right.OPERATE)
@limit_acts("governance")
def revoke(request: UserRequest, key_id: int) -> HttpResponse:
    """Revoke a key at once."""
    _get_key(request, key_id)
    form = RevokeForm(request.POST, request=request, key=key_id)
    if not form.is_valid():
        return _page(request, revoke_form=form, revoked=key_id, status=422)

    def act() -> str:
        commands.revoke_key(
            key_id,
            by=request.user,
            reason=form.cleaned_data["reason"],
            recent_auth=form.recent_auth,
            compromised_at=form.cleaned_data["compromised_at"],
        )
        return _("You revoked the vote key. Approvals made with it on open changes no longer count.")

    return _act(request, act, revoke_form=form, revoked=key_id)


def _get_key(request: UserRequest, key_id: int) -> VoteKey:
    """Return the key. Raises Http404 for the key of another person, unless the reader is an administrator."""
    key = VoteKey.objects.select_related("owner").filter(pk=key_id).first()
    if key is None or (key.owner_id != request.user.pk and not roles.has_right(request.user, Right.OPERATE)):
        raise Http404
    return key


def _act(request: UserRequest, act: Callable[[], str], **forms: Any) -> HttpResponse:
    """Run the act and redirect, or show the page again with the rule that the act violates."""
    try:
        done = act()
    except PasswordRequired as violation:
        for form in forms.values():
            if hasattr(form, "add_error"):
                form.add_error("password" if "password" in form.fields else None, str(violation))
        return _page(request, status=422, **forms)
    except GovernanceViolation as violation:
        note_denial_reason(request, violation)
        status = 403 if isinstance(violation, _DENIED) else 409 if isinstance(violation, _ELSEWHERE) else 422
        return _page(request, status=status, refusal=str(violation), **forms)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("vote_keys:keys"))


def _page(
    request: UserRequest,
    *,
    status: int = 200,
    enrol_form: EnrolForm | None = None,
    revoke_form: RevokeForm | None = None,
    revoked: int = 0,
    refusal: str = "",
) -> HttpResponse:
    shown = load_key_page(request.user)
    for row in shown.rows:
        is_posted = revoke_form is not None and row.key.pk == revoked
        row.revoke_form = revoke_form if is_posted else RevokeForm(request=request, key=row.key.pk)
    context = {
        "shown": shown,
        "enrol_form": enrol_form or EnrolForm(request=request),
        "refusal": refusal,
        "mode": settings.SIGNED_VOTES,
    }
    return render(request, "vote_keys/keys.html", context, status=status)
