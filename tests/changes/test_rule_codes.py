"""Rule violations are stored under codes that stay, whatever their classes are called."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from portal.accounts.decorators import RightMissing
from portal.accounts.models import User
from portal.audit import code_labels
from portal.audit.denied_requests import rule_of
from portal.changes.models import Change
from portal.changes.rules import violations
from portal.changes.rules.guards import NotAllowed
from portal.changes.rules.violations import RuleViolation
from portal.changes.transitions import WrongState
from portal.changes.workflow import review
from tests.segura import events
from tests.vouching import LOOKED, PRESENT

VIOLATIONS = [each for each in vars(violations).values() if isinstance(each, type) and issubclass(each, RuleViolation)]
STORED = {
    "AlreadyHeld", "AlreadySubmitted", "AlreadyVoted", "BeyondRevert", "ChangesRequested", "GuessesSpent", "HighRisk",
    "HoldsSecret", "NotAllowed", "NotConfirmed", "NotHeld", "NotOpened", "NotPresent", "NotRevertible",
    "NotWritable", "NothingChanged", "OwnChange", "PastRetention", "base_changed", "ReasonMissing", "StaleRevision",
    "TooMany", "ValueDiffers", "VotesLapsed", "recovery_code",
    "signature_invalid", "signature_required", }  # fmt: skip
"""What logs hold: a code may be added, and none may change."""


def test_each_violation_has_a_code_of_its_own_that_the_log_knows() -> None:
    own = [each.__dict__.get("code") for each in VIOLATIONS if each is not RuleViolation]
    assert sorted(filter(None, own)) == sorted(STORED)
    assert len(own) == len(set(own)) == len(STORED)


@contextmanager
def renamed(refusal: type[Exception]) -> Iterator[None]:
    name = refusal.__name__
    refusal.__name__ = "Renamed"
    yield
    refusal.__name__ = name


@pytest.mark.django_db
@pytest.mark.usefixtures("no_queue")
def test_renamed_class_stores_the_code_it_had(submitted: Change, requester2: User) -> None:
    digest = submitted.get_current_revision().digest
    with renamed(NotAllowed), pytest.raises(NotAllowed):
        review.approve_change(
            submitted.pk, by=requester2, revision=1, digest=digest, recent_auth=PRESENT, review_proof=LOOKED
        )
    (refused,) = events("vote.refused")
    assert refused["data"]["rule"] == "NotAllowed"


@pytest.mark.django_db
def test_refused_pages_are_stored_under_codes_too(submitted: Change) -> None:
    for refusal in (RightMissing(), WrongState(submitted), NotAllowed()):
        code = rule_of(refusal)
        with renamed(type(refusal)):
            assert rule_of(refusal) == code
        assert code in code_labels.WORDS
