"""Verifies what came out of a Countersign audit log: no server, no other file; Python 3.9 and `cryptography` suffice.

    python3 verify_countersign.py evidence.zip --key public-key.txt
    python3 verify_countersign.py sealed-log.txt checkpoint.txt [other-checkpoint.txt ...] --key public-key.txt

The key is the one you were given, not one from the same hand as the evidence; a key it has handed over to in the log
is trusted like it, and --key may be repeated. The first place that is wrong is named, with exit code 1; exit code 0
means that everything holds.
"""

# ruff: noqa: B905 - Python 3.9 knows no strict zip
from __future__ import annotations

import argparse
import gc
import json
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, timezone
from functools import reduce
from hashlib import sha256
from itertools import accumulate, islice
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

UTC = timezone.utc  # noqa: UP017 - Python 3.9 has no other name for it
KEY_CHANGED = b'{"action":"audit.key_changed"'
PRUNED = b'{"action":"audit.pruned"'
RARE = {b"", PRUNED, KEY_CHANGED[: len(PRUNED)]}  # how the texts begin that mean something to a verifier
BATCH = 4096
HOUR = timedelta(hours=1)  # events stand in nearly the order of their dates
LEAST = timedelta(days=365)  # no text goes earlier


def signed(note: str, keys: list[str], place: str) -> list[str]:
    """The lines of a C2SP note that one of the keys (name+id+base64) has signed; none where no key has."""
    body, _, signatures = note.rpartition("\n\n")
    for line in signatures.splitlines():
        name, _, encoded = line[2:].partition(" ")
        signature = b64decode(f"{encoded}==")
        for key in keys:
            if key.startswith(f"{name}+{signature[:4].hex()}+") and body.startswith(f"{name}\n"):
                public = Ed25519PublicKey.from_public_bytes(b64decode(key.split("+", 2)[2])[1:])
                try:
                    public.verify(signature[4:], f"{body}\n".encode())
                except InvalidSignature:
                    raise SystemExit(f"NO. {place}: its signature is false.") from None
                return body.split("\n")
    return []


def head(note: str, keys: list[str], place: str) -> tuple[int, bytes]:
    """Size and root of a signed checkpoint."""
    said = signed(note, keys, place)
    if not said or not said[1].isdigit():
        raise SystemExit(f"NO. {place}: not a checkpoint that was signed with the key of this log.")
    return int(said[1]), b64decode(said[2])


def leaves(lines: Iterable[bytes], keys: list[str], start: int = 1) -> Iterator[tuple[int, int, bytes, bytes, bytes]]:
    """Number, leaf, hash, proof and text of each line; a key that a trusted one has handed over to joins `keys`."""
    for number, line in enumerate(lines, start):
        try:
            stated, hashed, proof, text = line.rstrip(b"\n").split(b"\t", 3)
            leaf = int(stated)
        except ValueError:
            raise SystemExit(f"NO. line {number}: not a line of a sealed log.") from None
        node = sha256(b"\0" + text).digest()
        if not text:  # gone at the end of its retention: an event must say so
            node = bytes.fromhex(hashed.decode())
        elif node.hex().encode() != hashed:
            raise SystemExit(f"NO. line {number}, leaf {leaf}: its text is not the one that was sealed.")
        if text.startswith(KEY_CHANGED):
            said = signed(json.loads(text)["data"]["hand_over"], keys, f"line {number}")
            keys += [said[2]] if said[1:2] == ["next key"] else []
        yield number, leaf, node, proof, text


def ordinary(lines: list[bytes], first: int, newest: datetime) -> tuple[list[bytes], datetime]:
    """The hashes of leaves from `first` on, all at once, and the newest date; none where one needs a closer look."""
    try:
        numbers, hashes, _, ends = zip(*[line.split(b"\t", 3) for line in lines])
        texts = [text[:-1] for text in ends]
        nodes = [sha256(b"\0" + text).digest() for text in texts]
        said = b" ".join([text.partition(b',"at":"')[2][:26] for text in texts]).decode().split(" ")
        dates = [*map(datetime.fromisoformat, said)]
        until = [*accumulate(dates, max, initial=newest)]
        placed = [*map(int, numbers)] == [*range(first, first + len(lines))]
    except (ValueError, TypeError):
        return [], newest
    if not placed or b"".join(nodes).hex().encode() != b"".join(hashes) or RARE & {text[:24] for text in texts}:
        return [], newest
    for leaf, (at, before) in enumerate(zip(dates, until), first):
        if at < before:
            in_order(leaf, at, before)
    return nodes, until[-1]


def grown(peaks: list[bytes], node: bytes, count: int) -> None:
    """The tree grows by a whole subtree, its `count`th of that size."""
    while not count & 1:
        node, count = sha256(b"\1" + peaks.pop() + node).digest(), count >> 1
    peaks.append(node)


def root_of(nodes: list[bytes]) -> bytes:
    """The root over these; their number is a power of two."""
    while len(nodes) > 1:
        nodes = [sha256(b"\1" + left + right).digest() for left, right in zip(nodes[::2], nodes[1::2])]
    return nodes[0]


def in_order(leaf: int, at: datetime, newest: datetime) -> None:
    """Nothing stands among events that happened long after it."""
    if newest - at > HOUR:
        raise SystemExit(f"NO. leaf {leaf}: dated {at}, but stands after {newest} (UTC): inserted.")


def passed(leaf: int, text: bytes, newest: datetime, gone: dict[int, datetime], signed: int) -> datetime:
    """The newest date (UTC) up to this leaf. Who has no text is in `gone`, with that date, until a signed event that is
    a year younger says that its retention had ended."""
    if not text:
        gone[leaf] = newest
    try:
        at = datetime.fromisoformat(text.partition(b',"at":"')[2][:26].decode()).replace(tzinfo=None)
    except ValueError:
        return newest
    in_order(leaf, at, newest)
    if leaf < signed and text.startswith(PRUNED):
        went = min(at, datetime.now(UTC).replace(tzinfo=None))
        for first, last in json.loads(text)["data"]["leaves"]:
            for old in range(first, min(last + 1, leaf)):
                if old in gone and went - gone.pop(old) < LEAST - HOUR:
                    raise SystemExit(
                        f"NO. leaf {old}: its text went {at} (UTC), within a year: before any retention ends."
                    )
    return newest if text.startswith(KEY_CHANGED) else max(newest, at)  # it is sealed ahead of older ones


def one_by_one(
    lines: list[bytes], first: int, keys: list[str], newest: datetime, gone: dict[int, datetime], signed: int
) -> tuple[list[bytes], datetime, int]:
    """As ordinary(), and how many have no text: names what is wrong and knows what is rare."""
    nodes, missing = [], 0
    for number, leaf, node, _, text in leaves(lines, keys, first + 1):
        if leaf != number - 1:
            place = f"line {number}, leaf {leaf}"
            raise SystemExit(f"NO. {place}: leaf {number - 1} must stand here: one is missing or inserted.")
        newest = passed(leaf, text, newest, gone, signed)
        nodes.append(node)
        missing += not text
    return nodes, newest, missing


def led_to(node: bytes, leaf: int, size: int, proof: bytes) -> bytes:
    """The root an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
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


def check_pack(pack: zipfile.ZipFile, keys: list[str]) -> str:
    """Each event of one change, its submission first, is in the log that was signed; none is left out in between."""
    list(leaves(pack.open("key-changes.txt"), keys))
    size, root = head(pack.read("checkpoint.txt").decode(), keys, "checkpoint.txt")
    change, count = None, 0
    for number, leaf, node, proof, text in leaves(pack.open("events.txt"), keys):
        event, count, place = json.loads(text or b"{}"), count + 1, f"line {number}, leaf {leaf}"
        change = change or event.get("change")
        if not 0 <= leaf < size or led_to(node, leaf, size, proof) != root:
            raise SystemExit(f"NO. {place}: not in the log that was signed.")
        if (event.get("change"), event.get("seq")) != (change, count):
            raise SystemExit(f"NO. {place}: event {count} of change {change} must stand here: missing or misplaced.")
        if count == 1 and event.get("action") != "change.submitted":
            raise SystemExit(f"NO. {place}: change {change} must begin with its submission, which is gone or left out.")
    if not count:
        raise SystemExit("NO. events.txt: it holds no event.")
    return f"YES. The first {count} events of change {change}, none left out, are in the log of {size} events."


def check_log(lines: Iterable[bytes], notes: dict[str, str], keys: list[str]) -> str:
    """Every event, from the first one on, is what was signed at each checkpoint."""
    sizes = [int(line) for note in notes.values() for line in note.split("\n")[1:2] if line.isdigit()]
    roots, peaks, size = dict.fromkeys(sizes, b""), list[bytes](), 0
    gone, retired, newest = dict[int, datetime](), 0, datetime.min  # noqa: DTZ901 - of UTC, as all dates here
    remaining = iter(lines)
    while batch := list(islice(remaining, BATCH)):
        nodes, newest = ordinary(batch, size, newest)
        if not nodes:
            nodes, newest, missing = one_by_one(batch, size, keys, newest, gone, max(sizes, default=0))
            retired += missing
        if len(nodes) == BATCH and roots.keys().isdisjoint(range(size + 1, size + BATCH + 1)):
            size += BATCH
            grown(peaks, root_of(nodes), size // BATCH)
            continue
        for node in nodes:
            size += 1
            grown(peaks, node, size)
            if size in roots:
                roots[size] = reduce(lambda root, peak: sha256(b"\1" + peak + root).digest(), reversed(peaks))
    heads = {name: head(note, keys, name) for name, note in notes.items()}
    for name, (at, root) in sorted(heads.items(), key=lambda item: item[1]):
        if at > size:
            raise SystemExit(f"NO. {name}: of {at} events, but the log ends after {size}: its tail was cut.")
        if roots[at] != root:
            raise SystemExit(f"NO. {name}: the first {at} events are not those that were signed.")
    if gone:
        raise SystemExit(f"NO. leaf {min(gone)}: its text is gone, and no event that was signed says so.")
    past = f" ({retired} of them without text, at the end of its retention)" if retired else ""
    return f"YES. {at} events{past} are those that were signed; {size - at} newer ones are not covered."


if __name__ == "__main__":
    gc.disable()  # nothing here goes in circles, and looking for it takes a tenth of the time
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=Path, nargs="+")
    options.add_argument("--key", type=Path, action="append", required=True)
    given = options.parse_args()
    trusted = [key.read_text().strip() for key in given.key]
    if zipfile.is_zipfile(given.file[0]):
        print(check_pack(zipfile.ZipFile(given.file[0]), trusted))
    else:
        notes = {str(one): one.read_text("utf-8") for one in given.file[1:]} or options.error("no checkpoint")
        print(check_log(given.file[0].open("rb"), notes, trusted))
