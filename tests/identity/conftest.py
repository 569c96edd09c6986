"""Settings with an OpenID provider, and a stub of one for answers that no honest provider gives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from tests.identity.stub_provider import CLIENT_ID, CLIENT_SECRET, StubProvider

ROLE_GROUPS = {
    "requester": ("CS Requesters",),
    "approver": ("CS Approvers", "CS Leads"),
    "administrator": ("CS Admins",),
}


@pytest.fixture
def stub(settings: Settings) -> Iterator[StubProvider]:
    with StubProvider().running() as running:
        settings.OIDC_ISSUER = running.issuer
        settings.OIDC_CLIENT_ID = CLIENT_ID
        settings.OIDC_CLIENT_SECRET = CLIENT_SECRET
        settings.OIDC_PROVIDER_NAME = "Example Identity"
        settings.OIDC_ROLE_GROUPS = ROLE_GROUPS
        yield running
