"""Sealing keys: what was sealed opens in its place alone, under a key of the ring."""

from __future__ import annotations

import base64

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from portal.common.keyring import CannotDecrypt, KeyRing, key_id_of, keyed_fingerprint

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
OLD = KeyRing({"one": ONE})
NEW = KeyRing({"two": TWO, "one": ONE})


def encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@given(st.binary(max_size=200), st.binary(max_size=50))
def test_what_was_sealed_opens_in_its_place(value: bytes, place: bytes) -> None:
    assert OLD.decrypt(OLD.encrypt(value, place), place) == value


def test_the_same_value_never_looks_the_same() -> None:
    assert OLD.encrypt(b"value", b"place") != OLD.encrypt(b"value", b"place")


def test_another_place_does_not_open_it() -> None:
    with pytest.raises(CannotDecrypt):
        OLD.decrypt(OLD.encrypt(b"value", b"row 1"), b"row 2")


@given(st.data())
def test_no_altered_byte_goes_unnoticed(data: st.DataObject) -> None:
    sealed = bytearray(OLD.encrypt(b"value", b"place"))
    at = data.draw(st.integers(0, len(sealed) - 1))
    sealed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(CannotDecrypt):
        OLD.decrypt(bytes(sealed), b"place")


@given(st.binary(max_size=60))
def test_garbage_does_not_open(garbage: bytes) -> None:
    with pytest.raises(CannotDecrypt):
        OLD.decrypt(garbage, b"place")


def test_a_new_first_key_seals_and_the_old_one_still_opens() -> None:
    assert NEW.decrypt(OLD.encrypt(b"value", b"place"), b"place") == b"value"
    assert key_id_of(NEW.encrypt(b"value", b"place")) == "two"
    with pytest.raises(CannotDecrypt):
        OLD.decrypt(NEW.encrypt(b"value", b"place"), b"place")


def test_nothing_of_the_value_is_in_the_error() -> None:
    with pytest.raises(CannotDecrypt) as caught:
        OLD.decrypt(OLD.encrypt(b"s3cr3t", b"here"), b"there")
    assert "s3cr3t" not in repr(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("text", [f"one:{encoded(ONE)}", f"one:{ONE.hex()}", f" one:{encoded(ONE)} , "])
def test_keys_are_read_in_base64_and_hex(text: str) -> None:
    assert KeyRing.parse(text).keys == {"one": ONE}


def test_a_key_without_an_id_gets_one_of_its_own() -> None:
    ring = KeyRing.parse(f"{encoded(ONE)},{encoded(TWO)}")
    assert len(ring.keys) == 2
    assert ring.keys[ring.active] == ONE


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no key"),
        ("one:short", "32 bytes"),
        (f"a:{encoded(ONE)},a:{encoded(TWO)}", "twice"),
        (f"{'x' * 33}:{encoded(ONE)}", "32"),
    ],
)
def test_a_bad_ring_is_refused_with_the_setting_and_the_reason(text: str, complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=complaint) as caught:
        KeyRing.parse(text)
    assert "PORTAL_ENCRYPTION_KEYS" in str(caught.value)
    assert "short" not in str(caught.value)


def test_fingerprints_tell_kinds_and_values_apart_and_nothing_else() -> None:
    assert keyed_fingerprint("client_secret", "a") == keyed_fingerprint("client_secret", "a")
    assert (
        len(
            {
                keyed_fingerprint("client_secret", "a"),
                keyed_fingerprint("client_secret", "b"),
                keyed_fingerprint("base", "a"),
            }
        )
        == 3
    )
    assert len(keyed_fingerprint("base", "a")) == 64
