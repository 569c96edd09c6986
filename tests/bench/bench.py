"""What every measurement works with: databases with a past, people signed in, waiting work, the servers beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count as numbers_from
from itertools import islice
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from portal.accounts.models import User
from portal.audit import ledger
from portal.changes.approvals import vote_mac
from portal.changes.domain import patch as patches
from portal.changes.domain.patch import Snapshot
from portal.changes.models import Change, Revision, Status, Verdict, Vote
from portal.devserver.redis_server import free_port
from tests.bench.engine import Engine, Process
from tests.bench.history import FIRST_SECRET, People, Size, fill, name_of, people
from tests.bench.load import Visitor
from tests.bench.steadiness import Rounds, Watch, say, wait_for_quiet
from tests.bench.stories import POLICY
from tests.people import show_presence
from tests.rig.portal import ROOT

CSRF = "x" * 32
_SESSION_OF_FLOOR: dict[str, str] = {}


@dataclass(frozen=True)
class Options:
    """As given on the command line. `beside`: the folder with the peers' benchmarks, where there is one."""

    changes: list[int]
    events: list[int]
    secrets: list[int]
    rounds: int
    seconds: float
    tasks: int
    beside: str = ""

    def size(self, changes: int) -> Size:
        """A past of so many changes, with the events and secrets that go with it.

        A change has some six events, the rest is people signing in: in a short past as much of it as in a long one, so
        that the same page has the same kinds of rows in both.
        """
        largest = changes == max(self.changes)
        for_each = max(self.events) // max(self.changes)
        events = min(max(self.events), 10 * changes) if largest else min(10, max(6, for_each)) * changes
        return Size(changes, events, max(self.secrets) if largest else min(self.secrets))


@dataclass
class Bench:
    """The servers, the options, and what has been made so far."""

    engine: Engine
    options: Options
    vault_url: str = ""
    loaded_in_s: dict[Size, float] = field(default_factory=dict)
    _floor: str = ""
    _waiting: Iterator[int] = field(default_factory=lambda: (number for number in numbers_from(1) if number % 10 < 3))

    def __post_init__(self) -> None:
        call_command("collectstatic", verbosity=0, interactive=False)

    @property
    def small(self) -> Size:
        """The shortest past."""
        return self.options.size(min(self.options.changes))

    @property
    def large(self) -> Size:
        """The longest."""
        return self.options.size(max(self.options.changes))

    def measure(self, act: Callable[[], float]) -> Rounds:
        """In a quiet moment, as many rounds as were asked for."""
        wait_for_quiet()
        return Rounds(act, self.options.rounds)

    def measure_once(self, act: Callable[[], float]) -> Rounds:
        """One undisturbed round, for figures that are taken in turn."""
        return Rounds(act, 1)

    def watch(self, **processes: Process) -> Watch:
        """In a quiet moment: what the machine and these processes do."""
        wait_for_quiet()
        return Watch(**{name: process.pid for name, process in processes.items()})

    def past(self, size: Size) -> People:
        """Go to the database with that past; it is filled where it is new."""
        name = f"past_{size.changes}_{size.events}_{size.secrets}"
        new = self.engine.make(name)
        self._use(name)
        if not new:
            return people()
        call_command("migrate", verbosity=0)
        call_command("createcachetable", verbosity=0)
        began = time.monotonic()
        who = fill(size)
        self.loaded_in_s[size] = time.monotonic() - began
        loaded = f"{size.changes:,} changes, {size.events:,} events, {size.secrets:,} secrets"
        say(loaded, f"in {self.loaded_in_s[size]:.0f} s")
        return who

    def _use(self, database: str) -> None:
        connection.close()
        connection.settings_dict["NAME"] = database
        os.environ["DATABASE_URL"] = self.engine.url(database)

    def portal(self, *options: str, **env: str) -> tuple[int, Process]:
        """The portal's pages on the database that was gone to last."""
        return self.engine.web("portal.wsgi:application", *options, **env)

    def floor(self) -> str:
        """The address of the minimal site's database, which is made with its session where it is new."""
        if not self._floor:
            self.engine.make("floor")
            self._floor = self.engine.url("floor")
            rows = str(max(self.options.changes))
            made = subprocess.run(
                [sys.executable, "-m", "tests.bench.floor.site", rows], cwd=ROOT, check=True, stdout=subprocess.PIPE,
                text=True, env={**os.environ, "BENCH_FLOOR_URL": self._floor},
            )  # fmt: skip
            _SESSION_OF_FLOOR["key"] = made.stdout.split()[-1]
        return self._floor

    def minimal_site(self, pad: int = 0) -> tuple[int, Process, Visitor]:
        """The minimal site, and somebody signed in to it."""
        port, process = self.engine.web(
            "tests.bench.floor.site:application", BENCH_FLOOR_URL=self.floor(), BENCH_PAD=str(pad)
        )
        return port, process, self.floor_visitor(port)

    def floor_waiting(self, count: int) -> list[object]:
        """Requests of the minimal site that no measurement has approved yet: three of ten wait."""
        return list(islice(self._waiting, count))

    @staticmethod
    def floor_visitor(port: int) -> Visitor:
        """Another one."""
        return Visitor(port, sessionid=_SESSION_OF_FLOOR["key"], csrftoken=CSRF)

    def vault(self) -> str:
        """The vault that answers at once; portal and bare workers find it in their environment."""
        if not self.vault_url:
            command = [sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--workers", "1"]
            port = free_port()
            command += ["--port", str(port), "--no-ws", "--backlog", "2048", "tests.bench.floor.vault:app"]
            self.engine.start("vault", command, "started worker-1")
            self.vault_url = f"http://127.0.0.1:{port}/"
            os.environ |= {
                "SEGURA_URL": self.vault_url,
                "SEGURA_CLIENT_ID": "bench",
                "SEGURA_CLIENT_SECRET": "bench",
                "BENCH_VAULT": self.vault_url,
                "OAUTHLIB_INSECURE_TRANSPORT": "1",
            }
            settings.SEGURA_URL = self.vault_url
            settings.SEGURA_TOKEN_URL = ""
            settings.SEGURA_CLIENT_ID = settings.SEGURA_CLIENT_SECRET = "bench"
        return self.vault_url

    def set_vault(self, **knobs: object) -> None:
        """Begin its figures anew, with update_ms, read_ms and bases (fields by secret) as given."""
        data = json.dumps(knobs).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.vault()}_set", data), timeout=30).close()

    def vault_figures(self, *, times: bool = False) -> dict[str, Any]:
        """What it counted."""
        query = "?times" if times else ""
        with urllib.request.urlopen(f"{self.vault()}_figures{query}", timeout=30) as answer:
            told: dict[str, Any] = json.load(answer)
        return told

    def wait_for_puts(self, count: int, within_s: float = 300) -> dict[str, Any]:
        """Until so many different calls were answered. Raises TimeoutError."""
        ends = time.monotonic() + within_s
        while (told := self.vault_figures())["attempts"] < count:
            if time.monotonic() > ends:
                raise TimeoutError(f"{told} of {count}")
            time.sleep(0.02)
        return told


def visitor(person: User, port: int) -> Visitor:
    """This person in front of the portal, having just given their password."""
    client = Client()
    client.force_login(person)
    show_presence(client, person)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    return Visitor(port, **{settings.SESSION_COOKIE_NAME: session, settings.CSRF_COOKIE_NAME: CSRF})


def base_of(secret: int, notes: str) -> dict[str, Any]:
    """What the vault holds of it, as the portal keeps it."""
    name = name_of(secret - FIRST_SECRET)
    return {
        "client_id": f"client-{name}", "groups_allowed": [["Payments", False]], "identifier_code": f"code-{secret}",
        "method": "get", "name": name, "notes": notes, "tags": "team,payments", "url": f"https://{name}.example/api",
        "users_allowed": [["jsilva", False], ["pduarte", True]],
    }  # fmt: skip


def backlog(who: People, count: int, secrets: int, *, status: Status = Status.APPROVED) -> list[int]:
    """So many changes of so many secrets, approved or about to be, which the vault as set by bases() takes."""
    now = timezone.now()
    approved_at = now if status == Status.APPROVED else None
    changes, revisions = [], []
    for number in range(count):
        secret, turn = FIRST_SECRET + number % secrets, number // secrets
        requester = who.requesters[number % len(who.requesters)]
        changes.append(
            Change(
                secret=secret, secret_name=name_of(number % secrets), requester=requester, status=status, risk=1,
                created_at=now, updated_at=now, status_since=now, expires_at=now + timedelta(days=7),
                approved_at=approved_at, queued_at=approved_at,
            )
        )  # fmt: skip
        base, patch = base_of(secret, f"turn {turn}"), {"notes": f"turn {turn + 1}"}
        digest = patches.compute_digest(
            secret=secret, patch=patch, secret_fingerprint="", base=Snapshot(base), policy=POLICY
        )
        revisions.append(
            Revision(
                pk=uuid.uuid4(), change=changes[-1], number=1, editor=requester, created_at=now, patch=patch, base=base,
                policy=POLICY, reason="Measured", digest=digest,
            )
        )  # fmt: skip
    with transaction.atomic():
        Change.objects.bulk_create(changes, batch_size=1000)
        Revision.objects.bulk_create(revisions, batch_size=1000)
        if status == Status.APPROVED:
            for revision in revisions:
                _approve(revision, who.approvers[0])
    return [change.pk for change in changes]


def _approve(revision: Revision, approver: User) -> None:
    """The events and the vote that a worker asks for before it sends."""
    change = revision.change
    proposed = {"revision": 1, "digest": revision.digest}
    ledger.record_event("change.submitted", change=change.pk, secret=change.secret, data=proposed)
    vote = Vote(
        change=change, revision=1, digest=revision.digest, requester=change.requester, voter=approver,
        verdict=Verdict.APPROVE, voted_at=change.created_at,
    )  # fmt: skip
    vote.mac = vote_mac.compute_vote_mac(vote, approver.username)
    vote.save(force_insert=True)
    facts = {**vote_mac.vote_facts(vote), "mac": vote.mac}
    ledger.record_event("vote.cast", by=approver.username, change=change.pk, secret=change.secret, data=facts)


def bases(secrets: int) -> dict[str, dict[str, Any]]:
    """What the vault holds before a backlog(), as it says it."""
    told = {}
    for secret in range(FIRST_SECRET, FIRST_SECRET + secrets):
        held = base_of(secret, "turn 0")
        for name in ("users_allowed", "groups_allowed"):
            held[name] = [{"name": each, "can_edit": may} for each, may in held[name]]
        told[str(secret)] = held
    return told
