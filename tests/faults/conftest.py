"""Changes by the dozen, on real secrets of the stand-in, for workers that are about to have a bad day."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle

import pytest

from portal.accounts.models import User
from portal.catalog import connection, details
from portal.changes import transitions, workflow
from portal.changes.models import Change, Status
from portal.changes.patch import Sight
from portal.changes.proposal import Proposal
from portal.sandbox import Control, Sandbox
from tests.changing import approve
from tests.people import mirrored
from tests.rig.visitor import wait_until

ApproveAll = Callable[..., list[Change]]
SubmitAll = Callable[..., list[Change]]
_PATIENCE_S = 120


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
def approve_all(
    segura: Sandbox, no_queue: None, propose: Callable[..., Proposal], requester: User, approver: User
) -> ApproveAll:
    """Approve a change of each of these secrets over what the vault holds; nothing is published."""

    def build(secrets: list[int], *, value: str = "", **patch: str) -> list[Change]:
        client, made = connection.connect(), []
        for identifier in secrets:
            seen = details.read(client, identifier)
            base = Sight(dict(seen.fields), seen.secret_fingerprint)
            proposal = propose(identifier=identifier, base=base, value=value, **patch)
            made.append(approve(workflow.submit(proposal, by=requester), approver))
        return made

    return build


@pytest.fixture
def submit_all(segura: Sandbox, propose: Callable[..., Proposal], requester: User) -> SubmitAll:
    """So many pending changes, spread over some secrets, for people to decide on; each gives the notes its number."""

    def build(count: int, secrets: int = 10) -> list[Change]:
        over = cycle(usable(segura.control, min(count, secrets)))
        proposals = (propose(identifier=next(over), base=None, notes=f"number {number}") for number in range(count))
        return [workflow.submit(proposal, by=requester) for proposal in proposals]

    return build


def await_applied(changes: list[Change], within_s: float = _PATIENCE_S) -> None:
    """All of them are applied, and no replay of theirs has to be waited for any more."""
    ids = [change.pk for change in changes]
    rows = Change.objects.filter(pk__in=ids)
    wait_until(lambda: rows.filter(status=Status.APPLIED).count() == len(ids), "all are applied", within_s)
    wait_until(lambda: not rows.filter(hold_until__gt=transitions.db_now()).exists(), "the lanes are open")
