"""What counts letter by letter is typed into controls that no keyboard of a phone capitalises or corrects."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.sandbox import Sandbox
from tests.people import mirrored

pytestmark = pytest.mark.django_db(transaction=True)
EXACT = ('autocapitalize="none"', 'autocorrect="off"', 'spellcheck="false"')
PROSE = {"reason"}
"""Sentences for people."""


def controls(page: str) -> dict[str, str]:
    """Each control that text is typed into, by name."""
    found = re.findall(r'<(?:textarea|input)\s[^>]*name="([^"]+)"[^>]*>', page)
    tags = {name: re.search(rf'<(?:textarea|input)\s[^>]*name="{re.escape(name)}"[^>]*>', page) for name in found}
    return {
        name: tag[0]
        for name, tag in tags.items()
        if tag and not re.search(r'type="(hidden|radio|checkbox|password|search)"', tag[0])
    }


def test_every_field_that_is_kept_exactly_is_typed_exactly(
    segura: Sandbox, requester: User, as_person: Callable[[User], Client]
) -> None:
    mirrored()
    found = controls(as_person(requester).get("/secrets/43/propose/").content.decode())
    assert {"name", "url", "client_id", "identifier_code", "method", "tags", "ticket", "client_secret"} <= found.keys()
    assert any(name.startswith("users_allowed-") for name in found)
    exact = {name: tag for name, tag in found.items() if name not in PROSE}
    assert [name for name, tag in exact.items() if not all(each in tag for each in EXACT)] == []
    assert "spellcheck" not in found["reason"]


def test_name_to_sign_in_with_is_typed_exactly(client: Client, db: None) -> None:
    tag = controls(client.get("/accounts/login/").content.decode())["login"]
    assert all(each in tag for each in EXACT)
