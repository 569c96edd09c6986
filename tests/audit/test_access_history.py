"""The access report: who could use a secret, since when, by which change, and what was changed outside Countersign."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.audit import access_index
from portal.audit.ledger import record_event
from portal.audit.models import AccessSubject, Event
from portal.audit.reports import access
from portal.audit.reports.access_history import AccessHistory, AccessSpan, Origin
from tests.audit.tampering import overwrite

pytestmark = pytest.mark.django_db

Open = Callable[[User], Client]
Read = Callable[..., str]
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=10)
GRANT = [["jsilva", True], ["pduarte", False]]


def at_hour(hour: float) -> datetime:
    return NOON + timedelta(hours=hour)


def a_proposal(
    change: int,
    hour: float,
    base: list[Any] | None,
    patch: list[Any] | None,
    *,
    secret: int = 34,
    groups: list[Any] | None = None,
    **more: Any,
) -> None:
    """Read the lists ten minutes before the hour and submit at the hour."""
    data: dict[str, Any] = {"secret_name": "hr-directory", "reason": "New in the team", **more}
    if base is not None:
        read_at = at_hour(hour) - timedelta(minutes=10)
        data |= {"base": {"users_allowed": base, "groups_allowed": groups or []}, "base_read_at": read_at.isoformat()}
    data["patch"] = {"url": "https://x.example"} if patch is None else {"users_allowed": patch}
    tell(hour, "change.submitted", by="maria", change=change, secret=secret, data=data)


def tell(hour: float, action: str, **subject: Any) -> None:
    event = Event.objects.get(pk=record_event(action, **subject))
    moment = at_hour(hour)
    overwrite(event.pk, at=moment, text=re.sub('"at":"[^"]+"', f'"at":"{moment.isoformat()}"', event.text, count=1))


def an_approval(change: int, hour: float, *, by: str = "pedro", secret: int = 34) -> None:
    tell(hour, "vote.cast", by=by, change=change, secret=secret, data={"verdict": "approve"})


def a_delivery(change: int, hour: float, *, secret: int = 34, **data: Any) -> None:
    tell(hour, "delivery.intended", change=change, secret=secret)
    tell(hour + 0.1, "change.applied", change=change, secret=secret, data={"to": "applied", **data})


def a_grant(change: int = 1, hour: float = 0, *, secret: int = 34) -> None:
    """Give jsilva the right to edit; pduarte was there before."""
    a_proposal(change, hour, [["pduarte", False]], GRANT, secret=secret)
    an_approval(change, hour + 1, secret=secret)
    a_delivery(change, hour + 1, secret=secret)


def spans_of(name: str, history: AccessHistory | None = None) -> list[AccessSpan]:
    found = history or access.load_secret_history(34)
    return [span for span in found.spans if span.name == name]


def test_grant_names_the_change_the_requester_and_the_approvers() -> None:
    a_grant()
    (span,) = spans_of("jsilva")
    assert (span.can_edit, span.began.origin, span.began.at, span.ended) == (True, Origin.CHANGE, at_hour(1.1), None)
    assert span.began.proposal is not None
    assert (span.began.proposal.change, span.began.proposal.requester, span.began.proposal.approvers) == (
        1,
        "maria",
        ["pedro"],
    )
    (there,) = spans_of("pduarte")
    assert (there.began.origin, there.began.at) == (Origin.FIRST_READ, at_hour(0) - timedelta(minutes=10))


def test_grant_that_was_not_applied_gives_no_access() -> None:
    a_proposal(1, 0, [["pduarte", False]], GRANT)
    an_approval(1, 1)
    tell(2, "change.failed", change=1, secret=34, data={"to": "failed"})
    assert spans_of("jsilva") == []


def test_removal_ends_the_right_and_names_its_change() -> None:
    a_grant()
    a_proposal(2, 5, GRANT, [["pduarte", False]])
    an_approval(2, 6)
    a_delivery(2, 6)
    (span,) = spans_of("jsilva")
    assert span.ended is not None
    assert span.ended.proposal is not None
    assert (span.ended.proposal.change, span.ended.at) == (2, at_hour(6.1))


def test_edit_in_segura_between_two_proposals_appears_as_outside_edit_a2() -> None:
    a_grant()
    a_proposal(2, 5, [["jsilva", False], ["pduarte", False], ["intruder", True]], None)
    history = access.load_secret_history(34)
    edits = [
        (edit.name, edit.before, edit.after, edit.step.at, edit.step.not_before) for edit in history.outside_edits()
    ]
    read_at = at_hour(5) - timedelta(minutes=10)
    assert edits == [("intruder", None, True, read_at, at_hour(1.1)), ("jsilva", True, False, read_at, at_hour(1.1))]


def test_reading_during_a_call_of_unknown_outcome_is_explained_by_that_call() -> None:
    a_proposal(1, 0, [["pduarte", False]], GRANT)
    an_approval(1, 1)
    tell(1, "delivery.intended", change=1, secret=34)
    a_proposal(2, 3, GRANT, None)
    tell(4, "change.applied", change=1, secret=34, data={"to": "applied"})
    history = access.load_secret_history(34)
    assert history.outside_edits() == []
    assert [span.began.origin for span in spans_of("jsilva", history)] == [Origin.CHANGE]


def test_entries_that_segura_did_not_take_over_are_no_access() -> None:
    a_proposal(1, 0, [["pduarte", False]], GRANT)
    an_approval(1, 1)
    a_delivery(1, 1, untaken=[["users_allowed", "jsilva"]])
    assert spans_of("jsilva") == []


def test_votes_before_a_revision_are_not_named_as_approval() -> None:
    a_proposal(1, 0, [], [["other", True]])
    an_approval(1, 1, by="early")
    patch = {"users_allowed": GRANT}
    tell(2, "change.revised", by="rita", change=1, secret=34, data={"patch": patch, "base": None})
    an_approval(1, 3, by="late")
    a_delivery(1, 3)
    (span,) = spans_of("jsilva")
    assert span.began.proposal is not None
    assert (span.began.proposal.requester, span.began.proposal.approvers) == ("rita", ["late"])


def test_access_at_a_date_is_that_of_the_date_and_unknown_before_the_first_reading_ap2() -> None:
    a_grant()
    a_proposal(2, 24 * 5, [["pduarte", False]], None)
    history = access.load_secret_history(34)
    assert history.at(at_hour(-30)) == []
    assert history.known_since == at_hour(0) - timedelta(minutes=10)
    assert [span.name for span in history.at(at_hour(0.5))] == ["pduarte"]
    unsure = [(span.name, span.may_be_held_at(at_hour(24))) for span in history.at(at_hour(24))]
    assert unsure == [("jsilva", True), ("pduarte", False)]
    assert [span.name for span in history.at(at_hour(24 * 6))] == ["pduarte"]


def test_index_is_rebuilt_from_the_log_as_it_was() -> None:
    a_grant()
    a_proposal(2, 3, GRANT, None, secret=43, groups=[["ops", True]], full_names={"users_allowed": {"jsilva": "João S"}})
    columns = ("kind", "name", "full_name", "folded", "folded_full_name", "secret")
    before = sorted(AccessSubject.objects.values_list(*columns))
    assert ("user", "jsilva", "João S", "jsilva", "joao s", 43) in before
    assert ("group", "ops", "", "ops", "", 43) in before
    assert access_index.rebuild_index() == len(before)
    assert sorted(AccessSubject.objects.values_list(*columns)) == before


def test_search_finds_a_part_of_either_name_in_any_case() -> None:
    a_proposal(1, 0, GRANT, None, full_names={"users_allowed": {"jsilva": "João da Silva"}})
    for text in ("JSIL", "joao", "da silva", "silv"):
        assert [row.name for row in access.find_subjects(text)] == ["jsilva"], text
    assert access.find_subjects("nobody-here") == []
    assert [row.secrets for row in access.find_subjects("pduarte")] == [1]


@pytest.fixture
def read(auditor: User, as_person: Open) -> Read:
    browser = as_person(auditor)

    def page(address: str, status: int = 200, **options: Any) -> str:
        response = browser.get(address, **options)
        assert response.status_code == status
        return re.sub(r"\s+", " ", response.content.decode())

    return page


def test_user_who_never_signed_in_has_a_page_with_grant_requester_approver_and_time_ap1(read: Read) -> None:
    a_grant()
    text = read("/audit/access/users/jsilva/")
    row = text.split("<tbody>")[1]
    instant = f'datetime="{at_hour(1.1).isoformat()}"'
    for part in ("hr-directory", "Can edit", "CR-1", ">maria<", ">pedro<", instant):
        assert part in row, part
    assert "Edits made directly in Segura are known only where Countersign read the secret." in text


def test_what_a_user_may_edit_since_when_and_who_agreed_is_found_by_full_name_a1(read: Read) -> None:
    a_proposal(1, 0, [["pduarte", False]], GRANT, full_names={"users_allowed": {"jsilva": "João da Silva"}})
    an_approval(1, 1)
    a_delivery(1, 1)
    for text in ("jsilva", "JOAO DA SILVA"):
        page = read(f"/audit/find/?q={text}", follow=True)
        assert "<h1>João da Silva" in page.replace("<h1> ", "<h1>"), text
        assert ">pedro<" in page


def test_search_for_a_user_who_was_granted_access_opens_the_access_page_al3(read: Read) -> None:
    a_grant()
    assert "Access they were given" in read("/audit/find/?q=jsilva", follow=True)


def test_secret_page_shows_the_access_of_a_past_date_or_that_it_is_not_known_ap2(read: Read) -> None:
    a_grant()
    a_proposal(2, 24 * 5, [["pduarte", False]], None)
    on = at_hour(-24 * 3).date()
    assert "The access on this date is not known." in read(f"/audit/secrets/34/?on={on}")
    table = read(f"/audit/secrets/34/?on={at_hour(24).date()}").split('id="access"')[1].split("</section>")[0]
    assert "jsilva" in table
    assert "between two readings" in table
    table = read(f"/audit/secrets/34/?on={at_hour(24 * 6).date()}").split('id="access"')[1].split("</table>")[0]
    assert "pduarte" in table
    assert "jsilva" not in table


def test_secret_page_rejects_a_date_that_is_none(read: Read) -> None:
    a_grant()
    assert "Enter a valid date" in read("/audit/secrets/34/?on=soon", status=422)


def test_group_says_that_members_are_not_recorded(read: Read) -> None:
    a_proposal(1, 0, [], None, groups=[["ops", True]])
    assert "members not recorded" in read("/audit/secrets/34/")
    assert "Members of a group are not recorded" in read("/audit/access/groups/ops/")


def test_access_page_asks_at_most_twelve_questions_and_is_on_record(read: Read) -> None:
    for secret in range(40, 70):
        a_grant(secret, secret=secret)
    read("/audit/access/users/jsilva/")
    with CaptureQueriesContext(connection) as queries:
        text = read("/audit/access/users/jsilva/")
    assert len(queries) <= 12, "\n".join(query["sql"][:90] for query in queries)
    assert text.count("hr-directory") >= 30
    newest = Event.objects.filter(action="audit.read").first()
    assert newest is not None
    assert newest.entry is not None
    assert newest.entry.data == {"view": "access", "user": "jsilva"}
