"""What one person may do only so often: the refusal says the limit and when to try again, and nothing typed is lost."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from portal.accounts import limits
from portal.accounts.limits import LimitReached, count_act
from portal.accounts.models import CountedAct, User
from portal.audit.models import Event
from portal.audit.sealing import sealer
from portal.changes.delivery import circuit_breaker
from portal.changes.models import Change, ChangeTemplate, Status
from portal.changes.models.comment import Comment
from portal.changes.models.draft import Draft
from portal.web.models import SavedFilter
from tests.audit.conftest import SEED
from tests.changes.paper import press, read_form
from tests.changing import approve
from tests.people import mirrored, person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]

Browser = Callable[..., Client]


def allow(monkeypatch: pytest.MonkeyPatch, act: str, most: int) -> None:
    monkeypatch.setitem(limits.ACTS, act, ((most, timedelta(minutes=10)),))


def says_when(answer: HttpResponse, most: int) -> None:
    page = answer.content.decode()
    assert f"The limit of {most} within 10 minutes is reached." in page
    assert "Try again in 10 minutes." in page


def say(browser: Client, change: Change, text: str) -> HttpResponse:
    return browser.post(f"/changes/{change.pk}/comment/", {"key": str(uuid.uuid4()), "text": text})


def test_person_who_comments_too_often_keeps_the_text_and_others_may_go_on(
    as_person: Browser, submitted: Change, requester: User, approver: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "comment", 3)
    browser = as_person(requester)
    answers = [say(browser, submitted, f"number {n} of them") for n in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    says_when(answers[-1], 3)
    assert "number 3 of them" in answers[-1].content.decode()
    assert Comment.objects.count() == 3
    assert say(as_person(approver), submitted, "of somebody else").status_code == 302
    CountedAct.objects.update(at=F("at") - timedelta(minutes=10))
    assert say(browser, submitted, "later").status_code == 302


def test_comment_sent_twice_counts_once(
    as_person: Browser, submitted: Change, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "comment", 1)
    data = {"key": str(uuid.uuid4()), "text": "once"}
    codes = [as_person(requester).post(f"/changes/{submitted.pk}/comment/", data).status_code for _ in range(3)]
    assert codes == [302, 302, 302]


def test_person_who_withdraws_too_often_withdraws_nothing_more(
    as_person: Browser, submitted: Change, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "withdraw", 1)
    count_act(requester, "withdraw")
    answer = as_person(requester).post(f"/changes/{submitted.pk}/withdraw/")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "600"
    says_when(answer, 1)
    submitted.refresh_from_db()
    assert submitted.status == Status.PENDING


@pytest.mark.parametrize(
    "address",
    ["/audit/export.csv", "/audit/export.jsonl", "/audit/sealed-log.txt", "/audit/changes/{change}/evidence.zip"],
)
def test_auditor_who_exports_too_often_starts_no_further_export(
    as_person: Browser,
    auditor: User,
    submitted: Change,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    address: str,
) -> None:
    settings.AUDIT_SIGNING_KEY = SEED
    sealer.seal_pending_events()
    allow(monkeypatch, "export", 2)
    browser = as_person(auditor)
    answers = [browser.get(address.format(change=submitted.pk)) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    says_when(answers[-1], 2)
    assert Event.objects.filter(action__in=["audit.exported", "audit.evidence_exported"]).count() == 2


@pytest.mark.parametrize(
    ("act", "address"),
    [
        ("connection test", "/operations/connection/test/"),
        ("synchronisation", "/secrets/synchronise/"),
    ],
)
def test_administrator_who_calls_segura_too_often_waits(
    as_person: Browser, admin: User, monkeypatch: pytest.MonkeyPatch, act: str, address: str
) -> None:
    allow(monkeypatch, act, 1)
    count_act(admin, act)
    answer = as_person(admin).post(address)
    assert answer.status_code == 429
    says_when(answer, 1)


@pytest.mark.usefixtures("segura", "approver")
def test_draft_that_is_one_too_many_is_not_saved_and_its_text_stays_in_the_form(
    as_person: Browser, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirrored()
    allow(monkeypatch, "draft", 1)
    browser, address = as_person(requester), "/secrets/43/propose/"
    assert press(browser, address, browser.get(address), "draft", notes="the first").status_code == 200
    answer = press(browser, address, browser.get(address), "draft", notes="typed for an hour", ticket="OPS-42")
    assert answer.status_code == 429
    says_when(answer, 1)
    assert {"typed for an hour", "OPS-42"} <= set(read_form(answer).values())
    assert Draft.objects.get().patch["notes"] == "the first"


def test_administrator_who_pauses_too_often_pauses_nothing_and_keeps_the_reason(
    as_person: Browser, admin: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "pause", 1)
    count_act(admin, "pause")
    answer = as_person(admin).post("/operations/pause/", {"reason": "Segura is maintained tonight"})
    assert answer.status_code == 429
    says_when(answer, 1)
    assert "Segura is maintained tonight" in answer.content.decode()
    assert not circuit_breaker.is_paused()


@pytest.mark.parametrize(("act", "status"), [("recheck", Status.NEEDS_ATTENTION), ("retry", Status.FAILED)])
@pytest.mark.parametrize("times", [1, 3])
def test_administrator_who_rechecks_or_retries_too_often_moves_no_change(
    as_person: Browser,
    admin: User,
    approver: User,
    submitted: Change,
    monkeypatch: pytest.MonkeyPatch,
    act: str,
    status: Status,
    times: int,
) -> None:
    approve(submitted, approver)
    allow(monkeypatch, act, times)
    for _ in range(times):
        count_act(admin, act)
    Change.objects.filter(pk=submitted.pk).update(status=status, closed_at=timezone.now())
    answer = as_person(admin).post(f"/changes/{submitted.pk}/{act}/")
    assert answer.status_code == 429
    says_when(answer, times)
    submitted.refresh_from_db()
    assert submitted.status == status


def test_auditor_who_verifies_too_often_starts_no_further_verification(
    as_person: Browser, auditor: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = list[str]()

    def ask(*, by: str) -> bool:
        asked.append(by)
        return True

    monkeypatch.setattr("portal.audit.tasks.enqueue_verification", ask)
    allow(monkeypatch, "verification", 2)
    browser = as_person(auditor)
    answers = [browser.post("/audit/verify/") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    says_when(answers[-1], 2)
    assert asked == ["auditor", "auditor"]


def test_template_that_is_one_too_many_keeps_its_name_in_the_form(
    as_person: Browser, submitted: Change, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "template", 1)
    count_act(requester, "template")
    answer = as_person(requester).post(f"/changes/{submitted.pk}/template/", {"name": "A name to keep"})
    assert answer.status_code == 422
    says_when(answer, 1)
    assert "A name to keep" in answer.content.decode()
    assert not ChangeTemplate.objects.exists()


def test_filter_that_is_one_too_many_is_not_saved(
    as_person: Browser, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "filter", 1)
    count_act(requester, "filter")
    form = {"page": "changes:mine", "query": "status=pending", "name": "mine"}
    answer = as_person(requester).post("/saved-filters/", form, follow=True)
    says_when(answer, 1)
    assert not SavedFilter.objects.exists()


def test_refusals_at_a_limit_do_not_fill_the_log(
    as_person: Browser, requester: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    allow(monkeypatch, "refusal", 2)
    browser = as_person(requester)
    assert [browser.get("/audit/").status_code for _ in range(4)] == [403] * 4
    assert Event.objects.filter(action="access.denied").count() == 2


@pytest.mark.parametrize("act", sorted(limits.ACTS))
def test_every_limit_is_within_what_is_kept(act: str) -> None:
    assert all(most > 0 and timedelta(0) < window < limits.KEPT_FOR for most, window in limits.ACTS[act])


@pytest.mark.django_db(transaction=True)
def test_parallel_acts_of_one_person_do_not_exceed_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    allow(monkeypatch, "comment", 3)
    maria = person("maria")

    def act(_number: int) -> bool:
        try:
            count_act(maria, "comment")
        except LimitReached:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(act, range(16))) == 3
