"""Portals to look at: real pages from real rows, in databases that no other test knows.

`busy` has a morning's work, `held` the same while somebody has paused delivery and Segura answers nothing, `fresh` has
people and no more, `damaged` has lost a table and has no room left for another, and to `away` no database answers. Each
grows out of the one before and has a web process of its own; nothing moves in them.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test import Client, override_settings

from portal.accounts.models import User
from portal.catalog import segura_client as segura
from portal.changes.workflow import delivery_pause
from portal.sandbox import Sandbox
from tests.atlas.morning import morning, people
from tests.people import show_presence
from tests.rig.web import web
from tests.vouching import PRESENT

Result = TypeVar("Result")
NAMES = ("fresh", "busy", "held", "damaged")
NOWHERE = "127.0.0.1:9"
"""Where no Segura answers, and no database."""
DAMAGE = """
ALTER TABLE catalog_apisecret RENAME TO lost;
ALTER TABLE changes_changetemplate RENAME TO whole;
CREATE FUNCTION crowded() RETURNS SETOF whole LANGUAGE plpgsql AS
  $$ BEGIN RAISE EXCEPTION 'could not write to file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE VIEW changes_changetemplate AS SELECT * FROM crowded();
"""
"""The list of secrets is lost, and the disk is full for who reads the templates."""
STILL = {"SEAL_EVERY_S": "86400"}
"""Nobody seals what the looking adds to the log, and nobody minds."""
AT_ONCE = {"DELIVERY_HOLD_S": 0.0, "DELIVERY_BACKOFF_S": 1e-6, "DELIVERY_BACKLOG_RATE_PER_S": 1e6}
"""Deliveries wait for nobody while a morning is made, and the log can be sealed."""
AT_ONCE["AUDIT_SIGNING_KEY"] = base64.b64encode(bytes(range(32))).decode()


@dataclass
class World:
    """One of them. `database` knows its sessions; `numbers`: the changes by what became of them."""

    url: str
    database: str
    numbers: dict[str, int]

    def cookies(self, who: str, *, minutes_ago: float, language: str, stepped_up: bool = False) -> list[dict[str, str]]:
        """Of a browser in which this person has signed in so long ago, and chosen a language; '' is nobody."""
        found = {settings.LANGUAGE_COOKIE_NAME: language}
        if who:
            found[settings.SESSION_COOKIE_NAME] = elsewhere(self._session, who, minutes_ago, stepped_up)
        return [{"name": name, "value": value, "url": self.url} for name, value in found.items()]

    def _session(self, who: str, minutes_ago: float, stepped_up: bool) -> str:
        with inside(self.database):
            client, person = Client(), User.objects.get(username=who)
            client.force_login(person)
            show_presence(client, person, minutes_ago=minutes_ago, reauthenticated=stepped_up)
            return client.cookies[settings.SESSION_COOKIE_NAME].value


@dataclass
class Worlds:
    """Each is made when it is first asked for."""

    folder: Path
    stack: ExitStack
    segura: Sandbox
    made: dict[str, World] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)

    def __getitem__(self, name: str) -> World:
        if name not in self.made:
            self.made[name] = self._open(name)
        return self.made[name]

    def populate(self) -> None:
        """The databases."""
        before = "template0"
        for name in NAMES:
            copy(before, before := database_of(name))
            with inside(before), override_settings(**speaking_to(self.segura), **AT_ONCE):
                if name == "fresh":
                    call_command("migrate", verbosity=0)
                    call_command("createcachetable", verbosity=0)
                    people()
                elif name == "busy":
                    self.numbers = morning(self.segura)
                elif name == "damaged":
                    with connection.cursor() as cursor:
                        cursor.execute(DAMAGE)
                else:
                    admin = User.objects.get(username="admin")
                    delivery_pause.pause_delivery(
                        by=admin, reason="Segura is being upgraded until noon", recent_auth=PRESENT
                    )

    def _open(self, name: str) -> World:
        database = database_of("fresh" if name == "away" else name)
        there = speaking_to(self.segura)
        if name != "busy":
            there |= {"SEGURA_URL": f"http://{NOWHERE}/", "SEGURA_SCIM_CLIENT_ID": ""}
        own = urlsplit(os.environ["DATABASE_URL"])
        address = own._replace(path=f"/{database}", netloc=NOWHERE if name == "away" else own.netloc).geturl()
        log = self.folder / f"{name}.log"
        port = self.stack.enter_context(web(log, threads=4, **{**there, **STILL, "DATABASE_URL": address}))
        return World(f"http://127.0.0.1:{port}", database, self.numbers)


@contextmanager
def worlds(folder: Path) -> Iterator[Worlds]:
    """All of them, gone at the end."""
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr(
            "portal.changes.delivery.tasks.enqueue_change", lambda _: None
        )  # nobody is there to deliver: this is a still
        opened = Worlds(folder, stack, stack.enter_context(Sandbox()))
        elsewhere(opened.populate)
        yield opened


def elsewhere(act: Callable[..., Result], *arguments: object) -> Result:
    """In a thread of its own: Playwright's loop may run in ours, and Django asks a database nothing there."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(act, *arguments).result()


@contextmanager
def inside(database: str) -> Iterator[None]:
    """What is asked of the database meanwhile is asked of this one."""
    own = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = database
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = own


def database_of(world: str) -> str:
    return f"atlas_{world}_{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}"


def copy(source: str, target: str) -> None:
    """A database just like this one, in place of any of that name."""
    connection.close()
    with inside("postgres"), connection.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{target}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{target}" TEMPLATE "{source}"')


def speaking_to(sandbox: Sandbox) -> dict[str, str]:
    """Settings for this process, and for another one: the stand-in of these worlds alone."""
    segura.get_availability_guard.cache_clear()
    return {
        "SEGURA_URL": sandbox.url,
        "SEGURA_CLIENT_ID": sandbox.client_id,
        "SEGURA_CLIENT_SECRET": sandbox.client_secret,
        "SEGURA_SCIM_CLIENT_ID": sandbox.scim_client_id,
        "SEGURA_SCIM_CLIENT_SECRET": sandbox.scim_client_secret,
    }
