"""A Segura to talk to: the stand-in, over HTTP, as the settings of the test have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings
from redis import Redis

from portal.audit.models import Event
from portal.catalog import segura_client
from portal.sandbox import Sandbox


@pytest.fixture(scope="session")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    """The stand-in as at its start."""
    running_sandbox.reset()
    return running_sandbox


@pytest.fixture
def segura(sandbox: Sandbox, settings: Settings) -> Sandbox:
    """A fresh stand-in that the portal is configured for; no token is known yet."""
    settings.SEGURA_URL = sandbox.url
    settings.SEGURA_TOKEN_URL = ""
    settings.SEGURA_CLIENT_ID = sandbox.client_id
    settings.SEGURA_CLIENT_SECRET = sandbox.client_secret
    settings.SEGURA_CLIENT_AUTH = "body"
    settings.SEGURA_SCIM_CLIENT_ID = settings.SEGURA_SCIM_CLIENT_SECRET = ""
    settings.SEGURA_TENANT = settings.SEGURA_CA_BUNDLE = ""
    settings.SEGURA_CONNECT_TIMEOUT_S = 1
    settings.SEGURA_DEADLINE_S = 5
    settings.SEGURA_PAGE_DEADLINE_S = 3
    settings.DELIVERY_LEASE_S = 10
    settings.DELIVERY_HOLD_S = 0.2
    settings.DELIVERY_BACKOFF_S = settings.DELIVERY_PROBE_EVERY_S = 1e-6
    settings.DELIVERY_BACKLOG_RATE_PER_S = 1e6
    forget_tokens(settings.REDIS_URL)
    segura_client.get_availability_guard.cache_clear()
    return sandbox


@pytest.fixture
def scim(segura: Sandbox, settings: Settings) -> Sandbox:
    """The same, with a client that may read its directory; nobody has yet."""
    settings.SEGURA_SCIM_CLIENT_ID, settings.SEGURA_SCIM_CLIENT_SECRET = (
        segura.scim_client_id,
        segura.scim_client_secret,
    )
    return segura


def forget_tokens(redis_url: str) -> None:
    """As in a portal that has just been started, with an empty Redis."""
    with Redis.from_url(redis_url) as redis:
        redis.flushdb()
    segura_client._tokens.cache_clear()
    segura_client._waits.cache_clear()


def events(action: str) -> list[dict[str, Any]]:
    """The log's entries of one kind, oldest first."""
    return [json.loads(event.text) for event in Event.objects.filter(action=action).order_by("id")]
