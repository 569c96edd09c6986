"""The whole demo: `manage.py run` plays its history within three minutes, in real time, on pages that stay usable."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.devserver.demo_progress import TOTAL, read_progress
from portal.devserver.page_client import PageClient
from tests.rig.portal import Portal

pytestmark = [pytest.mark.processes, pytest.mark.long_form, pytest.mark.timeout(600)]
WITHIN_S = 180


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
        assert page_of(portal, "approver", "/queue/").count('class="pick"') >= 4 or "CR-3" in page_of(
            portal, "approver", "/queue/"
        )
        assert "CR-15" in page_of(portal, "requester", "/")
        assert page_of(portal, "admin", "/operations/").count('data-label="Since"') >= 3
        lines = page_of(portal, "auditor", "/audit/export.jsonl").splitlines()
        dates = [datetime.fromisoformat(json.loads(line)["at"]) for line in lines if line.startswith("{")]
        assert dates
        assert all(began <= at <= datetime.now(UTC) for at in dates)


def page_of(portal: Portal, account: str, path: str) -> str:
    client = PageClient(portal.url)
    client.sign_in(account)
    client.open_page(path)
    return client.page
