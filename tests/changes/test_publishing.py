"""A reminder for the workers costs the person who waits for the page next to nothing, whatever the broker does."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from tests.rig.portal import ROOT

PUBLISH_TWICE = """
import time
import django
django.setup()
from portal.changes.delivery import tasks
for _ in range(2):
    began = time.monotonic()
    tasks.enqueue_change(1)
    print(time.monotonic() - began)
"""


def seconds_of_two_reminders(port: int) -> list[float]:
    """In a process of its own, as a web worker that has just started."""
    environment = os.environ | {"REDIS_URL": f"redis://127.0.0.1:{port}/0", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    command = [sys.executable, "-c", PUBLISH_TWICE]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=30, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("waits for the sweep") == 1
    return [float(line) for line in run.stdout.split()]


@pytest.mark.shows("F08")
def test_a_frozen_broker_costs_the_approver_seconds_and_then_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as frozen:  # the kernel accepts, nobody answers
        first, second = seconds_of_two_reminders(frozen.getsockname()[1])
    assert first < 6
    assert second < 0.01


@pytest.mark.shows("F07")
def test_a_broker_that_refuses_costs_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    first, second = seconds_of_two_reminders(port)
    assert first < 3
    assert second < 0.01
