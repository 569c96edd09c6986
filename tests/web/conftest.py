"""Everybody, and nothing published: a page is asked, not a worker."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.catalog.models import ApiSecret
from portal.changes.proposal import Proposal
from portal.sandbox import Sandbox
from tests.web.cast import Cast, assemble


@pytest.fixture
def cast(
    secret: ApiSecret, propose: Callable[..., Proposal], segura: Sandbox, no_queue: None, monkeypatch: pytest.MonkeyPatch
) -> Cast:
    monkeypatch.setattr("portal.catalog.tasks.publish", lambda _: True)
    monkeypatch.setattr("portal.audit.tasks.ask_for_verification", lambda **_: True)
    return assemble(propose)
