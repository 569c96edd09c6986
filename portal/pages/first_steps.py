"""The first visit: five steps for each role, on the page where it lands. A step is taken by following its link.

In the template of the landing page: `{% first_steps "propose" %}`. Nothing is asked of the database for it: what a
person has taken comes along with the person.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from portal.accounts.access import PersonRequest, requires
from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of

DISMISSED = "dismissed"


@dataclass(frozen=True)
class Step:
    """`name` is its address, `view` the page it leads to, and then what one finds there."""

    name: str
    view: str
    title: Promise
    words: Promise


_PREFERENCES = Step(
    "preferences",
    "notices:preferences",
    gettext_lazy("Say how you want to be told"),
    gettext_lazy("Language, time zone, and which notices also come by mail."),
)
STEPS = {
    Right.PROPOSE: (
        Step(
            "find",
            "catalog:secrets",
            gettext_lazy("Find a secret"),
            gettext_lazy("By name, number, tag, URL or person. Its page shows what happened to it."),
        ),
        Step(
            "propose",
            "catalog:secrets",
            gettext_lazy("Edit it"),
            gettext_lazy(
                "Open a secret and propose a change. The difference fills as you type; a preview comes first."
            ),
        ),
        Step(
            "follow",
            "changes:mine",
            gettext_lazy("Follow your changes"),
            gettext_lazy("Each says who acts next and until when, and in the end what Segura answered."),
        ),
        Step(
            "rules",
            "changes:risk_rules",
            gettext_lazy("See what counts as risk"),
            gettext_lazy("The rules that approvers see. Knowing them spares you a question."),
        ),
        _PREFERENCES,
    ),
    Right.DECIDE: (
        Step(
            "queue",
            "changes:queue",
            gettext_lazy("Open the first that waits"),
            gettext_lazy("Its difference, risk and history stand beside the list. Press ? for the keys."),
        ),
        Step(
            "risk",
            "changes:risk_rules",
            gettext_lazy("Read how risk is computed"),
            gettext_lazy("Each rule is named where it fires. High risk asks you to confirm the consequence."),
        ),
        Step(
            "all",
            "changes:all",
            gettext_lazy("Find what was decided"),
            gettext_lazy("Every change by status, requester and secret. What you narrow can be saved under a name."),
        ),
        Step(
            "secrets",
            "catalog:secrets",
            gettext_lazy("Look at a secret"),
            gettext_lazy("What is open on it and what was ever changed: useful before a decision."),
        ),
        _PREFERENCES,
    ),
    Right.AUDIT: (
        Step(
            "overview",
            "audit:overview",
            gettext_lazy("Read the overview"),
            gettext_lazy("Response codes, outcomes and times; each number leads to its rows."),
        ),
        Step(
            "log",
            "audit:events",
            gettext_lazy("Narrow the log"),
            gettext_lazy("By person, secret, code and time. The address holds the filter and can be shared."),
        ),
        Step(
            "trace",
            "audit:find",
            gettext_lazy("Find a person or a secret"),
            gettext_lazy("Who gave whom which right, and what Segura said, on one page each."),
        ),
        Step(
            "export",
            "audit:exports",
            gettext_lazy("Take it with you"),
            gettext_lazy("What is filtered as CSV or JSON lines, with a verifier that needs no portal."),
        ),
        _PREFERENCES,
    ),
    Right.OPERATE: (
        Step(
            "connection",
            "operations:connection",
            gettext_lazy("Test the connection"),
            gettext_lazy("Token, list and read, step by step, with Segura's own answers."),
        ),
        Step(
            "delivery",
            "operations:delivery",
            gettext_lazy("Watch the delivery"),
            gettext_lazy("What is stuck, what waits, and a pause for all of it."),
        ),
        Step(
            "people",
            "operations:people",
            gettext_lazy("See who may do what"),
            gettext_lazy("People and their groups. Nobody approves an own change, administrators included."),
        ),
        Step(
            "keys",
            "operations:keys",
            gettext_lazy("Check the keys"),
            gettext_lazy("Their age and how they are rotated; never their values."),
        ),
        _PREFERENCES,
    ),
}


@dataclass(frozen=True)
class Progress:
    """The steps of a role, each with whether this person has taken it."""

    steps: list[tuple[Step, bool]]

    @property
    def taken(self) -> int:
        return sum(was_taken for _step, was_taken in self.steps)


def progress(person: User, right: Right) -> Progress | None:
    """Of somebody who holds the right; None once all is taken, or where they put the steps away."""
    taken = _taken(person)
    found = Progress([(step, step.name in taken) for step in STEPS[right]])
    over = DISMISSED in taken or found.taken == len(found.steps)
    return None if over or right not in rights_of(person) else found


@require_safe
@requires()
def follow(request: PersonRequest, step: str) -> HttpResponse:
    """Tick a step off and go where it leads."""
    own = (each for right in STEPS if right in rights_of(request.user) for each in STEPS[right])
    found = next((each for each in own if each.name == step), None)
    if found is None:
        raise Http404
    _take(request.user, step)
    return redirect(found.view)


@require_POST
@requires()
def dismiss(request: PersonRequest) -> HttpResponse:
    """Show this person no first steps any more."""
    _take(request.user, DISMISSED)
    messages.success(request, _("The first steps are put away."))
    return redirect("home")


def _taken(person: User) -> set[str]:
    return set(person.first_steps.split())


def _take(person: User, step: str) -> None:
    taken = " ".join(sorted(_taken(person) | {step}))
    if taken != person.first_steps:
        User.objects.filter(pk=person.pk).update(first_steps=taken)
