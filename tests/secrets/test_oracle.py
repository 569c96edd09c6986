"""Somebody guesses at a secret value by proposing guesses: no page, no time and no event tells which is right."""

from __future__ import annotations

import json
import math
import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision
from portal.changes.rules.guards import TooManySubmissions
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from tests.changes.pages import page_of, text_of
from tests.changes.paper import press
from tests.people import mirrored
from tests.rig.rounds import rounds
from tests.segura import events

URL = "/secrets/43/propose/"
GUESSES = rounds(30, 1000)
RIGHT, WRONG = "ruw-kalue-7413902", "ruw-eulak-7413902"  # of equal traits
Open = Callable[[User], Client]
Propose = Callable[..., Proposal]

pytestmark = [pytest.mark.django_db, pytest.mark.shows("S09")]


def plain(text: str) -> str:
    """What is different about any two proposals taken out: number, digest, sealed texts, clock, how long unsealed."""
    text = re.sub(r"Nothing has been sealed since .*? UTC\. ", "", text)
    text = re.sub(r"[\w=-]{60,}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", text)
    text = re.sub(r"CR-\d+|(?<=/changes/)\d+|(?<=event )\d+", "N", text)
    return re.sub(r"\d+:\d\d(:\d\d)?(\.\d+)?|\d+ ms", "T", text)


@pytest.mark.timeout(rounds(120, 1200))
def test_nothing_tells_a_right_guess_from_a_wrong_one_until_guessing_is_stopped(
    segura: Sandbox, settings: Settings, as_person: Open, requester: User, approver: User, auditor: User
) -> None:
    settings.CHANGE_SUBMITS_PER_HOUR = GUESSES
    mirrored()
    segura.control.edit(43, client_secret=RIGHT)
    browser, log = as_person(requester), as_person(auditor)
    form = browser.get(URL)
    seen: dict[str, set[tuple[Any, ...]]] = {RIGHT: set(), WRONG: set()}
    took: dict[str, list[float]] = {RIGHT: [], WRONG: []}

    def guess(value: str) -> Any:
        typed = {"secret_mode": "enter", "client_secret": value, "reason": "why"}
        return press(browser, URL, press(browser, URL, form, "preview", **typed), "confirm")

    started = time.monotonic()
    for value in random.sample([RIGHT, WRONG] * (GUESSES // 2), GUESSES):
        begun = time.perf_counter()
        answer = guess(value)
        took[value].append(time.perf_counter() - begun)
        change = Change.objects.latest("pk")
        page, timeline = page_of(browser, change), log.get(f"/audit/changes/{change.pk}/")
        told = [(event.action, _without_digest(event)) for event in Event.objects.filter(change=change.pk)]
        seen[value].add((answer.status_code, plain(text_of(page)), plain(text_of(timeline)), str(told)))
        submission.withdraw_change(change.pk, by=requester)
    assert seen[RIGHT] == seen[WRONG]
    assert len(seen[RIGHT]) == 1
    assert _apart(took[RIGHT], took[WRONG]) < 4

    stopped = guess(RIGHT)
    assert stopped.status_code == 429
    (minutes,) = re.findall(r"Try again in (\d+) minutes\.", text_of(stopped))
    assert 59 - (time.monotonic() - started) // 60 <= int(minutes) <= 60, "an hour after the first guess"
    assert "Submit for approval" in text_of(stopped), "the proposal is not lost"
    assert Change.objects.count() == GUESSES
    (refused,) = events("access.denied")
    assert (refused["actor"], refused["data"]["rule"]) == (requester.username, "TooMany")


def _without_digest(event: Event) -> str:
    data = json.loads(event.text)["data"]
    keyed = ("digest", "value_fingerprint")  # equal for equal proposals alone, whatever the vault holds
    return json.dumps({name: value for name, value in data.items() if name not in keyed}, sort_keys=True)


def _apart(one: list[float], other: list[float]) -> float:
    """Mann and Whitney's z: above 4 once in 15,000 runs where nothing differs, however uneven the machine's pace is."""
    longer = sum(a > b for a in one for b in other)
    pairs = len(one) * len(other)
    return abs(longer - pairs / 2) / math.sqrt(pairs * (len(one) + len(other) + 1) / 12)


def test_revisions_count_and_a_second_click_does_not(propose: Propose, settings: Settings, requester: User) -> None:
    settings.CHANGE_SUBMITS_PER_HOUR = 2
    change = submission.submit_change(propose(value=WRONG), by=requester)
    revised = propose(value=RIGHT)
    submission.revise_change(change.pk, revised, by=requester)
    with pytest.raises(TooManySubmissions):
        submission.submit_change(propose(value=WRONG), by=requester)
    with pytest.raises(TooManySubmissions):
        submission.revise_change(change.pk, propose(value=WRONG), by=requester)
    assert submission.revise_change(change.pk, revised, by=requester) == change
    assert Revision.objects.count() == 2


def test_second_click_of_the_last_proposal_leads_to_its_change(
    propose: Propose, settings: Settings, requester: User, requester2: User
) -> None:
    settings.CHANGE_SUBMITS_PER_HOUR = 1
    proposal = propose(value=WRONG)
    assert submission.submit_change(proposal, by=requester) == submission.submit_change(proposal, by=requester)
    assert submission.submit_change(propose(value=WRONG), by=requester2), "somebody else's proposals are theirs"
