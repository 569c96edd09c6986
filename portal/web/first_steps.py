"""The first visit: five steps for each role, on the page where it lands. A step is taken by doing what it says.

In the template of the landing page: `{% first_steps "propose" %}`. Nothing is asked of the database for it: what a
person has taken comes along with the person, and a deed is told by the address that was asked and how it answered.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from django.contrib import messages
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from portal.accounts.decorators import UserRequest, require_rights
from portal.accounts.models import User
from portal.accounts.roles import Right, rights_of

DISMISSED = "dismissed"


@dataclass(frozen=True)
class Deed:
    """A page that was shown (GET), or an act that went through (POST), at the address `view`.

    `having`: of these fields one at least was sent with something in it; none asks for nothing.
    """

    view: str
    method: str = "GET"
    having: tuple[str, ...] = ()

    def done(self, request: HttpRequest, status: int) -> bool:
        """Whether this request, answered so, was it. An act that goes through leads on to another page."""
        match = request.resolver_match
        if match is None or match.view_name != self.view or request.method != self.method:
            return False
        sent = request.POST if self.method == "POST" else request.GET
        well = status == (302 if self.method == "POST" else 200)
        return well and (not self.having or any(sent.get(name, "").strip() for name in self.having))


@dataclass(frozen=True)
class Step:
    """`view`, with what follows in `place`, is where it is taken up, and then what one finds there.

    It is taken by any of `deeds`; where none is named, by opening that page.
    """

    name: str
    view: str
    title: Promise
    words: Promise
    deeds: tuple[Deed, ...] = ()
    place: str = ""

    @property
    def address(self) -> str:
        """Where it leads."""
        return reverse(self.view) + self.place

    def done(self, request: HttpRequest, status: int) -> bool:
        """Whether this request, answered so, was it."""
        return any(deed.done(request, status) for deed in self.deeds or (Deed(self.view),))


_PREFERENCES = Step(
    "preferences",
    "notices:preferences",
    gettext_lazy("Say how you want to be told"),
    gettext_lazy("Language, time zone, and which notices also come by mail."),
    (Deed("notices:preferences", "POST"),),
)
STEPS = {
    Right.PROPOSE: (
        Step(
            "find",
            "catalog:secrets",
            gettext_lazy("Find a secret"),
            gettext_lazy("By name, number, tag, URL or person. Its page shows what happened to it."),
            (Deed("changes:secret"),),
        ),
        Step(
            "propose",
            "catalog:secrets",
            gettext_lazy("Edit it"),
            gettext_lazy(
                "Open a secret and propose a change. The difference fills as you type; a preview comes first."
            ),
            (Deed("changes:propose", "POST", having=("proposal",)),),
            place="?show=proposable",
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
            (Deed("changes:queue", having=("open",)), Deed("changes:change")),
            place="#waiting",
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
            (Deed("changes:secret"),),
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
            (Deed("audit:events", having=("person", "secret", "change", "kind", "code", "since", "until")),),
        ),
        Step(
            "trace",
            "audit:find",
            gettext_lazy("Find a person or a secret"),
            gettext_lazy("Who gave whom which right, and what Segura said, on one page each."),
            (Deed("audit:person"), Deed("audit:secret")),
        ),
        Step(
            "export",
            "audit:exports",
            gettext_lazy("Take it with you"),
            gettext_lazy("What is filtered as CSV or JSON lines, with a verifier that needs no portal."),
            (Deed("audit:export_csv"), Deed("audit:export_jsonl"), Deed("audit:sealed_log")),
        ),
        _PREFERENCES,
    ),
    Right.OPERATE: (
        Step(
            "connection",
            "operations:connection",
            gettext_lazy("Test the connection"),
            gettext_lazy("Token, list and read, step by step, with Segura's own answers."),
            (Deed("operations:test_connection", "POST"),),
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


class FirstStepsMiddleware:
    """Ticks off what a person has done, on whatever way they came to it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        person = request.user
        response = self.get_response(request)
        if person.is_authenticated and (done := _done(person, request, response.status_code)):
            with suppress(DatabaseError):  # a tick is not worth a page
                _take(person, done)
        return response


@require_POST
@require_rights()
def dismiss(request: UserRequest) -> HttpResponse:
    """Show this person no first steps any more."""
    _take(request.user, {DISMISSED})
    messages.success(request, _("The first steps are put away."))
    return redirect("home")


def _done(person: User, request: HttpRequest, status: int) -> set[str]:
    """Which steps this was, of those that this person is shown and has not taken; what they may do is asked last."""
    taken = _taken(person)
    if DISMISSED in taken:
        return set()
    found = ((right, step) for right, steps in STEPS.items() for step in steps if step.name not in taken)
    return {step.name for right, step in found if step.done(request, status) and right in rights_of(person)}


def _taken(person: User) -> set[str]:
    return set(person.first_steps.split())


def _take(person: User, steps: set[str]) -> None:
    User.objects.filter(pk=person.pk).update(first_steps=" ".join(sorted(_taken(person) | steps)))
