"""A change on its way: approved, delivered, and what the stand-in saw of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.accounts.models import User
from portal.catalog import details, segura_client
from portal.changes.delivery import worker
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import review, submission
from portal.sandbox import Sandbox
from tests.vouching import LOOKED, PRESENT


@pytest.fixture
def no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is published: the test itself is the worker."""
    monkeypatch.setattr("portal.changes.delivery.tasks.enqueue_change", lambda _: None)


@pytest.fixture
def live_base(segura: Sandbox) -> Snapshot:
    """What the stand-in holds for secret 43 right now, as a requester would see it."""
    seen = details.fetch_details(segura_client.build_client(secret=43), 43)
    return Snapshot(dict(seen.fields), seen.secret_fingerprint, seen.read_at)


@pytest.fixture
def approved(
    no_queue: None,
    live_base: Snapshot,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
) -> Callable[..., Change]:
    """An approved change of secret 43 over what the vault really holds."""

    def build(**patch: Any) -> Change:
        patch.setdefault("base", live_base)
        change = submission.submit_change(propose(**patch), by=requester)
        return approve(change, approver)

    return build


def approve(change: Change, by: User) -> Change:
    return review.approve_change(
        change.pk,
        by=by,
        revision=change.revision,
        digest=change.get_current_revision().digest,
        recent_auth=PRESENT,
        review_proof=LOOKED,
    )


def work(change: Change, rounds: int = 1) -> Change:
    """What a worker does when it is reminded of the change, `rounds` times."""
    for _ in range(rounds):
        worker.process_change(change.pk)
    change.refresh_from_db()
    return change
