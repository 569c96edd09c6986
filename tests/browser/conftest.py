"""The whole portal, all its processes, and a Chromium to look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from playwright.sync_api import Browser

from portal.sandbox import Control
from tests.rig.desk import Person
from tests.rig.portal import Portal


@pytest.fixture(scope="session")
def portal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Portal]:
    with Portal(tmp_path_factory.mktemp("portal"), {"SWEEP_EVERY_S": "0.5", "NOTIFICATIONS_EVERY_S": "0.5"}) as running:
        yield running


@pytest.fixture
def segura(portal: Portal) -> Iterator[Control]:
    """The stand-in's control address; whatever a test made go wrong is over after it."""
    control = Control(portal.control)
    control.clear_faults()
    control.clear_journal()
    yield control
    control.clear_faults()


def forget_withdrawals(portal: Portal) -> None:
    """A user may withdraw so many changes in an hour, which all tests together exceed."""
    with psycopg.connect(portal.database_url, autocommit=True) as database:
        database.execute("DELETE FROM accounts_countedact WHERE subject LIKE 'withdraw:%%'", [])


@pytest.fixture
def sign_in(portal: Portal, browser: Browser) -> Iterator[Callable[..., Person]]:
    """`sign_in("approver")`: that person at a browser of their own. Their console must have stayed silent.

    `password` for those who are no demo account.
    """
    people: list[Person] = []

    def at_the_desk(name: str, password: str = "", **options: object) -> Person:
        person = Person.sign_in(browser, portal.url, name, password or portal.accounts[name], **options)
        people.append(person)
        return person

    yield at_the_desk
    for person in people:
        person.page.unroute_all(behavior="ignoreErrors")
        person.withdraw_proposed()
        person.context.close()
    if any(person.proposed for person in people):
        forget_withdrawals(portal)
    assert [complaint for person in people for complaint in person.complaints] == []
