"""Verifier of a Countersign audit log: needs no server and no other file, only Python 3.9 and `cryptography`.

    python3 verify_countersign.py evidence.zip --key public-key.txt
    python3 verify_countersign.py evidence-book.zip --key public-key.txt
    python3 verify_countersign.py sealed-log.txt checkpoint.txt [other-checkpoint.txt ...] --key public-key.txt

With --first-keys FILE, the list of the first vote keys, it also checks who signed each approval.

Use a key and a list that did not come from the same source as the evidence. A key that it has handed over to in the log
is trusted like it, and --key may be repeated. Exit code 0: everything is verified, in a pack also the summary and the
README. Exit code 1: the first wrong place is named. Exit code 2: nothing could be verified.
"""

# ruff: noqa: B905 - Python 3.9 has no strict zip
from __future__ import annotations

import argparse
import gc
import html
import io
import json
import re
import struct
import sys
import zipfile
import zlib
from base64 import b64decode
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import reduce
from hashlib import sha256
from itertools import accumulate, chain, islice
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256
except ImportError:
    print("The Python package cryptography is missing: python3 -m pip install cryptography", file=sys.stderr)
    raise SystemExit(2) from None

UTC = timezone.utc  # noqa: UP017 - Python 3.9 has no other name for it
EVENT = b'{"action":"audit.'
KEY_CHANGED, DATED, PRUNED, RETAINED = (
    EVENT + name + b'"' for name in (b"key_changed", b"dated", b"pruned", b"retention_changed")
)
RARE = {b"", *(begin[:23] for begin in (KEY_CHANGED, DATED, PRUNED, RETAINED))}  # events that verification depends on
BATCH = 4096
SLACK = timedelta(minutes=10)  # tolerance for the order of event dates
LEAST = 365  # days; no text is removed earlier
ENTRIES = ("README.txt", "summary.html", "summary.css", "events.txt", "key-changes.txt", "checkpoint.txt",
           "public-key.txt", "verify_countersign.py")  # fmt: skip
SIGNED_ENTRIES = (*ENTRIES[:5], "vote-keys.txt", *ENTRIES[5:])  # of a change with signed votes
BOOK = ("README.txt", "period.txt", "checkpoint.txt", "public-key.txt", "key-changes.txt", "summary.css",
        "verify_countersign.py", "log-events.txt", "events.txt", "book.html")  # fmt: skip
OLD_BOOK = tuple(name for name in BOOK if name != "log-events.txt")  # of the releases before that file
# SHA-256 of the files that are the same in every pack, of this release and of earlier ones: add, never remove.
KNOWN = {
    "README.txt": {
        "4479106f6be294409e398450018b2e9d3a8404fcdadaadcb914a821b882a5650",
        "a4f8bfdb9f5d40075b952e4fbc99d0f18414845f094715d674ae478c460c91e8",
        "8f5ff2e6f8afdbd84bb3be1b795c4c50ff974bdc3225f63cc31c218417d78d22",
        "d1bb5fe59f456ebe21d25ba05f9188bb6f807773d3059373c7652dc45505c0a3",
        "7912a593400b3e40e698ed6451278e6db45a09f635ab850ffb7499a63e08a830",
    },
    "README of a book": {
        "886c8ca44a378af7595019895e670861973725f81666c4b30aa28f0f795867de",
        "765883295397edbdaa09e5c735c060f549d8e9c29b2abd95f0ea12bd4e2dcef9",
        "76cea9c6b4dd04b079d6d0798cd14c7f510ca531b965298641050c12494c637a",
        "a213d8b42cd25ca5cb951e9aaab98a27d5ee0c0737d80936a1d9d20281192a19",
    },
    "summary.css": {
        "3fa1712c82f5bb08e7b0d6a4140edf39c7b9cbb44259d645052976e01f49819c",
        "8a9d06d1bd7998dcf9249b7b7c0e1db0807f0deb21670b171828d22b895c277a",
    },
}


def raise_finding(place: str, what: str) -> NoReturn:
    """Exit with code 1 and name the first place that is wrong."""
    raise SystemExit(f"NO. {place}: {what}")


def signed_lines(note: object, keys: list[str], place: str) -> list[str]:
    """Return the lines of a C2SP note that one of the keys (name+id+base64) has signed; [] if none has."""
    body, _, signatures = str(note).rpartition("\n\n")
    for line in signatures.splitlines():
        name, _, encoded = line[2:].partition(" ")
        try:
            signature = b64decode(f"{encoded}==")
            key = next(key for key in keys if key.startswith(f"{name}+{signature[:4].hex()}+"))
            if not body.startswith(f"{name}\n"):
                continue
            Ed25519PublicKey.from_public_bytes(b64decode(key.split("+", 2)[2])[1:]).verify(
                signature[4:], f"{body}\n".encode()
            )
        except InvalidSignature:
            raise_finding(place, "its signature is false.")
        except (StopIteration, ValueError):
            continue
        return body.split("\n")
    return []


def time_of(lines: list[str]) -> datetime | None:
    """Return the time (UTC) at which a note says it was signed; None for notes of older releases, which state none."""
    said = [line[5:] for line in lines[3:] if line.startswith("time ")]
    try:
        return datetime.strptime(said[0], "%Y-%m-%dT%H:%M:%SZ") if said else None  # noqa: DTZ007 - UTC, as all here
    except ValueError:
        return None


def parse_checkpoint(note: str, keys: list[str], place: str) -> tuple[int, bytes, datetime | None]:
    """Return size, root and time of a checkpoint; reject it if none of the keys has signed it."""
    said = signed_lines(note, keys, place)
    if len(said) < 3 or not (said[1].isascii() and said[1].isdigit()):
        raise_finding(place, "not a checkpoint that was signed with the key of this log.")
    return int(said[1]), b64decode(said[2]), time_of(said)


def size_of(note: str) -> int:
    """Return the size that a note states, without checking its signature."""
    stated = note.split("\n")[1:2]
    return int(stated[0]) if stated and stated[0].isascii() and stated[0].isdigit() else 0


def iter_leaves(lines: Iterable[bytes], start: int = 1) -> Iterator[tuple[int, int, bytes, bytes, bytes]]:
    """Yield number, leaf, hash, proof and text of each line."""
    for number, line in enumerate(lines, start):
        try:
            stated, hashed, proof, text = line.rstrip(b"\n").split(b"\t", 3)
            leaf, node = int(stated), bytes.fromhex(hashed.decode())
        except ValueError:
            raise_finding(f"line {number}", "not a line of a sealed log.")
        if text and sha256(b"\0" + text).digest() != node:  # an empty text must be announced
            raise_finding(f"line {number}, leaf {leaf}", "its text is not the one that was sealed.")
        yield number, leaf, node, proof, text


def append_subtree(peaks: list[bytes], node: bytes, count: int) -> None:
    """Add a whole subtree to the tree, the `count`th of its size."""
    while not count & 1:
        node, count = sha256(b"\1" + peaks.pop() + node).digest(), count >> 1
    peaks.append(node)


def subtree_root(nodes: list[bytes]) -> bytes:
    """Return the root over these nodes; their number is a power of two."""
    while len(nodes) > 1:
        nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2])]
    return nodes[0]


def parse_instant(text: bytes) -> datetime:
    """Return the time (UTC) of an event. Raises ValueError if it is outside the range of Python's datetime."""
    return datetime.fromisoformat(text.partition(b',"at":"')[2][:26].decode()).replace(tzinfo=None)


class Keys:
    """The keys, by the leaf from which each signs. A key that has handed over signs nothing any more."""

    def __init__(self, trusted: list[str]) -> None:
        self.trusted, self.since = trusted, list[tuple[int, str]]()

    def learn(self, text: bytes, leaf: int) -> bool:
        """Add an announced key. Returns False if it is not the first, not named by the one before, and not trusted."""
        data, place = json.loads(text)["data"], f"leaf {leaf}"
        new, note, before = str(data.get("new_key")), data.get("hand_over"), self.since[-1][1] if self.since else ""
        said = signed_lines(note, [before], place) if note and before else []
        handed_over = said[1:3] == ["next key", new]
        if before and not handed_over and (note or (before in self.trusted and new not in self.trusted)):
            raise_finding(place, "the key before it did not hand over to this one.")
        if handed_over and before in self.trusted and new not in self.trusted:
            self.trusted.append(new)
        self.since.append((leaf, new))
        return handed_over or not before or new in self.trusted

    def at(self, size: int) -> list[str]:
        """Return the key that signs a tree of this size, if it is trusted; all trusted keys if the log names none."""
        due = [key for leaf, key in self.since if leaf < size][-1:]
        return [key for key in self.trusted if not due or key == due[0]]


class Log:
    """State after the leaves so far: how old they are, which texts are missing, and which key is in force."""

    def __init__(self, keys: Keys, signed_size: int) -> None:
        self.keys, self.signed_size = keys, signed_size
        self.size, self.peaks = 0, list[bytes]()
        self.newest, self.newest_leaf, self.doubted = datetime.min + SLACK, -1, -1  # noqa: DTZ901 - all are in UTC
        self.sizes, self.times, self.days = list[int](), list[datetime](), 0
        self.undated = -1
        self.announced, self.gone, self.retired = list[list[Any]](), list[list[int]](), 0

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return reduce(lambda root, peak: sha256(b"\1" + peak + root).digest(), reversed(self.peaks))

    def ordinary(self, lines: list[bytes]) -> bool:
        """Accept a whole batch; return False, with nothing changed, if a line needs a closer check."""
        first = self.size
        try:
            numbers, hashes, _, ends = zip(*[line.split(b"\t", 3) for line in lines])
            texts = [text[:-1] for text in ends]
            nodes = [sha256(b"\0" + text).digest() for text in texts]
            said = b" ".join([text.partition(b',"at":"')[2][:26] for text in texts]).decode().split(" ")
            dates = [*map(datetime.fromisoformat, said)]
            until = [*accumulate(dates, max, initial=self.newest)]
            placed = [*map(int, numbers)] == [*range(first, first + len(lines))]
        except (ValueError, TypeError):
            return False
        if not placed or b"".join(nodes).hex().encode() != b"".join(hashes) or RARE & {text[:23] for text in texts}:
            return False
        if self.doubted >= 0 or any(at < before and before - at > SLACK for at, before in zip(dates, until)):
            for leaf, at in enumerate(dates, first):
                self.place(leaf, at)
        elif until[-1] > self.newest:
            self.newest, self.newest_leaf = until[-1], first + dates.index(until[-1])
        if len(nodes) == BATCH:
            self.size += BATCH
            append_subtree(self.peaks, subtree_root(nodes), self.size // BATCH)
        else:
            for node in nodes:
                self.grow(node)
        return True

    def grow(self, node: bytes) -> None:
        """Add one leaf to the tree."""
        self.size += 1
        append_subtree(self.peaks, node, self.size)

    def one_by_one(self, lines: list[bytes]) -> None:
        """Check lines like ordinary(), but name what is wrong, and handle the events in RARE."""
        for number, leaf, node, _, text in iter_leaves(lines, self.size + 1):
            if leaf != self.size:
                raise_finding(
                    f"line {number}, leaf {leaf}", f"leaf {self.size} must stand here: one is missing or inserted."
                )
            if not text:
                self.retired += 1
                if self.gone and self.gone[-1][1] == leaf - 1:
                    self.gone[-1][1] = leaf
                else:
                    self.gone.append([leaf, leaf])
            else:
                self.read(leaf, text)
            self.grow(node)

    def read(self, leaf: int, text: bytes) -> None:
        """Check the date of an event, and apply what it says about keys, signed times, retention and removals."""
        try:
            at = parse_instant(text)
        except ValueError:
            self.undated = leaf if self.undated < 0 else self.undated  # reported once the leaves are verified
            return
        ahead = text.startswith((KEY_CHANGED, DATED))  # sealed before older events: bounds no date
        self.place(leaf, at, bounds=not ahead)
        if leaf >= self.signed_size:
            return
        try:
            if text.startswith(KEY_CHANGED) and not self.keys.learn(text, leaf):
                self.sizes.clear()
                self.times.clear()
            elif text.startswith(DATED):
                self.date(leaf, json.loads(text)["data"]["note"])
            elif text.startswith(RETAINED):
                days = json.loads(text)["data"]["days"]
                self.days = days if isinstance(days, int) and LEAST <= days <= 100_000 else 0
            elif text.startswith(PRUNED):
                self.announce(leaf, at, json.loads(text)["data"]["leaves"])
        except (ValueError, KeyError, TypeError):
            raise_finding(f"leaf {leaf}", "not written by the portal.")

    def place(self, leaf: int, at: datetime, *, bounds: bool = True) -> None:
        """Reject an event that stands after events dated long after it. If two contradict, the next one decides."""
        if at >= self.newest - SLACK:
            if self.doubted >= 0:
                raise_finding(
                    f"leaf {self.doubted}", f"dated long before {self.newest} (UTC), after which it stands: inserted."
                )
            if bounds and at > self.newest:
                self.newest, self.newest_leaf = at, leaf
        elif self.doubted >= 0:
            raise_finding(
                f"leaf {self.newest_leaf}", f"dated {self.newest} (UTC), long after what follows it: dated ahead."
            )
        else:
            self.doubted = leaf

    def settle(self, signed_at: datetime) -> None:
        """Check all dates so far against a time at which all these leaves existed."""
        if self.newest > signed_at + SLACK:
            raise_finding(
                f"leaf {self.newest_leaf}", f"dated {self.newest} (UTC), but signed on {signed_at}: dated ahead."
            )
        if self.doubted >= 0:
            raise_finding(
                f"leaf {self.doubted}", f"dated long before {self.newest} (UTC), after which it stands: inserted."
            )
        for announcement in reversed(self.announced):
            if announcement[4]:
                break
            announcement[1], announcement[4] = min(announcement[1], signed_at), True

    def date(self, leaf: int, note: str) -> None:
        """Apply a signed time: it is of all leaves before this one, and later leaves are younger."""
        due = [key for _, key in self.keys.since[-1:]]
        size, root, at = parse_checkpoint(note, due, f"leaf {leaf}")
        if at is None or (size, root) != (self.size, self.root()) or (self.times and at < self.times[-1]):
            raise_finding(f"leaf {leaf}", "its signed time is not of the leaves before it.")
        self.settle(at)
        self.sizes.append(size)
        self.times.append(at)
        if at > self.newest:
            self.newest, self.newest_leaf = at, leaf

    def announce(self, leaf: int, at: datetime, ranges: list[list[int]]) -> None:
        """Add the announcement that these texts were removed, which requires that retention is on."""
        if not self.days:
            raise_finding(f"leaf {leaf}", "it announces that texts went while retention was off.")
        known = [(max(int(first), 0), min(int(last), leaf - 1)) for first, last in ranges]
        self.announced.append([leaf, at, known, self.days, False])

    def removals(self) -> None:
        """Reject a missing text unless a time signed long enough before the removal shows that it was old enough."""
        if self.undated >= 0:
            raise_finding(f"leaf {self.undated}", "not written by the portal: it has no date.")
        why = bytearray(self.gone[-1][1] + 1 if self.gone else 0)
        for _, at, ranges, days, _ in self.announced:
            known = bisect_right(self.times, max(at, datetime(1900, 1, 1)) - timedelta(days) + SLACK)  # noqa: DTZ001
            old = self.sizes[known - 1] if known else 0
            for first, last in ranges:
                for leaf in range(first, min(last + 1, len(why))):
                    why[leaf] = 2 if leaf < old else max(why[leaf], 1)
        for leaf in (leaf for first, last in self.gone for leaf in range(first, last + 1) if why[leaf] < 2):
            if why[leaf]:
                raise_finding(
                    f"leaf {leaf}", "its text went before its retention ended: no signed time shows it a year old."
                )
            raise_finding(f"leaf {leaf}", "its text is gone, and no event that was signed says so.")


def check_log(lines: Iterable[bytes], notes: dict[str, str], keys: Keys) -> str:
    """Return the verdict on a log: every event, from the first one on, is what was signed at each checkpoint."""
    roots = {size_of(note): b"" for note in notes.values()}
    times = {size_of(note): said for note in notes.values() if (said := time_of(note.split("\n")))}
    log, now, remaining = Log(keys, max(roots, default=0)), datetime.now(UTC).replace(tzinfo=None), iter(lines)
    while True:
        stop = min([size - log.size for size in roots if size > log.size] + [BATCH - log.size % BATCH])
        batch = list(islice(remaining, stop))
        if not batch:
            break
        if not log.ordinary(batch):
            log.one_by_one(batch)
        if log.size in roots:
            roots[log.size] = log.root()
            if log.size in times:
                log.settle(min(times[log.size], now))
    log.settle(now)
    heads = {name: parse_checkpoint(note, keys.trusted, name) for name, note in notes.items()}
    for name, (at, root, _) in sorted(heads.items(), key=lambda item: item[1][:2]):
        if at > log.size:
            raise_finding(name, f"of {at} events, but the log ends after {log.size}: its tail was cut.")
        if roots[at] != root:
            raise_finding(name, f"the first {at} events are not those that were signed.")
        parse_checkpoint(notes[name], keys.at(at), name)  # a key that has handed over signs nothing
    log.removals()
    past = f" ({log.retired} of them without text, at the end of its retention)" if log.retired else ""
    return f"YES. {at} events{past} are those that were signed; {log.size - at} newer ones are not covered."


def root_from_proof(node: bytes, leaf: int, size: int, proof: bytes) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2); b'' for a proof that is too short."""
    last = size - 1
    for sibling in map(bytes.fromhex, proof.decode().split(",") if proof else []):
        if leaf & 1 or leaf == last:
            node = sha256(b"\1" + sibling + node).digest()
            while leaf and not leaf & 1:
                leaf, last = leaf >> 1, last >> 1
        else:
            node = sha256(b"\1" + node + sibling).digest()
        leaf, last = leaf >> 1, last >> 1
    return node if last == 0 else b""


def list_entries(file: BinaryIO, pack: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return the files of a pack or a book: exactly those it must contain, each once, in order, and no other byte.

    Every program therefore unpacks what is verified here, whether it reads the directory at the end or the head of each
    file. The portal sends a book while it makes it, so that the sizes of its files stand after them.
    """
    place, position, found = "the pack", 0, pack.infolist()
    is_book, is_old = bool(found) and found[-1].orig_filename == BOOK[-1], len(found) == len(OLD_BOOK)
    pack_names = SIGNED_ENTRIES if len(found) == len(SIGNED_ENTRIES) else ENTRIES
    names: tuple[str, ...] = (OLD_BOOK if is_old else BOOK) if is_book else pack_names
    flags = 8 if is_book else 0
    if tuple(entry.orig_filename for entry in found) != names:
        raise_finding(place, f"it does not hold exactly {', '.join(names)}, each once and in this order.")
    for entry in found:
        begins, sizes = entry.FileHeader(False), (entry.CRC, entry.compress_size, entry.file_size)
        ends = struct.pack("<4s3L", b"PK\7\10", *sizes) if flags else b""
        plain = (entry.flag_bits, entry.extra, entry.comment, entry.external_attr) == (flags, b"", b"", 0o600 << 16)
        around = (
            read_at(file, position, len(begins)),
            read_at(file, position + len(begins) + entry.compress_size, len(ends)),
        )
        if not plain or entry.header_offset != position or around != (begins, ends):
            raise_finding(entry.filename, "its head in the pack and the directory at the end do not say the same.")
        position += len(begins) + entry.compress_size + len(ends)
    if sum(entry.file_size for entry in found) > 1 << 30:
        raise_finding(place, "it is larger than any that the portal makes.")
    length = file.seek(0, io.SEEK_END)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, len(found), len(found), length - 22 - position, position, 0)
    if read_at(file, max(length - 22, 0), 22) != end:
        raise_finding(place, "it holds bytes that belong to none of its files.")
    return found


def read_at(file: BinaryIO, position: int, length: int) -> bytes:
    """Return these bytes of the file."""
    file.seek(position)
    return file.read(length)


def check_zip(file: BinaryIO, keys: Keys, first: Collection[str] | None = None) -> str:
    """Return the verdict on a pack or a book."""
    try:
        with zipfile.ZipFile(file) as pack:
            found = list_entries(file, pack)
            if found[-1].filename == BOOK[-1]:
                return check_book(pack, keys)
            files = {entry.filename: pack.read(entry) for entry in found}
    except (zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError, zlib.error) as error:
        raise_finding("the pack", f"not a pack that the portal made ({type(error).__name__}).")
    return check_pack(files, keys, first)


def read_signed_root(files: dict[str, bytes], keys: Keys) -> tuple[str, int, bytes]:
    """Return the key that signed the checkpoint of a pack, and size and root of the log.

    The announced keys are learnt from key-changes.txt; check_announced_keys() must follow.
    """
    for number, leaf, _, _, text in iter_leaves(files["key-changes.txt"].splitlines(keepends=True)):
        if not text.startswith(KEY_CHANGED):
            raise_finding(f"key-changes.txt, line {number}", "no key is announced here.")
        keys.learn(text, leaf)
    note = files["checkpoint.txt"].decode("utf-8", "replace")
    size, root, _ = parse_checkpoint(note, keys.at(size_of(note)), "checkpoint.txt")
    (key,) = [key for key in keys.at(size) if signed_lines(note, [key], "checkpoint.txt")][:1]
    return key, size, root


def check_announced_keys(files: dict[str, bytes], size: int, root: bytes) -> None:
    """Reject key-changes.txt if the log does not contain one of its events."""
    for number, leaf, node, proof, _ in iter_leaves(files["key-changes.txt"].splitlines(keepends=True)):
        if not 0 <= leaf < size or root_from_proof(node, leaf, size, proof) != root:
            raise_finding(f"key-changes.txt, line {number}, leaf {leaf}", "not in the log that was signed.")


def iter_changes(lines: Iterable[bytes], size: int, root: bytes) -> Iterator[tuple[int, list[str]]]:
    """Yield each change and the texts of its events, from its submission on; reject what the log does not contain."""
    change, texts = 0, list[str]()
    for number, leaf, node, proof, text in iter_leaves(lines):
        place = f"line {number}, leaf {leaf}"
        if not 0 <= leaf < size or root_from_proof(node, leaf, size, proof) != root:
            raise_finding(place, "not in the log that was signed.")
        event = json.loads(text or b"{}")
        stated = event.get("change")
        if texts and event.get("seq") == 1 and isinstance(stated, int) and stated > change:
            yield change, texts
            texts = []
        change = change if texts else stated
        texts.append(text.decode())
        if not isinstance(stated, int) or (stated, event.get("seq")) != (change, len(texts)):
            raise_finding(place, f"event {len(texts)} of change {change} must stand here: missing or misplaced.")
        if len(texts) == 1 and event.get("action") != "change.submitted":
            raise_finding(place, f"change {change} must begin with its submission, which is gone or left out.")
    if not texts:
        raise_finding("events.txt", "it holds no event.")
    yield change, texts


def check_pack(files: dict[str, bytes], keys: Keys, first: Collection[str] | None = None) -> str:
    """Return the verdict on a pack: each event of one change, from its submission on, is in the log that was signed."""
    key, size, root = read_signed_root(files, keys)
    (change, texts), *others = iter_changes(files["events.txt"].splitlines(keepends=True), size, root)
    if others:
        raise_finding("events.txt", "it holds events of more than one change.")
    check_announced_keys(files, size, root)
    key_events = read_key_events(files.get("vote-keys.txt", b""), size, root)
    check_reading(files, key, change, texts, files["checkpoint.txt"].decode("utf-8", "replace"), key_events)
    what = f"The first {len(texts)} events of change {change}, none left out"
    told = tell_approvals([json.loads(text) for text in texts], key_events, key.partition("+")[0], first)
    return f"YES. {what}, are in the log of {size} events.{told}{warn_of_verifier(files)}"


def read_key_events(lines: bytes, size: int, root: bytes) -> list[dict[str, Any]]:
    """Return the events of vote keys in a pack, in the order of the log; reject what the log does not contain."""
    events, last = list[dict[str, Any]](), -1
    for number, leaf, node, proof, text in iter_leaves(lines.splitlines(keepends=True)):
        event = parse_event(text.decode())
        if not (last < leaf < size and root_from_proof(node, leaf, size, proof) == root):
            raise_finding(f"vote-keys.txt, line {number}, leaf {leaf}", "not in the log that was signed.")
        if event.get("action") not in KEY_EVENTS:
            raise_finding(f"vote-keys.txt, line {number}", "no event of a vote key.")
        events.append(event)
        last = leaf
    return events


def tell_approvals(
    events: Iterable[dict[str, Any]], key_events: list[dict[str, Any]], log: str, first: Collection[str] | None
) -> str:
    """Return a line on each approval; reject a false signature and, if the first keys are known, a key that is none."""
    keys, told = read_vote_keys(key_events, first), ""
    requested_by: dict[object, str] = {}
    for event in events:
        if event.get("action") == "change.submitted":
            requested_by = {event.get("change"): str(event.get("actor"))}
        if event.get("action") != "vote.cast" or not isinstance(event.get("data"), dict):
            continue
        try:
            said = tell_signature(event, requested_by.get(event.get("change")), keys, log)
        except NotSigned as error:
            place = f"event {event.get('seq')} of change {event.get('change')}"
            if first is None and isinstance(error, KeyNotCounted):
                said = str(error)
            else:
                raise_finding(place, f"the signature of the vote by {event.get('actor')} does not hold: {error}.")
        if event["data"].get("verdict") == "approve":
            told += f"\nCR-{event.get('change')}: approved by {event.get('actor')}: {said}"
    unchecked = "\nWho confirmed the first vote keys was not checked: name them with --first-keys." if keys else ""
    return told + (unchecked if first is None else "")


def tell_signature(event: dict[str, Any], requested_by: str | None, keys: Mapping[str, ChainedKey], log: str) -> str:
    """Return with which key a vote is signed, or that it is not. Raises NotSigned for a false signature."""
    data = event["data"]
    if not data.get("signature"):
        return "not signed"
    facts = {name: data.get(name) for name in ("revision", "digest", "voter", "verdict", "voted_at")}
    said = {**facts, "change": event.get("change"), "person": event.get("actor"), "reason": data.get("reason") or ""}
    vote = {**said, "voted_at": str(data.get("voted_at")), **({"requested_by": requested_by} if requested_by else {})}
    return describe_key(check_vote(data["signature"], vote, keys, at=str(event.get("at")), log=log))


def read_vote_keys(key_events: list[dict[str, Any]], first: Collection[str] | None) -> dict[str, ChainedKey]:
    """Return the vote keys; if the first keys are not known, as if every enrolled key were one of them."""
    sealed = [(event, True) for event in key_events]
    if first is None:
        first = read_keys(sealed, ()).keys()
    return read_keys(sealed, first)


def check_book(pack: zipfile.ZipFile, keys: Keys) -> str:
    """Return the verdict on a book: each event of each change is in the log that was signed, and each page says so."""
    files = {name: pack.read(name) for name in pack.namelist()[:-2]}
    key, size, root = read_signed_root(files, keys)
    since, until = check_period(files["period.txt"])
    log_events = check_log_events(files.get(BOOK[-3]), (size, root), since, until)
    changes = events = 0
    with pack.open("events.txt") as lines:
        for change, texts in iter_changes(lines, size, root):
            times = [str(parse_event(text).get("at"))[:26] for text in texts]
            if not any(since <= at < until for at in times) or max(times) >= until:
                raise_finding("events.txt", f"change {change} has no event in the period, or one after it.")
            changes, events = changes + 1, events + len(texts)
    check_announced_keys(files, size, root)
    check_common_files(files, key, f"{since[:19]} {until[:19]}", "README of a book")

    def read_changes() -> Iterator[tuple[int, list[str]]]:
        with pack.open("events.txt") as lines:
            yield from iter_changes(lines, size, root)

    with pack.open("book.html") as page:
        for piece in print_book(read_changes, since, until, key, log_events):
            if page.read(len(piece.encode())) != piece.encode():
                raise_finding("book.html", f"it is not made of these events: see near {nearest_words(piece)}.")
        if page.read(1):
            raise_finding("book.html", "it does not end where it should.")
    what = f"The first {events} events of {changes} changes, none left out"
    what += f", and {len(log_events)} of delivery and of the log itself" if log_events else ""
    return f"YES. {what}, are in the log of {size} events.{warn_of_verifier(files)}"


def check_log_events(lines: bytes | None, signed: tuple[int, bytes], since: str, until: str) -> list[str] | None:
    """Return the texts of log-events.txt; None for a book of a release that had no such file."""
    if lines is None:
        return None
    size, root = signed
    texts, last = list[str](), -1
    for number, leaf, node, proof, text in iter_leaves(lines.splitlines(keepends=True)):
        place = f"log-events.txt, line {number}, leaf {leaf}"
        if not last < leaf < size or root_from_proof(node, leaf, size, proof) != root:
            raise_finding(place, "not in the log that was signed, or not in its order.")
        event = parse_event(text.decode())
        if event.get("action") not in LOG_EVENTS or not since <= str(event.get("at"))[:26] < until:
            raise_finding(place, "not an event of delivery or of the log itself in the period.")
        texts.append(text.decode())
        last = leaf
    return texts


def check_period(said: bytes) -> tuple[str, str]:
    """Return beginning and end of a book's period, in the format of event times."""
    lines = said.decode("ascii", "replace").split("\n")
    for line in lines[:2]:
        parse_time(line)
    if len(lines) != 3 or lines[2] or len(lines[0]) != 26 or len(lines[1]) != 26 or lines[0] >= lines[1]:
        raise_finding("period.txt", "not the one that the portal writes.")
    return lines[0], lines[1]


def nearest_words(piece: str) -> str:
    """Return the first words of a piece of a page, to find it by."""
    return " ".join(re.sub(r"<[^>]*>", " ", piece).split()[:8]) or "its end"


def warn_of_verifier(files: dict[str, bytes]) -> str:
    """Return a warning if the verifier in a pack is not this one, else ''."""
    return "" if files["verify_countersign.py"] == Path(__file__).read_bytes() else OTHER_VERIFIER


OTHER_VERIFIER = "\nThe verify_countersign.py in the pack is not this one: do not run it."


def check_reading(
    files: dict[str, bytes], key: str, change: object, texts: list[str], note: str, key_events: list[dict[str, Any]]
) -> None:
    """Reject a pack in which the files that auditors read say anything other than what was verified."""
    page = files["summary.html"].decode("utf-8", "replace")
    made = [print_summary(change, texts, note, key, is_old, key_events) for is_old in (False, True)]
    if page not in made:
        raise_finding("summary.html", "it is not made of these events.")
    check_common_files(files, key, f"CR-{change}", "README.txt")


def check_common_files(files: dict[str, bytes], key: str, about: str, readme: str) -> None:
    """Reject a README, style sheet or key other than those that the portal writes."""
    first, _, rest = files["README.txt"].partition(b"\n\n")
    if first != f"{about}\n{key}".encode() or sha256(rest).hexdigest() not in KNOWN[readme]:
        raise_finding("README.txt", "not the one that the portal writes.")
    if sha256(files["summary.css"]).hexdigest() not in KNOWN["summary.css"]:
        raise_finding("summary.css", "not the one that the portal writes.")
    if files["public-key.txt"] != f"{key}\n".encode():
        raise_finding("public-key.txt", "not the key that signed the checkpoint.")


def print_summary(
    change: object, texts: list[str], note: str, key: str, is_old: bool = False, key_events: Sequence[Any] = ()
) -> str:
    """Return the page for auditors. Packs are compared with it byte for byte: if it changes, earlier packs fail.

    `is_old`: as a pack from before the current words has it. `key_events`: events of vote keys, if a vote is signed.
    """
    events = [parse_event(text) for text in texts]
    told = "".join(f"<li>{shown_as(sentence)}</li>\n" for sentence in change_sentences(events, is_old=is_old))
    annex = "".join(read_part(number, text) for number, text in enumerate(texts, 1))
    body = f"<ol>\n{told}</ol>\n{field_table(events)}{vote_table(events)}{call_table(events)}"
    body += signature_table(events, list(key_events), key.partition("+")[0]) if key_events else ""
    demo = DEMO_MARK if is_demo_log(key) else ""
    head = HEAD.format(f"Evidence of CR-{change}", demo)
    return PAGE.format(head, body, annex, shown_as(note), shown_as(key))


DEMO_MARK = "<p><strong>Demo: not evidence of a real approval.</strong></p>\n"


def is_demo_log(key: str) -> bool:
    """Return whether the public key belongs to the log of a demo, which its name says."""
    name = key.partition("+")[0]
    return name.startswith("demo.") and name.endswith("/countersign-demo")


def parse_event(text: str) -> dict[str, Any]:
    """Return the fields of an event; {} for a text that the portal did not write."""
    try:
        event = json.loads(text)
        return event if isinstance(event, dict) and isinstance(event["data"], dict) and event["action"] else {}
    except (ValueError, KeyError, TypeError):
        return {}


gettext_noop = str  # marks the sentences for the translation on the portal's page; in a pack they are in English
VERDICTS = {
    "approve": gettext_noop("%(who)s approved revision %(revision)s on %(at)s."),
    "reject": gettext_noop("%(who)s rejected revision %(revision)s on %(at)s."),
    "request_changes": gettext_noop("%(who)s requested changes to revision %(revision)s on %(at)s."),
}
ENDS = {
    "change.applied": gettext_noop("The change was applied on %(at)s."),
    "change.failed": gettext_noop("The change failed on %(at)s."),
    "change.stale": gettext_noop("The change was out of date on %(at)s: the secret no longer matched its base."),
    "change.in_doubt": gettext_noop("The outcome was unknown on %(at)s."),
    "change.escalated": gettext_noop("The change needed an administrator on %(at)s."),
    "change.resolved": gettext_noop("%(who)s resolved the change manually on %(at)s."),
    "change.rejected": gettext_noop("The change was rejected on %(at)s."),
    "change.withdrawn": gettext_noop("%(who)s withdrew the change on %(at)s."),
    "change.expired": gettext_noop("The change expired on %(at)s."),
}
PROPOSED = ("change.submitted", "change.revised")
SHARES = ("users_allowed", "groups_allowed")


def change_sentences(
    events: list[dict[str, Any]], translate: Callable[[str], str] = str, is_old: bool = False
) -> list[str]:
    """Return what happened to one change in a few sentences, from its events. The portal's page shows the same.

    `is_old`: in the words of packs and books that were made before the current ones.
    """
    told = [(text, values) for event in events for text, values in submission_sentences(event)][:2]
    if any(event.get("action") == "change.revised" for event in events):
        number = max(int(e["data"].get("revision") or 1) for e in events if e.get("action") in PROPOSED)
        told.append((gettext_noop("It was revised; the last revision is number %(revision)s."), {"revision": number}))
    told += [
        (VERDICTS[event["data"]["verdict"]], {"revision": event["data"].get("revision", 1), **actor_and_time(event)})
        for event in current_votes(events)
    ]
    told.append(sent_sentence(events, is_old))
    ended = [event for event in events if event.get("action") in ENDS]
    if ended:
        told.append((ENDS[ended[-1]["action"]], actor_and_time(ended[-1])))
    if ended and ended[-1]["action"] == "change.applied":
        seen = ended[-1]["data"].get("cause") == "read_back"
        told.append((READ_BACK if seen else NOT_READ_BACK, {}))
    return [translate(text) % values for text, values in told]


READ_BACK = gettext_noop("The secret was read back and has the proposed values.")
NOT_READ_BACK = gettext_noop("The secret was not read back.")
NOT_SENT = gettext_noop("No call to change the secret is on record.")
SENT = gettext_noop("Countersign announced %(calls)s calls to change the secret; the last answer is HTTP %(code)s.")
SENT_1 = gettext_noop("Countersign announced 1 call to change the secret; the last answer is HTTP %(code)s.")
SENT_ONCE = gettext_noop("Countersign sent it once; Segura answered %(code)s.")
SENT_UNANSWERED = gettext_noop("Countersign announced %(calls)s calls to change the secret; no answer is on record.")
SENT_1_UNANSWERED = gettext_noop("Countersign announced 1 call to change the secret; no answer is on record.")
SINGULARS = {SENT: SENT_1, SENT_UNANSWERED: SENT_1_UNANSWERED}


def submission_sentences(event: dict[str, Any]) -> Iterator[tuple[str, dict[str, object]]]:
    """Yield what a submission asked for, and its reason."""
    if event.get("action") != "change.submitted":
        return
    data = event["data"]
    fields = ", ".join(list_words(str(name)) for name in data.get("fields") or data.get("patch") or ())
    name = data.get("secret_name") or "?"
    asked = gettext_noop("%(who)s asked on %(at)s to change secret %(secret)s (%(name)s): %(fields)s.")
    yield asked, {**actor_and_time(event), "secret": event.get("secret"), "name": name, "fields": fields or "?"}
    yield gettext_noop("Reason: %(reason)s"), {"reason": data.get("reason") or "?"}


def sent_sentence(events: list[dict[str, Any]], is_old: bool = False) -> tuple[str, dict[str, object]]:
    """Return how often the change was sent and the last answer; in the words of earlier packs if `is_old`."""
    calls = sum(event.get("action") == "delivery.intended" for event in events)
    codes = [event.get("http_status") for event in events if event.get("action") == "delivery.answered"]
    if not calls and not codes:
        return NOT_SENT, {}
    if calls == 1 and len(codes) == 1 and codes[0] is not None:
        return SENT_ONCE, {"code": codes[0]}
    text = SENT_UNANSWERED if not codes or codes[-1] is None else SENT
    return SINGULARS[text] if calls == 1 and not is_old else text, {"calls": calls, "code": codes[-1] if codes else ""}


def current_votes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the votes since the change was submitted or last revised."""
    votes: list[dict[str, Any]] = []
    for event in events:
        if event.get("action") in PROPOSED:
            votes = []
        elif event.get("action") == "vote.cast" and event["data"].get("verdict") in VERDICTS:
            votes.append(event)
    return votes


def actor_and_time(event: dict[str, Any]) -> dict[str, object]:
    """Return the acting user and the minute of an event, for a sentence."""
    at = str(event.get("at", ""))
    return {"who": event.get("actor") or "Countersign", "at": f"{at[:10]} {at[11:16]} UTC"}


def field_table(events: list[dict[str, Any]], level: str = "h2") -> str:
    """Return the fields of the last proposal before and after, as HTML."""
    proposals = [event["data"] for event in events if event.get("action") in PROPOSED]
    if not proposals:
        return ""
    data = proposals[-1]
    patch, base = (value if isinstance(value, dict) else None for value in (data.get("patch"), data.get("base")))
    rows = []
    for field in data.get("fields") or patch or ():
        before = (
            "not known"
            if base is None
            else plain_value(field, base.get(field))
            if field in (patch or {})
            else "not shown"
        )
        after = plain_value(field, patch[field]) if patch and field in patch else "new value set, not shown"
        rows.append((list_words(str(field)), before, after))
    return html_table("What changes", ("Field", "Before", "After"), rows, level)


def vote_table(events: list[dict[str, Any]], level: str = "h2") -> str:
    """Return the votes that count, and how many approvals were required, as HTML."""
    required = [e["data"]["policy"] for e in events if e.get("action") in PROPOSED and e["data"].get("policy")]
    number = required[-1].get("required", "?") if required and isinstance(required[-1], dict) else "?"
    rows = []
    for vote in current_votes(events):
        said, cast = actor_and_time(vote), vote["data"]
        rows.append((str(said["at"]), str(said["who"]), list_words(cast["verdict"]), str(cast.get("reason") or "")))
    title = f"Votes ({number} approval{'' if number == 1 else 's'} required)"
    return html_table(title, ("Time", "Person", "Vote", "Comment"), rows, level)


def signature_table(events: list[dict[str, Any]], key_events: list[dict[str, Any]], log: str) -> str:
    """Return with which vote key each vote is signed, as HTML."""
    keys, requested_by, rows = read_vote_keys(key_events, None), str(events[0].get("actor")), []
    for event in events:
        if event.get("action") != "vote.cast":
            continue
        said = actor_and_time(event)
        try:
            told = tell_signature(event, requested_by, keys, log)
        except NotSigned as error:
            told = f"FALSE: {error}"
        rows.append((str(said["at"]), str(said["who"]), told))
    return html_table("Signatures of votes", ("Time", "Person", "Signature"), rows)


def call_table(events: list[dict[str, Any]], level: str = "h2") -> str:
    """Return the calls that were to change the secret, with their results, as HTML."""
    rows = []
    for event in events:
        if event.get("action") == "delivery.answered":
            said, code = event["data"], str(event.get("http_status") or "no answer")
            outcome = list_words(str(said.get("outcome", "")))
            rows.append((str(actor_and_time(event)["at"]), code, outcome, str(said.get("message") or "")))
    return html_table("Calls to Segura", ("Time", "HTTP status", "Outcome", "Message"), rows, level)


def plain_value(field: str, value: object) -> str:
    """Return a value of a field as text: access lists as names with their right."""
    if field in SHARES and isinstance(value, list):
        rights = [
            f"{pair[0]} (can {'edit' if pair[1] else 'view'})"
            for pair in value
            if isinstance(pair, list) and len(pair) == 2
        ]
        return ", ".join(rights) or "empty"
    return str(value) if value not in (None, "", []) else "empty"


def html_table(title: str, heads: tuple[str, ...], rows: Sequence[tuple[str, ...]], level: str = "h2") -> str:
    """Return a table as HTML; '' without rows."""
    return "".join(table_pieces(title, heads, rows, level)) if rows else ""


def table_pieces(title: str, heads: tuple[str, ...], rows: Iterable[tuple[str, ...]], level: str) -> Iterator[str]:
    """Yield a table as HTML, a row at a time."""
    head = "".join(f'<th scope="col">{head}</th>' for head in heads)
    first = next(rows := iter(rows), None)
    if first is None:
        yield f"<{level}>{title}</{level}>\n<p>None.</p>\n"
        return
    yield f"<{level}>{title}</{level}>\n<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n"
    for row in chain([first], rows):
        yield "<tr>" + "".join(f"<td>{shown_as(cell)}</td>" for cell in row) + "</tr>\n"
    yield "</tbody>\n</table>\n"


def read_part(number: int, text: str) -> str:
    """Return an event as HTML, followed by the text that was sealed."""
    try:
        event = json.loads(text)
        title, who = list_words(event["action"]), event["actor"] or "Countersign"
        rows = [("Time (UTC)", event["at"]), ("Person", who), ("Address", event["address"] or None)]
        rows += [("API secret", event["secret"]), ("HTTP status", event["http_status"]), *read_facts(event["data"])]
    except (ValueError, KeyError, TypeError, AttributeError):
        title, rows = "Not written by Countersign", []
    told = [f"<dt>{shown_as(name)}</dt><dd>{shown_as(value)}</dd>\n" for name, value in rows if value is not None]
    return f"<h3>{number}. {shown_as(title)}</h3>\n<dl>\n{''.join(told)}</dl>\n<pre>{shown_as(text)}</pre>\n"


HEAD = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src file:">
<title>{0}</title>
<link rel="stylesheet" href="summary.css">
<main>
<header><p class="eyebrow">Evidence from the audit log</p><h1>{0}</h1>
<p>verify_countersign.py compares this page with the events. README.txt says how.</p>{1}</header>
"""
PAGE = """{0}{1}<details>
<summary>Annex: every event as it was sealed, and the checkpoint</summary>
{2}<h3>Checkpoint</h3>
<pre>{3}</pre>
<p><code>{4}</code></p>
</details>
</main>
"""

COUNTS = {
    "change.submitted": "Changes proposed",
    "change.approved": "Changes approved",
    "change.rejected": "Changes rejected",
    "change.withdrawn": "Changes withdrawn",
    "change.expired": "Changes expired",
    "delivery.intended": "Calls to change a secret",
    "change.applied": "Changes applied",
    "change.failed": "Changes failed",
    "change.stale": "Changes out of date",
    "change.in_doubt": "Outcome became unknown",
    "change.escalated": "Needed an administrator",
    "change.resolved": "Resolved manually",
    "vote.refused": "Votes refused",
}
EXCEPTIONS = ("change.failed", "change.in_doubt", "change.escalated", "change.resolved", "change.retried",
              "vote.refused", "vote.voided", "delivery.claim_lost")  # fmt: skip
PAUSES = {
    "delivery.paused": "Paused after failed calls",
    "delivery.resumed": "Resumed after a call got through",
    "delivery.paused_by_operator": "Paused by an administrator",
    "delivery.resumed_by_operator": "Resumed by an administrator",
}
REMOVALS = {
    "audit.pruned": "Events removed at the end of their retention",
    "audit.retention_changed": "Retention of the log changed",
    "audit.restored": "Database restored from a backup",
}
LOG_EVENTS = (*PAUSES, *REMOVALS, "audit.dated")  # the events without a change that a book holds
LIMITS = """<h2>What this book cannot show</h2>
<ul>
{0}<li>Whether a change of the period was left out as a whole. A sealed log, verified against a checkpoint that was kept
elsewhere, shows every event.</li>
<li>Changes whose events were removed at the end of their retention, before the book was made.</li>
<li>Edits made directly in Segura: only what Countersign read is on record.</li>
<li>What happened to these changes after the end of the period.</li>
</ul>
</main>
"""
LEFT_OUT = """<li>Whether a pause of delivery, a removal of events or a signed time of the log was left out.</li>
"""
Changes = Callable[[], Iterable[tuple[int, list[str]]]]
"""Reader of each change of a book and the texts of its events; called once for each part of the book."""


def print_book(read_changes: Changes, since: str, until: str, key: str, log_events: list[str] | None) -> Iterator[str]:
    """Yield the book of a period, a change at a time. Books are compared with it byte for byte.

    `log_events`: texts of the events of LOG_EVENTS in the period, in the order of the log; None for a book of a release
    that did not hold them, which has no section on them and the words of that time.
    """

    def happened() -> Iterator[tuple[int, list[dict[str, Any]], dict[str, Any]]]:
        for change, texts in read_changes():
            events = [parse_event(text) for text in texts]
            yield from ((change, events, event) for event in events if since <= str(event.get("at"))[:26] < until)

    yield HEAD.format("Evidence book", DEMO_MARK if is_demo_log(key) else "")
    yield f"<p>From {since[:10]} {since[11:19]} UTC to {until[:10]} {until[11:19]} UTC, end excluded.</p>\n"
    numbers = dict.fromkeys(COUNTS, 0)
    for _, _, event in happened():
        if event["action"] in numbers:
            numbers[event["action"]] += 1
    counted = [(label, str(numbers[action])) for action, label in COUNTS.items()]
    yield html_table("In this period", ("What", "Number"), counted)
    exceptions = (exception_row(change, event) for change, _, event in happened() if event["action"] in EXCEPTIONS)
    yield from table_pieces("Exceptions", ("Change", "Time", "Event", "Person"), exceptions, "h2")
    applied = ((change, events, event) for change, events, event in happened() if event["action"] == "change.applied")
    access = (row for change, events, event in applied for row in access_rows(change, events, event))
    heads = ("Change", "Applied", "Secret", "Person or group", "Before", "After")
    yield from table_pieces("Access granted and removed", heads, access, "h2")
    if log_events is not None:
        begun = min((str(event["at"])[:26] for _, _, event in happened()), default=since)
        yield from print_gaps([parse_event(text) for text in log_events], begun, until)
        moved = (edit_row(change, event) for change, _, event in happened() if is_outside_edit(event))
        yield from table_pieces("Changes stopped by an edit outside Countersign", EDIT_HEADS, moved, "h2")
    for change, texts in read_changes():
        yield print_section(change, [parse_event(text) for text in texts], is_old=log_events is None)
    yield LIMITS.format("" if log_events is None else LEFT_OUT)


EDIT_HEADS = ("Change", "Time", "Secret")


def is_outside_edit(event: dict[str, Any]) -> bool:
    """Return whether delivery found values in Segura that neither approvers saw nor Countersign sent."""
    return bool(event["action"] == "change.stale" and event["data"].get("cause") == "base_moved")


def edit_row(change: int, event: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of a change that was stopped because the secret was edited directly in Segura."""
    return link_change(change), str(actor_and_time(event)["at"]), str(event.get("secret"))


def print_gaps(events: list[dict[str, Any]], since: str, until: str) -> Iterator[str]:
    """Yield the pauses of delivery, the removals of events, and the longest time without a signed time of the log."""
    pauses = (log_row(event, PAUSES, "reason") for event in events if event.get("action") in PAUSES)
    yield from table_pieces("Pauses of delivery", ("Time", "Event", "Person", "Reason"), pauses, "h2")
    removals = (log_row(event, REMOVALS, "count", "days") for event in events if event.get("action") in REMOVALS)
    yield from table_pieces("Removed events", ("Time", "Event", "Person", "Events or days"), removals, "h2")
    dated = sorted(str(event["at"])[:26] for event in events if event.get("action") == "audit.dated")
    times = [min([since, *dated]), *dated, until]
    spans = zip(times, times[1:])  # noqa: RUF007 - Python 3.9 has no pairwise
    start, end = max(spans, key=lambda span: parse_time(span[1]) - parse_time(span[0]))
    hours = (parse_time(end) - parse_time(start)) // timedelta(hours=1)
    yield GAP.format(len(dated), hours, *(f"{at[:10]} {at[11:16]} UTC" for at in (start, end)))


GAP = """<h2>Signed times of the log</h2>
<p>Signed times in this period: {0}. The longest time without one: {1} h, from {2} to {3}. Within that time the dates of
events rest on the clock of the portal alone.</p>
"""


def parse_time(text: str) -> datetime:
    """Return the time (UTC) that a text states in the format of event times."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f")  # noqa: DTZ007 - UTC, as all here


def log_row(event: dict[str, Any], labels: dict[str, str], *names: str) -> tuple[str, ...]:
    """Return the cells of an event of delivery or of the log itself, with the first of these data that it has."""
    said = actor_and_time(event)
    told = next((str(event["data"][name]) for name in names if name in event["data"]), "")
    return str(said["at"]), labels[event["action"]], str(said["who"]), told


def print_section(change: int, events: list[dict[str, Any]], is_old: bool = False) -> str:
    """Return one change of a book; in the words of earlier books if `is_old`."""
    told = "".join(f"<li>{shown_as(sentence)}</li>\n" for sentence in change_sentences(events, is_old=is_old))
    tables = field_table(events, "h3") + vote_table(events, "h3") + call_table(events, "h3")
    return f'<section id="CR-{change}">\n<h2>CR-{change}</h2>\n<ol>\n{told}</ol>\n{tables}</section>\n'


def link_change(change: int) -> Html:
    return Html(f'<a href="#CR-{change}">CR-{change}</a>')


def exception_row(change: int, event: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of an exception."""
    said = actor_and_time(event)
    return link_change(change), str(said["at"]), list_words(event["action"]), str(said["who"])


def access_rows(change: int, events: list[dict[str, Any]], applied: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each person or group whose right an applied change was to grant, change or remove."""
    data = [event["data"] for event in events if event.get("action") in PROPOSED][-1]
    patch, base = (value if isinstance(value, dict) else {} for value in (data.get("patch"), data.get("base")))
    for field in SHARES:
        if not isinstance(patch.get(field), list):
            continue
        before, after = (
            {str(pair[0]): bool(pair[1]) for pair in shares.get(field) or () if isinstance(pair, list)}
            for shares in (base, patch)
        )
        for name in sorted({*before, *after}):
            rights = [("no access" if right is None else "can edit" if right else "can view")
                      for right in (before.get(name), after.get(name))]  # fmt: skip
            if rights[0] != rights[1]:
                at = str(actor_and_time(applied)["at"])
                yield link_change(change), at, str(events[0].get("secret")), name, *rights


def read_facts(data: dict[str, Any]) -> Iterator[tuple[str, object]]:
    """Yield the data of an event by name; for an edit, each field with its value before and after."""
    patch, base = data.get("patch"), data.get("base")
    if isinstance(patch, dict):
        for field in data.get("fields") or patch:
            before = base.get(field) if isinstance(base, dict) else "not known"
            after = patch.get(field, "new value set, not shown")
            if isinstance(base, dict) and field in patch:
                before, after = mark_values(field, before, after)
            yield f"{list_words(field)} before", before if field in patch else "not shown"
            yield f"{list_words(field)} after", after
    for name, value in data.items():
        if name not in ("patch", "base", "fields") or not isinstance(patch, dict):
            yield list_words(name), value


class Html(str):
    """Text that is HTML already."""


def mark_values(field: str, old: object, new: object) -> tuple[object, object]:
    """Return both values of a field; two texts as HTML with what differs in <mark>, as on the portal's pages."""
    if not (isinstance(old, str) and isinstance(new, str) and old and new):
        return old, new
    blocks = mark_lines(old, new) if field == "notes" else [mark_texts(field, old, new)]
    sides = ([block[side] for block in blocks if block[side]] for side in (0, 1))
    before, after = ("\n".join("".join(map(mark_run, runs)) for runs in side) for side in sides)
    return Html(before), Html(after)


def mark_run(run: Run) -> str:
    text = shown_as(run[0])
    return f"<mark>{text}</mark>" if run[1] else text


def list_words(name: str) -> str:
    """Return a name of the log as readable words."""
    return name.replace(".", " ").replace("_", " ").capitalize()


def shown_as(value: object) -> str:
    """Return any value as HTML; invisible characters are written as JSON escapes."""
    if isinstance(value, Html):
        return value
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return html.escape(UNSEEN.sub(lambda found: json.dumps(found[0])[1:-1], text))


UNSEEN = re.compile(  # the same in every version of Python
    "[\\x00-\\x09\\x0b-\\x1f\\x7f-\\xa0\\xad\\u034f\\u061c\\u115f\\u1160\\u17b4\\u17b5\\u180b-\\u180f\\u2000-\\u200f\\u2028-\\u202f"
    "\\u205f-\\u206f\\u2800\\u3000\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0\\ufff0-\\ufffb\\ud800-\\udfff\\U000e0000-\\U000e0fff]"
)


# Copy of portal/common/text_marks.py, so that the summary marks the same parts as the portal's pages.
Run = tuple[str, bool]
"""Part of a text, and whether it differs."""
Change = tuple[int, int, int, int]
"""Range of items that differ: start and end in the old sequence, start and end in the new one."""

MAX_STEPS = 25_000  # about 10 ms; a pair of texts that needs more is marked from its first to its last difference
LONG_TOKEN = 16  # characters; of a longer token only the part that differs is marked
URL = re.compile(r"(?s)(?:([^:/?#]*)(://))?(?:([^/?#]*)(@))?([^/?#]*)([^?#]*)([^#]*)(.*)")
URL_ROLES = (("scheme", ""), ("scheme", ""), ("user", ""), ("user", ""), ("host", r"([.:]|\s+)"), ("path", r"(/|\s+)"),
             ("query", r"([?&=]|\s+)"), ("fragment", ""))  # fmt: skip
TAGS = re.compile(r"(?s)[^,]+|,")
WORDS = re.compile(r"(?s)\n|[^\S\n]+|(?:\w[\u0300-\u036f]*)+|.")
LETTERS = re.compile(r"(?s)(?:[^\W\d_][\u0300-\u036f]*)+|\d+|.")


def mark_lines(old: str, new: str) -> list[tuple[list[Run], list[Run]]]:
    """Return blocks of whole lines, old and new, without their last line end; [] on a side without lines.

    In a block of lines that stay both sides are the same list.
    """
    before, after = old.split("\n"), new.split("\n")
    changes = find_changes(before, after, MAX_STEPS // 2)
    blocks: list[tuple[list[Run], list[Run]]] = []
    at = 0
    for start, end, new_start, new_end in [*changes, (len(before), len(before), len(after), len(after))]:
        if start > at:
            kept = [("\n".join(before[at:start]), False)]
            blocks.append((kept, kept))
        removed, added = "\n".join(before[start:end]), "\n".join(after[new_start:new_end])
        if end > start and new_end > new_start:
            blocks.append(mark_texts("notes", removed, added, MAX_STEPS // 2 // len(changes)))
        elif end > start or new_end > new_start:
            blocks.append(([(removed, True)][: end - start], [(added, True)][: new_end - new_start]))
        at = end
    return blocks


def mark_texts(field: str, old: str, new: str, steps: int = MAX_STEPS) -> tuple[list[Run], list[Run]]:
    """Return both texts in runs; the name of the field says what its tokens are."""
    before, after = split_tokens(field, old), split_tokens(field, new)
    if field == "tags" and (marked := mark_tags(before, after)):
        return marked
    changes = find_changes(before, after, steps)
    if field != "url" and field != "tags":
        changes = join_changes(before, after, changes)
    runs: tuple[list[Run], list[Run]] = ([], [])
    at = 0
    for start, end, new_start, new_end in changes:
        removed, added = join_tokens(before[start:end]), join_tokens(after[new_start:new_end])
        single = end - start == 1 == new_end - new_start and min(len(removed), len(added)) >= LONG_TOKEN
        head, tail = shared_ends(removed, added) if single or field not in ("url", "tags", "notes") else (0, 0)
        for side, text in zip(runs, (removed, added)):
            side += [(join_tokens(before[at:start]), False), (text[:head], False)]
            side += [(text[head : len(text) - tail], True), (text[len(text) - tail :], False)]
        at = end
    for side in runs:
        side.append((join_tokens(before[at:]), False))
    return join_runs(runs[0]), join_runs(runs[1])


def split_tokens(field: str, text: str) -> list[tuple[str, str]]:
    """Return the tokens of a text, each with its role: a host label is no path segment of the same letters."""
    if field == "url":
        parts = zip(URL_ROLES, URL.fullmatch(text).groups())  # type: ignore[union-attr]
        split = [(role, re.split(breaks, part) if breaks else [part]) for (role, breaks), part in parts if part]
        return [(role, token) for role, tokens in split for token in tokens if token]
    pattern = {"tags": TAGS, "notes": WORDS}.get(field, LETTERS)
    return [("", token) for token in pattern.findall(text)]


def mark_tags(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> tuple[list[Run], list[Run]] | None:
    """Return lists of tags with the removed and the added ones marked; None if both have the same tags."""
    old, new = ({token.strip() for _, token in tokens} | {","} for tokens in (before, after))
    if old == new:
        return None
    sides = ((before, new), (after, old))
    marked = [[part for _, token in tokens for part in mark_tag(token, token.strip() not in other)]
              for tokens, other in sides]  # fmt: skip
    return join_runs(marked[0]), join_runs(marked[1])


def mark_tag(token: str, differs: bool) -> list[Run]:
    """Return a tag as runs; the spaces around it are never marked."""
    tag = token.strip()
    start = token.index(tag)
    return [(token[:start], False), (tag, differs), (token[start + len(tag) :], False)]


def find_changes(old: Sequence[Any], new: Sequence[Any], steps: int) -> list[Change]:
    """Return the ranges that differ; one range for all of them if finding more takes too many steps."""
    head, tail = shared_ends(old, new, least=0)
    end, new_end = len(old) - tail, len(new) - tail
    changes, at, new_at = [], head, head
    runs = find_common_runs(old[head:end], new[head:new_end], steps)
    for start, new_start, length in [*runs, (end - head, new_end - head, 0)]:
        if (at, new_at) != (start + head, new_start + head):
            changes.append((at, start + head, new_at, new_start + head))
        at, new_at = start + head + length, new_start + head + length
    return changes


def find_common_runs(old: Sequence[Any], new: Sequence[Any], steps: int) -> list[tuple[int, int, int]]:
    """Return runs of equal items as (start in old, start in new, length), of a shortest edit script (Myers, 1986).

    Return no run if that takes too many steps.
    """
    furthest: dict[int, tuple[int, Any]] = {1: (0, None)}  # by diagonal: place in old, and the runs that led there
    for edits in range(len(old) + len(new) + 1):
        for diagonal in range(-edits, edits + 1, 2):
            down = diagonal == -edits or (diagonal != edits and furthest[diagonal - 1][0] < furthest[diagonal + 1][0])
            at, runs = furthest[diagonal + 1] if down else furthest[diagonal - 1]
            start = at = at if down else at + 1
            while at < len(old) and at - diagonal < len(new) and old[at] == new[at - diagonal]:
                at += 1
            if at > start:
                runs = ((start, start - diagonal, at - start), runs)
            if at >= len(old) and diagonal == len(old) - len(new):
                return unlink_runs(runs)
            furthest[diagonal] = at, runs
            steps -= 1 + at - start
        if steps < 0:
            break
    return []


def unlink_runs(runs: Any) -> list[tuple[int, int, int]]:
    """Return a linked list of runs, the last one first, in order."""
    found = []
    while runs:
        run, runs = runs
        found.append(run)
    return found[::-1]


def join_changes(before: list[tuple[str, str]], after: list[tuple[str, str]], changes: list[Change]) -> list[Change]:
    """Join changes that only spaces part, and all of them if the texts have little in common.

    Scattered letters that happen to be the same would otherwise look as if they were meant to stay.
    """
    joined: list[Change] = []
    for change in changes:
        if joined and join_tokens(before[joined[-1][1] : change[0]]).isspace():
            change = (joined[-1][0], change[1], joined[-1][2], change[3])
            joined.pop()
        joined.append(change)
    if len(joined) < 2:
        return joined
    first, last = joined[0], joined[-1]
    lengths = [len(join_tokens(tokens)) for tokens in (before[first[0] : last[1]], after[first[2] : last[3]])]
    differing = [sum(len(join_tokens(tokens[change[side] : change[side + 1]])) for change in joined)
                 for side, tokens in ((0, before), (2, after))]  # fmt: skip
    if max(lengths) > 3 * (lengths[0] - differing[0]):
        return [(first[0], last[1], first[2], last[3])]
    return joined


def shared_ends(old: Sequence[Any], new: Sequence[Any], least: float = 0.5) -> tuple[int, int]:
    """Return how many items both have in common at the start and at the end; 0, 0 if it is too small a share.

    An accent stays with its letter.
    """
    most = min(len(old), len(new))
    head = next((place for place in range(most) if old[place] != new[place]), most)
    rest = most - head
    tail = next((place for place in range(rest) if old[-1 - place] != new[-1 - place]), rest)
    while head and any("\u0300" <= side[head] <= "\u036f" for side in (old, new) if type(side) is str and side[head:]):
        head -= 1
    while tail and type(old) is str and "\u0300" <= old[-tail] <= "\u036f":
        tail -= 1
    return (head, tail) if head + tail >= least * max(len(old), len(new)) else (0, 0)


def join_tokens(tokens: Sequence[tuple[str, str]]) -> str:
    return "".join(token for _, token in tokens)


def join_runs(runs: Sequence[Run]) -> list[Run]:
    """Return the runs without empty ones, neighbours of one kind joined."""
    joined: list[Run] = []
    for text, differs in runs:
        if text and joined and joined[-1][1] == differs:
            joined[-1] = (joined[-1][0] + text, differs)
        elif text:
            joined.append((text, differs))
    return joined


# End of the copy.


# Copy of portal/common/vote_signatures.py: the check that web process and worker make.
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


# End of the copy of vote_signatures.py.


def first_keys_in(path: Path) -> frozenset[str]:
    """Return the fingerprints of the first vote keys: the first word of each line. Raises ValueError for none."""
    found = [line.split()[0] for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not found or not all(re.fullmatch("[0-9a-f]{64}", word) for word in found):
        raise ValueError
    return frozenset(found)


def key_in(path: Path) -> str:
    """Return the public key in a file: name+id+base64, on a line of its own. Raises ValueError."""
    key = path.read_text("utf-8").strip()
    name, _, rest = key.partition("+")
    stated, _, encoded = rest.partition("+")
    raw = b64decode(encoded, validate=True)
    if len(raw) != 33 or sha256(f"{name}\n".encode() + raw).hexdigest()[:8] != stated or raw[0] != 1:
        raise ValueError
    return key


def main() -> str:
    """Return the verdict on the files that the command line names."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", nargs="+")
    options.add_argument("--key", action="append", required=True)
    options.add_argument("--first-keys")
    given = options.parse_args()
    if not all([*given.file, *given.key]):
        options.error("an argument is empty: a file that was to be named is not")
    try:
        keys = Keys([key_in(Path(name)) for name in given.key])
    except ValueError:
        options.error("--key: not the public key of a log (one line: name+id+base64)")
    vote_keys = read_first_keys(options, given.first_keys)
    if any(map(is_demo_log, keys.trusted)):
        print("DEMO LOG: no event in it is evidence of a real approval.", flush=True)
    with Path(given.file[0]).open("rb") as file:
        first = file.read(24)
    if first.startswith(b"PK\3\4"):
        if len(given.file) > 1:
            options.error("a pack is verified alone: it holds its checkpoint")
        with Path(given.file[0]).open("rb") as file:
            return check_zip(file, keys, vote_keys)
    if not re.match(rb"\d+\t", first):
        options.error(f"{given.file[0]}: neither an evidence pack nor a sealed log")
    if len(given.file) == 1:
        options.error("a sealed log is verified against a checkpoint: name one")
    try:
        notes = {name: Path(name).read_text("utf-8") for name in given.file[1:]}
    except UnicodeDecodeError:
        options.error("a checkpoint is not a text file")
    if len(notes) < len(given.file) - 1:
        options.error("a checkpoint is named twice")
    with Path(given.file[0]).open("rb") as log:
        verdict = check_log(log, notes, keys)
    return verdict + check_log_votes(Path(given.file[0]), keys.trusted[0].partition("+")[0], vote_keys)


def read_first_keys(options: argparse.ArgumentParser, file: str | None) -> frozenset[str] | None:
    """Return the fingerprints of the first vote keys, None if no file is named."""
    try:
        return None if file is None else first_keys_in(Path(file))
    except ValueError:
        options.error("--first-keys: not a list of first vote keys, with a fingerprint of 64 digits on each line")


def check_log_votes(path: Path, log: str, first: Collection[str] | None) -> str:
    """Return a line on each approval of a whole log, which check_log() has accepted; '' without the first keys."""
    if first is None:
        return ""
    key_events, others = list[dict[str, Any]](), list[dict[str, Any]]()
    with path.open("rb") as lines:
        for line in lines:
            text = line.rstrip(b"\n").split(b"\t", 3)[3]
            if text.startswith((b'{"action":"vote_key.', b'{"action":"vote.cast"', b'{"action":"change.submitted"')):
                event = json.loads(text)
                (key_events if event.get("action") in KEY_EVENTS else others).append(event)
    return tell_approvals(in_changes(others), key_events, log, first)


def in_changes(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return events by change, and within a change in their order."""
    return sorted(events, key=lambda event: (event.get("change") or 0, event.get("seq") or 0))


if __name__ == "__main__":
    gc.disable()  # there are no reference cycles, and looking for them takes a tenth of the time
    try:
        print(main())
    except OSError as error:
        print(f"{error.filename} cannot be read: {error.strerror}", file=sys.stderr)
        raise SystemExit(2) from None
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise SystemExit(f"NO. It is not what the portal writes ({type(error).__name__}).") from None
