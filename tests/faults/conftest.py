"""Changes by the dozen, on real secrets of the stand-in, for workers that are about to have a bad day."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import cycle

import pytest

from portal.accounts.models import User
from portal.catalog import details, segura_client
from portal.changes import transitions
from portal.changes.delivery import tasks
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Status
from portal.changes.workflow import submission
from portal.sandbox import Control, Sandbox
from tests.changing import approve
from tests.people import mirrored
from tests.rig.portal import QUICK
from tests.rig.visitor import wait_until

ManyChanges = Callable[..., list[Change]]
# Many calls at once on a busy machine are slower than what the quick times allow for.
PATIENT = {
    **QUICK,
    "SEGURA_GATEWAY_TIMEOUT_S": "0.2",
    "SEGURA_DEADLINE_S": "4",
    "DELIVERY_LEASE_S": "8",
}
_PATIENCE_S = 150
_SWEEP_EVERY_S = 0.5


def usable(control: Control, count: int) -> list[int]:
    """So many secrets that can be changed, mirrored."""
    flags = ("need_approval", "need_justify")
    rows = [row for row in control.secrets() if row["active"] and not any(row[flag] for flag in flags)]
    found = [int(row["identifier"]) for row in rows if row["access"] in ("owner", "edit")][:count]
    assert len(found) == count
    for identifier in found:
        mirrored(identifier, f"secret {identifier}")
    return found


@pytest.fixture
def submit_all(segura: Sandbox, no_queue: None, propose: Callable[..., Proposal], requester: User) -> ManyChanges:
    """A pending change of each of these secrets over what the vault holds."""

    def build(secrets: list[int], *, value: str = "", **patch: str) -> list[Change]:
        client, made = segura_client.build_client(), []
        for identifier in secrets:
            seen = details.fetch_details(client, identifier)
            base = Snapshot(dict(seen.fields), seen.secret_fingerprint)
            proposal = propose(identifier=identifier, base=base, value=value, **patch)
            made.append(submission.submit_change(proposal, by=requester))
        return made

    return build


@pytest.fixture
def approve_all(submit_all: ManyChanges, approver: User) -> ManyChanges:
    """The same, approved; nothing is published."""

    def build(secrets: list[int], *, value: str = "", **patch: str) -> list[Change]:
        return [approve(change, approver) for change in submit_all(secrets, value=value, **patch)]

    return build


@pytest.fixture
def submit_many(segura: Sandbox, propose: Callable[..., Proposal], requester: User) -> ManyChanges:
    """So many pending changes, spread over some secrets, for people to decide on; each gives the notes its number."""

    def build(count: int, secrets: int = 10) -> list[Change]:
        over = cycle(usable(segura.control, min(count, secrets)))
        proposals = (propose(identifier=next(over), base=None, notes=f"number {number}") for number in range(count))
        return [submission.submit_change(proposal, by=requester) for proposal in proposals]

    return build


def await_applied(changes: list[Change], *, sweep: bool = False, within_s: float = _PATIENCE_S) -> None:
    """All of them are applied, and no replay of theirs has to be waited for any more; `sweep`: no beat does it."""
    rows = Change.objects.filter(pk__in=[change.pk for change in changes])

    swept_at = 0.0

    def applied() -> bool:
        nonlocal swept_at
        if sweep and time.monotonic() - swept_at > _SWEEP_EVERY_S:
            swept_at = time.monotonic()
            tasks.sweep_changes.delay()
        return rows.filter(status=Status.APPLIED).count() == len(changes)

    wait_until(applied, "all are applied", within_s)
    wait_until(lambda: not rows.filter(replay_window_until__gt=transitions.db_now()).exists(), "the lanes are open")


def updates(journal: dict[str, list[dict[str, str]]]) -> int:
    """How many updates have reached the vault."""
    return sum(arrival["endpoint"] == "update" for arrival in journal["arrivals"])
