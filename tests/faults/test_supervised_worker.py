"""F05: `manage.py run` loses its worker, main process and children at once, and has another one within seconds."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest
from django.conf import settings
from pytest_django import Settings

from portal.changes.delivery import tasks
from portal.devserver.supervisor import LIVED_WELL_S
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, updates, usable
from tests.rig.checker import check
from tests.rig.portal import Portal
from tests.rig.rounds import rounds
from tests.rig.workers import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.shows("F05"),
    pytest.mark.timeout(rounds(240, 3600)),
]
SEED = 5
_KEPT = ("PORTAL_SECRET_KEY", "PORTAL_ENCRYPTION_KEYS", "PORTAL_APPROVAL_MAC_KEYS", "REDIS_URL")
_SIGNING_KEY = "BQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQU="


def of_this_test(segura: Sandbox) -> dict[str, str]:
    """The environment of a portal on the test's own database, queue, keys and stand-in."""
    return {
        **{name: os.environ[name] for name in _KEPT},
        "DATABASE_URL": database_url(),
        "PORTAL_DEMO": "0",  # the checker seals the same log afterwards, which must not be a demo's
        "PORTAL_CONSOLE_GIVES_RIGHTS": "0",  # refused outside a demo
        "AUDIT_SIGNING_KEY": settings.AUDIT_SIGNING_KEY,
        "SEGURA_URL": segura.url,
        "SEGURA_CLIENT_ID": segura.client_id,
        "SEGURA_CLIENT_SECRET": segura.client_secret,
        "SEGURA_GATEWAY_TIMEOUT_S": "0.2",
    }


def test_killed_worker_is_back_within_five_seconds_and_all_changes_are_applied(
    segura: Sandbox, approve_all: ManyChanges, settings: Settings, tmp_path: Path
) -> None:
    settings.AUDIT_SIGNING_KEY = _SIGNING_KEY
    secrets, chosen = usable(segura.control, 20), random.Random(SEED)
    segura.control.plan("slow:0.1", endpoint="update", times=None)
    with Portal(tmp_path, of_this_test(segura)) as portal:
        for number in range(rounds(2, 50)):
            doomed = len(segura.control.arrivals("update")) + chosen.randrange(15)
            changes = approve_all(secrets, notes=f"round {number}")  # the sweep may send some before the last is made
            for change in changes:
                tasks.deliver_change.delay(change.pk)
            segura.control.wait(lambda journal, doomed=doomed: updates(journal) >= doomed)
            killed = portal.kill("worker")
            portal.wait_restarted("worker", killed, within=5)
            born = time.monotonic()
            await_applied(changes)
            if number % 3 == 2:  # else it is taken for one that dies at once, and is given a rest before each start
                time.sleep(max(0.0, born + LIVED_WELL_S - time.monotonic()))
    check(segura.control, log=portal.log)
