"""What is in a queue and is no message: the worker throws it away, says so without quoting it, and goes on."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from redis import Redis

from portal.changes.delivery import tasks
from portal.operations import heartbeats
from portal.sandbox import Sandbox
from tests.faults.conftest import ManyChanges, await_applied, usable
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.processes,
    pytest.mark.timeout(rounds(180, 900)),
]
MARK = "poison-7f31c9"


def message(**changed: Any) -> str:
    """A message as Celery writes it, with some of its parts replaced; None leaves a part out."""
    whole: dict[str, Any] = {
        "body": base64.b64encode(json.dumps([[1], {}, {}]).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": {"task": "changes.deliver", "id": MARK, "lang": "py", "argsrepr": MARK},
        "properties": {
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "celery"},
            "delivery_mode": 2,
            "delivery_tag": MARK,
            "priority": 0,
            "correlation_id": MARK,
        },
    }
    return json.dumps({name: value for name, value in (whole | changed).items() if value is not None})


def properties(**changed: Any) -> dict[str, Any]:
    return {**json.loads(message())["properties"], **changed}


POISON: dict[str, str | bytes] = {
    "no JSON": MARK,
    "half of JSON": '{"body": "' + MARK,
    "bytes": b"\xff\xfe\x00\x80" + MARK.encode(),
    "nothing": "",
    "null": "null",
    "a number": "7",
    "a text": f'"{MARK}"',
    "a list": f'["{MARK}"]',
    "an empty object": "{}",
    "nested too deep": "[" * 100_000,
    "a number too long": "9" * 10_000,
    "no properties": message(properties=None),
    "properties of another kind": message(properties=MARK),
    "no delivery tag": message(properties={}),
    "a delivery tag of another kind": message(properties=properties(delivery_tag=[MARK])),
    "no body": message(body=None),
    "an empty body": message(body=""),
    "a body that is no base64": message(body=MARK),
    "a body of another kind": message(body={"x": MARK}),
    "a body of bytes": message(body=base64.b64encode(b"\xff\xfe" + MARK.encode()).decode()),
    "an unknown body encoding": message(properties=properties(body_encoding=MARK)),
    "no headers": message(headers=None),
    "headers of another kind": message(headers=[MARK]),
    "a task of another kind": message(headers={"task": [MARK], "id": MARK}),
    "an unknown task": message(headers={"task": MARK, "id": MARK}),
    "no id": message(headers={"task": "changes.deliver"}),
    "an unknown content type": message(**{"content-type": MARK}),
    "a content type of another kind": message(**{"content-type": 7}),
}


@pytest.mark.shows("F13")
@pytest.mark.parametrize("queue", ["celery", "sealing"])
def test_worker_survives_whatever_is_in_its_queue(
    queue: str, segura: Sandbox, approve_all: ManyChanges, tmp_path: Path
) -> None:
    log, before = tmp_path / "workers.log", heartbeats.read_broker_status().discarded
    with workers(log) as crew, Redis.from_url(settings.REDIS_URL) as redis:
        (worker,) = crew.start(1, concurrency=1, queue=f"celery,{queue}" if queue != "celery" else queue)
        for poison in POISON.values():
            redis.lpush(queue, poison)
        wait_until(lambda: not redis.llen(queue), "the queue is empty")
        (change,) = approve_all(usable(segura.control, 1))
        tasks.deliver_change.delay(change.pk)
        await_applied([change])
        assert worker.poll() is None
        assert not redis.hlen("unacked"), "none of them comes again"
    printed = log.read_text(encoding="utf-8", errors="replace")
    assert MARK not in printed
    assert "Traceback" not in printed
    thrown_away = printed.count("A message was thrown away")
    assert thrown_away >= len(POISON) - 3
    counted = {reason: count - before[reason] for reason, count in heartbeats.read_broker_status().discarded.items()}
    assert sum(counted.values()) == thrown_away
    assert counted["unreadable"] > 0 < counted["unusable"]
