"""A07: a sealer that dies anywhere, and two at once: no gap, no leaf twice, never two roots for one size."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint, TreeLeaf, UnsealedEvent
from portal.audit.sealing import sealer
from portal.audit.verification.verifier import verify_events
from tests.audit.conftest import SEED
from tests.rig.portal import ROOT
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import database_url

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("signing_key"),
    pytest.mark.shows("A07"),
    pytest.mark.timeout(rounds(240, 3600)),
]

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(checkpoint_folder: Path) -> Iterator[Start]:
    """A sealer in a process of its own, which dies or waits at a crash point; none is left behind."""
    started: list[subprocess.Popen[str]] = []

    def run(crash_at: str = "") -> subprocess.Popen[str]:
        settings = {"AUDIT_SIGNING_KEY": SEED, "AUDIT_CHECKPOINT_DIR": str(checkpoint_folder)}
        environment = {**os.environ, **settings, "DATABASE_URL": database_url(), "PORTAL_FAILPOINT": crash_at}
        command = [sys.executable, "manage.py", "seal_audit"]
        started.append(subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate()


def write(count: int) -> None:
    for _ in range(count):
        record_event("vault.responded", change=7, secret=43, http_status=201)


def sealed_whole(published: set[str]) -> None:
    """Leaves are dense under the newest checkpoint, and the log is what every note that ever got out says of it."""
    newest = Checkpoint.objects.first()
    leaves = list(TreeLeaf.objects.order_by("leaf").values_list("leaf", flat=True))
    assert leaves == list(range(newest.size if newest else 0))
    assert verify_events(outside=sorted(published), key=sealer.get_signing_public_key()).findings == []


@pytest.mark.parametrize("point", ["grown", "signed", "sealed", "published"])
def test_a07_sealer_that_is_killed_leaves_nothing_half_done(point: str, start: Start, checkpoint_folder: Path) -> None:
    published: set[str] = set()
    for _ in range(rounds(2, 50)):
        write(3)
        before = TreeLeaf.objects.count()
        killed = start(point)
        killed.communicate(timeout=60)
        assert killed.returncode == -signal.SIGKILL
        # Before its commit nothing is done, after it everything.
        assert (TreeLeaf.objects.count() > before) == (point in ("sealed", "published"))
        assert UnsealedEvent.objects.exists() == (point in ("grown", "signed"))
        published |= {note.read_text() for note in checkpoint_folder.glob("*.txt")}
        sealed_whole(published)
        sealer.seal_pending_events()
        assert (checkpoint_folder / "latest.txt").read_text() == Checkpoint.objects.latest().note
        published.add(Checkpoint.objects.latest().note)
        sealed_whole(published)


def test_a07_second_sealer_does_not_seal_what_the_first_is_about_to(start: Start, tmp_path: Path) -> None:
    sealer.seal_pending_events()  # the key, which would be a batch of its own
    for turn in range(rounds(1, 10)):
        write(3)
        pause = tmp_path / f"pause-{turn}"
        first = start(f"grown:{pause}")
        wait_until(lambda waiting=pause: waiting.exists() and waiting.read_text(), "the first one is in the middle")
        second = start()
        assert second.communicate(timeout=60)[0] == "0 sealed.\n"
        pause.unlink()
        assert first.communicate(timeout=60)[0] == "3 sealed.\n"
        sealed_whole(set())
    assert not UnsealedEvent.objects.exists()
