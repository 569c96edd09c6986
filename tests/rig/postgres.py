"""A throw-away PostgreSQL: from $TEST_DATABASE_URL, else the embedded server of `make run`, here without fsync."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psycopg

from portal.devserver import postgres_server as embedded
from portal.devserver.supervisor import die_with_parent

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


@contextlib.contextmanager
def throw_away_postgres() -> Iterator[str]:
    """The URL of an empty database, reached over a socket in a private folder; gone at the end."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    with postgres_server(_FAST) as server:
        yield server.url


class PostgresServer:
    """One in the empty `folder`, its `data` there or elsewhere; `options` are settings.

    It can be stopped hard and started again. `url` and `password` are the superuser's.
    """

    def __init__(
        self,
        folder: Path,
        options: Sequence[str] = (),
        data: Path | None = None,
        port: int = 5432,
        passwords: Mapping[str, str] | None = None,
    ) -> None:
        passwords = passwords or embedded.make_passwords()
        self.password = passwords[embedded.SUPERUSER]
        self._server = embedded.PostgresServer(folder, passwords, data, port)
        self.socket_folder = self._server.socket_folder
        self._server.initialise(sync=False)
        self.url = self._server.url(embedded.SUPERUSER)
        self._log = folder / "log"
        self._command = self._server.build_command("max_connections=200", *options)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers; nothing if it runs. Raises PostgresUnavailable."""
        if self._process is not None and self._process.poll() is None:
            return
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
                env=self._server.environment,
                cwd=self._server.folder,
                **self._server.account,
            )
        self._wait(self._process)

    def stop(self) -> None:
        """At once and without a checkpoint, as `pg_ctl stop -m immediate`: it has to recover at its next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
            self._process = None

    def maintenance_url(self) -> str:
        """The superuser's address of the database that is always there."""
        return self._server.url(embedded.SUPERUSER, "postgres")

    def _wait(self, process: subprocess.Popen[bytes]) -> None:
        give_up_at = time.monotonic() + 30
        while True:
            try:
                psycopg.connect(self.maintenance_url()).close()
                return
            except psycopg.OperationalError as error:
                if process.poll() is not None or time.monotonic() > give_up_at:
                    last_words = self._log.read_text()[-500:]
                    raise embedded.PostgresUnavailable(f"PostgreSQL did not start: {last_words}") from error
                time.sleep(0.05)


@contextlib.contextmanager
def postgres_server(
    options: Sequence[str] = (), data: Path | None = None, port: int = 5432
) -> Iterator[PostgresServer]:
    """A running one with an empty database, in a private folder, its `data` there or elsewhere; gone at the end."""
    # Not under TMPDIR: another account than ours must be able to walk there.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    try:
        server = PostgresServer(folder, options, data, port)
        try:
            server.start()
            with psycopg.connect(server.maintenance_url(), autocommit=True) as connection:
                connection.execute("CREATE DATABASE portal")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def dump(url: str) -> bytes:
    """All of a database as pg_dump writes it."""
    program = embedded.find_programs() / "pg_dump"
    return subprocess.run([program, "--dbname", url], check=True, capture_output=True).stdout
