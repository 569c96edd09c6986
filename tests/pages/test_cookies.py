"""No cookie without a name that binds it to this host, where the portal speaks TLS."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.models import Change
from tests.rig.portal import ROOT

NAMES = [name for name in dir(settings) if name.endswith("_COOKIE_NAME")]


def test_over_tls_every_name_has_the_prefix() -> None:
    told = f"from django.conf import settings; print(*(getattr(settings, name) for name in {NAMES!r}))"
    https = {"PORTAL_BASE_URL": "https://portal.corp.example", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-c", told]
    run = subprocess.run(command, cwd=ROOT, env=os.environ | https, capture_output=True, text=True, check=True)
    assert len(run.stdout.split()) == len(NAMES) == 6
    assert all(name.startswith("__Host-") for name in run.stdout.split())


@pytest.mark.django_db(transaction=True)
def test_every_cookie_has_a_name_of_the_settings(submitted: Change, requester: User) -> None:
    browser = Client()
    browser.get("/accounts/login/")
    browser.post("/accounts/login/", {"login": "requester", "password": "requester-correct-horse"})
    browser.post("/theme/", {"theme": "dark"})
    browser.post(reverse("set_language"), {"language": "pt-br"})
    browser.post(f"/changes/{submitted.pk}/withdraw/")
    by_script = {settings.ZONE_COOKIE_NAME}
    assert set(browser.cookies) == {getattr(settings, name) for name in NAMES} - by_script
