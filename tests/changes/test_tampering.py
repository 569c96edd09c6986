"""Somebody with the database in hands, past the triggers: what was not voted for is not sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection

from portal.changes.domain import secret_encryption
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.common import keyring
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changing import work

pytestmark = [pytest.mark.django_db, pytest.mark.shows("S04")]


@contextmanager
def revisions_unguarded() -> Iterator[None]:
    """For the time of the block a revision can be altered."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE changes_revision DISABLE TRIGGER revision_immutable")
        yield
        cursor.execute("ALTER TABLE changes_revision ENABLE ALWAYS TRIGGER revision_immutable")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "altered",
    [
        {"patch": {"url": "https://attacker.example"}},
        {"patch": {"url": "https://gcp-eu.example", "users_allowed": [["attacker", True]]}},
        {"policy": {"required": 0}},
        {"digest": "0" * 64},
    ],
)
def test_what_was_altered_past_the_triggers_is_not_sent(
    altered: dict[str, Any], segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = approved()
    with revisions_unguarded():
        Revision.objects.update(**altered)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert segura.control.arrivals("update") == []


def test_a_value_sealed_with_our_own_key_but_never_voted_for_is_not_sent(
    segura: Sandbox, approved: Callable[..., Change]
) -> None:
    change = approved(value="approved-value")
    forged = secret_encryption.encrypt_secret(SecretStr("another-value"), change.get_current_revision().pk)
    Revision.objects.update(encrypted_secret=forged.blob)
    assert (work(change).status, change.cause) == (Status.NEEDS_ATTENTION, StatusCause.TAMPERED)
    assert segura.control.arrivals("update") == []


def test_a_sealed_value_opens_for_its_own_revision_alone() -> None:
    own, other = uuid.uuid4(), uuid.uuid4()
    kept = secret_encryption.encrypt_secret(SecretStr("value"), own)
    assert secret_encryption.decrypt_secret(kept.blob, own) == SecretStr("value")
    with pytest.raises(keyring.CannotDecrypt):
        secret_encryption.decrypt_secret(kept.blob, other)
