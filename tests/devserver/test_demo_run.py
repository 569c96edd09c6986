"""The whole demo: `manage.py run` plays its history within three minutes, in real time, on pages that stay usable."""

from __future__ import annotations

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.devserver.demo_progress import TOTAL, read_progress
from portal.devserver.page_client import PageClient
from tests.rig.portal import Portal

pytestmark = [pytest.mark.processes, pytest.mark.long_form, pytest.mark.timeout(600)]
WITHIN_S = 180
SHOWN = {
    "queue": {1, 2, 3, 20},
    "home": {9, 12, 15},
    "delivery": {5, 6, 7, 12},
}
"""Changes by their number: those that wait for the approver, need the requester, and need an administrator."""


def test_history_is_complete_after_three_minutes_and_dated_within_the_run_m1_m2_m6(tmp_path: Path) -> None:
    began = datetime.now(UTC)
    with Portal(tmp_path, {"DEMO": ""}) as portal:
        ready_at, midway = time.monotonic(), ""
        while (progress := read_progress(portal.state)) is None or not progress.is_complete:
            assert time.monotonic() - ready_at < WITHIN_S, portal.printed()[-2000:]
            assert progress is None or not progress.stopped, portal.printed()[-2000:]
            if progress and not midway:
                midway = page_of(portal, "auditor", "/audit/overview/")
            time.sleep(1)
        assert f"of {TOTAL} played" in midway
        while find_shown(portal) != SHOWN and time.monotonic() - ready_at < WITHIN_S:
            time.sleep(1)  # CR-4 expires, and CR-5 and CR-6 wait for too long, by their own times
        assert find_shown(portal) == SHOWN
        lines = page_of(portal, "auditor", "/audit/export.jsonl").splitlines()
        dates = [datetime.fromisoformat(json.loads(line)["at"]) for line in lines if line.startswith("{")]
        assert dates
        assert all(began <= at <= datetime.now(UTC) for at in dates)


def find_shown(portal: Portal) -> dict[str, set[int]]:
    queue, home, delivery = (
        page_of(portal, account, path)
        for account, path in (("approver", "/queue/"), ("requester", "/"), ("admin", "/operations/"))
    )
    return {
        "queue": find_changes(queue, '<table class="rows">', "</table>"),
        "home": find_changes(home, 'id="needs-you"', "</section>"),
        "delivery": find_changes(delivery, 'data-label="What happened"', "</table>"),
    }


def find_changes(page: str, begin: str, end: str) -> set[int]:
    """Return the numbers of the changes in the first part of the page between these texts."""
    part = page.partition(begin)[2].partition(end)[0]
    return {int(number) for number in re.findall(r"CR-(\d+)", part)}


def page_of(portal: Portal, account: str, path: str) -> str:
    client = PageClient(portal.url)
    client.sign_in(account)
    client.open_page(path)
    return client.page
