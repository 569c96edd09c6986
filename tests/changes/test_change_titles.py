"""The title of a change: one rule, whatever page shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from portal.accounts.models import User
from portal.changes.domain import patch as patches
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.presenters import change_titles
from portal.changes.workflow import submission
from tests.people import GCP

Propose = Callable[..., Proposal]
SUMMARIES: list[tuple[dict[str, Any], bool, str]] = [
    ({"client_id": "azure-graph-client-2"}, False, "Client ID → azure-graph-client-2"),
    ({"notes": ""}, False, "Notes → (empty)"),
    ({"notes": "first line\r\nsecond line"}, False, "Notes → first line second line"),
    ({"url": "https://gcp.example/" + "x" * 80}, False, "URL → https://gcp.example/" + "x" * 39 + "…"),
    ({"url": "https://gcp\u200b.example "}, False, "URL → https://gcp⟨U+200B⟩.example␣"),
    ({}, True, "new client secret"),
    ({"url": "https://x.example", "notes": "n"}, False, "2 fields (URL, Notes)"),
    ({"tags": "a", "notes": "n", "users_allowed": []}, True, "4 fields (Client secret, Users allowed, +2)"),
    ({"users_allowed": [["jsilva", True], ["pduarte", True]]}, False, "jsilva can edit"),
    ({"users_allowed": [["jsilva", False], ["pduarte", True]]}, False, "jsilva can view"),
    ({"users_allowed": [["pduarte", False]]}, False, "pduarte can view"),
    ({"users_allowed": []}, False, "pduarte loses access"),
    ({"users_allowed": [["ana", False], ["zoe", True]]}, False, "zoe can edit, +2"),
    ({"groups_allowed": [["Test group", True]]}, False, "group Test group can edit"),
]


@pytest.mark.parametrize(("patch", "new_secret", "summary"), SUMMARIES, ids=[case[2][:30] for case in SUMMARIES])
def test_summary_says_what_is_proposed(patch: dict[str, Any], new_secret: bool, summary: str) -> None:
    changes = patches.describe_changes(patch, GCP, new_secret=new_secret)
    assert change_titles.summarize_fields(changes) == summary


def test_ten_fields_are_counted_and_the_first_two_named() -> None:
    changes = patches.describe_changes({**GCP, "url": "https://x.example"}, GCP, new_secret=True)
    assert change_titles.summarize_fields(changes) == "10 fields (URL, Client secret, +8)"


@pytest.mark.django_db
@pytest.mark.usefixtures("no_queue")
def test_titles_of_many_changes_take_one_query(
    propose: Propose, requester: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    first, second = (
        submission.submit_change(propose(client_id=name), by=requester) for name in ("client-2", "client-3")
    )
    with django_assert_num_queries(1):
        titles = change_titles.load_titles([first.pk, second.pk])
    assert [str(titles[change.pk]) for change in (first, second)] == [
        f"CR-{first.pk} GCP: Client ID → client-2",
        f"CR-{second.pk} GCP: Client ID → client-3",
    ]
    with django_assert_num_queries(0):
        assert change_titles.load_titles([]) == {}


@pytest.mark.django_db
@pytest.mark.usefixtures("no_queue")
def test_title_holds_no_client_secret(propose: Propose, requester: User) -> None:
    change: Change = submission.submit_change(propose(value="Sup3r-s3cret-value", notes="new"), by=requester)
    title = change_titles.build_title(change, change.get_current_revision())
    assert str(title) == f"CR-{change.pk} GCP: 2 fields (Client secret, Notes)"
