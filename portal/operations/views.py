"""Pages of operators: delivery, connection, keys."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.forms import RecentAuthForm
from portal.accounts.limits import LimitReached, count_act
from portal.accounts.roles import Right
from portal.catalog import connection_check
from portal.changes.presenters import error_responses
from portal.changes.rules.guards import ReasonMissing, ReauthenticationRequired, RecoveryCodeUsed, RuleViolation
from portal.changes.workflow import delivery_pause
from portal.operations import key_inventory
from portal.operations.connection_status import load_connection_status
from portal.operations.delivery_status import get_delivery_status
from portal.operations.forms import PauseForm, ResumeForm

_ABOUT: dict[type[RuleViolation], str] = {
    ReasonMissing: "reason",
    ReauthenticationRequired: "password",
    RecoveryCodeUsed: "password",
}
"""Field that a rule violation is about."""


@require_safe
@require_rights(Right.OPERATE)
def delivery(request: UserRequest) -> HttpResponse:
    """Show what runs, what waits, and what needs an administrator."""
    return _delivery(request)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
def pause(request: UserRequest) -> HttpResponse:
    """Pause all delivery until it is resumed."""
    form = PauseForm(request.POST, request=request)

    def act() -> str:
        count_act(request.user, "pause")
        delivery_pause.pause_delivery(by=request.user, reason=form.cleaned_data["reason"], recent_auth=form.recent_auth)
        return _("You have paused delivery. Nothing is sent until someone resumes it.")

    return _act(request, act, pause_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
def resume(request: UserRequest) -> HttpResponse:
    """Resume delivery."""
    form = ResumeForm(request.POST, request=request)

    def act() -> str:
        delivery_pause.resume_delivery(by=request.user, recent_auth=form.recent_auth)
        return _("You have resumed delivery. What waits goes out within seconds, in order.")

    return _act(request, act, resume_form=form)


@require_safe
@require_rights(Right.OPERATE)
def connection(request: UserRequest) -> HttpResponse:
    """Show the last test of the connection, the settings it depends on, and the status of Segura's list."""
    return render(request, "operations/connection.html", {"shown": load_connection_status()})


@require_POST
@require_rights(Right.OPERATE)
@limit_acts("connection test")
def test_connection(request: UserRequest) -> HttpResponse:
    """Test token, list and read; the page then shows the results."""
    try:
        connection_check.run_connection_test(by=request.user.username)
    except connection_check.AlreadyRunning:
        messages.warning(request, _("A test is running already. Its result appears here in some seconds."))
    return HttpResponseRedirect(reverse("operations:connection"))


@require_safe
@require_rights(Right.OPERATE)
def keys(request: UserRequest) -> HttpResponse:
    """Show the keys, their age, and what to do about them."""
    return render(request, "operations/keys.html", {"keys": key_inventory.build_key_inventory()})


def _delivery(request: UserRequest, *, status: int = 200, **context: object) -> HttpResponse:
    forms = {"pause_form": PauseForm(request=request), "resume_form": ResumeForm(request=request)}
    return render(
        request,
        "operations/delivery.html",
        {**forms, "shown": get_delivery_status(request.user), **context},
        status=status,
    )


def _act(request: UserRequest, act: Callable[[], str], **form: RecentAuthForm) -> HttpResponse:
    """Do the act and redirect, or show the page again with the violated rule and the input."""
    (sent,) = form.values()
    if not sent.is_valid():
        return _delivery(request, status=422, **form)
    try:
        done = act()
    except LimitReached as reached:
        sent.add_error(None, str(reached))
        return _delivery(request, status=429, **form)
    except RuleViolation as refusal:
        status, sentence = error_responses.violation_response(refusal, request)
        field = _ABOUT.get(type(refusal))
        sent.add_error(field if field in sent.fields else None, sentence)
        return _delivery(request, status=status, **form)
    messages.success(request, done)
    return HttpResponseRedirect(reverse("operations:delivery"))
