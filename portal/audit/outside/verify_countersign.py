"""Verifies what came out of a Countersign audit log: no server, no other file; Python 3.9 and `cryptography` suffice.

    python3 verify_countersign.py evidence.zip --key public-key.txt
    python3 verify_countersign.py sealed-log.jsonl checkpoint.txt [other-checkpoint.txt ...] --key public-key.txt

The key is the one you were given, not one from the same hand as the evidence; where it was changed, name each with
--key. The first place that is wrong is named, with exit code 1; exit code 0 means that everything holds.
"""

from __future__ import annotations

import argparse
import json
import zipfile
from base64 import b64decode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def sha(*parts: bytes) -> bytes:
    return sha256(b"".join(parts)).digest()


def opened(note: str, keys: list[str], place: str) -> tuple[int, bytes]:
    """Size and root of a C2SP checkpoint that one of the keys (name+id+base64) has signed."""
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
                return int(body.split("\n")[1]), b64decode(body.split("\n")[2])
    raise SystemExit(f"NO. {place}: not signed with the key of this log.")


def events(lines: Iterable[str]) -> Iterator[tuple[str, int, bytes, list[bytes], dict[str, Any]]]:
    """Place, leaf, hash, proof and content of each line, whose text has the hash it was sealed with."""
    for number, line in enumerate(lines, start=1):
        try:
            item = json.loads(line)
            leaf, text, hashed = int(item["leaf"]), str(item["text"]), b64decode(item["hash"])
            proof, event = [b64decode(part) for part in item.get("proof", [])], json.loads(text)
        except (ValueError, KeyError, TypeError, AttributeError):
            raise SystemExit(f"NO. line {number}: not a line of a sealed log.") from None
        if sha(b"\0", text.encode()) != hashed:
            raise SystemExit(f"NO. line {number}, leaf {leaf}: its text is not the one that was sealed.")
        yield f"line {number}, leaf {leaf}", leaf, hashed, proof, event


def led_to(node: bytes, leaf: int, size: int, proof: list[bytes]) -> bytes:
    """The root an inclusion proof leads to (RFC 9162, 2.1.3.2)."""
    last = size - 1
    for sibling in proof:
        if leaf & 1 or leaf == last:
            node = sha(b"\1", sibling, node)
            while leaf and not leaf & 1:
                leaf, last = leaf >> 1, last >> 1
        else:
            node = sha(b"\1", node, sibling)
        leaf, last = leaf >> 1, last >> 1
    return node if last == 0 else b""


def check_pack(lines: Iterable[str], size: int, root: bytes) -> str:
    """Each event of one change is in the log that was signed, and none is left out in between."""
    change, count = None, 0
    for place, leaf, hashed, proof, event in events(lines):
        change, count = change or event["change"], count + 1
        if not 0 <= leaf < size or led_to(hashed, leaf, size, proof) != root:
            raise SystemExit(f"NO. {place}: not in the log that was signed.")
        if (event["change"], event["seq"]) != (change, count):
            raise SystemExit(f"NO. {place}: event {count} of change {change} must stand here: missing or misplaced.")
    return f"YES. {count} events of change {change}, none left out in between, are in the log of {size} events."


def check_log(lines: Iterable[str], signed: dict[str, tuple[int, bytes]]) -> str:
    """Every event, from the first one on, is what was signed at each checkpoint."""
    sizes, peaks, size = {at for at, _ in signed.values()}, list[bytes](), 0
    for place, leaf, node, _, _ in events(lines):
        if leaf != size:
            raise SystemExit(f"NO. {place}: leaf {size} must stand here: missing, inserted or misplaced.")
        size += 1
        for _ in range((size & -size).bit_length() - 1):
            node = sha(b"\1", peaks.pop(), node)
        peaks.append(node)
        if size in sizes:
            for peak in peaks[-2::-1]:
                node = sha(b"\1", peak, node)
            for name in [name for name, head in signed.items() if head[0] == size and head[1] != node]:
                raise SystemExit(f"NO. {name}: the first {size} events are not those that were signed.")
    newest, name = max((head[0], name) for name, head in signed.items())
    if newest > size:
        raise SystemExit(f"NO. {name}: of {newest} events, but the log ends after {size}: its tail was cut.")
    return f"YES. {newest} events are those that were signed; {size - newest} newer ones are not covered."


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("file", type=Path, nargs="+")
    options.add_argument("--key", type=Path, action="append", required=True)
    given = options.parse_args()
    trusted = [key.read_text().strip() for key in given.key]
    if zipfile.is_zipfile(given.file[0]):
        pack = zipfile.ZipFile(given.file[0])
        head = opened(pack.read("checkpoint.txt").decode(), trusted, "checkpoint.txt")
        print(check_pack(pack.read("events.jsonl").decode().split("\n")[:-1], *head))
    else:
        notes = {str(one): opened(one.read_text("utf-8"), trusted, one.name) for one in given.file[1:]}
        print(check_log(given.file[0].open(encoding="utf-8", newline="\n"), notes or options.error("no checkpoint")))
