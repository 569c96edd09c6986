"""The pages of people and of keys: who may do what and whether that is enough; which keys keep what."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import key_rotation, submission
from portal.common import keyring
from portal.operations import key_inventory
from portal.operations.models import KnownKey
from tests.operations.test_pages_delivery import text_of
from tests.people import mirrored, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
OLD, NEW = "old:" + "1" * 64, "new:" + "2" * 64


@pytest.fixture
def ring(settings: Settings) -> Any:
    """`ring(NEW, OLD)`: the sealing keys from now on."""

    def turn(*keys: str) -> None:
        settings.ENCRYPTION_KEYS = ",".join(keys)
        keyring.get_keyring.cache_clear()

    yield turn
    keyring.get_keyring.cache_clear()


def people(browser: Client) -> str:
    return text_of(browser.get(reverse("operations:users")))


def keys(browser: Client) -> str:
    return text_of(browser.get(reverse("operations:keys")))


def test_everybody_is_listed_with_roles_and_whether_they_may_sign_in(as_person: AsPerson, admin: User) -> None:
    roles.add_to_role(person("ana", Role.APPROVER), Role.AUDITOR)
    User.objects.filter(pk=person("gone", Role.APPROVER).pk).update(is_active=False)
    page = people(as_person(admin))
    assert "ana ana Approvers Auditors active never 0" in page
    assert "gone gone Approvers disabled never 0" in page


@pytest.mark.parametrize(
    ("approvers", "required", "said"),
    [
        (0, 1, "No change can be approved: approvals needed 1, approvers 0."),
        (1, 1, "Only one approver: their own changes, and all changes while they are away, cannot be approved."),
        (2, 2, "Only 2 approvers: their own changes, and all changes while one is away, cannot be approved."),
        (3, 2, ""),
    ],
)
def test_gate_that_nobody_can_pass_or_hardly_anybody_is_named(
    approvers: int, required: int, said: str, as_person: AsPerson, admin: User, settings: Settings
) -> None:
    settings.APPROVALS_REQUIRED = required
    for number in range(approvers):
        person(f"approver-{number}", Role.APPROVER)
    person("another-admin", Role.ADMINISTRATOR, Role.AUDITOR)
    person("third-admin", Role.ADMINISTRATOR, Role.REQUESTER)
    page = people(as_person(admin))
    assert said in page
    assert ("No step depends on a single person." in page) is not bool(said)


def test_change_that_asks_for_more_approvals_than_there_are_is_named(
    as_person: AsPerson,
    admin: User,
    propose: Callable[..., Proposal],
    requester: User,
    approver: User,
    approver2: User,
    settings: Settings,
) -> None:
    settings.APPROVALS_REQUIRED = 3
    strict = submission.submit_change(propose(), by=requester)
    settings.APPROVALS_REQUIRED = 1
    mirrored(44, "other")
    submission.submit_change(propose(identifier=44, notes="open"), by=requester)
    page = people(as_person(admin))
    advice = "These changes need more approvals than there are users who may approve them. Add approvers:"
    assert f"{advice} {strict.reference}" in page
    assert "CR-2 " not in page


def test_people_are_turned_by_pages_that_cost_the_same(
    as_person: AsPerson, admin: User, django_assert_max_num_queries: Any
) -> None:
    User.objects.bulk_create(User(username=f"person-{n:03}") for n in range(120))
    browser = as_person(admin)
    with django_assert_max_num_queries(12):
        page = browser.get(reverse("operations:users"))
    assert page.content.decode().count('<td class="lead">') == 50
    older = page.context["shown"].page.older
    following = text_of(browser.get(reverse("operations:users"), {"at": older}))
    assert "person-060" in following
    assert "person-010" not in following


def test_page_changes_no_right(as_person: AsPerson, admin: User) -> None:
    assert as_person(admin).post(reverse("operations:users"), {"role": "approver"}).status_code == 405


def test_each_sealing_key_says_what_rests_under_it_and_what_to_do(
    as_person: AsPerson,
    admin: User,
    propose: Callable[..., Proposal],
    requester: User,
    ring: Callable[..., None],
    django_assert_max_num_queries: Any,
) -> None:
    browser = as_person(admin)
    ring(OLD)
    change = submission.submit_change(propose(value="a-new-value-under-the-old-key"), by=requester)
    ring(NEW, OLD)
    page = keys(browser)
    assert "new encrypts 0" in page
    assert "old decrypts 1" in page
    assert "Run rotate_encryption_keys before taking it off." in page
    key_rotation.rotate_encryption_key(by="a test")
    with django_assert_max_num_queries(12):
        page = keys(browser)
    assert "new encrypts 1" in page
    assert "old decrypts 0" in page
    assert "an hour after the last rotation it can be removed" in page
    assert "Last re-encryption:" in page
    submission.withdraw_change(change.pk, by=requester)
    assert "new encrypts 0" in keys(browser)


def test_key_that_values_need_and_nobody_has_is_an_alarm(
    as_person: AsPerson, admin: User, propose: Callable[..., Proposal], requester: User, ring: Callable[..., None]
) -> None:
    ring(OLD)
    submission.submit_change(propose(value="a-new-value-under-the-old-key"), by=requester)
    ring(NEW)
    page = keys(as_person(admin))
    assert "1 open value rests under key old, which this process does not have." in page
    assert "old missing 1" in page


def test_no_key_is_on_the_page(as_person: AsPerson, admin: User, settings: Settings, ring: Callable[..., None]) -> None:
    ring(NEW, OLD)
    settings.FINGERPRINT_KEY = "a-fingerprint-key-of-some-length"
    page = as_person(admin).get(reverse("operations:keys")).content.decode()
    for key in ("1" * 64, "2" * 64, settings.FINGERPRINT_KEY, settings.SECRET_KEY):
        assert key not in page
    assert "a key of its own" in page
    assert Change.objects.count() == 0


def test_key_that_was_never_rotated_to_has_the_age_of_its_first_start(
    as_person: AsPerson, admin: User, ring: Callable[..., None]
) -> None:
    browser = as_person(admin)
    ring(OLD)
    assert "not used yet" in keys(browser)
    key_inventory.record_known_keys()
    KnownKey.objects.update(first_seen_at=datetime(2026, 1, 2, 3, 4, tzinfo=UTC))
    ring(NEW, OLD)
    key_inventory.record_known_keys()
    key_inventory.record_known_keys()
    assert KnownKey.objects.get(name="old").first_seen_at == datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert set(KnownKey.objects.values_list("name", flat=True)) == {"old", "new"}
    page = keys(browser)
    assert re.search(r"old decrypts 0 [^.]*2026[^.]*UTC first used by a worker", page)
    assert "not used yet" not in page


def test_other_secrets_are_as_old_as_their_files_and_never_shown(
    as_person: AsPerson, admin: User, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = {"SEGURA_CLIENT_SECRET": "canary-one", "METRICS_TOKEN": "canary-two", "SEGURA_SCIM_CLIENT_SECRET": ""}
    for name, value in secrets.items():
        setattr(settings, name, value)
    file = tmp_path / "token"
    file.write_text("canary-two", encoding="utf-8")
    os.utime(file, (1767323045, 1767323045))
    monkeypatch.setenv("PORTAL_METRICS_TOKEN_FILE", str(file))
    page = keys(as_person(admin))
    assert "PORTAL_METRICS_TOKEN file written" in page
    assert "SEGURA_CLIENT_SECRET from the environment, of no known age" in page
    assert "SEGURA_SCIM_CLIENT_SECRET not set" in page
    assert "canary" not in page


def test_keys_are_called_encryption_keys_in_portuguese_k1(as_person: AsPerson, admin: User) -> None:
    User.objects.filter(pk=admin.pk).update(language="pt-br")
    page = as_person(admin).get(reverse("operations:keys")).content.decode()
    assert re.search(r"<h1>\s*Chaves de criptografia\s*</h1>", page)
    assert re.search(r'aria-current="page">Chaves de criptografia</a>', page)
    assert "Teclas" not in page


def test_each_command_of_the_keys_page_has_a_copy_button_k2(as_person: AsPerson, admin: User) -> None:
    page = as_person(admin).get(reverse("operations:keys")).content.decode()
    commands = re.findall(r"<code>([^<]+)</code>", page)
    assert commands == re.findall(r'data-copies="([^"]+)"', page)
    assert {"openssl rand -base64 32", "manage.py rotate_encryption_keys", "manage.py seal_audit"} == set(commands)
