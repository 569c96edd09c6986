"""What operators type."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from portal.catalog.models import ApiSecret
from portal.sandbox import Sandbox
from tests.people import mirrored

pytestmark = pytest.mark.django_db


def test_sync_catalog_says_what_it_found(segura: Sandbox) -> None:
    out = StringIO()
    call_command("sync_catalog", stdout=out)
    assert out.getvalue() == "23 listed: 23 new, 0 altered, 0 returned, 0 vanished, 0 left out.\n"


def test_sync_catalog_fails_with_a_sentence(segura: Sandbox, settings: Settings) -> None:
    settings.SEGURA_URL = ""
    with pytest.raises(CommandError, match="SEGURA_URL is not set"):
        call_command("sync_catalog", stdout=StringIO())


def test_sync_catalog_takes_an_empty_list_when_told(segura: Sandbox) -> None:
    mirrored(43, "GCP")
    empty = '{"code": 200, "response": {"status": 200, "message": "", "error": false}, "api_secret_on_list": []}'
    segura.control.plan(endpoint="list", body=empty, times=2)
    with pytest.raises(CommandError, match="--accept-empty"):
        call_command("sync_catalog", stdout=StringIO())
    call_command("sync_catalog", "--accept-empty", stdout=StringIO())
    assert not ApiSecret.objects.present().exists()
