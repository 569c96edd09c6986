"""Reading the log: verifying it, inside and outside, and taking all of it along as a file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import cryptography
import psycopg
from django.conf import settings
from django.db import connection
from django.test import Client

from portal.accounts.models import User
from portal.audit.exports.evidence_pack import VERIFIER
from portal.audit.models import Checkpoint, Event
from portal.audit.sealing import sealer
from portal.audit.sealing.leaves import SealedLogExport
from portal.audit.verification.verifier import verify_events as verify_log
from tests.bench.bench import Bench
from tests.bench.outcome import Row, bound, rate
from tests.bench.steadiness import memory_mb

_COLUMNS = "id, at, action, actor, change, seq, secret, http_status, text"


def verify(bench: Bench) -> Iterator[Row]:
    """C3, and the outsider's file over the same log."""
    bench.past(bench.large)
    with bench.watch() as watch:
        ours = _verified()
        floor = _streamed_json()
    yield rate("C3", "events verified, one process", "/s", ours, floor, 2, "rows as JSON, hashed", stolen=watch.stolen)
    yield from _outsider(bench)


def _verified() -> float:
    began = time.perf_counter()
    report = verify_log(key=sealer.get_signing_public_key())
    assert report.intact, report.findings
    return report.size / (time.perf_counter() - began)


def _streamed_json(rows: int = 200_000) -> float:
    """The usual way: rows out of PostgreSQL, made JSON again, and chained."""
    with psycopg.connect(settings_url()) as own, own.cursor(name="floor") as cursor:
        cursor.itersize = 5000
        cursor.execute(f"SELECT {_COLUMNS} FROM audit_event ORDER BY id LIMIT {rows}")  # type: ignore[arg-type]
        chain, number, began = b"", 0, time.perf_counter()
        for row in cursor:
            fields = {"id": row[0], "at": row[1].isoformat(), "action": row[2], "actor": row[3], "change": row[4],
                      "seq": row[5], "secret": row[6], "http_status": row[7],
                      "data": json.loads(row[8])["data"]}  # fmt: skip
            text = json.dumps(fields, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            chain, number = hashlib.sha256(chain + text.encode()).digest(), number + 1
    return number / (time.perf_counter() - began)


def settings_url() -> str:
    """The database that was gone to last, for plain psycopg."""
    told = connection.settings_dict
    return f"postgresql://{told['USER']}@/{told['NAME']}?host={told['HOST'] or told['OPTIONS'].get('host', '')}"


def _outsider(bench: Bench) -> Iterator[Row]:
    folder = bench.engine.folder / "outside"
    folder.mkdir(exist_ok=True)
    file = folder / "sealed-log.txt"
    with file.open("w", encoding="utf-8") as out:
        for part in SealedLogExport().parts():
            out.write(part)
    (folder / "checkpoint.txt").write_text(Checkpoint.objects.latest().note)
    (folder / "key.txt").write_text(f"{sealer.get_signing_public_key()}\n")
    packages = str(Path(cryptography.__file__).parent.parent)
    run = f"import runpy, sys; sys.path.append({packages!r}); runpy.run_path({str(VERIFIER)!r}, None, '__main__')"
    command = [sys.executable, "-c", run, "sealed-log.txt", "checkpoint.txt", "--key", "key.txt"]
    with bench.watch() as watch:
        began = time.perf_counter()
        told = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
        seconds = time.perf_counter() - began
        hashed = _hashed(file)
    events = Checkpoint.objects.latest().size
    assert told.startswith("YES"), told
    yield rate("outside", "events verified by the outsider's file", "/s", events / seconds, events / hashed, 0.3,
               "SHA-256 of the same lines", stolen=watch.stolen)  # fmt: skip
    yield bound("outside", "its memory, at most", "MB", _peak_mb(command, folder), 300)
    file.unlink()


def _hashed(file: Path) -> float:
    began = time.perf_counter()
    with file.open("rb") as lines:
        for line in lines:
            hashlib.sha256(line).digest()
    return time.perf_counter() - began


def _peak_mb(command: list[str], folder: Path) -> float:
    """The most it ever held, asked of itself at its end."""
    asked = "; import resource; sys.stderr.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss))"
    told = [*command[:2], command[2] + asked, *command[3:]]
    return int(subprocess.run(told, cwd=folder, capture_output=True, text=True, check=True).stderr) / 1024


def export(bench: Bench) -> Iterator[Row]:
    """C4, C5, C6: the whole log through the web."""
    who = bench.past(bench.large)
    port, web = bench.portal()
    with bench.watch() as watch:
        copied = _copied(bench.engine.folder / "copied.csv")
        _downloaded(port, who.reader, "/audit/export.csv?kind=account")  # everything is warm
        before, grown = memory_mb(web.pid), 0.0
        rows, first_s, seconds, peak = _downloaded(port, who.reader, "/audit/export.csv", web.pid)
        grown = peak - before
        usual = _iterated()
    ours = rows / seconds
    yield rate("C4", "export of the log through the web, CSV", "rows/s", ours, copied, 0.6, "COPY to a file",
               stolen=watch.stolen)  # fmt: skip
    yield rate("C5", "the same", "rows/s", ours, usual, 10, "Django's iterator()", stolen=watch.stolen)
    yield bound("C6", "memory it takes in the web process", "MB", max(0.0, grown), 50)
    yield bound("C6", "until its first byte", "s", first_s, 1)
    bench.engine.stop(web)


def _copied(file: Path) -> float:
    began = time.perf_counter()
    with psycopg.connect(settings_url()) as own, own.cursor() as cursor, file.open("wb") as out:
        query = f"COPY (SELECT {_COLUMNS} FROM audit_event ORDER BY id) TO STDOUT WITH (FORMAT csv)"
        with cursor.copy(query) as copy:  # type: ignore[arg-type]
            for part in copy:
                out.write(part)
        rows = cursor.rowcount
    seconds = time.perf_counter() - began
    file.unlink()
    return rows / seconds


def _iterated(most: int = 100_000) -> float:
    """The usual recipe: model rows through csv.writer, a line at a time."""
    writer, rows, began = csv.writer(io.StringIO()), 0, time.perf_counter()
    for event in Event.objects.order_by("id")[:most].iterator(chunk_size=2000):
        rows += 1
        data = json.dumps(json.loads(event.text)["data"])
        writer.writerow(
            [event.pk, event.at.isoformat(), event.action, event.actor, event.change, event.http_status, data]
        )
    return rows / (time.perf_counter() - began)


def _downloaded(port: int, reader: User, path: str, pid: int = 0) -> tuple[int, float, float, float]:
    """Lines, seconds to the first byte and to the last, and the most memory of the process `pid`."""
    client = Client()
    client.force_login(reader)
    cookie = f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Cookie": cookie})
    began, lines, first, peak, parts = time.perf_counter(), 0, 0.0, 0.0, 0
    with urllib.request.urlopen(request, timeout=600) as answer:
        while part := answer.read(262_144):
            first = first or time.perf_counter() - began
            lines += part.count(b"\n")
            parts += 1
            if pid and parts % 50 == 1:
                peak = max(peak, memory_mb(pid))
    return max(1, lines - 1), first, time.perf_counter() - began, peak
