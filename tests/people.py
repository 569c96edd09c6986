"""Who the tests are about: people with roles, a secret, and a proposal to decide on."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.catalog.models import ApiSecret
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import submission
from portal.vault import SecretStr

GCP = {
    "name": "GCP",
    "url": "https://gcp.example",
    "client_id": "gf455f7g8fb5dfg8fd545bffbv",
    "identifier_code": "hyga125",
    "tags": "Cloud",
    "notes": "Access details",
    "method": "get",
    "users_allowed": [["pduarte", True]],
    "groups_allowed": [["Test group", False]],
}


GCP_BASE = Snapshot(GCP, "f" * 64)


def person(name: str, *granted: Role) -> User:
    """A person in these roles."""
    user = User.objects.create_user(name, password=f"{name}-correct-horse")
    for role in granted:
        roles.add_to_role(user, role)
    return user


@pytest.fixture
def requester(db: None) -> User:
    return person("requester", Role.REQUESTER)


@pytest.fixture
def requester2(db: None) -> User:
    return person("requester2", Role.REQUESTER)


@pytest.fixture
def approver(db: None) -> User:
    return person("approver", Role.APPROVER)


@pytest.fixture
def approver2(db: None) -> User:
    return person("approver2", Role.APPROVER)


@pytest.fixture
def auditor(db: None) -> User:
    return person("auditor", Role.AUDITOR)


@pytest.fixture
def admin(db: None) -> User:
    return person("admin", Role.ADMINISTRATOR)


@pytest.fixture
def as_person() -> Callable[..., Client]:
    """A browser in which this person has just signed in."""

    def open_browser(user: User, *, minutes_ago: float = 0) -> Client:
        client = Client()
        client.force_login(user)
        show_presence(client, user, minutes_ago=minutes_ago)
        return client

    return open_browser


def show_presence(
    client: Client, user: User, *, minutes_ago: float = 0, reauthenticated: bool = False, **record: Any
) -> None:
    """As if the person had given their password (or what `record` says) in this session then, and not since.

    `reauthenticated`: within the session, and not to sign in.
    """
    session = client.session
    given = {"method": "password", "at": time.time() - 60 * minutes_ago, "reauthenticated": reauthenticated, **record}
    session["account_authentication_methods"] = [given]
    session["account_authentication_methods_user"] = str(user.pk)
    session.save()


def mirrored(identifier: int = 43, name: str = "GCP", **columns: Any) -> ApiSecret:
    """A row of the mirror that may be proposed on, unless `columns` say otherwise."""
    now = timezone.now()
    flags = {"can_view": True, "can_write": True, "need_justify": False, "need_approval": False}
    values = {"name": name, "first_seen_at": now, **flags, **columns}
    return ApiSecret.objects.update_or_create(identifier=identifier, defaults=values)[0]


@pytest.fixture
def secret(db: None) -> ApiSecret:
    return mirrored()


@pytest.fixture
def propose(secret: ApiSecret) -> Callable[..., Proposal]:
    """A proposal for the GCP secret: a new url, unless told otherwise."""

    def build(*, value: str = "", base: Snapshot | None = GCP_BASE, identifier: int = 43, **patch: Any) -> Proposal:
        revision_id = uuid.uuid4()
        return Proposal(
            secret=identifier,
            patch=patch or {"url": "https://gcp-eu.example"},
            base=base,
            sealed=secret_encryption.encrypt_secret(SecretStr(value), revision_id) if value else None,
            reason="The endpoint moves to the EU",
            revision_id=revision_id,
        )

    return build


@pytest.fixture
def submitted(propose: Callable[..., Proposal], requester: User) -> Change:
    """A pending change of the requester's."""
    return submission.submit_change(propose(), by=requester)
