"""The chain of vote keys: enrolled, confirmed by another person's key, not revoked; begun by the first keys."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any

import pytest

from portal.common.vote_signatures import KEY_EVENTS, ChainedKey, encode_text, read_keys
from portal.vote_keys.signed_text import build_confirmation_text
from tests.signing_device import Device

LOG = "countersign.example.com/countersign-audit"
Event = tuple[dict[str, Any], bool]
ANA, BEA, CARL, DORA = range(1, 5)
NAMES = {ANA: "ana", BEA: "bea", CARL: "carl", DORA: "dora"}


def day(number: int) -> str:
    return datetime(2026, 11, number, tzinfo=UTC).isoformat(timespec="microseconds")


class Log:
    """Events of vote keys, one a day, and the device of each person."""

    def __init__(self) -> None:
        self.devices = {owner: Device() for owner in NAMES}
        self.events: list[Event] = []

    def fingerprint(self, owner: int) -> str:
        return self.devices[owner].fingerprint(owner, NAMES[owner], LOG)

    def add(self, action: str, data: dict[str, Any], *, sealed: bool = True) -> None:
        self.events.append(({"action": action, "at": day(len(self.events) + 1), "data": data}, sealed))

    def enrol(self, owner: int, **other: Any) -> None:
        sealed = other.pop("sealed", True)
        self.add("vote_key.enrolled", {**self.devices[owner].facts(owner, NAMES[owner], LOG), **other}, sealed=sealed)

    def confirm(self, owner: int, by: int, *, sealed: bool = True, **said: Any) -> None:
        known = {"log": LOG, "key": self.fingerprint(owner), "confirmer": by, "person": NAMES[by]}
        text = build_confirmation_text(**{**known, **said}, at=datetime(2026, 11, 1, tzinfo=UTC))
        signed = self.devices[by].sign(text, key=self.fingerprint(by)).as_data()
        self.add("vote_key.confirmed", {"fingerprint": self.fingerprint(owner), "signature": signed}, sealed=sealed)

    def revoke(self, owner: int, stolen: str = "", *, sealed: bool = True) -> None:
        data = {"fingerprint": self.fingerprint(owner), "compromised_at": stolen}
        self.add("vote_key.revoked", data, sealed=sealed)

    def begin(self) -> None:
        """Enrol all, and let the first two, ana and bea, confirm each other."""
        for owner in NAMES:
            self.enrol(owner)
        self.confirm(ANA, BEA)
        self.confirm(BEA, ANA)

    def counted(self, first: Collection[int] = (ANA, BEA)) -> list[int]:
        """The people whose keys count."""
        keys = self.read(first)
        return [owner for owner in NAMES if _counts(keys.get(self.fingerprint(owner)))]

    def read(self, first: Collection[int] = (ANA, BEA)) -> dict[str, ChainedKey]:
        return read_keys(self.events, {self.fingerprint(owner) for owner in first})


def _counts(key: ChainedKey | None) -> bool:
    return key is not None and bool(key.confirmed_at) and not key.revoked_at


@pytest.fixture
def log() -> Log:
    return Log()


def test_first_two_confirm_each_other_and_then_others(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA)
    log.confirm(DORA, BEA)
    assert log.counted() == [ANA, BEA, CARL, DORA]
    key = log.read()[log.fingerprint(DORA)]
    assert (key.confirmed_by, key.confirmed_at, key.is_first) == ("bea", day(8), False)


def test_key_that_counts_and_is_not_a_first_one_confirms_none(log: Log) -> None:
    """An approver with access to the database would confirm a key of their own in the name of another approver."""
    log.begin()
    log.confirm(CARL, ANA)
    log.confirm(DORA, CARL)
    assert log.counted() == [ANA, BEA, CARL]


def test_without_the_list_of_first_keys_no_key_counts(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA)
    assert log.counted(first=()) == []


def test_chain_that_was_forged_from_its_beginning_is_refused(log: Log) -> None:
    """Carl and dora are accounts of an intruder, who knows how the first administrators begin."""
    for owner in NAMES:
        log.enrol(owner)
    log.confirm(CARL, DORA)
    log.confirm(DORA, CARL)
    assert log.counted() == []


def test_first_key_counts_only_once_it_is_confirmed(log: Log) -> None:
    log.enrol(ANA)
    log.enrol(BEA)
    log.confirm(BEA, ANA)
    assert log.counted() == [BEA]


def test_enrolment_that_is_not_sealed_does_not_count(log: Log) -> None:
    log.enrol(ANA)
    log.enrol(CARL, sealed=False)
    log.confirm(CARL, ANA)
    assert log.counted() == []


def test_confirmation_that_is_not_sealed_does_not_count(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA, sealed=False)
    assert log.counted() == [ANA, BEA]


def test_revocation_counts_before_it_is_sealed(log: Log) -> None:
    log.begin()
    log.revoke(ANA, sealed=False)
    assert log.counted() == [BEA]


def test_confirmation_with_a_key_that_is_not_confirmed_does_not_count(log: Log) -> None:
    log.begin()
    log.confirm(CARL, DORA)
    assert log.counted() == [ANA, BEA]


def test_no_person_confirms_their_own_second_key(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA)
    second = Device()
    facts = second.facts(CARL, "carl", LOG)
    log.add("vote_key.enrolled", facts)
    key = second.fingerprint(CARL, "carl", LOG)
    text = build_confirmation_text(
        log=LOG, key=key, confirmer=CARL, person="carl", at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    signed = log.devices[CARL].sign(text, key=log.fingerprint(CARL)).as_data()
    log.add("vote_key.confirmed", {"fingerprint": key, "signature": signed})
    assert not log.read()[key].confirmed_at


@pytest.mark.parametrize(
    "said",
    [
        {"key": "0" * 64},
        {"log": "other.example.com/countersign-audit"},
        {"confirmer": BEA},
        {"person": "bea"},
    ],
    ids=str,
)
def test_confirmation_of_anything_else_does_not_count(log: Log, said: dict[str, Any]) -> None:
    log.begin()
    log.confirm(CARL, ANA, **said)
    assert CARL not in log.counted()


def test_signed_vote_is_no_confirmation(log: Log) -> None:
    log.begin()
    text = encode_text({"v": 1, "what": "countersign vote", "log": LOG, "key": log.fingerprint(CARL),
                        "confirmer": ANA, "person": "ana"})  # fmt: skip
    signed = log.devices[ANA].sign(text, key=log.fingerprint(ANA)).as_data()
    log.add("vote_key.confirmed", {"fingerprint": log.fingerprint(CARL), "signature": signed})
    assert CARL not in log.counted()


def test_confirmation_signed_with_another_key_than_it_names_does_not_count(log: Log) -> None:
    log.begin()
    text = build_confirmation_text(
        log=LOG, key=log.fingerprint(CARL), confirmer=ANA, person="ana", at=datetime(2026, 11, 1, tzinfo=UTC)
    )
    signed = log.devices[CARL].sign(text, key=log.fingerprint(ANA)).as_data()
    log.add("vote_key.confirmed", {"fingerprint": log.fingerprint(CARL), "signature": signed})
    assert CARL not in log.counted()


def test_confirmations_outlive_the_revocation_of_their_key(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA)
    log.revoke(ANA)
    log.confirm(DORA, ANA)  # too late
    assert log.counted() == [BEA, CARL]


def test_revocation_that_names_an_earlier_theft_takes_the_confirmations_since_then(log: Log) -> None:
    log.begin()
    log.confirm(CARL, ANA)  # day 7
    log.confirm(DORA, ANA)  # day 8
    log.revoke(ANA, day(8))
    assert log.counted() == [BEA, CARL]


def test_key_of_another_owner_has_another_fingerprint(log: Log) -> None:
    """The same passkey, enrolled once more in the name of bea, is another key, which no person confirmed."""
    log.begin()
    log.confirm(CARL, ANA)
    stolen = log.devices[CARL].facts(BEA, "bea", LOG)
    log.add("vote_key.enrolled", {**stolen, "fingerprint": log.fingerprint(CARL)})
    keys = log.read()
    assert keys[log.fingerprint(CARL)].facts["person"] == "carl"
    assert [key.facts["person"] for key in keys.values() if key.confirmed_at] == ["ana", "bea", "carl"]


@pytest.mark.parametrize("data", [None, 7, [], {}, {"fingerprint": 7}, {"fingerprint": "x", "signature": {"text": 7}}])
@pytest.mark.parametrize("action", KEY_EVENTS)
def test_broken_events_change_nothing(log: Log, action: str, data: Any) -> None:
    log.begin()
    log.add(action, data)
    assert log.counted() == [ANA, BEA]
