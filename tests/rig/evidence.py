"""All that a running portal writes, sends, prints and shows to the kernel, for a search."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import psutil
import psycopg
from redis import ConnectionError as RedisGone
from redis import Redis

from tests.rig.markers import Source
from tests.rig.portal import Portal
from tests.rig.postgres import dump
from tests.rig.visitor import Visitor

VAULT = "sandbox.json"  # where the stand-in keeps what a Segura would keep
DUMP = "pg_dump"


class Evidence:
    """Use `collecting`. What is fleeting (processes, queue messages) is kept from when it was seen."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal
        self.messages: list[bytes] = []
        self.mails: list[EmailMessage] = []
        self._processes: set[Source] = set()

    def look(self) -> None:
        """Take down command lines and environments of all the portal's processes as of now."""
        supervisor = psutil.Process(self.portal.facts()["pid"])
        for process in (supervisor, *supervisor.children(recursive=True)):
            for kind in ("cmdline", "environ"):
                with contextlib.suppress(OSError):  # it has just ended
                    self._processes.add((f"{kind} of {process.pid}", Path(f"/proc/{process.pid}/{kind}").read_bytes()))

    def sources(self, people: Sequence[Visitor]) -> Iterator[Source]:
        """Everything, the vault's own file excepted."""
        yield from self.files()
        for path in sorted((self.portal.state / "postgres" / "data").rglob("*")):
            if path.is_file():
                yield f"database file {path.name}", path.read_bytes()
        yield "what all processes printed", self.portal.log.read_bytes()
        yield "what went through Redis", b"\n".join(self.messages)
        for mail in self.mails:
            yield f"mail to {mail['To']}", mail.as_bytes()
            for part in mail.iter_parts():  # as its reader sees it
                yield f"mail to {mail['To']}", part.get_content().encode()
        yield from self._processes
        for person in people:
            for answer in person.answers:
                head = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
                yield f"{answer.request.method} {answer.url}", head.encode() + b"\n\n" + answer.content

    def files(self) -> Iterator[Source]:
        """Every file of the state folder: queue, keys, schedule; and the database as it is dumped."""
        for path in sorted(self.portal.state.rglob("*")):
            others = {"staticfiles", "postgres"} & set(path.parts)
            if path.is_file() and not path.name.startswith(VAULT) and not others:
                yield str(path.relative_to(self.portal.state)), path.read_bytes()
        yield DUMP, dump(self.portal.database_url)

    def ask(self, statement: str, *values: Any) -> list[Any]:
        """Rows of the portal's database, or a change made to it."""
        with psycopg.connect(self.portal.database_url, autocommit=True) as database:
            done = database.execute(statement.encode(), values or None)
            return done.fetchall() if done.description else []

    def _listen(self, connection: Any) -> None:
        with contextlib.suppress(RedisGone, OSError, ValueError):
            while True:
                self.messages.append(connection.read_response())


@contextmanager
def collecting(portal: Portal) -> Iterator[Evidence]:
    """From now on every command that Redis gets is kept, as its MONITOR tells it."""
    evidence = Evidence(portal)
    with Redis.from_url(portal.facts()["redis_url"], socket_timeout=None) as redis:
        connection = redis.connection_pool.get_connection()
        connection.send_command("MONITOR")
        listener = threading.Thread(target=evidence._listen, args=(connection,), daemon=True)
        listener.start()
        try:
            yield evidence
        finally:
            connection.disconnect()
            listener.join(5)
