"""Every page with a list, as people ask for it, and what the clock asks: for the plans and for the measurements."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from html import unescape
from urllib.parse import urlencode

from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.audit.models import Event
from portal.changes.delivery import sweep
from portal.changes.models import Change, Status
from portal.changes.models.change import SEARCHED
from tests.bench.history import FIRST_SECRET, People, name_of
from tests.bench.plans import MOST_ROWS

_CURSOR = re.compile(r'href="([^"]*[?&](?:at|open_at|unread_at)=[^"]+)"')
_STATUSES = ["", "open", *Status.values]


@dataclass(frozen=True)
class Page:
    """An address, and who asks for it: requester, approver or reader.

    `rows`: how many it may read where that is bounded otherwise; `counts`: it counts, within a period one chooses.
    """

    name: str
    who: str
    path: str
    rows: int = MOST_ROWS
    counts: bool = False


def pages() -> Iterator[Page]:
    """All of them, with each filter; the history must be loaded."""
    yield from _desk()
    yield from _secrets()
    yield from _log()
    yield from _subjects()
    for name in ("delivery", "connection", "users", "keys"):
        yield Page(f"operations:{name}", "reader", reverse(f"operations:{name}"))
    for who in ("requester", "approver"):
        yield Page(f"notices of the {who}", who, reverse("notifications:inbox"))
        yield Page(f"unread count of the {who}", who, reverse("notifications:count"))


def _asked(name: str, who: str, view: str, *queries: dict[str, object], **kwargs: object) -> Iterator[Page]:
    for query in queries or ({},):
        told = urlencode({key: str(value) for key, value in query.items()})
        path = reverse(view, kwargs=kwargs or None)
        yield Page(f"{name} {told}".strip(), who, f"{path}?{told}" if told else path)


def _desk() -> Iterator[Page]:
    waiting = Change.objects.filter(status=Status.PENDING).earliest("pk")
    ended = Change.objects.filter(status=Status.APPLIED).latest("pk")
    filters: tuple[dict[str, object], ...] = (
        {}, {"sort": "risk"}, {"risk": 1}, {"requester": "requester1"}, {"requester": "nobody"}, {"field": "notes"},
        {"age": 24}, {"open": waiting.pk + 5},
    )  # fmt: skip
    yield from _asked("queue", "approver", "changes:queue", *filters)
    searches: tuple[dict[str, object], ...] = (
        {"q": name_of(7)}, {"q": "no such name"}, {"q": "service"}, {"q": f"CR-{waiting.pk}"}, {"q": ended.pk},
    )  # fmt: skip
    for name, who, view in (("queue", "approver", "changes:queue"), ("all changes", "approver", "changes:all"),
                            ("my changes", "requester", "changes:mine"),
                            ("search", "approver", "changes:search")):  # fmt: skip
        for page in _asked(name, who, view, *searches):
            # Of each change its id, row, revision and comments; row and revision again if it is found.
            yield replace(page, rows=MOST_ROWS + 6 * SEARCHED)
    since = (timezone.now() - timedelta(minutes=1)).isoformat()
    yield from _asked("queue news", "approver", "changes:queue_updates", {"since": since, "shown": waiting.pk})
    yield from _asked("home", "requester", "home")
    yield from _asked("my changes", "requester", "changes:mine")
    all_filters: list[dict[str, object]] = [{"status": status} if status else {} for status in _STATUSES]
    all_filters += [{"requester": "requester1"}, {"requester": "nobody"},
                    {"days": 7}, {"risk": 3},
                    {"status": "applied", "requester": "requester1"}]  # fmt: skip
    yield from _asked("all changes", "approver", "changes:all", *all_filters)
    for page in _asked("all changes", "approver", "changes:all", {"status": "changes_requested"}):
        yield replace(page, rows=MOST_ROWS + Change.objects.filter(status=Status.PENDING).count())  # each is looked at
    for change in (waiting, ended):
        yield from _asked(f"{change.status} change", "approver", "changes:change", change_id=change.pk)
    yield from _asked("status", "approver", "changes:status", change_id=waiting.pk)


def _secrets() -> Iterator[Page]:
    queries: tuple[dict[str, object], ...] = (
        {}, {"q": name_of(7)}, {"q": "no such name"}, {"q": "team-7"}, {"q": FIRST_SECRET + 7}, {"show": "proposable"},
        {"show": "vanished"}, {"show": "read-only"}, {"show": "approval"},
    )  # fmt: skip
    yield from _asked("secrets", "requester", "catalog:secrets", *queries)
    for who in ("requester", "approver"):
        yield from _asked(f"secret of the {who}", who, "changes:secret", identifier=FIRST_SECRET + 7)
    yield from _asked("propose", "requester", "changes:propose", identifier=FIRST_SECRET + 7)


def _log() -> Iterator[Page]:
    newest = Event.objects.latest("pk")
    day, year = ((timezone.now() - timedelta(days=days)).date() for days in (1, 365))
    filters: tuple[dict[str, object], ...] = (
        {}, {"person": "approver1"}, {"person": "nobody"}, {"secret": FIRST_SECRET + 7}, {"change": newest.pk % 100},
        {"kind": "change"}, {"kind": "vote"}, {"kind": "vault.responded"}, {"kind": "audit.exported"}, {"code": "200"},
        {"code": "4xx"}, {"code": "5xx"}, {"code": "none"}, {"since": day}, {"since": year, "until": day},
        {"person": "approver1", "since": year}, {"kind": "change.failed", "since": year},
        {"code": "400", "secret": FIRST_SECRET + 7},
    )  # fmt: skip
    for page in _asked("log", "reader", "audit:events", *filters):
        yield replace(page, rows=20_000) if "since" in page.name else page  # a day's, which may be read and sorted
    for page in _asked("log", "reader", "audit:events", {"person": "requester1", "kind": "vault"}):
        yield replace(page, rows=sys.maxsize)  # two filters that never meet: all that this one person did is read
    for page in _asked("exports", "reader", "audit:exports"):
        yield replace(page, rows=MOST_ROWS + 10_000)  # what an export would hold is counted so far
    yield from _asked("one event", "reader", "audit:event", number=newest.pk - 50)


def _subjects() -> Iterator[Page]:
    ended = Change.objects.filter(status=Status.APPLIED).latest("pk")
    yield from _asked("log of a change", "reader", "audit:change_timeline", change=ended.pk)
    yield from _asked("log of a secret", "reader", "audit:secret", identifier=FIRST_SECRET + 7)
    sought: tuple[dict[str, object], ...] = (
        {"q": "CR-7"}, {"q": str(FIRST_SECRET + 7)}, {"q": name_of(7)}, {"q": "no such name"},
    )  # fmt: skip
    for page in _asked("find", "reader", "audit:find", *sought):
        yield replace(page, rows=MOST_ROWS + 2 * 20_000)  # the newest 20,000 proposals are searched
    today = timezone.now().date()
    month = {"since": today - timedelta(days=30), "until": today}
    for page in (*_asked("log of a person", "reader", "audit:person", month, username="requester1"),
                 *_asked("overview", "reader", "audit:overview", month)):  # fmt: skip
        yield replace(page, rows=sys.maxsize, counts=True)


def deeper(page: Page, html: str) -> Page | None:
    """The page that follows, where there is one."""
    found = [unescape(link) for link in _CURSOR.findall(html)]
    path = page.path.partition("?")[0]
    follows = next((link for link in found if link.startswith(("?", path))), "")
    if not follows:
        return None
    return Page(f"{page.name}, next page", page.who, follows if follows.startswith("/") else path + follows)


def clock() -> list[tuple[str, Callable[[], object]]]:
    """What is asked every few seconds by nobody."""
    return [("sweep", sweep.run_sweep), ("due", sweep.due_change_ids)]


def browsers(people: People) -> dict[str, Client]:
    """Signed in, without the time a password takes."""
    who = {"requester": people.requesters[1], "approver": people.approvers[1], "reader": people.reader}
    signed_in = {name: Client(SERVER_NAME="127.0.0.1") for name in who}
    for name, person in who.items():
        signed_in[name].force_login(person)
    return signed_in
