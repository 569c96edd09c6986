"""Several decisions at once: each by its own rules, high risk left out, a word on each, the password asked once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client, RequestFactory

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.forms.bulk import MOST
from portal.changes.models import Change, Status, Verdict
from portal.changes.views import bulk
from portal.changes.workflow import review, submission
from tests.changes.pages import edited_by, text_of
from tests.people import mirrored
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[..., Client]
TICKED = re.compile(r'name="picks"[^>]* checked')


@pytest.fixture
def submit(propose: Callable[..., Proposal], requester: User) -> Callable[..., Change]:
    def build(identifier: int, **patch: Any) -> Change:
        mirrored(identifier, f"S{identifier}")
        return submission.submit_change(propose(identifier=identifier, **(patch or {"notes": "x"})), by=requester)

    return build


def pick(change: Change) -> str:
    return f"{change.pk}.{change.revision}.{change.get_current_revision().digest}"


def decide(browser: Client, verdict: str, *changes: Change, **more: str) -> HttpResponse:
    return browser.post("/queue/decide/", {"verdict": verdict, "picks": [pick(each) for each in changes], **more})


def test_each_is_decided_by_its_own_rules_and_reported(
    as_person: AsPerson, approver: User, approver2: User, submit: Callable[..., Change]
) -> None:
    plain, grave, gone, revised = submit(60), submit(61, url="http://other.example"), submit(62), submit(63)
    stale = pick(revised)[:-64] + "0" * 64
    review.reject_change(
        gone.pk, by=approver2, revision=1, digest=gone.get_current_revision().digest, reason="No", recent_auth=PRESENT
    )
    browser = as_person(approver)
    response = browser.post(
        "/queue/decide/",
        {"verdict": "approve", "picks": [pick(plain), pick(grave), pick(gone), stale, "999.1." + "0" * 64]},
    )
    kinds = {each.change_id: each.kind for each in response.context["report"]}
    assert kinds == {
        plain.pk: "approved",
        grave.pk: "skipped",
        gone.pk: "refused",
        revised.pk: "refused",
        999: "refused",
    }
    words = text_of(response)
    assert "Skipped: high-risk" in words
    assert "Its status now: Rejected" in words
    assert "revised while you were reading" in words
    assert Change.objects.get(pk=plain.pk).status == Status.APPROVED
    assert Change.objects.get(pk=grave.pk).status == Status.PENDING
    assert list(Event.objects.filter(action="vote.cast", actor="approver").values_list("change", flat=True)) == [
        plain.pk
    ]


def test_own_changes_are_refused_one_by_one(as_person: AsPerson, approver: User, submit: Callable[..., Change]) -> None:
    own, other = submit(60), submit(61)
    edited_by(approver, own)
    report = decide(as_person(approver), "approve", own, other).context["report"]
    assert [each.kind for each in report] == ["refused", "approved"]
    assert "You can't decide a change you proposed or edited" in report[0].sentence


def test_a_rejection_takes_one_reason_for_all_high_risk_included(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    plain, grave = submit(60), submit(61, url="http://other.example")
    browser = as_person(approver)
    refused = decide(browser, "reject", plain, grave, reason=" ")
    assert refused.status_code == 422
    assert "Add a reason" in text_of(refused)
    assert len(TICKED.findall(refused.content.decode())) == 2
    report = decide(browser, "reject", plain, grave, reason="Not this week").context["report"]
    assert [each.kind for each in report] == ["rejected", "rejected"]
    assert {vote.reason for vote in plain.votes.all()} == {"Not this week"}
    assert grave.votes.get().verdict == Verdict.REJECT


def test_the_password_is_asked_once_and_nothing_is_decided_before(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    changes = [submit(60), submit(61)]
    browser = as_person(approver, minutes_ago=6)
    for password, said in (("", "Enter your password"), ("wrong", "Incorrect password")):
        refused = decide(browser, "approve", *changes, password=password)
        assert refused.status_code == 422
        assert said in text_of(refused)
        assert len(TICKED.findall(refused.content.decode())) == 2
    assert not Event.objects.filter(action__startswith="vote.").exists()
    report = decide(browser, "approve", *changes, password="approver-correct-horse").context["report"]
    assert [each.kind for each in report] == ["approved", "approved"]


@pytest.mark.parametrize("picks", [[], ["x"], ["1.1." + "g" * 64], ["9" * 30 + ".1." + "0" * 64]])
def test_nothing_chosen_or_an_altered_list_is_said(
    picks: list[str], as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    submit(60)
    response = as_person(approver).post("/queue/decide/", {"verdict": "approve", "picks": picks})
    assert response.status_code == 422
    assert ("Select at least one change" if not picks else "The list was altered") in text_of(response)


@pytest.mark.parametrize("verdict", ["request_changes", "abstain", ""])
def test_together_changes_are_approved_or_rejected_and_nothing_else(
    verdict: str, as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    change = submit(60)
    response = decide(as_person(approver), verdict, change, reason="Another host, please")
    assert response.status_code == 422
    assert not change.votes.exists()
    assert Change.objects.get(pk=change.pk).status == Status.PENDING


def test_a_verdict_that_nobody_thought_of_decides_nothing(
    approver: User, rf: RequestFactory, submit: Callable[..., Change]
) -> None:
    change = submit(60)
    request = rf.post("/queue/decide/")
    request.user = approver
    vote = {"change_id": change.pk, "revision": 1, "digest": change.get_current_revision().digest, "reason": "x"}
    with pytest.raises(ValueError, match="request_changes"):
        bulk._decide(request, Verdict.REQUEST_CHANGES, vote)
    assert not change.votes.exists()


def test_as_many_are_decided_together_as_a_page_lists_and_no_more(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    change = submit(60)
    others = [f"{1000 + number}.1.{number:064}" for number in range(MOST)]
    browser = as_person(approver)
    refused = browser.post("/queue/decide/", {"verdict": "approve", "picks": [pick(change), *others]})
    assert refused.status_code == 422
    assert f"Choose at most {MOST} changes at once." in text_of(refused)
    assert not change.votes.exists()
    taken = browser.post("/queue/decide/", {"verdict": "approve", "picks": [pick(change), *others[1:]]})
    assert len(taken.context["report"]) == MOST


def test_a_change_that_is_chosen_twice_is_decided_once(
    as_person: AsPerson, approver: User, submit: Callable[..., Change]
) -> None:
    change = submit(60)
    report = decide(as_person(approver), "approve", *[change] * 30).context["report"]
    assert [each.kind for each in report] == ["approved"]
