"""Everybody, and nothing published: a page is asked, not a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from portal.catalog.models import ApiSecret
from portal.changes.domain.proposal import Proposal
from portal.sandbox import Sandbox
from tests.web.cast import Cast, assemble
from tests.web.served import Served, served


@pytest.fixture
def cast(
    secret: ApiSecret,
    propose: Callable[..., Proposal],
    segura: Sandbox,
    no_queue: None,
    monkeypatch: pytest.MonkeyPatch,
) -> Cast:
    monkeypatch.setattr("portal.catalog.tasks.enqueue_sync", lambda _: True)
    monkeypatch.setattr("portal.audit.tasks.enqueue_verification", lambda **_: True)
    return assemble(propose)


@pytest.fixture
def https_portal(transactional_db: None, tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path / "web.log") as portal:
        yield portal
