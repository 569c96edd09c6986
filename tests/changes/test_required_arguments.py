"""An act that forgets to say how its user showed who they are, or how they looked, fails instead of passing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.accounts.models import User
from portal.changes.domain.policy import Policy
from portal.changes.models import Change, Status, Verdict, Vote
from portal.changes.workflow import delivery_pause, manual_resolution, review
from portal.changes.workflow.review import VoteRequest
from tests.vouching import LOOKED, PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]

_VOTE = {"revision": 1, "digest": "d" * 64}
_FORGETFUL: list[tuple[Callable[..., Any], dict[str, Any]]] = [
    (review.approve_change, _VOTE),
    (review.approve_change, {**_VOTE, "recent_auth": PRESENT}),
    (review.approve_change, {**_VOTE, "review_proof": LOOKED}),
    (review.reject_change, {**_VOTE, "reason": "No"}),
    (review.request_changes, {**_VOTE, "reason": "No"}),
    (manual_resolution.retry_change, {}),
    (manual_resolution.recheck_change, {}),
    (manual_resolution.resolve_change, {"applied": True, "reason": "Looked"}),
]


@pytest.mark.parametrize(("act", "given"), _FORGETFUL)
def test_act_without_what_its_user_showed_does_nothing(
    act: Callable[..., Any], given: dict[str, Any], submitted: Change, approver: User
) -> None:
    with pytest.raises(TypeError, match=r"recent_auth|review_proof"):
        act(submitted.pk, by=approver, **given)
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert not Vote.objects.exists()


@pytest.mark.parametrize(
    ("act", "given"), [(delivery_pause.pause_delivery, {"reason": "Maintenance"}), (delivery_pause.resume_delivery, {})]
)
def test_pause_without_what_its_user_showed_does_nothing(
    act: Callable[..., Any], given: dict[str, Any], admin: User
) -> None:
    with pytest.raises(TypeError, match="recent_auth"):
        act(by=admin, **given)


def test_ballot_and_policy_have_no_permissive_default() -> None:
    with pytest.raises(TypeError, match="review_proof"):
        VoteRequest(Verdict.APPROVE, 1, "d" * 64, "", PRESENT)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="required"):
        Policy()  # type: ignore[call-arg]
