"""Fixtures of the whole suite: people here, PostgreSQL and Redis from tests/rig/plugin.py."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import hypothesis
import pytest
from django.utils import translation
from playwright.sync_api import Browser

from tests.rig.desk import chromium
from tests.rig.flush import flush_past_triggers

# Examples are judged by what is true of them, not by how long a busy machine takes; in CI they are the same each time.
hypothesis.settings.register_profile("suite", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("suite")

pytest_plugins = ["tests.people", "tests.segura", "tests.changing", "tests.rig.mail_server"]


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request in another language leaves it active; the next test starts in English all the same."""
    with translation.override("en"):
        yield


@pytest.fixture(scope="session")
def patch_for_the_session() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="session")
def django_db_modify_db_settings(request: pytest.FixtureRequest, django_db_modify_db_settings: None) -> None:
    """On SQLite: a file instead of Django's in-memory default, so that threads compete as they do in the portal."""
    from django.conf import settings

    default: dict[str, Any] = settings.DATABASES["default"]
    if default["ENGINE"].endswith("sqlite3"):
        flush_past_triggers(request.getfixturevalue("patch_for_the_session"))
        default.setdefault("TEST", {})["NAME"] = str(
            settings.STATE_DIR / f"suite-{os.environ.get('PYTEST_XDIST_WORKER', '')}.sqlite3"
        )


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One for all tests of a worker: Playwright runs once in a process."""
    with chromium() as running:
        yield running
