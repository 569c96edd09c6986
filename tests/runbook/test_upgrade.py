"""From the release before to this one with changes in flight: nothing is lost, doubled, or even in doubt."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from portal.sandbox import Sandbox
from tests.rig import documented
from tests.rig.checker import check
from tests.rig.engine import own_database
from tests.rig.portal import ROOT
from tests.rig.postgres import postgres_server
from tests.rig.visitor import Visitor, wait_until
from tests.rig.workers import Workers, workers
from tests.segura import events

pytestmark = [
    pytest.mark.processes,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(300),
]

BEFORE = ""
"""The tag of the release before; empty until there is one. Move it on with each release."""
SECRETS = (12, 14, 43)


@dataclass
class Release:
    """Its code, in an environment that both releases share but for the folder of its own files."""

    root: Path
    crew: Workers

    def manage(self, *words: str) -> str:
        command = [sys.executable, "manage.py", *words]
        run = subprocess.run(
            command, cwd=self.root, env=self.crew.environment, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stderr
        return run.stdout

    def hire(self, name: str) -> str:
        return self.manage("user", name, "--role", name).split()[-1]


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    if not BEFORE:
        pytest.skip("no release exists yet")
    archive = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        pytest.skip("this clone has no history: the release before is not in it")
    folder = tmp_path / "before"
    folder.mkdir()
    subprocess.run(["tar", "--extract", "--directory", str(folder)], input=archive.stdout, check=True)
    return folder


@pytest.fixture
def releases(segura: Sandbox, old_code: Path, tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    """The old one and the new one, on one database and broker, nothing of them started."""
    with postgres_server() as server:
        shared = {"DATABASE_URL": server.url, "SEGURA_GATEWAY_TIMEOUT_S": "0.2", "SEGURA_DEADLINE_S": "4"}
        shared |= {"DELIVERY_LEASE_S": "20"}
        old_env = {**shared, "PORTAL_STATE_DIR": str(tmp_path / "old")}
        with (
            workers(tmp_path / "old.log", old_env, old_code) as old,
            workers(tmp_path / "new.log", shared) as new,
        ):
            yield Release(old_code, old), Release(ROOT, new)


def test_rolling_upgrade_loses_and_doubles_nothing(
    segura: Sandbox, releases: tuple[Release, Release], tmp_path: Path
) -> None:
    old, new = releases
    for words in (["migrate"], ["createcachetable"], ["collectstatic", "--noinput"], ["sync_catalog"]):
        old.manage(*words)
    passwords = {name: old.hire(name) for name in ("requester", "approver")}
    old.crew.start(2)
    old.crew.start_beat()
    before = old.crew.start_web()
    segura.control.plan("slow:1", endpoint="update", times=None)

    def act(url: str, note: str) -> None:
        """A change of each secret, proposed and approved on these pages."""
        requester, approver = (Visitor.sign_in(url, name, password) for name, password in passwords.items())
        for secret in SECRETS:
            approver.decide(requester.propose(secret, value=f"value {note}", notes=note), "Approve")

    act(before, "all old")
    segura.control.wait(lambda journal: any(each["endpoint"] == "update" for each in journal["arrivals"]))
    upgraded = documented.run(documented.blocks("Upgrade, without a pause")[0], new.crew.environment)
    assert upgraded.returncode == 0, upgraded.stderr
    act(before, "old pages, new tables")
    with own_database(new.crew.environment["DATABASE_URL"]):
        from portal.changes.models import Change, Status

        old_votes = 2 * len(SECRETS)  # they carry no MAC: the workers of their own release send them
        wait_until(lambda: Change.objects.filter(status=Status.APPLIED).count() == old_votes, "old ones applied", 90)
    new.crew.start(2)
    new.crew.start_beat()
    act(new.crew.start_web(), "new pages, both kinds of workers")
    for process in reversed(old.crew.running):
        old.crew.retire(process)
    with own_database(new.crew.environment["DATABASE_URL"]):
        from portal.changes.models import Change, Status

        wait_until(lambda: Change.objects.filter(status=Status.APPLIED).count() == 3 * len(SECRETS), "all applied", 90)
        assert events("change.in_doubt") == events("delivery.claim_lost") == []
        check(segura.control, log=tmp_path / "new.log")
    assert len(segura.control.arrivals("update")) == 3 * len(SECRETS)
