"""The log of a demo is marked for ever: in its origin, in the evidence, by the verifier, and at the start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django.fixtures import Settings

from portal.audit.exports.evidence_pack import VERIFIER, build_evidence_pack
from portal.audit.ledger import record_event
from portal.audit.models import Checkpoint
from portal.audit.offline import verify_countersign
from portal.audit.sealing import log_origin, sealer
from portal.audit.sealing.status import announced_public_key

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]
MARK = "Demo: not evidence of a real approval."


def seal_a_change() -> None:
    data = {"revision": 1, "fields": ["tags"], "patch": {"tags": "a"}, "base": {"tags": ""}, "reason": "Because"}
    record_event("change.submitted", by="maria", change=7, secret=43, data=data)
    sealer.seal_pending_events()


def verify(folder: Path) -> str:
    """The output of the verifier for the evidence of the change."""
    pack = build_evidence_pack(7)
    (folder / "pack.zip").write_bytes(pack.content)
    (folder / "key.txt").write_text(str(announced_public_key(pack.checkpoint)))
    command = [sys.executable, str(VERIFIER), "pack.zip", "--key", "key.txt"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout


def test_checkpoint_evidence_and_verifier_of_a_demo_carry_its_mark_m4(settings: Settings, tmp_path: Path) -> None:
    settings.PORTAL_DEMO = True
    seal_a_change()
    assert Checkpoint.objects.first().note.startswith("demo.localhost/countersign-demo\n")
    assert MARK in summary()
    first, verdict = verify(tmp_path).splitlines()
    assert first.startswith("DEMO LOG")
    assert verdict.startswith("YES.")


def summary() -> str:
    checkpoint = Checkpoint.objects.first()
    return verify_countersign.print_summary(7, [], checkpoint.note, str(announced_public_key(checkpoint)))


def test_real_log_carries_no_mark_even_on_a_host_named_demo_m4(settings: Settings, tmp_path: Path) -> None:
    settings.BASE_URL = "https://demo.example.com"
    seal_a_change()
    assert MARK not in summary()
    assert verify(tmp_path).startswith("YES.")
    log_origin.require_demo_mode()


def test_demo_database_is_refused_while_the_demo_is_off_m5(settings: Settings) -> None:
    settings.PORTAL_DEMO = True
    seal_a_change()
    log_origin.require_demo_mode()
    settings.PORTAL_DEMO = False
    with pytest.raises(ImproperlyConfigured, match="This database holds demo data"):
        log_origin.require_demo_mode()
    record_event("session.started", by="maria")
    with pytest.raises(ImproperlyConfigured):
        sealer.seal_pending_events()
