"""Settings that would make an unsafe portal keep it from starting, with a sentence."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.rig.portal import ROOT


def start(**env: str) -> subprocess.CompletedProcess[str]:
    """What every process of the portal does first."""
    command = [sys.executable, "-c", "import portal.wsgi"]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"PORTAL_BASE_URL": "http://portal.corp.example"}, "PORTAL_BASE_URL must be https"),
        ({"PORTAL_ENCRYPTION_KEYS": "nonsense"}, "PORTAL_ENCRYPTION_KEYS: key 1 is not 32 bytes"),
        ({"PORTAL_SECRET_KEY": "x" * 31}, "PORTAL_SECRET_KEY must be 32 characters or longer"),
        ({"PORTAL_DEBUG": "1", "PORTAL_BASE_URL": "https://portal.corp.example"}, "PORTAL_DEBUG is for this machine"),
        ({"SIGNED_VOTES_SINCE": "30.11.2026"}, "SIGNED_VOTES_SINCE must be a date such as 2026-12-01"),
        ({"PORTAL_PROCESS": "beat"}, "PORTAL_PROCESS must be web, worker, sealer, scheduler or owner"),
        ({"PORTAL_PROCESS": "Sealer"}, "PORTAL_PROCESS must be web"),
        ({"PORTAL_PROCESS": "web", "PORTAL_ENCRYPTION_KEYS": ""}, "PORTAL_ENCRYPTION_KEYS is not set"),
        ({"PORTAL_PROCESS": "worker", "PORTAL_SECRET_KEY": ""}, "PORTAL_SECRET_KEY is not set"),
        ({"PORTAL_PROCESS": "", "PORTAL_ENCRYPTION_KEYS": ""}, "PORTAL_ENCRYPTION_KEYS is not set"),
    ],
)
def test_unsafe_setting_is_refused_at_the_start_and_not_repeated(env: dict[str, str], sentence: str) -> None:
    ended = start(**env)
    assert ended.returncode != 0
    assert sentence in ended.stderr
    assert "nonsense" not in ended.stderr
    assert "x" * 31 not in ended.stderr


OIDC = {
    "OIDC_ISSUER": "https://login.corp.example",
    "OIDC_CLIENT_ID": "countersign",
    "OIDC_CLIENT_SECRET": "hunter2",
    "OIDC_ROLE_GROUPS": '{"approver": ["Secrets approvers"]}',
}


@pytest.mark.parametrize("missing", OIDC)
def test_half_a_configuration_of_the_openid_provider_is_refused(missing: str) -> None:
    ended = start(**{**OIDC, missing: ""})
    assert ended.returncode != 0
    assert f"is set, so {missing} must be set too." in ended.stderr
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize(
    ("env", "sentence"),
    [
        ({"OIDC_ISSUER": "http://login.corp.example"}, "OIDC_ISSUER must be https"),
        ({"OIDC_ISSUER": "https://login.corp.example?tenant=1"}, "without query and fragment"),
        ({"OIDC_SCOPES": "profile email"}, "OIDC_SCOPES must contain openid"),
        ({"OIDC_ROLE_GROUPS": "approver=Secrets approvers"}, "OIDC_ROLE_GROUPS must be a JSON object"),
        ({"OIDC_ROLE_GROUPS": '{"approver": "Secrets approvers"}'}, "OIDC_ROLE_GROUPS must be a JSON object"),
        ({"OIDC_ROLE_GROUPS": '{"approver": []}'}, "OIDC_ROLE_GROUPS must be a JSON object"),
        ({"OIDC_ROLE_GROUPS": '["approver"]'}, "OIDC_ROLE_GROUPS must be a JSON object"),
        ({"OIDC_ROLE_GROUPS": '{"boss": ["x"]}'}, "the roles are requester, approver, auditor, administrator"),
    ],
)
def test_setting_of_the_openid_provider_that_cannot_work_is_refused(env: dict[str, str], sentence: str) -> None:
    ended = start(**{**OIDC, **env})
    assert ended.returncode != 0
    assert sentence in ended.stderr


def test_whole_configuration_of_the_openid_provider_lets_forms_reach_it() -> None:
    ended = start(**OIDC)
    assert ended.returncode == 0, ended.stderr
    show = "from django.conf import settings; print(settings.CONTENT_SECURITY_POLICY['DIRECTIVES']['form-action'])"
    env = {**os.environ, **OIDC, "DJANGO_SETTINGS_MODULE": "portal.settings"}
    shown = subprocess.run([sys.executable, "-c", show], cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[\"'self'\", 'https://login.corp.example']"


def test_passwords_cannot_be_switched_off_without_a_provider() -> None:
    ended = start(PORTAL_PASSWORD_SIGN_IN="0")
    assert ended.returncode != 0
    assert "PORTAL_PASSWORD_SIGN_IN is off, so OIDC_ISSUER must be set" in ended.stderr
    assert start(**OIDC, PORTAL_PASSWORD_SIGN_IN="0").returncode == 0


def test_emergency_account_is_refused_while_all_passwords_work() -> None:
    ended = start(**OIDC, PORTAL_EMERGENCY_ACCOUNT="rescue")
    assert ended.returncode != 0
    assert "PORTAL_EMERGENCY_ACCOUNT needs PORTAL_PASSWORD_SIGN_IN=0" in ended.stderr
    assert start(**OIDC, PORTAL_PASSWORD_SIGN_IN="0", PORTAL_EMERGENCY_ACCOUNT="rescue").returncode == 0


def test_worker_needs_no_client_secret_of_the_openid_provider() -> None:
    assert start(**{**OIDC, "PORTAL_PROCESS": "worker", "OIDC_CLIENT_SECRET": ""}).returncode == 0


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "DATABASE_URL is not set. Set it, or DATABASE_URL_FILE, in the environment."),
        ("sqlite:////tmp/hunter2.sqlite3", "DATABASE_URL must be postgresql://user:password@host/name."),
        ("mysql://portal:hunter2@db.example/portal", "DATABASE_URL must be postgresql://user:password@host/name."),
        ("hunter2@db.example/portal", "DATABASE_URL must be postgresql://user:password@host/name."),
        ("https://portal:hunter2@db.example/portal", "DATABASE_URL must be postgresql://user:password@host/name."),
    ],
)
def test_portal_does_not_start_without_the_address_of_a_postgresql(url: str, sentence: str) -> None:
    ended = start(DATABASE_URL=url)
    assert ended.returncode != 0
    assert sentence in ended.stderr
    assert "hunter2" not in ended.stderr


@pytest.mark.parametrize(
    "env",
    [
        {"PORTAL_BASE_URL": "https://portal.corp.example"},
        {"PORTAL_BASE_URL": "http://[::1]:8000", "PORTAL_DEBUG": "1"},
    ],
)
def test_safe_settings_start(env: dict[str, str]) -> None:
    assert start(**env).returncode == 0


@pytest.mark.parametrize("process", ["sealer", "scheduler", "owner"])
def test_process_that_needs_no_keys_starts_without_them_and_cannot_use_any(process: str) -> None:
    use = """
import django; django.setup()
from django.core.exceptions import ImproperlyConfigured
from portal.common import keyring
for each in (keyring.get_keyring, lambda: keyring.keyed_fingerprint("kind", "value")):
    try:
        each()
    except ImproperlyConfigured as error:
        print(error)
"""
    env = {
        "PORTAL_PROCESS": process,
        "PORTAL_SECRET_KEY": "",
        "PORTAL_ENCRYPTION_KEYS": "",
        "PORTAL_FINGERPRINT_KEY": "",
    }
    ended = subprocess.run(
        [sys.executable, "-c", use], cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == [
        "PORTAL_ENCRYPTION_KEYS holds no key.",
        f"The process {process} holds no keys and makes no fingerprints.",
    ]
