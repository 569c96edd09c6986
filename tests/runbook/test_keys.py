"""Sealing keys and the log's signing key, changed by the words of the runbook."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.accounts.models import User
from portal.audit.models import Checkpoint, Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Vote
from portal.changes.workflow import submission
from portal.common.keyring import KeyRing, key_id_of
from tests.changing import approve
from tests.rig import documented
from tests.rig.workers import database_url

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


def operator(setting: str, file: Path) -> dict[str, str]:
    return {**os.environ, "DATABASE_URL": database_url(), f"{setting}_FILE": str(file)}


def follow(heading: str, env: dict[str, str]) -> list[str]:
    """Every block of the section, in order; what each printed."""
    printed = []
    for block in documented.blocks(heading):
        done = documented.run(block, env)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout)
    return printed


def test_values_are_sealed_anew_and_the_old_key_goes(
    propose: Callable[..., Proposal], requester: User, tmp_path: Path
) -> None:
    change = submission.submit_change(propose(value="a new value"), by=requester)
    file = tmp_path / "encryption_keys"
    file.write_text(os.environ["PORTAL_ENCRYPTION_KEYS"])
    file.chmod(0o640)
    old = KeyRing.parse(file.read_text()).active
    printed = follow("Another sealing key", operator("PORTAL_ENCRYPTION_KEYS", file))
    assert "1 sealed anew" in "".join(printed)
    (kept,) = KeyRing.parse(file.read_text()).keys
    assert kept != old
    assert key_id_of(bytes(Revision.objects.get(change=change).encrypted_secret or b"")) == kept
    assert file.stat().st_mode & 0o777 == 0o640


def test_key_of_votes_is_replaced_and_votes_stay_as_they_are(submitted: Change, approver: User, tmp_path: Path) -> None:
    approve(submitted, approver)
    file = tmp_path / "approval_mac_keys"
    file.write_text(os.environ["PORTAL_APPROVAL_MAC_KEYS"])
    old = KeyRing.parse(file.read_text()).active
    follow("Another key for votes", operator("PORTAL_APPROVAL_MAC_KEYS", file))
    (kept,) = KeyRing.parse(file.read_text()).keys
    assert kept != old
    assert Vote.objects.get().mac.startswith(f"{old}:")


def test_old_signing_key_hands_over_to_the_new_one(tmp_path: Path) -> None:
    file = tmp_path / "signing_key"
    file.write_text(base64.b64encode(secrets.token_bytes(32)).decode())
    env = operator("AUDIT_SIGNING_KEY", file)
    assert documented.run("python manage.py seal_audit", env).returncode == 0
    first = Checkpoint.objects.latest().key_id
    printed = follow("Another key for the audit log", env)
    assert "intact" in printed[-1]
    assert Checkpoint.objects.latest().key_id != first
    assert Event.objects.filter(action="audit.key_changed").count() == 2
    assert "," not in file.read_text()
