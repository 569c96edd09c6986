"""What a change of sharing means for people, in sentences."""

from __future__ import annotations

import pytest

from portal.changes.domain import access_changes
from portal.changes.domain.patch import FieldChange, describe_changes
from tests.people import GCP


def sentences(field: str, new: list[list[object]], *, base_known: bool = True) -> list[str]:
    changes = describe_changes({field: new}, GCP if base_known else None, new_secret=False)
    return [each.sentence for each in access_changes.describe_access_changes(changes[0], base_known=base_known)]


@pytest.mark.parametrize(
    ("users", "said"),
    [
        ([["alices", False], ["pduarte", True]], ["alices gains the right to view this secret."]),
        ([["alices", True], ["pduarte", True]], ["alices gains the right to view, edit and disable this secret."]),
        ([["pduarte", False]], ["pduarte loses the right to edit and disable this secret, and may still view it."]),
        ([], ["pduarte loses all access, and with it the right to edit and disable this secret."]),
        ([["pduarte", True]], []),
    ],
)
def test_each_step_has_its_sentence(users: list[list[object]], said: list[str]) -> None:
    assert sentences("users_allowed", users) == said


def test_right_to_edit_is_told_of_a_group_as_of_everybody_in_it() -> None:
    assert sentences("groups_allowed", [["Test group", True]]) == [
        "Everybody in group Test group gains the right to edit and disable this secret."
    ]


def test_several_people_share_a_sentence_and_many_are_counted_the_grave_step_first() -> None:
    new = [[f"user-{number}", True] for number in range(7)] + [["alices", False], ["pduarte", True]]
    assert sentences("users_allowed", sorted(new)) == [
        "user-0, user-1, user-2, user-3, user-4 and 2 more gain the right to view, edit and disable this secret.",
        "alices gains the right to view this secret.",
    ]


def test_unknown_base_claims_neither_gain_nor_loss() -> None:
    said = sentences("users_allowed", [["pduarte", True]], base_known=False)
    assert said == [
        "pduarte will have the right to view, edit and disable this secret; whether that is new is not known."
    ]


def test_name_that_looks_like_a_placeholder_is_only_a_name() -> None:
    assert sentences("users_allowed", [["%(count)d", False], ["pduarte", True]])[0].startswith("%(count)d gains")


def test_list_without_entries_has_no_sentence() -> None:
    assert access_changes.describe_access_changes(FieldChange("users_allowed"), base_known=True) == []
