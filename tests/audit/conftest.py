"""A log that cannot be written, and one that can be sealed."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection
from pytest_django import Settings

SEED = base64.b64encode(bytes(range(32))).decode()
OTHER_SEED = base64.b64encode(bytes(32)).decode()
THIRD_SEED = base64.b64encode(bytes(31) + b"3").decode()


@pytest.fixture
def unwritable_log(db: None) -> Iterator[None]:
    """The table is away for the time of the test."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event RENAME TO audit_event_away")
    yield
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_event_away RENAME TO audit_event")


@pytest.fixture
def signing_key(settings: Settings) -> str:
    """This process may seal; the key."""
    settings.AUDIT_SIGNING_KEY = SEED
    return SEED


@pytest.fixture
def checkpoint_folder(settings: Settings, tmp_path: Path) -> Path:
    """Checkpoints are published to this folder."""
    settings.AUDIT_CHECKPOINT_DIR = str(tmp_path / "elsewhere")
    return tmp_path / "elsewhere"
