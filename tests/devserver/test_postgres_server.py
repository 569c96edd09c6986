"""The embedded PostgreSQL: where it keeps what, who may connect, and what it says where it cannot be used."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from portal.devserver import postgres_server
from portal.devserver.postgres_server import OWNER, ROLES, SUPERUSER, PostgresUnavailable, make_passwords, plan_server
from tests.rig.postgres import PostgresServer

pytestmark = pytest.mark.processes


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the server's account can reach: root's server runs as another one."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state folder; what it keeps elsewhere is removed at the end."""
    yield tmp_path
    for link in (tmp_path / "postgres" / "socket", tmp_path / "postgres"):
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)


def modes(*paths: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in paths}


@pytest.mark.parametrize("name", ["x" * 90, "a, b", "größe", "50%"])
def test_socket_is_in_a_short_private_folder_where_a_path_is_not_fit_for_one(folder: Path, name: str) -> None:
    server = PostgresServer(folder / name)
    try:
        server.start()
        assert server.socket_folder.parent == Path(tempfile.gettempdir())
        assert modes(server.socket_folder) == {0o700}
        with psycopg.connect(server.maintenance_url()) as connection:
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    finally:
        server.stop()
        shutil.rmtree(server.socket_folder)


@pytest.mark.parametrize("gone", ["removed", "opened"])
def test_temporary_socket_folder_that_is_no_longer_private_is_replaced(folder: Path, gone: str) -> None:
    place = folder / ("x" * 90)
    before = postgres_server.PostgresServer(place, make_passwords()).socket_folder
    if gone == "removed":
        before.rmdir()
    else:
        before.chmod(0o777)
    after = postgres_server.PostgresServer(place, make_passwords()).socket_folder
    assert after != before
    assert modes(after) == {0o700}
    after.rmdir()
    if gone == "opened":
        before.rmdir()


def test_state_folder_keeps_the_same_server_and_passwords(state: Path) -> None:
    first, second = plan_server(state), plan_server(state)
    assert [first.url(role) for role in ROLES] == [second.url(role) for role in ROLES]
    assert len({first.url(role).partition("@")[0].rpartition(":")[2] for role in ROLES}) == len(ROLES)
    assert modes(state / "postgres.json") == {0o600}
    assert modes(first.folder, first.socket_folder) == {0o700}
    if os.geteuid() == 0:
        assert {path.stat().st_uid for path in (first.folder, first.socket_folder)} == {first.account["user"]}
        assert first.account["user"] != 0


def test_start_that_was_interrupted_is_begun_again(folder: Path) -> None:
    half = folder / "server" / "data.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = PostgresServer(folder / "server")
    try:
        server.start()
        psycopg.connect(server.url.replace("/portal?", "/postgres?")).close()
    finally:
        server.stop()
    assert not half.exists()
    assert not (folder / "server" / "password").exists()


@pytest.mark.parametrize("known", ["17", "9.6", "180"])
def test_data_of_another_version_is_named_and_left_alone(folder: Path, known: str) -> None:
    data = folder / "server" / "data"
    data.mkdir(parents=True)
    (data / "PG_VERSION").write_text(f"{known}\n")
    with pytest.raises(PostgresUnavailable, match=rf"is of PostgreSQL {known}, and the server .* `make reset` removes"):
        PostgresServer(folder / "server")
    assert (data / "PG_VERSION").exists()


def test_data_of_sqlite_is_named_and_left_alone(state: Path) -> None:
    (state / "portal.sqlite3").touch()
    with pytest.raises(PostgresUnavailable, match="kept its data in SQLite: `make reset` removes it"):
        plan_server(state)
    assert [path.name for path in state.iterdir()] == ["portal.sqlite3"]


def test_missing_package_is_a_sentence_that_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "_PACKAGE", "no-such-package")
    with pytest.raises(PostgresUnavailable, match=r"no-such-package is not installed.*devserver\.txt.*DATABASE_URL"):
        postgres_server.find_programs()


@pytest.mark.skipif("os.geteuid() != 0", reason="only root's server is elsewhere")
def test_folder_of_another_account_is_not_taken_over_by_root(state: Path) -> None:
    (state / "postgres").mkdir()
    with pytest.raises(PostgresUnavailable, match="was made by another account than root"):
        plan_server(state)


def test_roles_are_made_once_and_each_needs_its_own_password(folder: Path) -> None:
    passwords = make_passwords()
    plan = postgres_server.PostgresServer(folder / "server", passwords)
    rig = PostgresServer(folder / "server", passwords=passwords)
    try:
        rig.start()
        for _ in range(2):
            plan.ensure_database()
        for role in ROLES:
            psycopg.connect(plan.url(role)).close()
            others = [password for other, password in passwords.items() if other != role]
            for wrong in ("", role, *others):
                with pytest.raises(psycopg.OperationalError, match="password"):
                    psycopg.connect(plan.url(role).replace(passwords[role], wrong))
        with psycopg.connect(plan.url(SUPERUSER)) as connection:
            mighty = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND (rolsuper OR rolcreaterole OR rolcreatedb)"
            assert connection.execute(mighty).fetchall() == [(SUPERUSER,)]
            owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'portal'"
            assert connection.execute(owner).fetchall() == [(OWNER,)]
    finally:
        rig.stop()
