"""Fixtures of the whole suite: people here, PostgreSQL and Redis from tests/rig/plugin.py."""

from __future__ import annotations

import os
from collections.abc import Iterator

import hypothesis
import pytest
from django.utils import translation
from playwright.sync_api import Browser

from tests.rig.desk import chromium

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
def browser() -> Iterator[Browser]:
    """One for all tests of a worker: Playwright runs once in a process."""
    with chromium() as running:
        yield running
