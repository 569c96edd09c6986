"""The signature of a vote: stored evidence of each algorithm holds, and every flipped byte of it fails."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from portal.common import vote_signatures
from portal.common.vote_signatures import (
    ChainedKey,
    KeyNotCounted,
    NotSigned,
    check_assertion,
    check_vote,
    compute_fingerprint,
    decode_base64url,
    parse_cbor,
)
from tests.signing_device import ALGORITHMS, Device, base64url, cbor

EVIDENCE = Path(__file__).parent / "evidence"
"""Made once by tests.signing_device: facts of a key and a signed text, per algorithm."""
LOG = "countersign.example.com/countersign-audit"
AT = "2026-11-30T12:00:00.000000+00:00"
ITEM = {"change": 7, "revision": 2, "digest": "d" * 64, "requester": 3, "requested_by": "maria"}
VOTE = {**ITEM, "voter": 5, "person": "eva", "verdict": "approve", "reason": "", "voted_at": AT}


def stored(algorithm: str) -> dict[str, Any]:
    return dict(json.loads((EVIDENCE / f"{algorithm}.json").read_text()))


def confirmed(facts: dict[str, Any], **other: Any) -> dict[str, ChainedKey]:
    """The keys of a log in which this one key counts."""
    fingerprint = compute_fingerprint(facts)
    return {fingerprint: ChainedKey(fingerprint, facts, AT, **{"confirmed_at": AT, **other})}


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_stored_evidence_of_each_algorithm_proves_its_vote(algorithm: str) -> None:
    given = stored(algorithm)
    assert check_vote(given["signed"], VOTE, confirmed(given["facts"]), log=LOG).facts["person"] == "eva"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("part", ["client_data", "authenticator_data", "signature", "public_key"])
def test_every_flipped_byte_of_the_evidence_fails(algorithm: str, part: str) -> None:
    given = stored(algorithm)
    place = "facts" if part == "public_key" else "signed"
    whole = decode_base64url(given[place][part])
    for at in range(len(whole)):
        for bits in (1, 0x80):
            altered = copy.deepcopy(given)
            altered[place][part] = base64url(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
            with pytest.raises(NotSigned):
                check_assertion(altered["signed"], altered["facts"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize(("place", "part"), [("signed", "text"), ("facts", "origin"), ("facts", "rp_id")])
def test_every_altered_character_of_text_and_site_fails(algorithm: str, place: str, part: str) -> None:
    given = stored(algorithm)
    for at, character in enumerate(given[place][part]):
        altered = copy.deepcopy(given)
        altered[place][part] = f"{given[place][part][:at]}{chr(ord(character) ^ 1)}{given[place][part][at + 1 :]}"
        with pytest.raises(NotSigned):
            check_assertion(altered["signed"], altered["facts"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_damaged_keys_and_answers_raise_nothing_else(algorithm: str) -> None:
    given = stored(algorithm)
    cose = decode_base64url(given["facts"]["public_key"])
    for end in range(len(cose)):
        with pytest.raises(NotSigned):
            check_assertion(given["signed"], {**given["facts"], "public_key": base64url(cose[:end])})
    for part in ("client_data", "authenticator_data", "signature"):
        for value in ("", "\n", "é", "A", 7, None, base64url(b"[]"), base64url(b"{}"), base64url(b"\xff")):
            with pytest.raises(NotSigned):
                check_assertion({**given["signed"], part: value}, given["facts"])


@pytest.mark.parametrize(
    ("flags", "client", "why"),
    [
        (5, {"type": "webauthn.create"}, "not an assertion"),
        (5, {"challenge": base64url(bytes(32))}, "another text"),
        (5, {"origin": "https://evil.example"}, "another site"),
        (5, {"origin": "https://sub.countersign.example.com"}, "another site"),
        (5, {"crossOrigin": True}, "another site"),
        (1, {}, "not present and verified"),
        (4, {}, "not present and verified"),
        (0, {}, "not present and verified"),
    ],
)
def test_genuine_signature_of_anything_else_is_no_vote(flags: int, client: dict[str, Any], why: str) -> None:
    device = Device()
    with pytest.raises(NotSigned, match=why):
        check_assertion(device.sign("x", flags=flags, **client).as_data(), device.facts(5, "eva", LOG))


def test_signature_for_another_site_id_is_no_vote() -> None:
    device = Device(rp_id="other.example.com")
    facts = {**device.facts(5, "eva", LOG), "rp_id": "countersign.example.com"}
    with pytest.raises(NotSigned, match="another site id"):
        check_assertion(device.sign("x").as_data(), facts)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("change", 8),
        ("revision", 1),
        ("digest", "e" * 64),
        ("requester", 4),
        ("requested_by", "jsilva"),
        ("voter", 6),
        ("person", "rui"),
        ("verdict", "reject"),
        ("reason", "because"),
        ("voted_at", "2026-11-30T12:06:00.000000+00:00"),
        ("voted_at", "2026-11-30T11:54:00.000000+00:00"),
        ("voted_at", "never"),
    ],
)
def test_signature_counts_for_no_other_vote(name: str, value: object) -> None:
    given = stored("ES256")
    with pytest.raises(NotSigned):
        check_vote(given["signed"], {**VOTE, name: value}, confirmed(given["facts"]), log=LOG)


def test_signature_counts_in_no_other_log() -> None:
    given = stored("ES256")
    with pytest.raises(NotSigned, match="another vote"):
        check_vote(given["signed"], VOTE, confirmed(given["facts"]), log="other.example.com/countersign-audit")


def test_signature_by_the_key_of_another_person_does_not_count() -> None:
    given = stored("ES256")
    facts = {**given["facts"], "owner": 9, "person": "rui"}
    signed = {**given["signed"], "key": compute_fingerprint(facts)}
    with pytest.raises(NotSigned, match="key of another person"):
        check_vote(signed, VOTE, confirmed(facts), log=LOG)


@pytest.mark.parametrize(
    ("state", "why"),
    [
        ({"confirmed_at": ""}, "no other person has confirmed"),
        ({"revoked_at": AT}, "was revoked"),
    ],
)
def test_key_that_does_not_count_signs_no_vote(state: dict[str, str], why: str) -> None:
    given = stored("ES256")
    with pytest.raises(KeyNotCounted, match=why):
        check_vote(given["signed"], VOTE, confirmed(given["facts"], **state), log=LOG)


def test_key_that_was_revoked_later_still_proves_earlier_votes() -> None:
    given = stored("ES256")
    keys = confirmed(given["facts"], revoked_at="2026-12-01T00:00:00.000000+00:00")
    assert check_vote(given["signed"], VOTE, keys, at=AT, log=LOG)
    with pytest.raises(KeyNotCounted):
        check_vote(given["signed"], VOTE, keys, at="2026-12-02T00:00:00.000000+00:00", log=LOG)


def test_signature_with_an_unknown_key_or_none_is_no_vote() -> None:
    given = stored("ES256")
    with pytest.raises(KeyNotCounted, match="not enrolled"):
        check_vote(given["signed"], VOTE, {}, log=LOG)
    absent: list[object] = [None, "", [], {}, {"text": 7}]
    for nothing in absent:
        with pytest.raises(NotSigned):
            check_vote(nothing, VOTE, confirmed(given["facts"]), log=LOG)


@pytest.mark.parametrize(
    "key",
    [
        {1: 2, 3: -7, -1: 2, -2: bytes(32), -3: bytes(32)},
        {1: 2, 3: -35, -1: 1, -2: bytes(32), -3: bytes(32)},
        {1: 1, 3: -7, -1: 6, -2: bytes(32)},
        {1: 3, 3: -257, -1: bytes(128), -2: b"\1\0\1"},
        {1: 3, 3: -37, -1: bytes(256), -2: b"\1\0\1"},
        {},
    ],
    ids=str,
)
def test_keys_of_other_algorithms_curves_and_lengths_are_refused(key: dict[int, Any]) -> None:
    with pytest.raises(NotSigned, match="is not ES256, EdDSA or RS256"):
        vote_signatures.check_signature(cbor(key), b"", b"")


@pytest.mark.parametrize(
    "data", [b"\xa2\1\1\1\1", b"\x80", b"\xf6", b"\x5f", b"\x5a\xff\xff\xff\xff", b"\x1b" + bytes(8)]
)
def test_cbor_that_is_not_canonical_is_refused(data: bytes) -> None:
    with pytest.raises(NotSigned):
        parse_cbor(data)


def test_nested_cbor_ends_as_a_refusal() -> None:
    device = Device()
    facts = {**device.facts(5, "eva", LOG), "public_key": base64url(b"\xa1\1" * 5000)}
    with pytest.raises(NotSigned):
        check_assertion(device.sign("x").as_data(), facts)
