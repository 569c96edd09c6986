"""Sealed values moved or altered by whoever has the database in hands: they do not open, and nothing is sent."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.accounts.models import User
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.changes.workflow import submission
from portal.common.keyring import CannotDecrypt, KeyRing
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changing import approve, work
from tests.segura import events

VALUE = "the same value in every row"
Propose = Callable[..., Proposal]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("no_queue"),
    pytest.mark.shows("S04"),
]


def of_another_row(change: Change) -> bytes:
    """Sealed for another revision of another change; the value is the same, so that only its place tells."""
    other = Revision.objects.exclude(change=change).get()
    return bytes(other.encrypted_secret or b"")


def of_an_earlier_revision(change: Change) -> bytes:
    """As it would come out of an old backup."""
    earlier = Revision.objects.get(change=change, number=1)
    return secret_encryption.encrypt_secret(SecretStr(VALUE), earlier.pk).blob


def with_a_bit_flipped(change: Change) -> bytes:
    kept = bytearray(change.get_current_revision().encrypted_secret or b"")
    kept[-1] ^= 1
    return bytes(kept)


def with_an_unknown_key(change: Change) -> bytes:
    place = f"changes_revision|{change.get_current_revision().pk}|client_secret".encode()
    return KeyRing({"stranger": b"\7" * 32}).encrypt(VALUE.encode(), place)


def cut_short(change: Change) -> bytes:
    return bytes(change.get_current_revision().encrypted_secret or b"")[:11]


def empty(_change: Change) -> bytes:
    return b""


@pytest.fixture
def approved_change(segura: Sandbox, live_base: Snapshot, propose: Propose, requester: User, approver: User) -> Change:
    """Of secret 43, at its second revision; another change holds the same value."""
    submission.submit_change(propose(value=VALUE, base=live_base), by=requester)
    change = submission.submit_change(propose(value=VALUE, base=live_base), by=requester)
    change = submission.revise_change(change.pk, propose(value=VALUE, base=live_base, notes="second"), by=requester)
    return approve(change, approver)


@pytest.mark.parametrize(
    "forged", [of_another_row, of_an_earlier_revision, with_a_bit_flipped, with_an_unknown_key, cut_short, empty]
)
def test_what_is_not_the_sealed_value_of_this_revision_is_never_sent(
    forged: Callable[[Change], bytes], segura: Sandbox, approved_change: Change
) -> None:
    blob = forged(approved_change)
    current = approved_change.get_current_revision()
    Revision.objects.filter(pk=current.pk).update(encrypted_secret=blob)
    with pytest.raises(CannotDecrypt):
        secret_encryption.decrypt_secret(blob, current.pk)
    cause = StatusCause.TAMPERED if blob == b"" else StatusCause.UNOPENED
    assert (work(approved_change).status, approved_change.cause) == (Status.NEEDS_ATTENTION, cause)
    assert segura.control.arrivals("update") == []
    (event,) = events("change.escalated")
    assert (event["change"], event["data"]["cause"]) == (approved_change.pk, cause)


def test_the_untouched_row_is_sent(segura: Sandbox, approved_change: Change) -> None:
    assert work(approved_change).status == Status.APPLIED
    assert len(segura.control.arrivals("update")) == 1
