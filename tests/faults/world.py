"""The portal's domain with a real database and the stand-in over HTTP, where time, faults and crashes are acts."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.core.management.color import no_style
from django.db import connection as database
from django.db import connections, models

from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.catalog import details, segura_client
from portal.changes import transitions
from portal.changes.delivery import deliver, readback, sweep, worker
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import LANE, Change, CircuitBreaker, Status
from portal.changes.workflow import manual_resolution
from portal.sandbox import Sandbox
from portal.sandbox.store import SHARES
from portal.vault import ReadRefused, SecretStr
from tests.people import mirrored, person
from tests.rig.at_hand import AtHand
from tests.rig.ground_truth import Row
from tests.rig.markers import Marker
from tests.segura import forget_tokens
from tests.vouching import PRESENT

SECRETS = (12, 14)
HOLD_S = 100.0
PATIENCE_S = 60.0
POINTS = ("read", "prepared", "intended", "answered")
"""Where a worker can be lost: after its reading, and at the three crash points of delivery."""
STILL = ("read", "prepared", "answered")
"""Where it may freeze for as long as it likes. Between the intent and the send only so long as half a lease (B6)."""


class Crash(BaseException):
    """As kill -9: nothing of the worker runs after it."""


@dataclass
class Late:
    """Copies of a call that the gateway holds, and how long it may still let them go (virtual seconds)."""

    copies: int
    left_s: float


class World:
    """Secrets 12 and 14 of the stand-in, two requesters, two approvers, an administrator, and no queue at all."""

    def __init__(self, segura: Sandbox, patch: pytest.MonkeyPatch) -> None:
        self.segura, self.control = segura, AtHand(segura)
        self.markers: list[Marker] = []
        self.edited: set[int] = set()
        self._late: list[Late] = []
        self._crash_at = ""
        self._frozen: tuple[threading.Thread, threading.Event] | None = None
        self._freezing = threading.local()
        self._killed = False
        patch.setattr(deliver, "failpoint", self._reached)
        reading = readback.read_back

        def read(*asked: Any) -> readback.Readback:
            found = reading(*asked)
            self._reached("read")
            return found

        patch.setattr(readback, "read_back", read)
        self.begin()

    def begin(self) -> None:
        """Empty tables, a fresh vault, the same people."""
        self.segura.reset()
        forget_rows("changes_", "audit_", "notifications_")
        forget_tokens_of_this_process()
        roles = (Role.REQUESTER, Role.REQUESTER, Role.APPROVER, Role.APPROVER, Role.ADMINISTRATOR)
        names = ("ana", "bia", "caio", "davi", "eva")
        known = {user.username: user for user in User.objects.all()}
        self.people = {name: known.get(name) or person(name, role) for name, role in zip(names, roles, strict=True)}
        for secret in SECRETS:
            mirrored(secret, f"secret {secret}")

    def proposal(self, secret: int, fields: dict[str, Any], *, new_value: bool) -> Proposal:
        """An edit over what Segura shows now; the base is unknown where it shows nothing."""
        revision_id = uuid.uuid4()
        value = Marker.new("a proposed value") if new_value else None
        if value:
            self.markers.append(value)
        return Proposal(
            secret=secret,
            patch=fields,
            base=self._seen(secret),
            sealed=secret_encryption.encrypt_secret(SecretStr(value), revision_id) if value else None,
            reason="It is due",
            revision_id=revision_id,
        )

    def vault(self) -> dict[int, Row]:
        """What the stand-in holds, in the shapes of a base."""
        return held({secret: self.control.secret(secret) for secret in SECRETS})

    def _seen(self, secret: int) -> Snapshot | None:
        try:
            seen = details.fetch_details(segura_client.build_client(secret=secret), secret)
        except ReadRefused:
            return None
        return Snapshot(dict(seen.fields), seen.secret_fingerprint)

    def work(self, change: int, *faults: dict[str, Any], crash_at: str = "") -> None:
        """A worker is reminded of the change. `faults`: steps of the stand-in's plan, for this work alone."""
        for step in faults:
            self.control.plan(**step)
        self._crash_at = crash_at
        before = self.segura.gate.held
        try:
            worker.process_change(change)
        except Crash:
            database.close()  # its transaction, if it had one, is over
        finally:
            self._crash_at = ""
            self._keep_late(faults, before)
            self.control.clear_faults()

    def race(self, change: int) -> None:
        """Two workers are reminded of it at once."""
        start = threading.Barrier(2)

        def one() -> None:
            start.wait()
            worker.process_change(change)

        threads = [in_thread(one) for _ in range(2)]
        for thread in threads:
            thread.join(PATIENCE_S)

    def freeze(self, change: int, point: str, *faults: dict[str, Any]) -> bool:
        """A worker takes the change up and stops there; False where it never came so far."""
        for step in faults:
            self.control.plan(**step)
        frozen, going, before = threading.Event(), threading.Event(), self.segura.gate.held

        def one() -> None:
            self._freezing.at = (point, frozen, going)
            worker.process_change(change)

        thread = in_thread(one)
        while thread.is_alive() and not frozen.wait(0.005):
            pass
        self._keep_late(faults, before)
        self.control.clear_faults()
        if frozen.is_set():
            self._frozen = (thread, going)
        return frozen.is_set()

    def thaw(self, *, killed: bool = False) -> None:
        """It goes on, or dies."""
        if self._frozen is not None:
            thread, going = self._frozen
            self._frozen, self._killed = None, killed
            going.set()
            thread.join(PATIENCE_S)
            assert not thread.is_alive()
            self._killed = False

    @property
    def frozen(self) -> bool:
        return self._frozen is not None

    def restart(self) -> None:
        """All processes of the portal anew: what they had in memory is gone."""
        self.thaw(killed=True)
        forget_tokens_of_this_process()

    def let_late_copies_go(self, within_s: float = HOLD_S) -> None:
        """The gateway replays what it has not let go yet, of calls whose time runs out within so many seconds."""
        staying = [late for late in self._late if late.left_s > within_s]
        gone = sum(late.copies for late in self._late) - sum(late.copies for late in staying)
        self._late = staying
        if gone:
            before = len(self.segura.journal.since(0)["applications"])
            self.segura.gate.release(gone)
            until(lambda: len(self.segura.journal.since(0)["applications"]) == before + gone)

    def _keep_late(self, faults: tuple[dict[str, Any], ...], before: int) -> None:
        planned = [step for step in faults if step.get("replays")]
        left = {step["fault"] for step in self.control.faults() if step.get("replays")}
        copies = sum(len(step["replays"]) for step in planned if step["fault"] not in left)
        if copies:
            until(lambda: self.segura.gate.held == before + copies)
            self._late.append(Late(copies, HOLD_S))

    def pass_time(self, seconds: float) -> None:
        """Every instant the product keeps moves back, which is all it sees of time; late copies come first."""
        self.let_late_copies_go(within_s=seconds)
        for late in self._late:
            late.left_s -= seconds
        move_back(Change, seconds, leave=("created_at", "updated_at"))
        move_back(CircuitBreaker, seconds)

    def end_leases(self) -> None:
        """Those who hold one took too long."""
        past = transitions.db_now() - timedelta(seconds=1)
        Change.objects.exclude(lease_until=None).update(lease_until=past)

    def drain(self) -> None:
        """Nothing fails any more, time goes on, and what needs a person is closed, until nothing waits."""
        self.thaw()
        for _ in range(60):
            if not Change.objects.filter(status__in=(Status.APPROVED, *LANE)).exists():
                return
            self.pass_time(HOLD_S + 400)
            for change in sweep.run_sweep():
                self.work(change)
            for change in Change.objects.filter(status=Status.NEEDS_ATTENTION):
                manual_resolution.resolve_change(
                    change.pk, by=self.people["eva"], applied=False, reason="Looked", recent_auth=PRESENT
                )

    def _reached(self, point: str) -> None:
        at = getattr(self._freezing, "at", None)
        if at and at[0] == point:
            self._freezing.at = None
            at[1].set()
            at[2].wait()
            if self._killed:
                raise Crash
        if self._crash_at == point:
            raise Crash


def held(vault: Mapping[int, Row]) -> dict[int, Row]:
    """Our secrets as the stand-in shows them, their shares in the shape of a base."""
    shown = {secret: vault[secret] for secret in SECRETS}
    return {
        secret: {**item, **{name: sorted([*each] for each in item[name].items()) for name in SHARES}}
        for secret, item in shown.items()
    }


def in_thread(act: Callable[[], object]) -> threading.Thread:
    """Started, with a database connection of its own that ends with it."""

    def run() -> None:
        try:
            act()
        except Crash:
            pass
        finally:
            connections.close_all()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def until(fact: Callable[[], bool]) -> None:
    """Wait for it."""
    ends = time.monotonic() + PATIENCE_S
    while not fact():
        assert time.monotonic() < ends, "it never came to this"
        time.sleep(0.002)


def move_back(model: type[models.Model], seconds: float, leave: tuple[str, ...] = ()) -> None:
    """All instants of all rows."""
    names = [
        field.attname
        for field in model._meta.concrete_fields
        if isinstance(field, models.DateTimeField) and field.attname not in leave
    ]
    for row in model._default_manager.values("pk", *names):
        moved = {name: row[name] - timedelta(seconds=seconds) for name in names if row[name] is not None}
        if moved:
            model._default_manager.filter(pk=row["pk"]).update(**moved)


def forget_rows(*prefixes: str) -> None:
    """As after a transactional test, but for these tables alone."""
    tables = [name for name in database.introspection.table_names() if name.startswith(prefixes)]
    statements = database.ops.sql_flush(
        no_style(), tables, reset_sequences=True, allow_cascade=True
    )  # notices lean on changes
    database.ops.execute_sql_flush(statements)


def forget_tokens_of_this_process() -> None:
    """As in a portal that has just been started."""
    forget_tokens(settings.REDIS_URL)
    segura_client.get_availability_guard.cache_clear()


def started() -> int:
    """How often a change was taken up so far."""
    return Event.objects.filter(action="delivery.started").count()
