"""Client secrets that look different at each reading, or are shown at one and not at the next: changes get through."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.catalog import connection_check
from portal.catalog.details import fetch_details_for_user
from portal.changes.delivery import reconcile
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status, StatusCause
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changing import approve, work
from tests.operations.test_pages_delivery import text_of
from tests.people import mirrored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
SHOWN = ("clear", "masked_middle", "omitted", "encrypted")
Propose = Callable[..., Proposal]


@pytest.fixture
def proposed(segura: Sandbox, propose: Propose, requester: User, approver: User) -> Callable[..., Change]:
    """A change approved over what the form showed while the vault writes client secrets in one of the ways SHOWN."""
    mirrored()

    def build(shown: str, **patch: str) -> Change:
        segura.control.knobs(secret_echo=shown)
        seen = fetch_details_for_user(43, by="requester", as_base=True)
        base = Snapshot(dict(seen.fields), seen.secret_fingerprint)
        return approve(submission.submit_change(propose(base=base, **patch), by=requester), approver)

    return build


@pytest.mark.parametrize(("then", "now"), list(product(SHOWN, SHOWN)))
def test_change_of_the_notes_is_applied_however_the_client_secret_is_shown(
    then: str, now: str, segura: Sandbox, proposed: Callable[..., Change]
) -> None:
    change = proposed(then, notes="proposed")
    segura.control.knobs(secret_echo=now)
    assert (work(change).status, change.cause) == (Status.APPLIED, StatusCause.CONFIRMED)


@pytest.mark.parametrize(("then", "now"), list(product(SHOWN, SHOWN)))
def test_new_client_secret_is_applied_however_it_is_shown(
    then: str, now: str, segura: Sandbox, proposed: Callable[..., Change]
) -> None:
    change = proposed(then, value="brand-new-value-71")
    segura.control.knobs(secret_echo=now)
    assert work(change).status == Status.APPLIED


@pytest.mark.parametrize("shown", ["masked_middle", "omitted", "encrypted"])
def test_call_of_unknown_outcome_is_not_taken_for_somebody_elses_edit(
    shown: str, segura: Sandbox, proposed: Callable[..., Change]
) -> None:
    change = proposed("clear", notes="proposed", value="brand-new-value-71")
    segura.control.plan("504_before_apply", endpoint="update")
    assert work(change).status == Status.IN_DOUBT
    segura.control.knobs(secret_echo=shown)
    reconcile.resolve_unknown_outcome(change.pk)
    change.refresh_from_db()
    assert (change.status, change.cause) == (Status.APPROVED, StatusCause.SEND_AGAIN)


def test_client_secret_that_somebody_changed_is_still_noticed(segura: Sandbox, proposed: Callable[..., Change]) -> None:
    change = proposed("clear", notes="proposed")
    segura.control.edit(43, client_secret="rotated-by-hand")
    assert (work(change).status, change.cause) == (Status.STALE, StatusCause.BASE_MOVED)
    assert segura.control.arrivals("update") == []


def test_value_that_is_as_before_is_read_once_for_a_delivery(segura: Sandbox, proposed: Callable[..., Change]) -> None:
    change = proposed("clear", notes="proposed")
    before = len(segura.control.arrivals("get"))
    assert work(change).status == Status.APPLIED
    assert len(segura.control.arrivals("get")) == before + 1


@pytest.mark.parametrize("shown", SHOWN)
def test_only_a_stable_value_has_a_fingerprint(shown: str, segura: Sandbox) -> None:
    mirrored()
    segura.control.knobs(secret_echo=shown)
    assert bool(fetch_details_for_user(43, by="requester", as_base=True).secret_fingerprint) == (shown == "clear")


@pytest.mark.parametrize(
    ("shown", "found", "words"),
    [
        ("clear", connection_check.VISIBLE, ""),
        ("masked_middle", connection_check.HIDDEN, "does not show the client secret"),
        ("omitted", connection_check.HIDDEN, "does not show the client secret"),
        ("encrypted", connection_check.UNSTABLE, "encrypts sensitive data"),
    ],
)
def test_connection_test_says_what_the_portal_sees_of_client_secrets(
    shown: str, found: str, words: str, segura: Sandbox, as_person: Callable[[User], Client], admin: User
) -> None:
    segura.control.knobs(secret_echo=shown)
    browser = as_person(admin)
    browser.post(reverse("operations:test_connection"))
    made = connection_check.latest_connection_test()
    assert made is not None
    assert [step.value for step in made.steps] == ["", "", found]
    page = text_of(browser.get(reverse("operations:connection")))
    assert words in page
    assert ("encrypts sensitive data" in page) == (shown == "encrypted")
