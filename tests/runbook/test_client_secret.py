"""Segura's client secret is changed by the words of the runbook, while changes go out and no process starts anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from portal.changes.delivery import circuit_breaker
from portal.changes.models import Change, Status
from portal.sandbox import Sandbox
from tests.changing import work
from tests.rig import documented
from tests.segura import events, forget_tokens

pytestmark = pytest.mark.django_db(transaction=True)

HEADING = "Another client secret for Segura"
OLD, NEW = "sandbox-secret", "the-new-one/+=&"


@pytest.fixture
def secret_file(segura: Sandbox, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What this process was started with; the new secret lies beside it."""
    file = tmp_path / "segura_client_secret"
    file.write_text(OLD)
    (tmp_path / "new").write_text(NEW)
    settings.SEGURA_CLIENT_SECRET = OLD
    monkeypatch.setenv("SEGURA_CLIENT_SECRET_FILE", str(file))
    segura.grants.expect(OLD)
    return file


def follow(block: str, file: Path) -> None:
    inode = file.stat().st_ino
    names = {"SEGURA_CLIENT_SECRET_FILE": str(file), "NEW_SECRET_FILE": str(file.with_name("new"))}
    done = documented.run(block, names)
    assert done.returncode == 0, done.stderr
    assert file.stat().st_ino == inode


def test_it_changes_under_a_running_portal(
    segura: Sandbox, secret_file: Path, approved: Callable[..., Change], settings: Settings
) -> None:
    before, after = documented.blocks(HEADING)

    def delivers(note: str) -> bool:
        segura.grants.revoke_all()
        forget_tokens(settings.REDIS_URL)
        segura.control.edit(43, notes="as proposed on")
        return work(approved(base=None, notes=note)).status == Status.APPLIED

    try:
        assert delivers("before")
        follow(before, secret_file)
        assert delivers("both are in the file, Segura has the old one")
        segura.grants.expect(NEW)
        assert delivers("Segura has the new one")
        follow(after, secret_file)
        assert delivers("the old one is gone")
        assert secret_file.read_text().split() == [NEW]
    finally:
        segura.grants.expect(OLD)
    assert circuit_breaker.current_pause() is None
    assert events("delivery.paused") == []
    said = "".join(str(event) for event in events("vault.responded"))
    assert OLD not in said
    assert NEW not in said


def test_a_file_that_is_half_written_or_gone_takes_nothing_away(
    segura: Sandbox, secret_file: Path, approved: Callable[..., Change], settings: Settings
) -> None:
    for content in ("the-ne", "", None):
        secret_file.unlink() if content is None else secret_file.write_text(content)
        forget_tokens(settings.REDIS_URL)
        assert work(approved(base=None, notes=f"{content}")).status == Status.APPLIED
    assert circuit_breaker.current_pause() is None


def test_where_segura_makes_the_secret_the_pause_ends_by_itself(
    segura: Sandbox, secret_file: Path, approved: Callable[..., Change], settings: Settings
) -> None:
    try:
        change = approved()
        segura.grants.expect(NEW)
        segura.grants.revoke_all()
        change = work(change)
        assert change.status == Status.APPROVED
        assert circuit_breaker.current_pause() is not None
        follow(documented.blocks(HEADING)[0], secret_file)
        Change.objects.update(not_before=None)
        assert work(change).status == Status.APPLIED
        assert circuit_breaker.current_pause() is None
    finally:
        segura.grants.expect(OLD)
