"""The page of vote keys by HTTP: crafted requests, stolen sessions, and what each reader sees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.http import QueryDict
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.models import Change, Vote
from portal.vote_keys.forms import RevokeForm
from portal.vote_keys.models import VoteKey, VoteKeyConfirmation, VoteKeyRevocation
from tests.changes.pages import as_shown_to, ballot_of, text_of
from tests.vote_keys.conftest import Ring

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue", "secret")]
AsPerson = Callable[..., Client]
PAGE = "/vote-keys/"


def test_session_that_was_stolen_enrols_no_key(as_person: AsPerson, ring: Ring, approver: User) -> None:
    """The password was given an hour ago; the page asks for it again and enrols nothing without it."""
    before = VoteKey.objects.count()
    browser = as_person(approver, minutes_ago=60)
    assert 'name="password"' in browser.get(PAGE).content.decode()
    assert browser.post(reverse("vote_keys:enrol_options")).status_code == 200
    answer = browser.post(reverse("vote_keys:enrol"), {"name": "Laptop", "credential": "{}"})
    assert answer.status_code == 422
    assert VoteKey.objects.count() == before


@pytest.mark.parametrize("credential", ["", "{}", "[]", "null", "x", '{"id": 7}', '{"response": {}}'])
def test_enrolment_without_a_passkey_of_the_browser_keeps_the_name_and_says_why(
    as_person: AsPerson, ring: Ring, approver: User, credential: str
) -> None:
    browser = as_person(approver)
    browser.post(reverse("vote_keys:enrol_options"))
    answer = browser.post(reverse("vote_keys:enrol"), {"name": "Spare key", "credential": credential})
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "The browser made no passkey for this site in time." in page
    assert 'value="Spare key"' in page


def test_options_offer_only_algorithms_that_auditors_can_verify(as_person: AsPerson, ring: Ring, keyed: User) -> None:
    options = as_person(keyed).post(reverse("vote_keys:enrol_options")).json()["publicKey"]
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, -8, -257]
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert len(options["excludeCredentials"]) == 1


def test_crafted_confirmation_of_ones_own_key_or_without_a_signature_is_refused(
    as_person: AsPerson, ring: Ring, first_admins: tuple[User, User], approver: User
) -> None:
    one, _ = first_admins
    own = ring.enrol(one)
    other = ring.enrol(approver)
    confirmed = VoteKeyConfirmation.objects.count()
    browser = as_person(one)
    answer = browser.post(reverse("vote_keys:confirm", args=[own.pk]))
    assert answer.status_code == 403
    assert "You can't confirm your own vote key. Another administrator can." in text_of(answer)
    answer = browser.post(reverse("vote_keys:confirm", args=[other.pk]), {"credential": "{}"})
    assert answer.status_code == 422
    assert VoteKeyConfirmation.objects.count() == confirmed


def test_approvers_see_their_own_keys_and_administrators_all(
    as_person: AsPerson, ring: Ring, first_admins: tuple[User, User], keyed: User, approver2: User
) -> None:
    key = ring.keys["approver"].fingerprint
    assert key in text_of(as_person(keyed).get(PAGE))
    assert key not in text_of(as_person(approver2).get(PAGE))
    page = text_of(as_person(first_admins[0]).get(PAGE))
    assert key in page
    assert "First key" in page
    assert as_person(approver2).post(reverse("vote_keys:revoke", args=[ring.keys["approver"].pk])).status_code == 404
    assert not VoteKeyRevocation.objects.exists()


def test_unsigned_vote_is_refused_on_every_route(
    as_person: AsPerson, ring: Ring, keyed: User, submitted: Change
) -> None:
    ballot = as_shown_to(keyed.pk, ballot_of(submitted, reason="Seen"))
    browser = as_person(keyed)
    for name in ("approve", "reject", "request_changes"):
        for headers in ({}, {"HX-Request": "true"}):
            answer = browser.post(reverse(f"changes:{name}", args=[submitted.pk]), ballot, headers=headers)
            assert answer.status_code == 422
            assert "This vote must be signed with a vote key (rule SIGNED_VOTES)." in text_of(answer)
    pick = f"{submitted.pk}.1.{ballot['digest']}"
    answers = {
        verdict: text_of(browser.post(reverse("changes:decide"), {"picks": pick, "verdict": verdict, "reason": "Seen"}))
        for verdict in ("approve", "reject")
    }
    assert "Skipped: high-risk changes are reviewed one at a time." in answers["approve"]
    assert "This vote must be signed with a vote key" in answers["reject"]
    assert not Vote.objects.exists()


@pytest.mark.parametrize("credential", ["{}", "x", '{"id": "x", "response": {}}'])
def test_answer_that_is_no_signature_is_refused(
    as_person: AsPerson, ring: Ring, keyed: User, submitted: Change, credential: str
) -> None:
    ballot = as_shown_to(keyed.pk, ballot_of(submitted)) | {"credential": credential}
    browser = as_person(keyed)
    browser.post(reverse("changes:sign_vote", args=[submitted.pk, "approve"]), ballot)
    answer = browser.post(reverse("changes:approve", args=[submitted.pk]), ballot)
    assert answer.status_code == 422
    assert "Nothing was decided." in text_of(answer)
    assert not Vote.objects.exists()


def test_time_of_a_theft_is_taken_in_utc_and_none_that_is_to_come(rf: RequestFactory, approver: User) -> None:
    request = rf.post("/")
    request.user, request.session = approver, SessionStore()
    with timezone.override("America/Sao_Paulo"):
        for typed, taken in (("2026-11-02T12:00", datetime(2026, 11, 2, 12, tzinfo=UTC)), ("2999-01-01T00:00", None)):
            form = RevokeForm(QueryDict(f"reason=Stolen&compromised_at={typed}"), request=request, key=1)
            form.is_valid()
            assert form.cleaned_data.get("compromised_at") == taken
            assert ("compromised_at" in form.errors) is (taken is None)
