"""Forms whose input must outlive the session in which they were opened: a signed token names their user.

If such a form ends in an error page or at the sign-in, that page contains the input in a form to send again; never
for another user, and never a password or a client secret.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core import signing
from django.core.exceptions import BadRequest, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.multipartparser import MultiPartParserError
from django.middleware.csrf import REASON_BAD_ORIGIN
from django.shortcuts import render
from django.urls import resolve
from django.utils.translation import gettext as _

from portal.accounts import carried_forms
from portal.accounts.carried_forms import CarriedForm
from portal.accounts.forms import SignInForm

FIELD = "owner"
_SIGNER = signing.Signer(salt="whose form this is")
_PROOFS = ("password", "confirm_code", "confirm_passkey", "oldpassword", "password1", "password2")
_LEFT_OUT = (*_PROOFS, "csrfmiddlewaretoken", "client_secret", "value")
_ENCRYPTED_FIELD = "kept"
"""Field with the encrypted client secret. The encrypted proposal of a preview is kept: it holds all the input."""


def sign_owner(user_id: int) -> str:
    """Return the signed token that names the user of a form."""
    return _SIGNER.sign(str(user_id))


def find_owner(data: QueryDict) -> str:
    """Return the id of the user who opened the form; '' without a token that the portal signed."""
    try:
        return _SIGNER.unsign(data.get(FIELD, ""))
    except signing.BadSignature:
        return ""


def is_owner(data: QueryDict, user_id: int | None) -> bool:
    """Return whether the form belongs to this user. With None, any token that the portal signed is accepted."""
    owner = find_owner(data)
    return bool(owner) and (user_id is None or owner == str(user_id))


def without_secrets(data: QueryDict) -> QueryDict:
    """Return the form data without passwords, client secrets and the CSRF token of the ended session."""
    kept = data.copy()
    for name in _LEFT_OUT:
        kept.pop(name, None)
    return kept


def returns_typed(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark a view that, while `is_expired`, shows its form again with the input and does nothing else."""
    view.returns_typed = True  # type: ignore[attr-defined]
    return view


def is_expired(request: HttpRequest) -> bool:
    """Return whether the form comes from an earlier session: the view shows it again and does nothing else."""
    return getattr(request, "form_expired", False)


def expired_sentence() -> str:
    """Return the message above a form that came from an earlier session."""
    return _(
        "This form was opened in an earlier session, or the browser lost a cookie. Nothing was done. What you typed is "
        "still here, except passwords and client secrets: check it and send it again."
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> Any:
    """Return the form with its input for its own user, and for all others a page that says the form is not valid."""
    match, user = request.resolver_match, request.user
    ours = match is not None and getattr(match.func, "returns_typed", False)
    if reason == REASON_BAD_ORIGIN % request.headers.get("Origin", ""):
        return render(request, "403_csrf.html", {"foreign": True}, status=403)
    if not user.is_authenticated or not ours or not is_owner(request.POST, user.pk):
        page = None if user.is_authenticated else signed_out(request)
        return page or render(request, "403_csrf.html", status=403)
    request.POST = without_secrets(request.POST)  # type: ignore[assignment]
    request.form_expired = True  # type: ignore[attr-defined]
    return match.func(request, *match.args, **match.kwargs)  # type: ignore[union-attr]


def signed_out(request: HttpRequest) -> HttpResponse | None:
    """Return a sign-in page that takes the input along, encrypted for its user; None for other forms."""
    if request.method != "POST" or not is_owner(request.POST, None):
        return None
    kept = without_secrets(request.POST)
    kept.pop(_ENCRYPTED_FIELD, None)
    token = carried_forms.encode_form(CarriedForm(request.get_full_path(), kept), find_owner(request.POST))
    context = {"form": SignInForm(request=request), "carried": token}
    return render(request, "signed_out.html", context, status=401)


def restore_form(request: HttpRequest, form: CarriedForm) -> Any:
    """Return the form of an earlier session with its input, for a view that `returns_typed`; else a page to send it."""
    match = resolve(form.path.partition("?")[0])
    if not getattr(match.func, "returns_typed", False):
        return render(request, "signed_in_again.html", {"typed": list(form.data.lists()), "address": form.path})
    request.method, request.POST, request.resolver_match = "POST", form.data, match  # type: ignore[assignment]
    request.path = request.path_info = form.path.partition("?")[0]
    request.form_expired = True  # type: ignore[attr-defined]
    return match.func(request, *match.args, **match.kwargs)


def typed_again(request: HttpRequest, user_id: int | None) -> list[tuple[str, list[str]]]:
    """Return names and values of the input of a form of this user, for the error page that it ended in.

    Empty for any other form. `user_id` None as in is_owner: for errors where the user is unknown.
    """
    try:
        typed = request.POST if request.method == "POST" and is_owner(request.POST, user_id) else None
    except (BadRequest, SuspiciousOperation, MultiPartParserError, OSError):
        typed = None  # the data cannot be read, which the error page says
    return [] if typed is None else list(without_secrets(typed).lists())
