"""People who decide in the same instant: real sockets, the real web process, each request's last byte held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.catalog import details, segura_client
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.models import Change, Revision, Status, Vote
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import as_shown_to, ballot_of
from tests.changing import work
from tests.people import show_presence
from tests.rig.checker import check
from tests.rig.rounds import rounds
from tests.rig.volley import Answer, Volley
from tests.rig.web import web

AT_ONCE = 20
"""Requests in the middle of the process at one time: more than production lets in, so that more can go wrong."""

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.xdist_group("races"),
    pytest.mark.timeout(rounds(120, 3600)),
]
Submit = Callable[..., Change]
Record = Callable[[str, object], None]
"""The figures of a run, for its report."""


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Of the web process, on this run's database."""
    with web(tmp_path_factory.mktemp("web") / "web.log", threads=AT_ONCE) as running:
        yield running


@pytest.fixture
def volley(port: int) -> Volley:
    return Volley(port)


@pytest.fixture
def submit(segura: Sandbox, propose: Callable[..., Proposal], requester: User) -> Submit:
    """A pending change over what the stand-in holds now, told from others by its notes."""

    def build(notes: str) -> Change:
        return submission.submit_change(propose(base=live(), notes=notes), by=requester)

    return build


def live() -> Snapshot:
    seen = details.fetch_details(segura_client.build_client(secret=43), 43)
    return Snapshot(dict(seen.fields), seen.secret_fingerprint)


def signed_in(user: User) -> str:
    """A new session of this person, who has just signed in."""
    client = Client()
    client.force_login(user)
    show_presence(client, user)
    return str(client.cookies["session"].value)


def approvers(number: int) -> list[str]:
    """Sessions of that many approvers."""
    people = User.objects.bulk_create([User(username=f"approver-{index}") for index in range(number)])
    for person in people:
        roles.add_to_role(person, Role.APPROVER)
    return [signed_in(person) for person in people]


def ballot_for(place: int, change: Change) -> dict[str, Any]:
    """What the page of the approver of this place holds."""
    return as_shown_to(User.objects.get(username=f"approver-{place}").pk, ballot_of(change))


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status for answer in answers)


def told_of(change: Change) -> Counter[str]:
    """What the log says happened to it."""
    return Counter(Event.objects.filter(change=change.pk).values_list("action", flat=True))


@pytest.mark.shows("W01")
def test_of_twenty_approvals_at_once_one_counts(volley: Volley, submit: Submit, segura: Sandbox) -> None:
    sessions = approvers(AT_ONCE)
    for number in range(rounds(3, 100)):
        change = submit(f"round {number}")
        for place, session in enumerate(sessions):
            volley.load(f"/changes/{change.pk}/approve/", ballot_for(place, change), session)
        assert statuses(volley.fire()) == {302: 1, 409: AT_ONCE - 1}
        change.refresh_from_db()
        assert change.status == Status.APPROVED
        assert Vote.objects.filter(change=change).count() == 1
        told = told_of(change)
        assert (told["vote.cast"], told["change.approved"], told["vote.refused"]) == (1, 1, AT_ONCE - 1)
        assert work(change).status == Status.APPLIED
    assert Change.objects.count() == len(segura.control.arrivals("update")) == rounds(3, 100)
    check(segura.control)


@pytest.mark.shows("W01")
def test_of_one_persons_twenty_clicks_one_counts(
    volley: Volley, submit: Submit, segura: Sandbox, settings: Settings
) -> None:
    """Two approvals are needed, so that the change stays open and only the person's own first vote is in the way."""
    settings.APPROVALS_REQUIRED = 2
    (session,) = approvers(1)
    for number in range(rounds(1, 20)):
        change = submit(f"round {number}")
        for _ in range(AT_ONCE):
            volley.load(f"/changes/{change.pk}/approve/", ballot_for(0, change), session)
        assert statuses(volley.fire()) == {302: 1, 409: AT_ONCE - 1}
        change.refresh_from_db()
        assert change.status == Status.PENDING
        assert Vote.objects.filter(change=change).count() == 1
    check(segura.control)


@pytest.mark.shows("W02")
def test_of_approval_and_rejection_at_once_one_wins_and_the_log_has_both(
    volley: Volley, submit: Submit, segura: Sandbox, record_testsuite_property: Record
) -> None:
    approving, rejecting = approvers(2)
    won = Counter[str]()
    for number in range(rounds(10, 100)):
        change = submit(f"round {number}")
        volley.load(f"/changes/{change.pk}/approve/", ballot_for(0, change), approving)
        volley.load(f"/changes/{change.pk}/reject/", ballot_of(change, reason="No"), rejecting)
        assert statuses(volley.fire()) == {302: 1, 409: 1}
        vote = Vote.objects.get(change=change)
        change.refresh_from_db()
        assert change.status == {"approve": Status.APPROVED, "reject": Status.REJECTED}[vote.verdict]
        told = Event.objects.filter(change=change.pk, action__startswith="vote.").values_list("action", "actor")
        assert sorted(told) == [
            ("vote.cast", vote.voter.username),
            ("vote.refused", "approver-1" if vote.voter.username == "approver-0" else "approver-0"),
        ]
        won[vote.verdict] += 1
        if change.status == Status.APPROVED:
            assert work(change).status == Status.APPLIED
    check(segura.control)
    record_testsuite_property("W02 won", dict(won))


@pytest.mark.shows("W03")
def test_an_edit_while_it_is_approved_never_sends_what_was_not_seen(
    volley: Volley,
    submit: Submit,
    segura: Sandbox,
    propose: Callable[..., Proposal],
    requester: User,
    record_testsuite_property: Record,
) -> None:
    editing, (approving,) = signed_in(requester), approvers(1)
    came_first = Counter[str]()
    for number in range(rounds(20, 200)):
        change = submit(f"seen {number}")
        shown = change.get_current_revision()
        packed = encode_proposal(propose(base=live(), notes=f"edited {number}"), requester)
        volley.load(f"/changes/{change.pk}/approve/", ballot_for(0, change), approving)
        volley.load(f"/changes/{change.pk}/revise/", {"act": "confirm", "proposal": packed}, editing)
        approval, edit = volley.fire()
        change.refresh_from_db()
        if change.status == Status.APPROVED:
            came_first["approval"] += 1
            assert (approval.status, edit.status, change.revision) == (302, 409, 1)
            assert Vote.objects.get(change=change).digest == shown.digest
            assert work(change).status == Status.APPLIED
            assert segura.control.journal()["applications"][-1]["values"]["notes"] == f"seen {number}"
        else:
            came_first["edit"] += 1
            assert (approval.status, edit.status, change.revision) == (409, 302, 2)
            assert "From revision 1, which you saw, to revision 2" in " ".join(approval.body.split())
            assert f"edited {number}" in approval.body
            assert change.status == Status.PENDING
            assert not Vote.objects.filter(change=change).exists()
            submission.withdraw_change(change.pk, by=requester)
    check(segura.control)
    record_testsuite_property("W03 came first", dict(came_first))


@pytest.mark.shows("W03")
def test_one_proposal_sent_as_two_changes_at_once_is_a_revision_of_one_of_them(
    volley: Volley, submit: Submit, propose: Callable[..., Proposal], requester: User
) -> None:
    session = signed_in(requester)
    for number in range(rounds(5, 50)):
        changes = [submit(f"{name} {number}") for name in ("one", "other")]
        packed = encode_proposal(propose(notes=f"edited {number}"), requester)
        for change in changes:
            volley.load(f"/changes/{change.pk}/revise/", {"act": "confirm", "proposal": packed}, session)
        assert statuses(volley.fire()) == {302: 1, 409: 1}
        for change in changes:
            change.refresh_from_db()
        assert sorted(change.revision for change in changes) == [1, 2]


@pytest.mark.shows("W03")
def test_the_same_edit_sent_many_times_at_once_is_one_revision(
    volley: Volley, submit: Submit, propose: Callable[..., Proposal], requester: User
) -> None:
    session = signed_in(requester)
    for number in range(rounds(2, 20)):
        change = submit(f"first {number}")
        packed = encode_proposal(propose(notes=f"edited {number}"), requester)
        for _ in range(AT_ONCE):
            volley.load(f"/changes/{change.pk}/revise/", {"act": "confirm", "proposal": packed}, session)
        assert statuses(volley.fire()) == {302: AT_ONCE}
        assert Revision.objects.filter(change=change).count() == 2
