"""What changes, as data: difference, digest, and what a reading of the vault says. Pure, so told as tables."""

from __future__ import annotations

from typing import Any

import pytest

from portal.changes.domain import patch as patches
from portal.changes.domain.patch import ShareChange, Snapshot, SnapshotMatch
from portal.vault import SecretStr, Share
from tests.people import GCP

BASE = Snapshot(GCP, "old value")
WANTED = Snapshot({"url": "https://new.example"}, "new value")


def seen(value: str = "old value", **fields: Any) -> Snapshot:
    return Snapshot({**GCP, **fields}, value)


def test_only_what_differs_is_a_difference_in_the_order_of_the_fields() -> None:
    proposed = {**GCP, "notes": "other", "name": "Other", "users_allowed": [["alices", False]]}
    assert list(patches.changed_values(proposed, GCP)) == ["name", "notes", "users_allowed"]
    assert patches.changed_values(GCP, GCP) == {}


def test_shares_are_described_by_what_each_gains_and_loses() -> None:
    (change,) = patches.describe_changes({"users_allowed": [["alices", True], ["carol", False]]}, GCP, new_secret=False)
    assert change.shares == (
        ShareChange("alices", None, True),
        ShareChange("carol", None, False),
        ShareChange("pduarte", True, None),
    )
    assert [share.name for share in change.shares if share.gains_edit] == ["alices"]


def test_an_unknown_base_shows_no_old_value() -> None:
    (secret, url) = patches.describe_changes({"url": "https://new.example"}, None, new_secret=True)[::-1]
    assert (secret.field, secret.old, secret.new) == ("client_secret", None, None)
    assert (url.old, url.new) == (None, "https://new.example")


def test_the_wire_form_holds_exactly_the_changed_fields() -> None:
    edit = patches.build_patch({"url": "https://new.example", "users_allowed": [["alices", True]]}, SecretStr("value"))
    assert edit == {
        "url": "https://new.example",
        "users_allowed": (Share("alices", True),),
        "client_secret": SecretStr("value"),
    }


DIGESTED: dict[str, Any] = {
    "secret": 43,
    "patch": {"url": "https://new.example"},
    "secret_fingerprint": "f1",
    "base": BASE,
    "policy": {"required": 1},
}


@pytest.mark.parametrize(
    "other",
    [
        {"secret": 44},
        {"patch": {"url": "https://new.example/"}},
        {"patch": {"url": "https://new.example", "notes": ""}},
        {"secret_fingerprint": "f2"},
        {"secret_fingerprint": ""},
        {"base": None},
        {"base": Snapshot(GCP, "another value")},
        {"base": Snapshot({**GCP, "tags": "x"}, "old value")},
        {"policy": {"required": 2}},
    ],
)
def test_a_digest_changes_with_everything_a_vote_is_over(other: dict[str, Any]) -> None:
    assert patches.compute_digest(**DIGESTED) == patches.compute_digest(**DIGESTED)
    assert patches.compute_digest(**{**DIGESTED, **other}) != patches.compute_digest(**DIGESTED)


@pytest.mark.parametrize(
    ("now", "moved"),
    [
        (seen(), []),
        (seen(notes="by hand"), ["notes"]),
        (seen("rotated"), ["client_secret"]),
        (seen("", url="https://x.example"), ["url"]),
        (seen(""), []),  # what cannot be seen has not moved as far as anybody knows
        (seen(users_allowed=[]), ["users_allowed"]),
    ],
)
def test_what_moved_since_the_proposal_is_named(now: Snapshot, moved: list[str]) -> None:
    assert patches.find_base_changes(BASE, now) == moved


@pytest.mark.parametrize(
    ("now", "finding"),
    [
        (seen("new value", url="https://new.example"), SnapshotMatch.TARGET),
        (seen(), SnapshotMatch.NOT_YET),
        (seen(url="https://new.example"), SnapshotMatch.NOT_YET),  # half of it: the rest is still the old value
        (seen("", url="https://new.example"), SnapshotMatch.HIDDEN),
        (seen(""), SnapshotMatch.NOT_YET),
        (seen("third value", url="https://new.example"), SnapshotMatch.OTHER),
        (seen(url="https://third.example"), SnapshotMatch.OTHER),
        (seen("new value", url="https://new.example", notes="somebody else's"), SnapshotMatch.TARGET),
        (seen(notes="somebody else's"), SnapshotMatch.OTHER),
    ],
)
def test_a_reading_in_doubt_is_judged_field_by_field(now: Snapshot, finding: SnapshotMatch) -> None:
    assert patches.compare_snapshots(WANTED, BASE, now).finding is finding


def test_without_a_base_only_the_target_can_be_recognised() -> None:
    assert (
        patches.compare_snapshots(WANTED, None, seen("new value", url="https://new.example")).finding
        is SnapshotMatch.TARGET
    )
    assert patches.compare_snapshots(WANTED, None, seen(url="https://third.example")).finding is SnapshotMatch.NOT_YET


SHARED = Snapshot({**GCP, "users_allowed": [["ana", False], ["pduarte", True]]}, "old value")
PROPOSED = [["Bruno", False], ["carla", True], ["ghost", False], ["pduarte", True]]


@pytest.mark.parametrize(
    ("now", "finding", "untaken"),
    [
        (PROPOSED, SnapshotMatch.TARGET, []),
        ([["bruno", False], ["CARLA", True], ["ghost", False], ["pduarte", True]], SnapshotMatch.TARGET, []),
        ([["Bruno", False], ["carla", True], ["pduarte", True]], SnapshotMatch.PARTIAL, ["ghost"]),
        ([["Bruno", False], ["carla", False], ["pduarte", True]], SnapshotMatch.OTHER, []),  # neither old nor proposed
        ([["pduarte", True]], SnapshotMatch.PARTIAL, ["Bruno", "carla", "ghost"]),  # ana is gone, as was proposed
        ([["ana", False], ["pduarte", True]], SnapshotMatch.NOT_YET, []),  # nothing of it, and ana still has access
        ([["ana", False], ["Bruno", False], ["pduarte", True]], SnapshotMatch.NOT_YET, []),
        ([["Bruno", True], ["carla", True], ["pduarte", True]], SnapshotMatch.OTHER, []),  # more than was proposed
        ([["Bruno", False], ["dora", False], ["pduarte", True]], SnapshotMatch.OTHER, []),
    ],
)
def test_share_lists_are_judged_entry_by_entry(
    now: list[list[Any]], finding: SnapshotMatch, untaken: list[str]
) -> None:
    wanted = Snapshot({"users_allowed": PROPOSED})
    seen_now = Snapshot({**GCP, "users_allowed": now}, "old value")
    found = patches.compare_snapshots(wanted, SHARED, seen_now)
    assert (found.finding, [name for _, name in found.untaken]) == (finding, untaken)


@pytest.mark.parametrize("shares", ["users_allowed", "groups_allowed"])
def test_list_of_which_nothing_is_taken_is_no_partial_success(shares: str) -> None:
    base = Snapshot({**GCP, shares: []}, "old value")
    found = patches.compare_snapshots(Snapshot({shares: [["ghost", True], ["spook", False]]}), base, base)
    assert (found.finding, found.untaken) == (SnapshotMatch.NONE_TAKEN, ((shares, "ghost"), (shares, "spook")))


def test_name_that_was_there_before_is_not_taken_for_another_spelling_of_a_proposed_one() -> None:
    base = Snapshot({**GCP, "users_allowed": [["ana", False]]}, "old value")
    found = patches.compare_snapshots(Snapshot({"users_allowed": [["ANA", False]]}), base, base)
    assert found.finding is not SnapshotMatch.TARGET


@pytest.mark.parametrize(("shown", "finding"), [("random", SnapshotMatch.HIDDEN), ("new value", SnapshotMatch.TARGET)])
def test_value_that_the_base_could_not_show_is_compared_only_if_it_is_the_proposed_one(
    shown: str, finding: SnapshotMatch
) -> None:
    base = Snapshot(GCP, "")
    assert patches.compare_snapshots(Snapshot({}, "new value"), base, Snapshot(GCP, shown)).finding is finding
