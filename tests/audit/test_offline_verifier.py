"""The offline verifier answers for what its reader will open, and for nothing it was not asked about."""

from __future__ import annotations

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from django.utils import translation

from portal.audit.exports.evidence_pack import VERIFIER, build_evidence_pack, render_readme
from portal.audit.ledger import record_event
from portal.audit.offline import verify_countersign
from portal.audit.sealing import sealer
from tests.audit.outsider import Outsider

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

Files = dict[str, str]


@pytest.fixture
def outsider(tmp_path: Path) -> Outsider:
    proposed = {"reason": "<b>EU</b>\u202e", "patch": {"url": "x"}}
    record_event("change.submitted", by="maria", change=7, secret=43, data=proposed)
    record_event("change.applied", change=7, secret=43, http_status=201, data={"from": "sending", "to": "applied"})
    sealer.seal_pending_events()
    somebody = Outsider(tmp_path / "outside")
    somebody.takes_log()
    somebody.takes_checkpoint()
    somebody.takes("evidence.zip", build_evidence_pack(7).content)
    return somebody


def opened(content: bytes) -> Files:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def test_yes_to_an_honest_pack_and_log(outsider: Outsider) -> None:
    assert outsider.verify("evidence.zip")[0] == 0
    assert outsider.verify("sealed-log.txt", "checkpoint.txt")[0] == 0


BYTES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "log before pack": lambda pack, log: log + pack,
    "pack before log": lambda pack, log: pack + log,
    "one byte before": lambda pack, _: b"\n" + pack,
    "one byte after": lambda pack, _: pack + b"\n",
    "a second pack after": lambda pack, _: pack + pack,
    "a comment": lambda pack, _: pack[:-2] + b"\x05\x00hello",
    "local name differs": lambda pack, _: pack.replace(b"README.txt", b"Readme.txt", 1),
    "local size differs": lambda pack, _: pack[:22] + b"\xff" + pack[23:],
    "local method differs": lambda pack, _: pack[:8] + b"\x08" + pack[9:],
    "central name differs": lambda pack, _: pack[::-1].replace(b"events.txt"[::-1], b"Events.txt"[::-1], 1)[::-1],
    "half of it": lambda pack, _: pack[: len(pack) // 2],
    "its head alone": lambda _pack, _log: b"PK\x03\x04",
}


@pytest.mark.parametrize("name", BYTES)
def test_no_to_a_file_that_two_programs_read_differently(name: str, outsider: Outsider) -> None:
    made, log = (outsider.folder / "evidence.zip").read_bytes(), (outsider.folder / "sealed-log.txt").read_bytes()
    outsider.takes("both", BYTES[name](made, log))
    for arguments in (("both",), ("both", "checkpoint.txt")):
        code, words = outsider.verify(*arguments)
        assert code in (1, 2), words
        assert "YES" not in words


def forged(files: Files) -> str:
    return files["events.txt"].replace("EU", "US")


ENTRIES: dict[str, Callable[[Files], list[tuple[str, str]]]] = {
    "twice, forged first": lambda files: [("events.txt", forged(files)), *files.items()],
    "twice, forged last": lambda files: [*files.items(), ("events.txt", forged(files))],
    "odd capitals": lambda files: [*files.items(), ("Events.txt", forged(files))],
    "one more file": lambda files: [*files.items(), ("summary.htm", "YES")],
    "a folder": lambda files: [*files.items(), ("files/", "")],
    "out of the folder": lambda files: [*files.items(), ("../events.txt", forged(files))],
    "from the root": lambda files: [*files.items(), ("/events.txt", forged(files))],
    "a backslash": lambda files: [*files.items(), ("..\\events.txt", forged(files))],
    "a NUL in the name": lambda files: [*files.items(), ("events.txt\0.html", forged(files))],
    "one less": lambda files: [item for item in files.items() if item[0] != "summary.css"],
    "another order": lambda files: [*files.items()][::-1],
    "summary altered": lambda files: [*(files | {"summary.html": files["summary.html"].replace("EU", "US")}).items()],
    "summary empty": lambda files: [*(files | {"summary.html": ""}).items()],
    "style altered": lambda files: [*(files | {"summary.css": "dd { display: none }"}).items()],
    "README altered": lambda files: [*(files | {"README.txt": files["README.txt"] + "All is well.\n"}).items()],
    "README of another change": lambda files: [
        *(files | {"README.txt": files["README.txt"].replace("CR-7", "CR-8")}).items()
    ],
    "another key": lambda files: [*(files | {"public-key.txt": "x+00000000+AAAA\n"}).items()],
    "key changes from elsewhere": lambda files: [
        *(files | {"key-changes.txt": files["events.txt"].split("\n")[0] + "\n"}).items()
    ],
}


@pytest.mark.parametrize("name", ENTRIES)
@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_to_a_pack_that_holds_anything_but_the_known_files(name: str, outsider: Outsider) -> None:
    files = opened((outsider.folder / "evidence.zip").read_bytes())
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, text in ENTRIES[name](files):
            archive.writestr(entry, text)
    outsider.takes("evidence.zip", buffer.getvalue())
    code, words = outsider.verify("evidence.zip")
    assert (code, words[:4]) == (1, "NO. "), words


def test_verifier_of_a_pack_that_is_another_one_is_warned_of(outsider: Outsider) -> None:
    files = opened((outsider.folder / "evidence.zip").read_bytes()) | {"verify_countersign.py": "print('YES.')"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, text in files.items():
            archive.writestr(entry, text)
    outsider.takes("evidence.zip", buffer.getvalue())
    code, words = outsider.verify("evidence.zip")
    assert (code, "do not run it" in words) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ("evidence.zip", "checkpoint.txt"),
        ("evidence.zip", "evidence.zip"),
        ("sealed-log.txt",),
        ("sealed-log.txt", "checkpoint.txt", "checkpoint.txt"),
        ("sealed-log.txt", ""),
        ("", "checkpoint.txt"),
        ("",),
        ("checkpoint.txt", "sealed-log.txt"),
        ("missing.txt", "checkpoint.txt"),
        ("sealed-log.txt", "missing.txt"),
        (".", "checkpoint.txt"),
        ("sealed-log.txt", "evidence.zip"),
        ("empty.txt", "checkpoint.txt"),
    ],
)
def test_arguments_that_do_not_fit_are_a_sentence(arguments: tuple[str, ...], outsider: Outsider) -> None:
    outsider.takes("empty.txt", "")
    code, words = outsider.verify(*arguments)
    assert code == 2, words
    assert "YES" not in words
    assert len(words.strip().splitlines()[-1]) > 20


@pytest.mark.parametrize("content", ["", "key", "a+b+c", "checkpoint.txt", b"\xff\xfe\x00", "a+00000000+" + "A" * 44])
def test_key_file_that_holds_no_key_is_a_sentence(content: str | bytes, outsider: Outsider) -> None:
    outsider.takes("key.txt", content)
    code, words = outsider.verify("evidence.zip", key="key.txt")
    assert (code, "not the public key of a log" in words) == (2, True), words


@pytest.mark.parametrize("key", ["", "missing.txt", "."])
def test_key_that_cannot_be_read_is_a_sentence(key: str, outsider: Outsider) -> None:
    assert outsider.verify("evidence.zip", key=key)[0] == 2


def test_missing_package_is_named() -> None:
    command = [sys.executable, "-I", "-S", str(VERIFIER), "evidence.zip", "--key", "key.txt"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env={})
    assert (run.returncode, "cryptography" in run.stderr, "Traceback" in run.stderr) == (2, True, False)


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_files_that_are_the_same_in_each_pack_are_pinned(language: str) -> None:
    """Add the hash of a new wording to KNOWN, and leave the old ones: packs of before must verify."""
    with translation.override(language):
        assert sha256(render_readme().encode()).hexdigest() in verify_countersign.KNOWN["README.txt"]
    style = VERIFIER.with_name("summary.css").read_bytes()
    assert sha256(style).hexdigest() in verify_countersign.KNOWN["summary.css"]
