"""Risk in the queue: one word from visible rules, kept for lists; what it takes to approve where it is high."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain import review_proof, risks
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.domain.review_proof import ReviewProof
from portal.changes.domain.risks import RiskLevel
from portal.changes.models import Change, Status
from portal.changes.rules.guards import DiffNotOpened, ImpactNotConfirmed
from portal.changes.workflow import review, submission
from tests.changes.pages import as_shown_to, ballot_of, page_of, send, text_of
from tests.people import mirrored
from tests.vouching import LOOKED, PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
MORE_EDITORS = [["pduarte", True], ["rcosta", True]]
RATED: list[tuple[dict[str, Any], RiskLevel]] = [
    ({"notes": "Only words"}, RiskLevel.LOW),
    ({"value": "a-new-value", "notes": "x"}, RiskLevel.MEDIUM),
    ({"users_allowed": [["pduarte", True], ["rcosta", False]]}, RiskLevel.MEDIUM),
    ({"users_allowed": MORE_EDITORS}, RiskLevel.HIGH),
    ({"url": "https://elsewhere.example"}, RiskLevel.HIGH),
    ({"base": None, "notes": "x"}, RiskLevel.HIGH),
]


@pytest.mark.parametrize(("patch", "level"), RATED)
def test_a_change_carries_the_level_of_its_rules(
    patch: dict[str, Any], level: RiskLevel, propose: Propose, requester: User
) -> None:
    assert submission.submit_change(propose(**patch), by=requester).risk == level


def test_a_revision_is_rated_anew(submitted: Change, propose: Propose, requester: User) -> None:
    assert submitted.risk == RiskLevel.HIGH
    submission.revise_change(submitted.pk, propose(notes="harmless"), by=requester)
    submitted.refresh_from_db()
    assert submitted.risk == RiskLevel.LOW


def test_the_fifth_secret_of_an_hour_says_that_there_are_many(
    propose: Propose, requester: User, requester2: User, approver: User, as_person: AsPerson
) -> None:
    def submit(identifier: int, by: User = requester) -> Change:
        mirrored(identifier, f"S{identifier}")
        return submission.submit_change(propose(identifier=identifier, notes="x"), by=by)

    for identifier in (61, 61, 62, 63):
        submit(identifier)
    assert submit(64).burst_size == 4
    submit(65, by=requester2)
    fifth = submit(66)
    assert (fifth.burst_size, fifth.risk) == (5, RiskLevel.MEDIUM)
    assert Change.objects.exclude(risk=RiskLevel.LOW).get() == fifth
    queue = text_of(as_person(approver).get(f"/queue/?open={fifth.pk}"))
    assert "Medium Many secrets" in queue
    assert "Its requester proposed changes of 5 secrets within an hour" in queue
    submission.revise_change(fifth.pk, propose(identifier=66, notes="y"), by=requester)
    fifth.refresh_from_db()
    assert fifth.risk == RiskLevel.MEDIUM


def test_who_submits_another_one_is_told_of_the_rule_before(
    propose: Propose, requester: User, as_person: AsPerson
) -> None:
    for identifier in range(61, 65):
        mirrored(identifier, f"S{identifier}")
        submission.submit_change(propose(identifier=identifier, notes="x"), by=requester)
    mirrored(43)
    sent = {"act": "confirm", "proposal": encode_proposal(replace(propose(notes="x"), reason=" "), requester)}
    preview = as_person(requester).post("/secrets/43/propose/", sent)
    assert preview.status_code == 422
    assert "Many secrets" in text_of(preview)


def test_every_rule_is_explained_and_every_risk_leads_to_its_rule(
    submitted: Change, requester: User, as_person: AsPerson
) -> None:
    browser = as_person(requester)
    page = browser.get("/risk-rules/").content.decode()
    for rule in risks.RULES.values():
        assert f'id="{rule.kind}"' in page
        assert str(rule.word) in page
    assert 'href="/risk-rules/#host"' in page_of(browser, submitted).content.decode()


def test_change_that_nobody_rated_is_of_high_risk(requester: User) -> None:
    now = timezone.now()
    change = Change.objects.create(secret=43, secret_name="S", requester=requester, created_at=now, updated_at=now)
    change.refresh_from_db()
    assert change.risk == RiskLevel.HIGH


def test_high_risk_is_approved_only_over_the_opened_difference_and_its_confirmed_consequence(
    submitted: Change, approver: User
) -> None:
    seen = {"revision": 1, "digest": submitted.get_current_revision().digest}
    for looked, refusal in (
        (ReviewProof(opened=False, confirmed=True), DiffNotOpened),
        (ReviewProof(True, False), ImpactNotConfirmed),
    ):
        with pytest.raises(refusal, match=r"High risk|understand"):
            review.approve_change(submitted.pk, by=approver, review_proof=looked, **seen, recent_auth=PRESENT)
        assert f'"rule":"{refusal.code}"' in Event.objects.filter(action="vote.refused").latest("pk").text
    assert Change.objects.get(pk=submitted.pk).status == Status.PENDING
    review.approve_change(submitted.pk, by=approver, review_proof=LOOKED, **seen, recent_auth=PRESENT)


def test_less_than_high_risk_and_any_rejection_take_no_more_than_a_click(
    propose: Propose, submitted: Change, requester: User, approver: User
) -> None:
    glanced = ReviewProof(opened=False, confirmed=False)
    tame = submission.submit_change(propose(notes="x", value="a-new-value"), by=requester)
    review.approve_change(
        tame.pk,
        by=approver,
        revision=1,
        digest=tame.get_current_revision().digest,
        review_proof=glanced,
        recent_auth=PRESENT,
    )
    review.reject_change(
        submitted.pk,
        by=approver,
        revision=1,
        digest=submitted.get_current_revision().digest,
        reason="No",
        recent_auth=PRESENT,
    )


def test_the_mark_of_another_revision_opens_nothing() -> None:
    shown = {"revision": 2, "reader": 7}
    right = review_proof.make_review_token("a" * 64, **shown)
    assert review_proof.check_review_token("a" * 64, **shown, marked=right, confirmed=True) == LOOKED
    others = [
        review_proof.make_review_token("a" * 64, revision=number, reader=reader)
        for number, reader in ((1, 7), (2, 8), (27, 7))
    ]
    for wrong in ("", "x", review_proof.make_review_token("b" * 64, **shown), *others):
        assert not review_proof.check_review_token("a" * 64, **shown, marked=wrong, confirmed=True).opened


def test_approver_cannot_use_the_mark_of_another_approver(
    as_person: AsPerson, submitted: Change, approver: User, approver2: User
) -> None:
    ballot = as_shown_to(approver2.pk, ballot_of(submitted))
    assert send(as_person(approver), "approve", submitted, ballot).status_code == 422
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING
    assert send(as_person(approver2), "approve", submitted, ballot).status_code < 400


def test_pages_with_the_difference_carry_the_mark_and_name_the_consequence(
    as_person: AsPerson, approver: User, propose: Propose, requester: User
) -> None:
    mirrored()
    change = submission.submit_change(propose(users_allowed=MORE_EDITORS, value="a-new-value"), by=requester)
    mark = review_proof.make_review_token(change.get_current_revision().digest, revision=1, reader=approver.pk)
    browser = as_person(approver)
    for page in (page_of(browser, change), browser.get("/queue/")):
        assert mark in page.content.decode()
        words = text_of(page)
        assert "High risk. Approving this will:" in words
        assert "goes to rcosta" in words
        assert "The client secret is replaced" in words


def test_a_click_without_the_box_is_told_at_the_box_and_loses_nothing(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    ballot = ballot_of(submitted, reason="I looked", confirmed="")
    for more in ({}, {"HX-Request": "true"}):
        response = send(as_person(approver), "approve", submitted, {**ballot, "from": "queue"}, **more)
        assert response.status_code == 422
        assert f'href="#approve-confirmed-{submitted.get_current_revision().digest}"' in response.content.decode()
        assert "I looked" in text_of(response)
    assert submitted.votes.count() == 0


def test_a_vote_without_the_mark_is_refused_with_the_rule(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    response = send(as_person(approver), "approve", submitted, ballot_of(submitted, opened=""))
    assert response.status_code == 422
    assert "open the change and read its difference" in text_of(response)
