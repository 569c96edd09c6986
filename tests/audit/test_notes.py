"""Signed notes: what is signed opens, and nothing else does."""

from __future__ import annotations

import base64
import hashlib

import pytest

from portal.audit.sealing.signed_note import CheckpointBody, InvalidNote, Signer, Verifier, parse_unverified

NAME = "portal.example.com/countersign-audit"
SEED = base64.b64encode(bytes(range(32))).decode()
SIGNER = Signer.parse(NAME, SEED)
CHECKPOINT = CheckpointBody(NAME, 15368405, hashlib.sha256(b"root").digest())
NOTE = SIGNER.sign(CHECKPOINT)

# The example of the specification (C2SP signed-note; also golang.org/x/mod/sumdb/note).
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PETERS_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def test_published_note_carries_the_signature_its_key_gives() -> None:
    peter = Verifier.parse(PETER)
    assert peter.key_id == "c74f20a3"
    assert str(peter) == PETER
    with pytest.raises(InvalidNote, match="not a checkpoint"):  # signed by him, but no checkpoint
        peter.open(PETERS_NOTE)
    with pytest.raises(InvalidNote, match="is false"):
        peter.open(PETERS_NOTE.replace("cryptography", "Cryptography"))


def test_signed_checkpoint_has_the_form_of_the_specification_and_opens() -> None:
    body, signature = NOTE.split("\n\n")
    root = base64.b64encode(CHECKPOINT.root).decode()
    assert body == f"{NAME}\n15368405\n{root}"
    assert signature.startswith(f"\N{EM DASH} {NAME} ")
    assert signature.endswith("\n")
    assert len(base64.b64decode(signature.split(" ")[2])) == 4 + 64
    assert SIGNER.verifier.open(NOTE) == parse_unverified(NOTE) == CHECKPOINT
    assert Verifier.parse(str(SIGNER.verifier)) == SIGNER.verifier


def test_note_with_a_second_signature_opens_with_either_key() -> None:
    witness = Signer.parse("witness", base64.b64encode(b"w" * 32).decode())
    both = NOTE + witness.sign(CHECKPOINT).split("\n\n")[1]
    assert witness.verifier.open(both) == SIGNER.verifier.open(both) == CHECKPOINT


@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (NOTE.replace("15368405", "15368406"), "is false"),
        (NOTE.replace(NAME, "other.example/log"), "not signed by key"),
        (Signer.parse(NAME, base64.b64encode(b"x" * 32).decode()).sign(CHECKPOINT), "not signed by key"),
        (NOTE.rstrip("\n"), "not a signed note"),
        (NOTE.replace("\n\n", "\n"), "not a signed note"),
        (NOTE.replace("\N{EM DASH}", "-"), "signature line is malformed"),
        (NOTE.replace("15368405", "015368405"), "is false"),
        ("", "not a signed note"),
    ],
)
def test_forged_and_broken_notes_do_not_open(forged: str, reason: str) -> None:
    with pytest.raises(InvalidNote, match=reason):
        SIGNER.verifier.open(forged)


@pytest.mark.parametrize(
    "body", ["a\n1\nAAAA\n", "a\n-1\n\n", "a\nx\n\n", "\n1\n\n", "a\n1\n", "a\n01\n" + "A" * 43 + "=\n"]
)
def test_texts_that_are_no_checkpoint_are_refused(body: str) -> None:
    with pytest.raises(InvalidNote, match="not a checkpoint"):
        CheckpointBody.parse(body)


@pytest.mark.parametrize(
    "text", ["", "name", "name+00000000+", "a+b+c", f"{NAME}+00000000+" + str(SIGNER.verifier).split("+", 2)[2]]
)
def test_texts_that_are_no_public_key_are_refused(text: str) -> None:
    with pytest.raises(InvalidNote):
        Verifier.parse(text)


@pytest.mark.parametrize("seed", ["", "short", base64.b64encode(b"x" * 31).decode()])
def test_refused_signing_key_says_how_to_make_one_and_does_not_repeat_it(seed: str) -> None:
    with pytest.raises(ValueError, match="openssl rand") as told:
        Signer.parse(NAME, seed)
    assert not seed or seed not in str(told.value)
    assert SEED not in repr(SIGNER)
