"""A09: what Segura answered is what the log says it answered, call by call."""

from __future__ import annotations

import contextlib
import random
import time
from collections import Counter
from typing import Any

import pytest

from portal.audit import sealing
from portal.audit.verify import verify
from portal.catalog import connection
from portal.sandbox import Sandbox
from portal.vault.errors import VaultError
from tests.rig.rounds import rounds
from tests.segura import events

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
    client = connection.connect(by="maria", secret=43)
    with contextlib.suppress(VaultError):
        if kind == "list":
            client.list(attempt_id=attempt)
        elif kind == "get":
            client.read(43, attempt_id=attempt)
        else:
            client.update(43, {"notes": attempt}, attempt_id=attempt, send_before=time.monotonic() + 60)


@pytest.mark.shows("A09")
@pytest.mark.timeout(300)
def test_a09_each_of_many_mixed_calls_is_in_the_log_with_the_code_that_was_answered(segura: Sandbox) -> None:
    chosen = random.Random(9)
    for number in range(CALLS):
        kind = chosen.choice(["list", "get", "update", "update"])
        segura.control.clear_faults()
        if fault := chosen.choice(FAULTS):
            segura.control.plan(fault, endpoint=kind)
        call(kind, f"attempt-{number}")
    arrivals: list[dict[str, Any]] = segura.control.arrivals()
    answered = Counter((one["attempt_id"], one["method"], one["status"]) for one in arrivals)
    logged = Counter(
        # A token's call is made for an attempt, but carries no word of it.
        (event["data"]["attempt"] if event["data"]["method"] != "POST" else "", event["data"]["method"], event["code"])
        for event in events("vault.responded") + events("vault.unanswered")
    )
    assert logged == answered
    assert len({attempt for attempt, _, _ in answered if attempt}) == CALLS
    sealing.seal()
    assert verify(key=sealing.public_key()).findings == []
