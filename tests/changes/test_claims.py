"""What users are told of a delivery claims nothing that the portal did not see: each way to a reading, each reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.audit import event_text
from portal.audit.models import Event
from portal.catalog import details, segura_client
from portal.changes import transitions
from portal.changes.delivery import status_changes
from portal.changes.delivery import verified_patch as proof
from portal.changes.domain.patch import Snapshot
from portal.changes.models import Change, Status, StatusCause
from portal.changes.presenters import change_page, next_steps
from portal.changes.workflow import manual_resolution
from portal.notifications import dispatch, inbox
from portal.notifications.models import Notification
from portal.sandbox import Sandbox
from tests.changing import work
from tests.vouching import PRESENT

pytestmark = pytest.mark.django_db(transaction=True)
Approved = Callable[..., Change]
OLD, NEW, THIRD = "https://gcp-us.example", "https://gcp-eu.example", "https://by-hand.example"
NO_ACCESS = "refuse:1006:User does not have access"


@dataclass(frozen=True)
class Seen:
    """What the stand-in saw of the change: answers to updates and to the newest reading, and what it holds now.

    `sent_last`: how many of the updates came with the newest work; `restored`: others may have come before a backup.
    """

    updates: list[int | None]
    sent_last: int
    read: int | None
    refused: bool
    url: str
    restored: bool

    @property
    def is_there(self) -> bool:
        return self.url == NEW


CLAIMS: dict[str, Callable[[Seen], bool]] = {
    r"without a call of this change|Nothing was sent\.": lambda seen: not seen.updates,
    r"stopped before sending|Nothing further was sent|update was not sent this time": lambda seen: not seen.sent_last,
    r"earlier call|are listed": lambda seen: bool(seen.updates) or seen.restored,
    r"answered the call|rejected the call|Segura (refused|confirmed|reported success)|call was made": lambda seen: bool(
        seen.updates
    ),
    r"Segura (confirmed|reported success)": lambda seen: bool({200, 201} & set(seen.updates)),
    r"Segura refused": lambda seen: 400 in seen.updates,
    r"rejected the call|Rejected, not applied": lambda seen: bool({401, 404, 429, 503} & set(seen.updates)),
    r"sent again|repeat": lambda seen: bool(seen.updates),
    r"shows? (that )?(it was not applied|the proposed values are not all there)|values not all there": lambda seen: (
        seen.read == 200 and not seen.refused and not seen.is_there
    ),
    r"was not applied|is not applied|took none": lambda seen: not seen.is_there,
    r"show(s|ed) the proposed values|[Vv]erified by reading back|already holds the proposed": lambda seen: (
        seen.read == 200 and not seen.refused and seen.is_there
    ),
    r"no longer lets Countersign read|cannot be read back|could not be read": lambda seen: (
        seen.read != 200 or seen.refused
    ),
    r"neither the old nor the proposed|another edit|changed the secret in Segura after the proposal": lambda seen: (
        seen.url == THIRD
    ),
}
"""Phrases, and what must be true where one of them is used."""


def told(change: Change, admin: User) -> str:
    """All sentences about the change: page, lists, notifications and mails, and the newest lines of the log."""
    dispatch.dispatch_events()
    notices = Notification.objects.filter(change=change).select_related("change").order_by("-event")
    newest = notices.first()
    lines = inbox.build_entries(notices.filter(event=newest.event)) if newest else []
    shown = change_page.load_change_page(change.pk, admin)
    moves = Event.objects.filter(change=change.pk, action__startswith="change.").order_by("-pk")[:1]
    return " | ".join(
        [
            str(change.get_cause_display()),
            next_steps.next_step_line(change, 0),
            *map(str, shown.next),
            *(f"{line.title}. {line.said}" for line in lines),
            *(event_text.summary_line(event.entry) for event in moves if event.entry),
            *(moment.title for moment in shown.history[-1:] if moment.title != "Sending to Segura"),
        ]
    )


def turned_away(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.plan("429:0", endpoint="update")
    work(change)


def timed_out(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.plan("504_before_apply", endpoint="update")
    work(change)


def timed_out_and_applied(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.plan("504_after_apply", endpoint="update")
    work(change)


def answered_with_an_error(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.plan(endpoint="update", status=413, body="{}", apply="never")
    work(change)


def answered_with_another_echo(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.knobs(update_success_style="201_stale_body")
    work(change)


def refused_and_retried(segura: Sandbox, change: Change, _admin: User) -> None:
    segura.control.plan(NO_ACCESS, endpoint="update")
    work(change)
    manual_resolution.retry_change(change.pk, by=change.requester, recent_auth=PRESENT)


def restored(_segura: Sandbox, change: Change, _admin: User) -> None:
    with transaction.atomic():
        status_changes.mark_restored(transitions.lock_change(change.pk))


def never_prepared(_segura: Sandbox, change: Change, admin: User) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(proof, "build_verified_patch", lambda *_: 1 / 0)
        work(change)
    manual_resolution.recheck_change(change.pk, by=admin, recent_auth=PRESENT)


def nothing(_segura: Sandbox, _change: Change, _admin: User) -> None:
    """It is the first delivery."""


WAYS = [
    nothing, turned_away, timed_out, timed_out_and_applied, answered_with_an_error, answered_with_another_echo,
    refused_and_retried, restored, never_prepared,
]  # fmt: skip
READINGS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "the proposed values": {"edit": NEW},
    "a third value": {"edit": THIRD},
    "refused": {"fault": NO_ACCESS},
    "no such secret": {"fault": "refuse:1005:Api secret not found"},
    "forbidden by the gateway": {"status": 403, "body": "{}"},
    "bad gateway": {"fault": "502"},
    "another text": {"status": 200, "body": "<html>Sign in</html>"},
}


@pytest.mark.parametrize("base", ["known", "unknown"])
@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_user_is_told_nothing_that_was_not_seen(
    way: Callable[[Sandbox, Change, User], None],
    reading: str,
    base: str,
    segura: Sandbox,
    approved: Approved,
    admin: User,
    settings: Settings,
) -> None:
    settings.DELIVERY_BACKOFF_S = 5.0  # what is said before the same values are sent is read as well
    segura.control.edit(43, url=OLD)
    change = approved(url=NEW, base=fresh_base() if base == "known" else None)
    way(segura, change, admin)
    step = dict(READINGS[reading])
    if url := step.pop("edit", ""):
        segura.control.edit(43, url=url)
    if step:
        segura.control.plan(endpoint="get", times=None, **step)
    for refusal in ({}, {"fault": NO_ACCESS, "endpoint": "update"}):
        before = len(segura.control.arrivals("update"))
        if refusal:
            segura.control.plan(**refusal)
        Change.objects.filter(pk=change.pk).update(not_before=None)
        work(change)
        updates = [arrival["status"] for arrival in segura.control.arrivals("update")]
        read = segura.control.arrivals("get")[-1]
        seen = Seen(
            updates, len(updates) - before, read["status"], reading == "another text", segura.control.secret(43)["url"],
            way is restored,
        )  # fmt: skip
        words = told(change, admin)
        lies = [claim for claim, holds in CLAIMS.items() if re.search(claim, words) and not holds(seen)]
        assert not lies, f"{change.status}, {change.cause}, {seen}: {words}"
        if change.status not in (Status.APPROVED, Status.IN_DOUBT):
            break
    assert change.cause != StatusCause.NONE


def fresh_base() -> Snapshot:
    seen = details.fetch_details(segura_client.build_client(secret=43), 43)
    return Snapshot(dict(seen.fields), seen.secret_fingerprint)
