"""The inbox, its count, and preferences, as people meet them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from portal.accounts.models import User
from portal.changes.models import Change
from portal.changes.presenters.next_steps import instant_utc_text
from portal.notifications import dispatch, inbox
from portal.notifications.models import Notification, Preference
from portal.notifications.routing import MailTiming
from tests.changing import approve

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
KINDS_OF_DECIDERS = ("waiting", "voided", "again", "withdrawn", "overruled", "mentioned", "commented")
INBOX, COUNT, READ = "/notifications/", "/notifications/count/", "/notifications/read/"


def notices(person: User, number: int, change: Change | None = None, **columns: object) -> list[Notification]:
    """Notices of this person's, numbered events apart."""
    last = Notification.objects.order_by("-event").values_list("event", flat=True).first() or 0
    kind = "commented" if change else "paused"
    rows = [
        Notification(recipient=person, kind=kind, change=change, event=last + n + 1, at=timezone.now(), shown=True)
        for n in range(number)
    ]
    for row in rows:
        for name, value in columns.items():
            setattr(row, name, value)
    return Notification.objects.bulk_create(rows)


def test_a_person_reads_their_own_notices_and_comes_to_the_change(
    submitted: Change, approver: User, approver2: User, as_person: Callable[..., Client]
) -> None:
    approve(submitted, approver)
    dispatch.dispatch_events()
    notices(approver2, 1, submitted)
    page = as_person(submitted.requester).get(INBOX).content.decode()
    assert f'href="/changes/{submitted.pk}/"' in page
    assert "Approved by approver, waiting to be sent" in page
    assert "commented" not in page
    assert "(1)" in page.split("</title>")[0]
    assert page.count('name="notice"') == 1


def test_what_was_read_stays_in_the_list_without_the_mark(
    submitted: Change, approver: User, as_person: Callable[..., Client]
) -> None:
    browser = as_person(approver)
    old, new = notices(approver, 1, submitted) + notices(approver, 1)
    browser.post(READ, {"notice": new.pk})
    assert [entry.unread for entry in browser.get(INBOX).context["shown"].entries] == [False, True]
    browser.post(READ, {"up_to": new.pk})
    old.refresh_from_db()
    assert old.read_at is not None
    assert "Nothing new" in browser.get(INBOX, {"show": "unread"}).content.decode()
    assert len(browser.get(INBOX).context["shown"].entries) == 2


def test_marking_all_as_read_spares_what_came_after_the_page(approver: User, as_person: Callable[..., Client]) -> None:
    seen, unseen = notices(approver, 2)
    as_person(approver).post(READ, {"up_to": seen.pk})
    assert list(Notification.objects.unread()) == [unseen]


def test_marking_all_as_read_can_be_undone(approver: User, as_person: Callable[..., Client]) -> None:
    earlier, *marked = notices(approver, 3)
    browser = as_person(approver)
    browser.post(READ, {"notice": earlier.pk})
    page = browser.post(READ, {"up_to": marked[-1].pk}, follow=True).content.decode()
    assert "All notifications marked as read." in page
    assert 'action="/undo/"' in page
    answer = browser.post("/undo/", follow=True)
    assert answer.redirect_chain == [(INBOX, 302)]
    assert list(Notification.objects.unread().order_by("pk")) == marked


def test_nobody_marks_the_notices_of_others(approver: User, approver2: User, as_person: Callable[..., Client]) -> None:
    (theirs,) = notices(approver2, 1)
    as_person(approver).post(READ, {"notice": theirs.pk})
    as_person(approver).post(READ, {"up_to": theirs.pk})
    assert Notification.objects.unread().count() == 1


@pytest.mark.parametrize("sent", [{}, {"notice": "x"}, {"up_to": "-1"}, {"notice": "9" * 30}])
def test_a_malformed_order_to_mark_is_refused(
    sent: dict[str, str], approver: User, as_person: Callable[..., Client]
) -> None:
    assert as_person(approver).post(READ, sent).status_code == 400


def test_whoever_may_no_longer_read_a_change_no_longer_reads_its_name(
    submitted: Change, approver: User, as_person: Callable[..., Client]
) -> None:
    notices(approver, 1, submitted)
    approver.groups.clear()
    browser = as_person(User.objects.get(pk=approver.pk))
    page = browser.get(INBOX).content.decode()
    assert "GCP" not in page
    assert inbox.count_unread(User.objects.get(pk=approver.pk)) == ""


def test_the_count_is_told_only_when_it_changed_and_not_to_who_is_signed_out(
    approver: User, as_person: Callable[..., Client], client: Client
) -> None:
    browser = as_person(approver)
    assert browser.get(COUNT, {"seen": ""}).status_code == 204
    notices(approver, 3)
    answer = browser.get(COUNT, {"seen": ""})
    assert answer.status_code == 200
    assert 'hx-swap-oob="outerHTML:.unread"' in answer.content.decode()
    assert "?seen=3" in answer.content.decode()
    assert browser.get(COUNT, {"seen": "3"}).status_code == 204
    assert client.get(COUNT).status_code == 204


def test_the_count_ends_where_nobody_counts_any_more(approver: User, as_person: Callable[..., Client]) -> None:
    notices(approver, 130)
    assert inbox.count_unread(approver) == "100+"
    browser = as_person(approver)
    assert "?seen=100%2B" in browser.get(INBOX).content.decode()
    assert browser.get(COUNT, {"seen": "100+"}).status_code == 204


def test_the_count_is_cheap_and_the_inbox_costs_the_same_at_any_size(
    submitted: Change, approver: User, as_person: Callable[..., Client]
) -> None:
    browser = as_person(approver)

    def queries(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert browser.get(path).status_code == 200
        return len(seen)

    notices(approver, 1)
    notices(approver, 1, submitted, kind="applied")
    few = queries(INBOX)
    notices(approver, 60)
    notices(approver, 60, submitted)
    notices(approver, 60, submitted, kind="applied")
    assert queries(INBOX) == few <= 12
    assert queries(f"{COUNT}?seen=") <= 4


def test_every_notice_is_on_one_of_the_pages(approver: User, as_person: Callable[..., Client]) -> None:
    made = {str(notice.pk) for notice in notices(approver, 60)}
    browser, found, address = as_person(approver), set(), INBOX
    for _ in range(3):
        page = browser.get(address)
        found |= {str(entry.notice.pk) for entry in page.context["shown"].entries}
        address = f"{INBOX}?at={page.context['shown'].page.older}"
    assert found == made


def test_a_hidden_notice_is_not_in_the_inbox(submitted: Change, approver: User) -> None:
    notices(approver, 1, submitted, shown=False)
    assert inbox.count_unread(approver) == ""
    assert not Notification.objects.inbox(approver).exists()


def chosen(**changes: str) -> dict[str, str]:
    """What the form of somebody who decides sends."""
    sent = {"language": "", "time_zone": "", "summary-mail": "daily", "voided-portal": "on"}
    sent |= {f"{kind}-mail": "at_once" for kind in KINDS_OF_DECIDERS}
    return sent | {name.replace("_mail", "-mail"): value for name, value in changes.items()}


def test_preferences_are_kept_and_hold_for_pages_and_notices(
    settings: Settings, submitted: Change, approver: User, as_person: Callable[..., Client]
) -> None:
    settings.EMAIL_HOST = "mail.invalid"
    User.objects.filter(pk=approver.pk).update(email="approver@example.com")
    browser = as_person(approver)
    sent = chosen(language="pt-br", time_zone="America/Sao_Paulo", waiting_mail="never")
    answer = browser.post(reverse("notifications:preferences"), sent, follow=True)
    assert "Suas preferências foram salvas." in answer.content.decode()
    page = browser.get(f"/changes/{submitted.pk}/", headers={"accept-language": "en"}).content.decode()
    assert '<html lang="pt-br"' in page
    assert " -03" in page
    assert " UTC&quot;" in page or ' UTC"' in page
    assert Preference.objects.get(person=approver, kind="voided").mail == MailTiming.AT_ONCE


def test_a_choice_that_is_none_is_refused_by_name_and_nothing_is_kept(
    settings: Settings, approver: User, as_person: Callable[..., Client]
) -> None:
    settings.EMAIL_HOST = "mail.invalid"
    User.objects.filter(pk=approver.pk).update(email="approver@example.com")
    answer = as_person(approver).post(
        reverse("notifications:preferences"), chosen(time_zone="Mars/Olympus", waiting_mail="hourly")
    )
    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'href="#id_time_zone"' in page
    assert 'href="#id_waiting-mail"' in page
    assert not Preference.objects.exists()


def test_nobody_is_offered_kinds_they_can_never_be_told(
    auditor: User, requester: User, as_person: Callable[..., Client]
) -> None:
    page = as_person(auditor).get(reverse("notifications:preferences")).content.decode()
    assert set(re.findall(r'name="(\w+)-mail"', page)) == {"mentioned", "commented"}
    page = as_person(requester).get(reverse("notifications:preferences")).content.decode()
    assert "Your change was rejected" in page
    assert "A change waits for your decision" not in page


def test_the_language_chosen_in_the_navigation_is_kept_with_the_person(
    approver: User, as_person: Callable[..., Client]
) -> None:
    as_person(approver).post(reverse("set_language"), {"language": "pt-br"})
    assert User.objects.get(pk=approver.pk).language == "pt-br"
    another = as_person(approver)
    assert '<html lang="pt-br"' in another.get(INBOX).content.decode()
    another.post(reverse("set_language"), {"language": "tlh"})
    assert User.objects.get(pk=approver.pk).language == "pt-br"


def test_the_log_says_utc_to_everybody(auditor: User, as_person: Callable[..., Client]) -> None:
    User.objects.filter(pk=auditor.pk).update(time_zone="Pacific/Kiritimati")
    page = as_person(auditor).get("/audit/").content.decode()
    shown = page.split("<tbody")[1].split("<time ")[1]
    assert datetime.now(UTC).strftime("%H:%M") in shown or datetime.now(UTC).strftime("%H") in shown


def test_the_exact_instant_is_by_the_readers_clock_and_in_utc() -> None:
    instant = datetime(2026, 5, 4, 12, 30, 7, tzinfo=UTC)
    assert instant_utc_text(instant) == "2026-05-04 12:30:07 UTC"
    with timezone.override("America/Sao_Paulo"):
        assert instant_utc_text(instant).endswith(" -03 · 2026-05-04 12:30:07 UTC")
