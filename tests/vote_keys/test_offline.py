"""Signed votes without the portal: the evidence pack of a change, and the sealed log, verified by the one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from portal.accounts.models import User
from portal.audit.exports.evidence_pack import VERIFIER, build_evidence_pack
from portal.audit.sealing import sealer
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import submission
from portal.common import vote_signatures
from portal.sandbox import Sandbox
from tests.audit.outsider import Outsider
from tests.changing import approve, work
from tests.vote_keys.conftest import Ring

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue", "secret")]


def test_verifier_holds_the_same_check_of_signatures_as_the_portal() -> None:
    start = "\nRefusedEvent = "
    portal = Path(vote_signatures.__file__).read_text(encoding="utf-8").partition(start)[2]
    copy = VERIFIER.read_text(encoding="utf-8").partition(start)[2].partition("\n\n\n# End of the copy of vote_")[0]
    assert copy == portal.rstrip()


@pytest.fixture
def applied(
    segura: Sandbox, ring: Ring, keyed: User, live_base: Snapshot, propose: Callable[..., Proposal], requester: User
) -> Change:
    """A change with a signed approval that was sent, in a log that is sealed."""
    change = work(ring.approve(submission.submit_change(propose(base=live_base), by=requester), keyed))
    sealer.seal_pending_events()
    return change


@pytest.fixture
def outsider(ring: Ring, tmp_path: Path) -> Outsider:
    """An auditor who has nothing but the verifier, `cryptography` and the list of first keys."""
    return Outsider(tmp_path / "outside")


def test_pack_names_the_key_its_voter_and_who_confirmed_it(ring: Ring, applied: Change, outsider: Outsider) -> None:
    outsider.takes("pack.zip", build_evidence_pack(applied.pk).content)
    code, said = outsider.verify("pack.zip", "--first-keys", str(ring.first_file))
    assert code == 0, said
    key = ring.keys["approver"].fingerprint[:16]
    assert f"CR-{applied.pk}: approved by approver: signed with vote key {key} of approver, enrolled" in said
    assert "confirmed by root1" in said


def test_pack_without_the_list_of_first_keys_says_that_the_chain_was_not_checked(
    applied: Change, outsider: Outsider
) -> None:
    outsider.takes("pack.zip", build_evidence_pack(applied.pk).content)
    code, said = outsider.verify("pack.zip")
    assert code == 0, said
    assert "Who confirmed the first vote keys was not checked" in said


def test_pack_whose_chain_begins_with_other_first_keys_is_refused(applied: Change, outsider: Outsider) -> None:
    outsider.takes("pack.zip", build_evidence_pack(applied.pk).content)
    outsider.takes("first.txt", f"{'0' * 64} root1\n")
    code, said = outsider.verify("pack.zip", "--first-keys", "first.txt")
    assert code == 1, said
    assert "the signature of the vote by approver does not hold" in said


@pytest.mark.parametrize("text", ["", "not a fingerprint\n"])
def test_list_of_first_keys_that_names_none_is_refused(applied: Change, outsider: Outsider, text: str) -> None:
    outsider.takes("pack.zip", build_evidence_pack(applied.pk).content)
    outsider.takes("first.txt", text)
    code, said = outsider.verify("pack.zip", "--first-keys", "first.txt")
    assert code == 2
    assert "not a list of first vote keys" in said


def test_sealed_log_is_told_vote_by_vote(
    ring: Ring, live_base: Snapshot, propose: Callable[..., Proposal], requester: User, keyed: User, outsider: Outsider
) -> None:
    one, other = (submission.submit_change(propose(base=live_base, notes=note), by=requester) for note in "xy")
    ring.approve(one, keyed)
    ring.settings.SIGNED_VOTES = "allowed"
    approve(other, keyed)
    sealer.seal_pending_events()
    outsider.takes_log()
    outsider.takes_checkpoint()
    code, said = outsider.verify("sealed-log.txt", "checkpoint.txt", "--first-keys", str(ring.first_file))
    assert code == 0, said
    assert f"CR-{one.pk}: approved by approver: signed with vote key" in said
    assert f"CR-{other.pk}: approved by approver: not signed" in said
