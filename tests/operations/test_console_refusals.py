"""A console command that the database refuses says so in one sentence; a stack of frames helps nobody there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from django.conf import settings

from tests.rig.postgres import postgres_server

ROOT = settings.BASE_DIR


def manage(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url}
    command = [sys.executable, "-W", "ignore", "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=100)


def is_one_sentence(run: subprocess.CompletedProcess[str]) -> None:
    assert run.returncode == 1
    assert "Traceback" not in run.stderr
    assert run.stderr.count("\n") <= 2
    assert "The database refused this command" in run.stderr


COMMANDS = (
    ["user", "ana"],
    ["sync_catalog"],
    ["rotate_encryption_keys"],
    ["prune"],
    ["after_restore", "--by", "ana", "--reason", "x"],
)


@pytest.fixture(scope="module")
def no_rights() -> Iterator[str]:
    """The address of a database with no table that this role may touch."""
    with postgres_server() as server:
        yield server.url


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_command_that_finds_no_tables_or_rights_is_one_sentence(no_rights: str, words: list[str]) -> None:
    is_one_sentence(manage(no_rights, *words))


def test_command_without_a_database_is_one_sentence() -> None:
    is_one_sentence(manage("postgres://nobody@127.0.0.1:1/none", "user", "ana"))


def test_traceback_is_shown_to_whoever_asks_for_it(no_rights: str) -> None:
    assert "Traceback" in manage(no_rights, "user", "ana", "--traceback").stderr
