"""Fixtures of the whole suite: people here, PostgreSQL and Redis from tests/rig/plugin.py."""

from __future__ import annotations

from typing import Any

import pytest

pytest_plugins = ["tests.people", "tests.segura"]


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """On SQLite: a file instead of Django's in-memory default, so that threads compete as they do in the portal."""
    from django.conf import settings

    default: dict[str, Any] = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        default.setdefault("TEST", {})["NAME"] = str(settings.STATE_DIR / "test-suite.sqlite3")
