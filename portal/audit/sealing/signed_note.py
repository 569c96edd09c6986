"""Checkpoints as signed notes: C2SP tlog-checkpoint in C2SP signed-note, with Ed25519. Pure functions, no database.

A note has three lines: the name of the log (its origin), the number of leaves, and the root over them in base64. A
fourth line, which the format leaves to the log, says when the note was signed: leaves are dated by it. After an empty
line, each signature has a line: a dash, the name of the key (the origin again), and in base64 the key's hash and the
signature.

A key that is replaced signs one more note, which names the next key. A verifier that knows the first key of a log can
therefore follow the keys to the newest one. Such a note cannot be taken for a checkpoint, whose second line is a
number.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

_ED25519 = b"\x01"
_NEXT_KEY = "next key"
_TIME = "time "
_DASH = "\N{EM DASH} "


class InvalidNote(ValueError):
    """A text that is no checkpoint, or a checkpoint not signed with this key; the message says which."""


@dataclass(frozen=True)
class Verifier:
    """A public key with the name of the log that it signs."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Verifier:
        """Parse a public key in the format of signed-note, `name+keyid+base64`. Raises InvalidNote."""
        name, _, rest = text.strip().partition("+")
        stated, _, encoded = rest.partition("+")
        key = _decoded(encoded)
        if not name or key[:1] != _ED25519 or len(key) != 33:
            raise InvalidNote("not the public key of a log: name+keyid+base64 is expected")
        verifier = cls(name, key[1:])
        if verifier.key_id != stated:
            raise InvalidNote("the public key and the key id in it do not belong together")
        return verifier

    @property
    def _key_hash(self) -> bytes:
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def key_id(self) -> str:
        """The eight hex digits by which signatures name their key."""
        return self._key_hash.hex()

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id}+{base64.b64encode(_ED25519 + self.public).decode()}"

    def open(self, note: str) -> CheckpointBody:
        """Return the checkpoint of a note that this key has signed. Raises InvalidNote."""
        return CheckpointBody.parse(self._signed_body(note))

    def successor(self, note: str) -> Verifier:
        """Return the next key, which a note signed by this key names. Raises InvalidNote."""
        lines = self._signed_body(note).split("\n")
        if len(lines) < 4 or lines[:2] != [self.name, _NEXT_KEY]:
            raise InvalidNote("not a note that names the next key")
        return Verifier.parse(lines[2])

    def _signed_body(self, note: str) -> str:
        body, signatures = _split(note)
        for name, signature in signatures:
            if name == self.name and signature[:4] == self._key_hash:
                try:
                    Ed25519PublicKey.from_public_bytes(self.public).verify(signature[4:], body.encode())
                except InvalidSignature:
                    raise InvalidNote(f"the signature by key {self.key_id} is false") from None
                return body
        raise InvalidNote(f"not signed by key {self.key_id}")


@dataclass(frozen=True, repr=False)
class Signer:
    """The private key of a log; only the sealer has one."""

    name: str
    key: Ed25519PrivateKey

    @classmethod
    def parse(cls, name: str, seed: str) -> Signer:
        """Parse an Ed25519 seed: 32 bytes in base64. Raises ValueError, whose message does not reveal it."""
        raw = _decoded(seed.strip())
        if len(raw) != 32:
            raise ValueError("AUDIT_SIGNING_KEY is not 32 bytes in base64. Make one with: openssl rand -base64 32")
        return cls(name, Ed25519PrivateKey.from_private_bytes(raw))

    @property
    def verifier(self) -> Verifier:
        """The public key of the pair."""
        return Verifier(self.name, self.key.public_key().public_bytes_raw())

    def sign(self, checkpoint: CheckpointBody) -> str:
        """Return the signed note of a checkpoint."""
        return self._signed(str(checkpoint))

    def hand_over(self, successor: Verifier) -> str:
        """Return the signed note that names the next key."""
        return self._signed(f"{self.name}\n{_NEXT_KEY}\n{successor}\n")

    def _signed(self, body: str) -> str:
        signature = bytes.fromhex(self.verifier.key_id) + self.key.sign(body.encode())
        return f"{body}\n{_DASH}{self.name} {base64.b64encode(signature).decode()}\n"


@dataclass(frozen=True)
class CheckpointBody:
    """The statement of a note: at the time `at` this log had `size` leaves and this root.

    `at` is in UTC, in whole seconds; None for a note of an older release, which dates no leaf.
    """

    origin: str
    size: int
    root: bytes
    at: datetime | None = None

    @classmethod
    def parse(cls, body: str) -> CheckpointBody:
        """Parse the text above the signatures; ignore further lines other than the time. Raises InvalidNote."""
        lines = body.split("\n")
        if len(lines) < 4 or not lines[0] or not (lines[1].isascii() and lines[1].isdigit()):
            raise InvalidNote("not a checkpoint: origin, size and root are expected, a line each")
        root = _decoded(lines[2])
        if len(root) != 32 or (lines[1].startswith("0") and lines[1] != "0"):
            raise InvalidNote("not a checkpoint: its size or its root is malformed")
        dated = [line.removeprefix(_TIME) for line in lines[3:] if line.startswith(_TIME)]
        return cls(lines[0], int(lines[1]), root, _instant(dated[0]) if dated else None)

    def __str__(self) -> str:
        time = f"{_TIME}{self.at:%Y-%m-%dT%H:%M:%SZ}\n" if self.at else ""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n{time}"


def parse_unverified(note: str) -> CheckpointBody:
    """Return the statement of a note without checking its signature. Raises InvalidNote."""
    return CheckpointBody.parse(_split(note)[0])


def signature_key_ids(note: str) -> list[str]:
    """Return the ids of the keys that a note claims to be signed with. Raises InvalidNote."""
    return [signature[:4].hex() for _, signature in _split(note)[1]]


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the signed text with its last line end, and (name, key hash and signature) of each signature."""
    body, gap, tail = note.rpartition("\n\n")
    lines = tail.split("\n")
    if not gap or len(lines) < 2 or lines.pop():
        raise InvalidNote("not a signed note: a text, an empty line and signatures are expected")
    signatures = []
    for line in lines:
        name, space, encoded = line.removeprefix(_DASH).partition(" ")
        if not (line.startswith(_DASH) and name and space):
            raise InvalidNote("not a signed note: a signature line is malformed")
        signatures.append((name, _decoded(encoded)))
    return body + "\n", signatures


def _instant(text: str) -> datetime:
    """Parse the time that a note states. Raises InvalidNote."""
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        raise InvalidNote("not a checkpoint: its time is malformed") from None


def _decoded(text: str) -> bytes:
    """Decode base64; return b'' for invalid base64."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
