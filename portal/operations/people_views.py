"""Pages and acts about people: roles, accounts, and proposals that another administrator decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.decorators import UserRequest, limit_acts, require_rights
from portal.accounts.forms import RecentAuthForm
from portal.accounts.roles import Right
from portal.audit.denied_requests import note_denial_reason
from portal.governance import people as acts
from portal.governance import proposals as decisions
from portal.governance.violations import (
    GovernanceViolation,
    NoProposer,
    NotEntitled,
    OwnProposal,
    OwnRights,
    PasswordRequired,
    ProposalClosed,
    ProposalExists,
    ProposalOutdated,
)
from portal.notifications import inbox
from portal.operations import people, role_coverage
from portal.operations.people import PersonPage
from portal.operations.people_forms import ConfirmForm, PersonActForm, RolesForm

_DENIED = (NotEntitled, OwnProposal, OwnRights)
_ELSEWHERE = (NoProposer, ProposalClosed, ProposalExists, ProposalOutdated)
"""Violations because the person or the proposal is not as the page showed it: HTTP status 409."""


@require_safe
@require_rights(Right.OPERATE)
def users(request: UserRequest) -> HttpResponse:
    """Show which users have which roles, and whether enough users have each right."""
    shown = people.load_people(request.GET.get("at", ""))
    context = {
        "shown": shown,
        "concerns": role_coverage.find_coverage_gaps(shown.coverage),
        "required": settings.APPROVALS_REQUIRED,
        "first_command": role_coverage.FIRST_COMMAND,
    }
    return render(request, "operations/users.html", context)


@require_safe
@require_rights(Right.OPERATE)
def user(request: UserRequest, user_id: int) -> HttpResponse:
    """Show one person, with the acts on their roles and account."""
    return _person(request, people.load_person(user_id, request.user))


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def give_roles(request: UserRequest, user_id: int) -> HttpResponse:
    """Propose to give roles to a person."""
    shown = people.load_person(user_id, request.user)
    form = RolesForm(request.POST, request=request, act="give", codes=shown.missing)

    def act() -> str:
        filed = acts.propose_roles(user_id, form.cleaned_data["roles"], by=request.user, **reasoned(form))
        return _("You proposed %(proposal)s. Nothing changes until another administrator approves it.") % {
            "proposal": filed
        }

    return act_on_person(request, shown, act, give_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def take_roles(request: UserRequest, user_id: int) -> HttpResponse:
    """Take roles from a person at once."""
    shown = people.load_person(user_id, request.user)
    form = RolesForm(request.POST, request=request, act="take", codes=shown.held)

    def act() -> str:
        person = acts.take_roles(user_id, form.cleaned_data["roles"], by=request.user, **reasoned(form))
        return _("You took the selected roles from %(person)s. This acts at once.") % {"person": person.display_name}

    return act_on_person(request, shown, act, take_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def disable_user(request: UserRequest, user_id: int) -> HttpResponse:
    """Disable an account at once."""
    shown = people.load_person(user_id, request.user)
    form = PersonActForm(request.POST, request=request, act="disable")

    def act() -> str:
        person = acts.disable_account(user_id, by=request.user, **reasoned(form))
        return _("You disabled the account of %(person)s. Their sessions have ended.") % {"person": person.display_name}

    return act_on_person(request, shown, act, disable_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def enable_user(request: UserRequest, user_id: int) -> HttpResponse:
    """Propose to enable an account."""
    shown = people.load_person(user_id, request.user)
    form = PersonActForm(request.POST, request=request, act="enable")

    def act() -> str:
        filed = acts.propose_enabling(user_id, by=request.user, **reasoned(form))
        return _("You proposed %(proposal)s. Nothing changes until another administrator approves it.") % {
            "proposal": filed
        }

    return act_on_person(request, shown, act, enable_form=form)


@require_safe
@require_rights(Right.OPERATE)
def proposals(request: UserRequest) -> HttpResponse:
    """Show the open proposals, with difference and reason, and those that were closed last."""
    context = {"waiting": people.load_open_proposals(), "closed": people.load_closed_proposals()}
    return render(request, "operations/proposals.html", context)


@require_safe
@require_rights(Right.OPERATE)
def proposal(request: UserRequest, proposal_id: int) -> HttpResponse:
    """Show one proposal, with what the reader can do, who has then read its notifications."""
    inbox.mark_proposal_read(request.user, proposal_id)
    return _proposal(request, proposal_id)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def approve_proposal(request: UserRequest, proposal_id: int) -> HttpResponse:
    """Approve a proposal of another administrator, which applies it."""
    form = ConfirmForm(request.POST, request=request, act="approve")

    def act() -> str:
        decided = decisions.approve_proposal(proposal_id, by=request.user, recent_auth=form.recent_auth)
        return _("You approved %(proposal)s. It applies from now on.") % {"proposal": decided}

    return _decide(request, proposal_id, act, approve_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def reject_proposal(request: UserRequest, proposal_id: int) -> HttpResponse:
    """Reject a proposal of another administrator or of the console."""
    form = PersonActForm(request.POST, request=request, act="reject")

    def act() -> str:
        decided = decisions.reject_proposal(proposal_id, by=request.user, **reasoned(form))
        return _("You rejected %(proposal)s. Nothing was changed.") % {"proposal": decided}

    return _decide(request, proposal_id, act, reject_form=form)


@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def withdraw_proposal(request: UserRequest, proposal_id: int) -> HttpResponse:
    """Withdraw the user's own proposal."""
    form = ConfirmForm(request.POST, request=request, act="withdraw")

    def act() -> str:
        decided = decisions.withdraw_proposal(proposal_id, by=request.user)
        return _("You withdrew %(proposal)s. Nothing was changed.") % {"proposal": decided}

    return _decide(request, proposal_id, act, withdraw_form=form)


@sensitive_post_parameters("password")
@require_POST
@require_rights(Right.OPERATE)
@limit_acts("governance")
def adopt_proposal(request: UserRequest, proposal_id: int) -> HttpResponse:
    """Make a proposal of the console the user's own."""
    form = ConfirmForm(request.POST, request=request, act="adopt")

    def act() -> str:
        adopted = decisions.adopt_proposal(proposal_id, by=request.user, recent_auth=form.recent_auth)
        return _("You adopted %(proposal)s. Another administrator can now decide it.") % {"proposal": adopted}

    return _decide(request, proposal_id, act, adopt_form=form)


def reasoned(form: PersonActForm) -> dict[str, Any]:
    """Return the arguments of an act that a cleaned form with a reason gives."""
    return {"reason": form.cleaned_data["reason"], "recent_auth": form.recent_auth}


def _person(request: UserRequest, shown: PersonPage, *, status: int = 200, **context: object) -> HttpResponse:
    forms = {
        "give_form": RolesForm(request=request, act="give", codes=shown.missing),
        "take_form": RolesForm(request=request, act="take", codes=shown.held),
        "disable_form": PersonActForm(request=request, act="disable"),
        "enable_form": PersonActForm(request=request, act="enable"),
        "link_form": PersonActForm(request=request, act="link"),
    }
    return render(
        request,
        "operations/user.html",
        {**forms, "shown": shown, "part": "people", "refusal": "", **context},
        status=status,
    )


def _proposal(request: UserRequest, proposal_id: int, *, status: int = 200, **context: object) -> HttpResponse:
    shown = people.load_proposal(proposal_id, request.user)
    forms = {
        "approve_form": ConfirmForm(request=request, act="approve"),
        "reject_form": PersonActForm(request=request, act="reject"),
        "adopt_form": ConfirmForm(request=request, act="adopt"),
    }
    context = {**forms, "shown": shown, "part": "proposals", "refusal": "", **context}
    return render(request, "operations/proposal.html", context, status=status)


def act_on_person(
    request: UserRequest, shown: PersonPage, act: Callable[[], str], **form: RecentAuthForm
) -> HttpResponse:
    """Do the act and show the person again, or show the violated rule beside the input."""
    refused = attempt_act(request, act, form)
    if refused is None:
        return HttpResponseRedirect(reverse("operations:user", args=[shown.person.pk]))
    return _person(request, people.load_person(shown.person.pk, request.user), status=refused, **_with_refusal(form))


def _decide(request: UserRequest, proposal_id: int, act: Callable[[], str], **form: RecentAuthForm) -> HttpResponse:
    """Do the act and show the list of proposals, or show the violated rule beside the input."""
    refused = attempt_act(request, act, form)
    if refused is None:
        return HttpResponseRedirect(reverse("operations:proposals"))
    return _proposal(request, proposal_id, status=refused, **_with_refusal(form))


def attempt_act(request: UserRequest, act: Callable[[], str], form: dict[str, RecentAuthForm]) -> int | None:
    """Do the act; return None, or the HTTP status after adding the violated rule to the form. Raises Http404."""
    (sent,) = form.values()
    if not sent.is_valid():
        return 422
    try:
        done = act()
    except ObjectDoesNotExist:
        raise Http404 from None
    except GovernanceViolation as violation:
        note_denial_reason(request, violation)
        asks = isinstance(violation, PasswordRequired) and "password" in sent.fields
        sent.add_error("password" if asks else None, str(violation))
        return 403 if isinstance(violation, _DENIED) else 409 if isinstance(violation, _ELSEWHERE) else 422
    messages.success(request, done)
    return None


def _with_refusal(form: dict[str, RecentAuthForm]) -> dict[str, object]:
    """Return the form, and the rule that it violates as a sentence for the page, which may not show the form."""
    (sent,) = form.values()
    return {**form, "refusal": " ".join(map(str, sent.non_field_errors()))}
