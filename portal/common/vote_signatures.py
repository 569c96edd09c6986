"""Signed votes: what a vote key signed, and which vote keys count. Needs nothing but `cryptography`.

Web process, worker and verify_audit use this module; audit/offline/verify_countersign.py carries a copy of it, so it is
written for Python 3.9. Events are the parsed texts of the audit log, as mappings.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

RefusedEvent = tuple[Mapping[str, Any], str]
"""Event that enrols or confirms no key, and why."""
VOTE = "countersign vote"
CONFIRMATION = "countersign vote key confirmation"
SIGNING_TIME = timedelta(minutes=5)
"""Longest time between the text of a vote and the vote."""
ENROLLED, CONFIRMED, REVOKED = KEY_EVENTS = ("vote_key.enrolled", "vote_key.confirmed", "vote_key.revoked")
ITEM_FIELDS = ("change", "revision", "digest", "requester", "requested_by")
"""What a signed text states of each change; the id of the requester is not in the log, so auditors compare the name."""
KEY_FIELDS = ("log", "owner", "person", "credential", "public_key", "rp_id", "origin")
"""What the fingerprint of a vote key covers: the log, its owner (id and username), the key, and its site."""


class NotSigned(Exception):
    """The first check of a signature that fails."""


class KeyNotCounted(NotSigned):
    """The signature is by a key that does not count: unknown, not confirmed, not sealed or revoked."""


@dataclass
class ChainedKey:
    """A vote key as the log has it. It counts while `confirmed_at` is set and `revoked_at` is not."""

    fingerprint: str
    facts: Mapping[str, Any]
    enrolled_at: str
    is_first: bool = False
    confirmed_at: str = ""
    confirmed_by: str = ""
    confirmed_with: str = ""
    revoked_at: str = ""
    compromised_at: str = ""

    @property
    def may_confirm(self) -> bool:
        """Whether the key may confirm another one: only the first keys may, and from the start."""
        return self.is_first and not self.revoked_at

    def is_revoked_at(self, at: str) -> bool:
        """Return whether the key was revoked or in other hands at the instant of an event; '' for now."""
        if not at:
            return bool(self.revoked_at)
        return any(said and said <= at for said in (self.revoked_at, self.compromised_at))


def decode_base64url(text: str) -> bytes:
    """Return the bytes of base64url text without padding. Raises ValueError."""
    return b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)


def encode_text(value: Mapping[str, Any]) -> str:
    """Return the canonical text of a value: JSON with sorted keys and no spaces."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def compute_fingerprint(facts: Mapping[str, Any]) -> str:
    """Return the fingerprint of a vote key: SHA-256 of the canonical text of KEY_FIELDS. Raises KeyError."""
    return sha256(encode_text({name: facts[name] for name in KEY_FIELDS}).encode()).hexdigest()


def parse_cbor(data: bytes, at: int = 0) -> tuple[Any, int]:
    """Return the item of canonical CBOR at this place, and where it ends: an integer, bytes, a text or a map.

    Raises NotSigned for every other item, and IndexError if the data end too early.
    """
    kind, size, at = data[at] >> 5, data[at] & 31, at + 1
    if size > 23:
        width = {24: 1, 25: 2, 26: 4}.get(size, 0)
        size = int.from_bytes(data[at : at + width], "big") if width and at + width <= len(data) else -1
        at += width
    if size < 0 or kind not in (0, 1, 2, 3, 5) or (kind in (2, 3) and at + size > len(data)):
        raise NotSigned("key: not canonical CBOR")
    if kind < 2:
        return (size if kind == 0 else -1 - size), at
    if kind < 4:
        item = data[at : at + size]
        return (item if kind == 2 else item.decode()), at + size
    items: dict[Any, Any] = {}
    for _ in range(size):
        name, at = parse_cbor(data, at)
        if not isinstance(name, (int, str)) or name in items:
            raise NotSigned("key: not canonical CBOR")
        items[name], at = parse_cbor(data, at)
    return items, at


def check_signature(cose: bytes, signature: bytes, message: bytes) -> None:
    """Check a signature by a COSE key of ES256, EdDSA or RS256. Raises NotSigned, InvalidSignature, ValueError."""
    key, end = parse_cbor(cose)
    if end != len(cose):
        raise NotSigned("key: trailing bytes")
    shape = (key.get(1), key.get(3), key.get(-1) if key.get(1) != 3 else None)
    if shape == (2, -7, 1):
        x, y = (int.from_bytes(key[name], "big") for name in (-2, -3))
        ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key().verify(signature, message, ec.ECDSA(SHA256()))
    elif shape == (1, -8, 6):
        Ed25519PublicKey.from_public_bytes(key[-2]).verify(signature, message)
    elif shape == (3, -257, None) and len(key[-1]) >= 256:  # 2048 bits or more
        exponent, modulus = (int.from_bytes(key[name], "big") for name in (-2, -1))
        rsa.RSAPublicNumbers(exponent, modulus).public_key().verify(signature, message, PKCS1v15(), SHA256())
    else:
        raise NotSigned(f"key: {shape} is not ES256, EdDSA or RS256")


def check_assertion(signed: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """Check that the key with these facts signed exactly `signed["text"]`, on its site, with its user verified.

    `signed` is what an event stores: text, client_data, authenticator_data and signature. Raises NotSigned.
    """
    try:
        client_data, data = decode_base64url(signed["client_data"]), decode_base64url(signed["authenticator_data"])
        client, challenge = json.loads(client_data), sha256(signed["text"].encode()).digest()
        site = sha256(facts["rp_id"].encode()).digest()
        for holds, what in (
            (client.get("type") == "webauthn.get", "not an assertion"),
            (decode_base64url(client["challenge"]) == challenge, "signs another text"),
            (client.get("origin") == facts["origin"] and not client.get("crossOrigin"), "made on another site"),
            (len(data) >= 37 and data[:32] == site, "made for another site id"),
            (len(data) >= 37 and data[32] & 5 == 5, "user not present and verified"),
        ):
            if not holds:
                raise NotSigned(what)
        message = data + sha256(client_data).digest()
        check_signature(decode_base64url(facts["public_key"]), decode_base64url(signed["signature"]), message)
    except (InvalidSignature, AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
        raise NotSigned(f"not valid: {type(error).__name__}") from None


def check_vote(
    signed: object, vote: Mapping[str, Any], keys: Mapping[str, ChainedKey], *, at: str = "", log: str
) -> ChainedKey:
    """Check that a key that counts signed exactly this vote; return the key.

    `vote`: ITEM_FIELDS, voter, person, verdict, reason and voted_at. `at`: instant of an event at which
    the key must not have been revoked; '' for now. Raises NotSigned; KeyNotCounted if the key alone is the reason.
    """
    if not isinstance(signed, Mapping) or not isinstance(signed.get("text"), str):
        raise NotSigned("no signature")
    key = keys.get(str(signed.get("key")))
    if key is None:
        raise KeyNotCounted("made with a key that is not enrolled, or not sealed")
    check_assertion(signed, key.facts)
    if not key.confirmed_at:
        raise KeyNotCounted("made with a key that no other person has confirmed")
    if key.is_revoked_at(at):
        raise KeyNotCounted(f"made with a key that was revoked on {key.revoked_at[:16]}")
    text = _parse_text(signed["text"])
    said = (text.get("what"), text.get("log"), text.get("voter"), text.get("person"), text.get("verdict"))
    if said != (VOTE, log, vote["voter"], vote["person"], vote["verdict"]):
        raise NotSigned("signs another vote")
    if (key.facts["log"], key.facts["owner"], key.facts["person"]) != (log, vote["voter"], vote["person"]):
        raise NotSigned("made with the key of another person")
    if text.get("reason") != sha256(str(vote["reason"]).encode()).hexdigest():
        raise NotSigned("signs another reason")
    items = text.get("items")
    if not isinstance(items, list) or sum(_is_item_of(item, vote) for item in items) != 1:
        raise NotSigned("signs another change")
    if not _is_signed_at(text.get("at"), vote["voted_at"]):
        raise NotSigned("signed at another time")
    return key


def _is_item_of(item: object, vote: Mapping[str, Any]) -> bool:
    """Return whether an item of a signed text is this vote's change, in all ITEM_FIELDS that are known of the vote."""
    return isinstance(item, dict) and all(item.get(name) == vote[name] for name in ITEM_FIELDS if name in vote)


def _is_signed_at(said: object, voted_at: str) -> bool:
    """Return whether the vote was cast within the time that a text may wait for its signature and its vote."""
    try:
        waited = datetime.fromisoformat(voted_at) - datetime.fromisoformat(str(said))
    except (TypeError, ValueError):
        return False
    return -SIGNING_TIME <= waited <= SIGNING_TIME


def describe_key(key: ChainedKey) -> str:
    """Return with which key a vote is signed, when it was enrolled and who confirmed it, for auditors."""
    first = ", one of the first keys" if key.is_first else ""
    return (
        f"signed with vote key {key.fingerprint[:16]} of {key.facts['person']}, enrolled {key.enrolled_at[:16]} UTC, "
        f"confirmed by {key.confirmed_by} {key.confirmed_at[:16]} UTC{first}"
    )


def read_keys(
    events: Iterable[tuple[Mapping[str, Any], bool]], first: Collection[str], refused: list[RefusedEvent] | None = None
) -> dict[str, ChainedKey]:
    """Return the vote keys of a log by fingerprint, each with the first confirmation that holds.

    `events` are in the order of the log, each with whether it is sealed; `first` are the fingerprints of the first
    keys. A revocation counts before it is sealed, an enrolment and a confirmation do not. Forged events are skipped;
    `refused`, if given, receives those that are sealed.
    """
    read = [(event, is_sealed) for event, is_sealed in events if isinstance(event.get("data"), Mapping)]
    sealed, wrong = [event for event, is_sealed in read if is_sealed], [] if refused is None else refused
    keys: dict[str, ChainedKey] = {}
    for event in (event for event in sealed if event.get("action") == ENROLLED):
        fingerprint = _fingerprint_of(event["data"])
        if fingerprint:
            key = ChainedKey(fingerprint, event["data"], str(event["at"]), fingerprint in first)
            keys.setdefault(fingerprint, key)
        else:
            wrong.append((event, "enrols no key"))
    for event, _ in read:
        if event.get("action") == REVOKED and str(event["data"].get("fingerprint")) in keys:
            _revoke(keys[str(event["data"]["fingerprint"])], event)
    for event in (event for event in sealed if event.get("action") == CONFIRMED):
        try:
            _confirm(event, keys)
        except NotSigned as error:
            wrong.append((event, str(error)))
    return keys


def _fingerprint_of(facts: Mapping[str, Any]) -> str:
    """Return the fingerprint of an enrolment; '' for one that Countersign did not write."""
    try:
        fingerprint = compute_fingerprint(facts)
    except (KeyError, TypeError, ValueError):
        return ""
    return fingerprint if facts.get("fingerprint") in (None, fingerprint) else ""


def _revoke(key: ChainedKey, event: Mapping[str, Any]) -> None:
    """Apply a revocation; of several ones the earliest instants count."""
    at, stolen = str(event["at"]), str(event["data"].get("compromised_at") or "")
    key.revoked_at = min(at, key.revoked_at or at)
    if stolen:
        key.compromised_at = min(stolen, key.compromised_at or stolen)


def _confirm(event: Mapping[str, Any], keys: dict[str, ChainedKey]) -> None:
    """Apply a confirmation if another person's key, which could confirm at that time, signed it. Raises NotSigned."""
    signed, at = event["data"].get("signature"), str(event["at"])
    key = keys.get(str(event["data"].get("fingerprint")))
    if key is None or key.confirmed_at or not isinstance(signed, Mapping):
        raise NotSigned("confirms no key")
    by = keys.get(str(signed.get("key")))
    if by is None or not by.is_first:
        raise NotSigned("confirmed with a key that is not one of the first keys")
    if by.is_revoked_at(at):
        raise NotSigned("confirmed with a key that was revoked or stolen")
    check_confirmation(signed, key, by)
    key.confirmed_at, key.confirmed_by, key.confirmed_with = at, str(by.facts["person"]), by.fingerprint


def check_confirmation(signed: Mapping[str, Any], key: ChainedKey, by: ChainedKey) -> None:
    """Check that `by`, the key of another person, signed that it confirms `key`. Raises NotSigned."""
    check_assertion(signed, by.facts)
    text = _parse_text(signed["text"])
    said = (text.get("what"), text.get("log"), text.get("key"), text.get("confirmer"), text.get("person"))
    if said != (CONFIRMATION, key.facts["log"], key.fingerprint, by.facts["owner"], by.facts["person"]):
        raise NotSigned("confirms another key")
    if by.facts["owner"] == key.facts["owner"] or by.facts["person"] == key.facts["person"]:
        raise NotSigned("confirmed by its owner")
    if by.facts["log"] != key.facts["log"]:
        raise NotSigned("confirmed for another log")


def _parse_text(text: str) -> dict[str, Any]:
    """Return the signed values. Raises NotSigned."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        parsed = None
    if not isinstance(parsed, dict) or parsed.get("v") != 1:
        raise NotSigned("not a text that Countersign makes")
    return parsed
