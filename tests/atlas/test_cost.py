"""What a page costs: at most thirteen questions to the database, however many rows there are, and little to load."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from urllib.parse import urljoin

import pytest
import requests
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from playwright.sync_api import Page
from pytest_django import DjangoDbBlocker

from portal.accounts.models import User
from portal.changes.domain.proposal import Proposal
from portal.changes.workflow import review, submission
from tests.atlas.conftest import Look
from tests.atlas.states import STATES, State, halves
from tests.atlas.world import World, Worlds, elsewhere, inside, speaking_to
from tests.people import mirrored
from tests.rig.queries import growing
from tests.vouching import PRESENT

MOST_QUERIES = 13
MOST_BYTES = 120 * 1024
OF_A_PERIOD = {"audit:overview", "audit:person"}
"""Pages that count what happened within some days, which is no list that grows."""
Visit = Callable[[State], list[dict[str, str]]]


@pytest.fixture
def visit(atlas: Worlds, django_db_blocker: DjangoDbBlocker) -> Visit:
    """`visit(state)`: what its page asks the database, from within this process."""

    def asked(state: State) -> list[dict[str, str]]:
        world = atlas[state.world]
        with django_db_blocker.unblock():
            return elsewhere(_asked, world, state, atlas)

    return asked


def _asked(world: World, state: State, atlas: Worlds) -> list[dict[str, str]]:
    there = speaking_to(atlas.segura)
    with inside(world.database), override_settings(**there):
        client = Client()
        if state.who:
            client.force_login(User.objects.get(username=state.who))
        with CaptureQueriesContext(connection) as asked:
            client.get(state.path.format_map(world.numbers))
        return list(asked.captured_queries)


@pytest.mark.parametrize("state", halves([state for state in STATES if not state.act and state.code < 500]))
def test_page_asks_the_database_thirteen_times_at_most(visit: Visit, state: State) -> None:
    asked = visit(state)
    questions = [query["sql"] for query in asked if query["sql"].lstrip().startswith("SELECT")]
    questions = [sql for sql in questions if "audit_append(" not in sql]  # what is asked, not what is recorded
    most = MOST_QUERIES + (state.name == "change needs_attention of admin")  # also asks how they confirm an act
    assert len(questions) <= most, "\n".join(sql[:160] for sql in questions)
    assert state.view in OF_A_PERIOD or [sql for sql in growing(asked) if "accounts_countedact" not in sql] == []


LISTS = {
    "queue": ("approver", "/queue/"),
    "home": ("requester", "/"),
    "my changes": ("requester", "/changes/mine/"),
    "all changes": ("approver", "/changes/"),
    "secrets": ("requester", "/secrets/"),
    "a secret": ("approver", "/secrets/43/"),
    "a person": ("auditor", "/audit/people/requester/"),
    "log": ("auditor", "/audit/"),
}
FEW, MANY = 4, 120
"""Less than a page of each list, and more than one."""


@pytest.mark.django_db
@pytest.mark.usefixtures("no_queue")
def test_longer_list_asks_no_more(
    propose: Callable[..., Proposal], requester: User, approver: User, approver2: User, auditor: User
) -> None:
    def grow(numbers: Iterable[int]) -> None:
        for number in numbers:
            mirrored(1000 + number)
            change = submission.submit_change(propose(notes=f"note {number}"), by=requester)
            if number % 2:
                ballot = {"revision": 1, "digest": change.get_current_revision().digest}
                review.reject_change(change.pk, by=approver2, reason="Not now.", **ballot, recent_auth=PRESENT)

    with override_settings(CHANGE_SUBMITS_PER_HOUR=MANY):
        grow(range(FEW))
        few = costs()
        grow(range(FEW, MANY))
        many = costs()
    assert many == few
    assert max(many.values()) <= MOST_QUERIES, many


def costs() -> dict[str, int]:
    """By page, how often it asks the database when it is opened for the second time."""
    found = {}
    for name, (who, path) in LISTS.items():
        client = Client()
        client.force_login(User.objects.get(username=who))
        client.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert client.get(path).status_code == 200
        found[name] = sum(query["sql"].startswith("SELECT") for query in asked)
    return found


@pytest.mark.browser
def test_queue_with_everything_weighs_little(look: Look) -> None:
    """Page, styles, scripts and icons, as the server sends them to somebody who has never been here."""
    state = next(state for state in STATES if state.name == "queue open at high risk")
    page = look(state)
    sent = sum(weight(page, address) for address in addresses_of(page))
    assert sent <= MOST_BYTES, f"{sent / 1024:.0f} KB"


def addresses_of(page: Page) -> set[str]:
    """What the page loads, itself included."""
    loaded: list[str] = page.evaluate("performance.getEntriesByType('resource').map((it) => it.name)")
    icons = page.locator("svg use").first.get_attribute("href") or ""
    found = {page.url, *loaded, urljoin(page.url, icons)}
    return {address.partition("#")[0] for address in found if "/count/" not in address and "/updates/" not in address}


def weight(page: Page, address: str) -> int:
    """Bytes on the wire, gzipped."""
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    answer = requests.get(address, cookies=cookies, headers={"Accept-Encoding": "gzip"}, stream=True, timeout=10)
    answer.raise_for_status()
    return len(answer.raw.read(decode_content=False))
