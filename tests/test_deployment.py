"""The database as docker-compose.yml makes it: its accounts, its tables, and what each account can do to the log."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import yaml

from portal.operations import secret_files
from tests.rig.portal import ROOT
from tests.rig.postgres import throw_away_postgres

pytestmark = [
    pytest.mark.skipif("TEST_DATABASE_URL" in os.environ, reason="needs a server whose roles it may make"),
    pytest.mark.shows("A02"),
    pytest.mark.timeout(300),
]

COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
ROLES = ROOT / "portal" / "operations" / "roles.sh"
# The container has psql; here its place is taken by what it is used for.
PSQL = f"""#!{sys.executable}
import os, sys, psycopg
with psycopg.connect(os.environ["SERVER"], autocommit=True) as server:
    server.execute(sys.stdin.read())
"""


@dataclass
class Deployment:
    """A database server, by its superuser's address, and the folder with the accounts' own addresses."""

    server: str
    secrets: Path

    def address(self, role: str) -> str:
        """The one in the account's secret file, on this server."""
        name = "database_url" if role == "portal" else f"database_url_{role}"
        account = (self.secrets / name).read_text().partition("//")[2].partition("@")[0]
        return urlsplit(self.server)._replace(netloc=f"{account}@").geturl()

    def run(self, role: str, command: str) -> None:
        """A command of one of the containers, with that container's account."""
        environment = {**os.environ, "DATABASE_URL": self.address(role)}
        environment["AUDIT_SIGNING_KEY"] = base64.b64encode(bytes(32)).decode()
        subprocess.run(["/bin/sh", "-c", command], cwd=ROOT, env=environment, check=True, capture_output=True)


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A new volume, with which the database's container has started and on which `migrate` has run."""
    folder = tmp_path_factory.mktemp("deployment")
    secret_files.create_secret_files(folder)
    (folder / "psql").write_text(PSQL, encoding="utf-8")
    (folder / "psql").chmod(0o755)
    with throw_away_postgres() as server:
        environment = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "SERVER": server}
        environment |= {"SECRETS": str(folder), "POSTGRES_USER": "postgres", "POSTGRES_DB": "portal"}
        # Twice: a start that was interrupted, or a password that was changed, is put right by the next one.
        for _ in range(2):
            subprocess.run([ROLES], env=environment, check=True)
        deployment = Deployment(server, folder)
        deployment.run("owner", COMPOSE["services"]["migrate"]["command"][-1].replace("python ", f"{sys.executable} "))
        yield deployment


def test_accounts_are_no_superusers_and_the_migrating_one_owns_the_tables(deployment: Deployment) -> None:
    with psycopg.connect(deployment.server) as database:
        ours = "SELECT rolname FROM pg_roles WHERE rolcanlogin AND NOT rolsuper AND NOT rolcreaterole ORDER BY 1"
        assert database.execute(ours).fetchall() == [("owner",), ("portal",), ("sealer",)]
        owners = "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
        assert database.execute(owners).fetchall() == [("owner",)]


def test_accounts_have_the_passwords_of_their_addresses(tmp_path: Path) -> None:
    secret_files.create_secret_files(tmp_path)
    (tmp_path / "psql").write_text("#!/bin/sh\ncat\n", encoding="utf-8")
    (tmp_path / "psql").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SECRETS": str(tmp_path), "POSTGRES_USER": "p"}
    sent = subprocess.run([ROLES], env=environment | {"POSTGRES_DB": "d"}, check=True, capture_output=True, text=True)
    for role, name in (("owner", "database_url_owner"), ("portal", "database_url"), ("sealer", "database_url_sealer")):
        password = (tmp_path / name).read_text().partition(f"//{role}:")[2].partition("@")[0]
        assert len(password) > 40
        assert re.search(rf"ALTER ROLE {role} LOGIN NOSUPERUSER .* PASSWORD '{password}';", sent.stdout)


def test_portal_writes_the_sealer_seals_and_neither_can_do_more(deployment: Deployment) -> None:
    python = f"{sys.executable} manage.py"
    deployment.run("portal", f"{python} user ana --role auditor")
    deployment.run("sealer", f"{python} seal_audit && {python} verify_audit")
    with psycopg.connect(deployment.server) as database:
        assert database.execute("SELECT count(*) FROM audit_checkpoint").fetchone() == (2,)
    for role in ("portal", "sealer"):
        with psycopg.connect(deployment.address(role), autocommit=True) as database:
            for statement in (
                "UPDATE audit_event SET text = ''",
                "DELETE FROM audit_event",
                "TRUNCATE audit_event",
                "DROP TABLE audit_event",
                "ALTER TABLE audit_event DISABLE TRIGGER ALL",
                "SET session_replication_role = replica",
                "CREATE TABLE elsewhere ()",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    database.execute(statement)
