"""The addresses people propose are text: neither pages nor worker ever call, or even look up, what they name."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.catalog import sync
from portal.catalog.models import ApiSecret
from portal.changes.models import Change, Status
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, send
from tests.changes.paper import press
from tests.changing import work

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W13")]

FORM = "/secrets/43/propose/"
INWARD = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/admin",
    "http://169.254.169.254/latest/meta-data/iam/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "https://intranet.corp.example/",
]


class Calls:
    """Every address Python has asked the network for while `on`; a hook of the interpreter cannot be taken out."""

    on = False
    seen: list[str]

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.on and event == "socket.connect":
            self.seen.append(str(arguments[1]))
        elif self.on and event in ("socket.getaddrinfo", "socket.gethostbyname"):
            self.seen.append(str(arguments[:2]))


_CALLS = Calls()


@pytest.fixture(scope="module")
def hook() -> Calls:
    sys.addaudithook(_CALLS)
    return _CALLS


@pytest.fixture
def calls(hook: Calls) -> Iterator[Calls]:
    hook.seen, hook.on = [], True
    yield hook
    hook.on = False


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        yield server


@pytest.mark.parametrize("url", INWARD)
def test_nothing_calls_the_proposed_address_through_the_whole_life_of_a_change(
    segura: Sandbox,
    secret: ApiSecret,
    no_queue: None,
    requester: User,
    approver: User,
    auditor: User,
    as_person: Callable[[User], Client],
    listener: socket.socket,
    calls: Calls,
    url: str,
) -> None:
    url = url.format(port=listener.getsockname()[1])
    browser, desk = as_person(requester), as_person(approver)
    preview = press(browser, FORM, browser.get(FORM), "preview", url=url, notes=url, tags=url, reason=url, ticket=url)
    again = press(browser, FORM, preview, "back")
    press(browser, FORM, press(browser, FORM, again, "preview"), "confirm")
    change = Change.objects.get()
    for page in ("/queue/", f"/queue/?open={change.pk}", f"/changes/{change.pk}/", "/changes/", "/secrets/43/"):
        assert desk.get(page).status_code == 200
    segura.control.plan("504_before_apply", endpoint="update", times=1)
    assert send(desk, "approve", change, ballot_of(change)).status_code == 302
    assert work(change).status == Status.IN_DOUBT
    for _ in range(3):
        Change.objects.filter(pk=change.pk).update(not_before=None, replay_window_until=None)
        work(change)
    assert change.status == Status.APPLIED
    sync.sync_catalog()
    reader = as_person(auditor)
    for page in ("/audit/", f"/audit/changes/{change.pk}/", "/audit/export.csv", "/audit/export.jsonl"):
        b"".join(reader.get(page))  # type: ignore[arg-type]
    assert segura.control.secret(43)["url"] == url

    own = (str(urlsplit(segura.url).port), str(urlsplit(segura.control_url).port))
    foreign = [call for call in calls.seen if not call.rstrip(")").endswith(own) and "redis" not in call]
    assert len(foreign) < len(calls.seen), "the hook heard nothing at all"
    assert foreign == []
    with pytest.raises(BlockingIOError):
        listener.accept()
