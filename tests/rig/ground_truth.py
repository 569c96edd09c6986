"""What the vault saw, what the database holds and what an auditor would be handed: read once, to be joined."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from portal.audit.exports.log_export import LogExport
from portal.audit.models import Event
from portal.changes.models import Attempt, Change, Revision, Status, Vote
from portal.sandbox import Control

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Truth:
    """Lists are oldest first. `log` holds the events of the auditor's JSON Lines export, `vault` secrets by number."""

    arrivals: list[Row]
    applications: list[Row]
    vault: dict[int, Row]
    changes: dict[int, Change]
    revisions: dict[tuple[int, int], Revision]
    attempts: dict[str, Attempt]
    votes: list[Vote]
    log: list[Row]

    @classmethod
    def gathered(cls, control: Control) -> Truth:
        """As of now: nothing should be under way."""
        journal = control.journal()
        return cls(
            arrivals=[arrival for arrival in journal["arrivals"] if arrival["endpoint"] == "update"],
            applications=sorted(journal["applications"], key=lambda each: each["order"]),
            vault={int(item["identifier"]): item for item in control.secrets()},
            changes={change.pk: change for change in Change.objects.order_by("pk")},
            revisions={
                (each.change_id, each.number): each for each in Revision.objects.order_by("change_id", "number")
            },
            attempts={str(each.pk): each for each in Attempt.objects.order_by("started_at", "fence")},
            votes=list(Vote.objects.order_by("pk")),
            log=[json.loads(line) for line in "".join(LogExport(Event.objects.all(), "jsonl").parts()).splitlines()],
        )

    def events(self, *actions: str) -> list[Row]:
        """The log's entries of these kinds."""
        return [event for event in self.log if event["action"] in actions]

    def revision_of(self, attempt: Attempt) -> Revision:
        """What the call was to carry."""
        return self.revisions[attempt.change_id, attempt.revision]

    @cached_property
    def statuses(self) -> dict[int, list[tuple[int, str]]]:
        """By change: place in the log and status, each time the log says that it moved."""
        moves = defaultdict(list)
        for place, event in enumerate(self.log):
            status = event["data"].get("to") or _TOLD_BY.get(event["action"])
            if event["change"] is not None and status:
                moves[event["change"]].append((place, status))
        return moves

    @cached_property
    def answers(self) -> dict[str, list[int | None]]:
        """By attempt: the code of each answer to an update in the log, None for one that never came."""
        found = defaultdict(list)
        for event in self.events("vault.responded", "vault.unanswered"):
            if event["data"]["method"] == "PUT":
                found[event["data"]["attempt"]].append(event["http_status"])
        return found

    @cached_property
    def lost(self) -> set[tuple[int, int]]:
        """Change and fence of every delivery that the log says lost its worker."""
        return {(event["change"], event["data"]["fence"]) for event in self.events("delivery.claim_lost")}


_TOLD_BY = {"change.submitted": str(Status.PENDING), "delivery.started": str(Status.SENDING)}
