"""A running portal with its people at work, whose every secret is a marker."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.sandbox import Control
from tests.rig.evidence import Evidence
from tests.rig.markers import Marker
from tests.rig.portal import Portal
from tests.rig.visitor import Visitor, wait_until

MOST_PAGES = 60
_LINK = re.compile(r'href="(/[^"#]*)"')


@dataclass
class House:
    """Who and what the ways of a secret need.

    `markers`: everything that must not be found. `seen_sealed`: ciphertexts there were, by the id of their revision.
    """

    portal: Portal
    segura: Control
    evidence: Evidence
    people: dict[str, Visitor]
    markers: list[Marker] = field(default_factory=list)
    seen_sealed: dict[str, bytes] = field(default_factory=dict)
    reason: Marker = field(default_factory=lambda: Marker.new("a reason, which is no secret"))

    def mark(self, way: str) -> Marker:
        """A new secret that goes this way."""
        marker = Marker.new(way)
        self.markers.append(marker)
        return marker

    def __getitem__(self, name: str) -> Visitor:
        return self.people[name]

    def propose(self, secret: int, value: Marker, **fields: str) -> int:
        """By the requester: a change that is pending and holds the value as ciphertext."""
        change = self["requester"].propose(secret, value=value, reason=self.reason, **fields)
        self.await_status(change, "pending")
        return change

    def approve(self, change: int, secret: int = 0, fault: str = "", **step: object) -> None:
        """By the approver; `fault` is what the update of this secret then meets."""
        if fault or step:
            self.segura.plan(fault, endpoint="update", identifier=secret, **step)
        self["approver"].decide(change, "Approve")
        self.evidence.look()

    def hold(self, change: int, secret: int) -> None:
        """Approve, and have the call of this change under way without an answer and without effect."""
        self.approve(change, secret, "hold", apply="never")
        self.segura.wait(lambda journal: journal["held"] == 1, timeout_s=30)

    def await_status(self, change: int, status: str) -> None:
        """It comes to this status; once ended no ciphertext is left, and until then the last revision has its own."""
        self.seen_sealed |= self.ciphertexts()
        wait_until(lambda: self.status(change) == status, f"CR-{change} is {status}")
        *earlier, last = self.sealed(change)
        assert not any(earlier)
        assert last == (status in ("pending", "stale", "needs_attention"))

    def status(self, change: int) -> str:
        return str(self.evidence.ask("SELECT status FROM changes_change WHERE id = %s", change)[0][0])

    def sealed(self, change: int) -> list[bool]:
        """Of each revision, oldest first: whether it holds a ciphertext."""
        statement = "SELECT encrypted_secret IS NOT NULL FROM changes_revision WHERE change_id = %s ORDER BY number"
        return [bool(row[0]) for row in self.evidence.ask(statement, change)]

    def ciphertexts(self) -> dict[str, bytes]:
        """What is sealed now, by the id of its revision."""
        return dict(
            self.evidence.ask("SELECT id, encrypted_secret FROM changes_revision WHERE encrypted_secret IS NOT NULL")
        )

    @contextmanager
    def broken(self, event: str) -> Iterator[None]:
        """The database refuses, say, INSERT ON changes_revision."""
        self.evidence.ask(
            "CREATE OR REPLACE FUNCTION break_statement() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'broken by a test'; END $$"
        )
        self.evidence.ask(f"CREATE TRIGGER broken BEFORE {event} FOR EACH ROW EXECUTE FUNCTION break_statement()")
        try:
            yield
        finally:
            self.evidence.ask(f"DROP TRIGGER broken {event[event.index('ON ') :]}")

    def look_around(self) -> None:
        """Everybody opens what they can find by links, the newest changes and events first; the auditor exports."""
        for name, person in self.people.items():
            ahead, seen = ["/"], set[str]()
            while ahead and len(seen) < MOST_PAGES:
                path = ahead.pop(0)
                seen.add(path)
                page = person.get(path)
                assert person.answer.status_code < 500, f"{name} at {path}"
                for link in _LINK.findall(page):
                    if not link.startswith(("/static/", "/accounts/")) and link not in (*seen, *ahead):
                        ahead.append(link)
        for change in self.evidence.ask("SELECT id FROM changes_change"):
            for person in self.people.values():
                person.get(f"/changes/{change[0]}/")
            self["auditor"].get(f"/audit/changes/{change[0]}/")
        for kind in ("csv", "jsonl"):
            assert "vault.responded" in self["auditor"].get(f"/audit/export.{kind}")
