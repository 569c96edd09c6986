"""A09: what Segura answered is what the log says it answered, call by call."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from typing import Any

import pytest
from django.conf import settings as portal_settings
from django.test import Client

from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.audit.sealing import sealer
from portal.audit.verification.verifier import verify_events
from portal.catalog import segura_client
from portal.sandbox import Sandbox
from portal.vault.errors import VaultError
from tests.people import person
from tests.rig.rounds import rounds
from tests.segura import events, forget_tokens

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("signing_key")]

CALLS = rounds(40, 500)
FAULTS = ["", "", "", "502", "503", "504_before_apply", "504_after_apply", "429", "401", "500_envelope", "html_502"]
FAULTS += [
    "drop",
    "drop_before",
    "reset_before",
    "refuse:1005:no",
    "no_route",
    "empty_201",
    "broken_json",
    "error_true",
]


def call(kind: str, attempt: str) -> None:
    client = segura_client.build_client(by="maria", secret=43)
    with contextlib.suppress(VaultError):
        if kind == "list":
            client.list_secrets(attempt_id=attempt)
        elif kind == "get":
            client.read_secret(43, attempt_id=attempt)
        else:
            client.update_secret(43, {"notes": attempt}, attempt_id=attempt, send_before=time.monotonic() + 60)


@pytest.mark.shows("A09")
@pytest.mark.timeout(300)
def test_a09_each_of_many_mixed_calls_is_in_the_log_with_the_code_that_was_answered(segura: Sandbox) -> None:
    chosen = random.Random(9)
    for number in range(CALLS):
        kind = chosen.choice(["list", "get", "update", "update"])
        segura.control.clear_faults()
        if fault := chosen.choice(FAULTS):
            segura.control.plan(fault, endpoint=kind)
        forget_tokens(portal_settings.REDIS_URL)  # and waits that an answer asked for
        call(kind, f"attempt-{number}")
    arrivals: list[dict[str, Any]] = segura.control.arrivals()
    answered = Counter((one["attempt_id"], one["method"], one["status"]) for one in arrivals)
    logged = Counter(
        # A token's call is made for an attempt, but carries no word of it.
        (
            event["data"]["attempt"] if event["data"]["method"] != "POST" else "",
            event["data"]["method"],
            event["http_status"],
        )
        for event in events("vault.responded") + events("vault.unanswered")
    )
    assert logged == answered
    assert len({attempt for attempt, _, _ in answered if attempt}) == CALLS
    sealer.seal_pending_events()
    assert verify_events(key=sealer.get_signing_public_key()).findings == []


@pytest.mark.shows("A09")
def test_a09_every_sign_in_lockout_refusal_reading_and_export_is_in_the_log(client: Client) -> None:
    person("maria", Role.REQUESTER)
    person("vera", Role.AUDITOR)

    def sign_in(name: str, password: str, address: str) -> None:
        client.post("/accounts/login/", {"login": name, "password": password}, REMOTE_ADDR=address)

    for _ in range(7):
        sign_in("maria", "wrong", "10.1.2.3")
    sign_in("maria", "maria-correct-horse", "10.9.9.9")
    assert client.get("/audit/").status_code == 403
    client.post("/accounts/logout/")
    sign_in("vera", "vera-correct-horse", "10.9.9.9")
    client.get("/audit/")
    client.get(f"/audit/events/{Event.objects.latest('pk').pk}/")
    for kind in ("csv", "jsonl"):
        assert client.get(f"/audit/export.{kind}").getvalue()
    told = Counter((event.action, event.actor) for event in Event.objects.all())
    assert told == {
        ("session.failed", "maria"): 7,
        ("session.started", "maria"): 1,
        ("access.denied", "maria"): 1,
        ("session.ended", "maria"): 1,
        ("session.started", "vera"): 1,
        ("audit.read", "vera"): 2,
        ("audit.exported", "vera"): 2,
        ("audit.export_ended", "vera"): 2,
    }
    reasons = [event.entry.data["reason"] for event in Event.objects.filter(action="session.failed") if event.entry]
    assert Counter(reasons) == {"wrong name or password": 5, "too many attempts": 2}
