"""Connection test that tries the connection to Segura step by step for an operator.

The steps are: a token, the list, one secret; and the directory, if SCIM is configured.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from django.conf import settings

from portal.audit import ledger
from portal.audit.entry import Entry
from portal.audit.models import Event
from portal.catalog import directory, known_errors
from portal.catalog.read_failure import FailureKind, ReadFailure
from portal.catalog.segura_client import WHOLE_LIST, NotConfigured, build_client
from portal.vault import Client, DirectoryKind, Exchange, ListedSecret, MemoryTokens, VaultError

STEPS = ("token", "list", "read")
DIRECTORY = "directory"
VALUES = VISIBLE, HIDDEN, UNSTABLE = "visible", "hidden", "unstable"
"""Results of reading a client secret twice: the same text, no text, or a different text each time."""
_alone = threading.Lock()
_Value = TypeVar("_Value")


class AlreadyRunning(Exception):
    """Second test while one is running in this process; an unresponsive Segura must not occupy every thread."""


@dataclass(frozen=True)
class ConnectionTestStep:
    """Step of the connection test (one of STEPS, or DIRECTORY) and Segura's answer.

    `kind` is the reason of a failure ('' for none); see read_failure.FailureKind. `value` is one of VALUES, only for
    the step "read". `tried` is false if an earlier step prevented this one; `found` is the number of entries in a list.
    """

    name: str
    tried: bool = False
    code: int | None = None
    number: int | None = None
    message: str = ""
    duration_ms: int | None = None
    kind: str = ""
    detail: str = ""
    found: int | None = None
    value: str = ""

    @property
    def ok(self) -> bool:
        return self.tried and not self.kind

    @property
    def failure(self) -> ReadFailure | None:
        """Reason of the failure, in the form that other pages use, or None."""
        return ReadFailure(FailureKind(self.kind), self.code, self.number, self.detail) if self.kind else None

    @property
    def advice(self) -> str:
        """Advice for a documented answer, else ''. There is none for the directory, whose client is the SCIM client."""
        return "" if self.name == DIRECTORY else known_errors.find_advice(self.code, self.number, self.message)


@dataclass(frozen=True)
class ConnectionTest:
    """Last connection test in the audit log, run by any user."""

    entry: Entry
    steps: list[ConnectionTestStep]

    @property
    def configured(self) -> bool:
        """Whether the settings lead to Segura; if not, nothing was sent."""
        return all(step.kind != FailureKind.NOT_CONFIGURED for step in self.steps)

    @property
    def listed(self) -> bool:
        """Whether a list arrived."""
        return any(step.name == "list" and step.ok for step in self.steps)


def run_connection_test(*, by: str) -> None:
    """Run the steps, each within SEGURA_PAGE_DEADLINE_S, and record the results in the event `vault.tested`.

    The test fetches its own token, so that a cached one hides nothing. One listed secret that needs no approval is
    read, twice if its value is shown; each read counts as a view in Segura. Must be called outside any transaction.
    Raises AlreadyRunning.
    """
    if not _alone.acquire(blocking=False):
        raise AlreadyRunning
    try:
        steps, secret = _take(by)
        steps += [_look_up(by)] if directory.is_configured() else []
    finally:
        _alone.release()
    told = [{name: value for name, value in vars(step).items() if value not in (None, "")} for step in steps]
    last = next((step.code for step in reversed(steps) if step.tried), None)
    ok = all(step.ok for step in steps)
    ledger.record_event("vault.tested", by=by, secret=secret, http_status=last, data={"ok": ok, "steps": told})


def latest_connection_test() -> ConnectionTest | None:
    """Return the last test in the audit log, or None if there is none."""
    event = Event.objects.filter(action="vault.tested").first()
    entry = event.entry if event else None
    return ConnectionTest(entry, [_step(told) for told in entry.data.get("steps", [])]) if entry else None


def _step(told: Mapping[str, Any]) -> ConnectionTestStep:
    return ConnectionTestStep(
        **{name: value for name, value in told.items() if name in ConnectionTestStep.__dataclass_fields__}
    )


def _take(by: str) -> tuple[list[ConnectionTestStep], int | None]:
    heard: list[Exchange] = []
    tokens = MemoryTokens()
    try:
        client = build_client(by=by, max_body=WHOLE_LIST, tokens=tokens, told=heard.append)
    except NotConfigured as error:
        return [
            _ended("token", [], ReadFailure.of(error)),
            ConnectionTestStep("list"),
            ConnectionTestStep("read"),
        ], None
    rows, failure = _within(lambda ends_at: client.list_secrets(ends_at=ends_at))
    asked, listed = ([one for one in heard if one.method == method] for method in ("POST", "GET"))
    if not listed:
        return [_ended("token", asked, failure), ConnectionTestStep("list"), ConnectionTestStep("read")], None
    first = [_ended("token", asked, None), _ended("list", listed, failure, found=None if rows is None else len(rows))]
    row = _readable(rows or [])
    if row is None:
        return [*first, ConnectionTestStep("read")], None
    heard.clear()
    reader = build_client(by=by, secret=row.identifier, tokens=tokens, told=heard.append)
    value, failure = _within(lambda ends_at: _value_seen(reader, row.identifier, ends_at))
    return [*first, replace(_ended("read", heard, failure), value=value or "")], row.identifier


def _value_seen(reader: Client, identifier: int, ends_at: float) -> str:
    """Read the secret, twice if its value is shown, and return one of VALUES. Raises VaultError."""
    value = reader.read_secret(identifier, ends_at=ends_at).client_secret
    if value is None:
        return HIDDEN
    return VISIBLE if reader.read_secret(identifier, ends_at=ends_at).client_secret == value else UNSTABLE


def _look_up(by: str) -> ConnectionTestStep:
    """Read one page of the directory's users."""
    heard: list[Exchange] = []
    try:
        client = build_client(by=by, directory=True, max_body=WHOLE_LIST, tokens=MemoryTokens(), told=heard.append)
    except NotConfigured as error:
        return _ended(DIRECTORY, [], ReadFailure.of(error))
    came, failure = _within(lambda ends_at: client.list_directory_page(DirectoryKind.USERS, ends_at=ends_at))
    return _ended(DIRECTORY, heard, directory.directory_failure(failure), found=came.total if came else None)


def _within(act: Callable[[float], _Value]) -> tuple[_Value | None, ReadFailure | None]:
    try:
        return act(time.monotonic() + settings.SEGURA_PAGE_DEADLINE_S), None
    except VaultError as error:
        return None, ReadFailure.of(error)


def _readable(rows: list[ListedSecret]) -> ListedSecret | None:
    """Return the listed secret with the lowest identifier that Segura shows without approval or justification."""
    free = (row for row in rows if row.can_view and not row.need_approval and not row.need_justify)
    return min(free, key=lambda row: row.identifier, default=None)


def _ended(
    name: str, heard: list[Exchange], failure: ReadFailure | None, *, found: int | None = None
) -> ConnectionTestStep:
    """Return the result of a step from its last exchange; a token that was not accepted is fetched twice."""
    last = heard[-1] if heard else None
    return ConnectionTestStep(
        name,
        tried=True,
        code=last.status if last else None,
        number=last.number if last else None,
        message=last.message if last else "",
        duration_ms=last.duration_ms if last else None,
        kind=str(failure.kind) if failure else "",
        detail=failure.message if failure else "",
        found=found,
    )
