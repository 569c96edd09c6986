"""Each console command, as each role of the running portal: it works, or says in one sentence that it may not."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from tests.rig.portal import ROOT
from tests.rig.postgres import postgres_server

pytestmark = [pytest.mark.processes, pytest.mark.timeout(300), pytest.mark.xdist_group("console commands")]
PASSWORD = "of-all-roles"
# One interpreter for all commands of a role, each in a fork: most of a command's time is its start.
_WALK = """
import json, os, sys, tempfile
import django
django.setup()
from portal.audit.ledger import record_event
import manage
for words in json.loads(sys.argv[1]):
    with tempfile.TemporaryFile() as printed:
        child = os.fork()
        if not child:
            os.dup2(printed.fileno(), 1), os.dup2(printed.fileno(), 2)
            if words == ["record an event of change 1"]:
                sys.exit(not record_event("change.submitted", by="maria", change=1, data={}))
            sys.argv = ["manage.py", *words]
            sys.exit(manage.main())
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        printed.seek(0)
        print(json.dumps([code, printed.read().decode()]))
"""
COMMANDS = (
    ("after_restore", "--by", "carla", "--reason", "x"),
    ("doctor",),
    ("legal_hold", "1", "--reason", "x"),
    ("legal_hold", "1", "--reason", "x", "--release"),
    ("restrict_db_role", "portal"),
    ("restrict_db_role", "sealer", "--sealer"),
    ("user", "ana"),
    ("user", "ana", "--disable"),
    ("prune",),
    ("rebuild_access_index",),
    ("rotate_encryption_keys",),
    ("seal_audit",),
    ("sync_catalog",),
    ("verify_audit",),
)
NO_DATABASE = {"run", "sandbox", "demo_history"}
"""`run` is the development server, whose database is its own; the others have none."""
MAY = {
    "portal": {"user", "rotate_encryption_keys", "verify_audit"},
    "sealer": {"seal_audit", "rotate_encryption_keys", "verify_audit"},
}
"""What ends with 0. No secret waits to be encrypted again here, which the sealer could not do either."""


class Server:
    """A migrated database with the roles of production, and one that has no rights."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url, self._folder = url, folder

    def address(self, role: str) -> str:
        return urlsplit(self._url)._replace(netloc=f"{role}:{PASSWORD}@").geturl()

    def run(self, role: str, *commands: tuple[str, ...], **settings: str) -> list[tuple[int, str]]:
        """Return exit code and output of each command."""
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "portal.settings",
            "PORTAL_STATE_DIR": str(self._folder),
            "DATABASE_URL": self.address(role),
            "REDIS_URL": "redis://127.0.0.1:1/0",
            "AUDIT_SIGNING_KEY": "c2VhbGVyLXNlYWxlci1zZWFsZXItc2VhbGVyLXNlYWw=",
            **settings,
        }
        walk = [sys.executable, "-W", "ignore", "-c", _WALK, json.dumps(commands)]
        done = subprocess.run(walk, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return [tuple(json.loads(line)) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with postgres_server() as running:
        with psycopg.connect(running.url, autocommit=True) as database:
            for role in ("owner", *MAY):
                database.execute(f"CREATE ROLE {role} LOGIN PASSWORD '{PASSWORD}'".encode())
            database.execute("ALTER DATABASE portal OWNER TO owner")
            database.execute("ALTER SCHEMA public OWNER TO owner")
        server = Server(running.url, tmp_path_factory.mktemp("state"))
        made = server.run(
            "owner",
            ("migrate", "--verbosity", "0"),
            ("createcachetable",),
            ("restrict_db_role", "portal"),
            ("restrict_db_role", "sealer", "--sealer"),
            ("user", "carla", "--role", "administrator"),
            ("record an event of change 1",),
        )
        assert [code for code, _ in made] == [0] * 6, made
        yield server


def test_list_names_every_command_of_the_product() -> None:
    ours = {path.stem for path in ROOT.glob("portal/*/management/commands/[!_]*.py")}
    assert ours - {words[0] for words in COMMANDS} == NO_DATABASE


@pytest.mark.parametrize("role", MAY)
def test_command_in_the_name_of_a_role_works_or_is_one_sentence(server: Server, role: str) -> None:
    for words, (code, printed) in zip(COMMANDS, server.run(role, *COMMANDS, RETAIN_AUDIT_DAYS="400"), strict=True):
        said = f"{role}: {' '.join(words)}: {code}, {printed}"
        assert "Traceback" not in printed, said
        if words[0] == "doctor":
            assert "problems" in printed, said
        elif words[0] in MAY[role]:
            assert code == 0, said
        else:
            sentence = printed.rpartition("notices: 0\n")[2]  # `prune` has removed what this role may remove
            assert (code, sentence.count("\n")) == (1, 1), said
            assert re.search(r"refused this command|Run it|not connected to Segura", sentence), said
