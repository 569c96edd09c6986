"""The player of the demo history: reads forms as a browser would, and keeps its progress in a file."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from portal.devserver.demo_progress import TOTAL, DemoProgress, read_progress, write_progress
from portal.devserver.demo_story import STORY
from portal.devserver.page_client import PageClient

PAGE = """
<form id="vote" action="/changes/7/approve/">
  <input name="csrfmiddlewaretoken" value="t"><textarea name="reason-d">
first line</textarea>
  <input type="checkbox" name="confirmed-d"><input type="checkbox" name="seen" value="1" checked>
  <select name="mode"><option value="same">Same<option value="new" selected>New</select>
  <button formaction="/changes/7/reject/">Reject</button>
</form>
<input type="hidden" name="digest" value="abc" form="vote">
<form action="/elsewhere/"><input name="q"></form>
"""


def test_form_is_found_by_where_it_or_its_buttons_lead() -> None:
    client = PageClient("http://127.0.0.1:8000")
    client.at, client.page = "http://127.0.0.1:8000/changes/7/", PAGE
    for path in ("/changes/7/approve/", "/changes/7/reject/"):
        form = client.find_form(path)
        assert form is not None
        assert form.boxes == ["confirmed-d"]
        assert form.fields == {
            "csrfmiddlewaretoken": "t",
            "reason-d": "first line",
            "seen": "1",
            "mode": "new",
            "digest": "abc",
        }
    assert client.find_form("/changes/7/withdraw/") is None


def test_story_has_twenty_changes() -> None:
    assert sum(changes for _part, changes in STORY) == TOTAL


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("progress", "shown"),
    [
        (DemoProgress(played=12), "12 of 20 played"),
        (DemoProgress(played=12, stopped=True), "stopped after 12 of 20 changes"),
        (DemoProgress(played=20), ""),
    ],
)
def test_bar_tells_how_much_was_played_m6(
    client: Client, settings: Settings, tmp_path: Path, progress: DemoProgress, shown: str
) -> None:
    settings.PORTAL_DEMO, settings.STATE_DIR = True, tmp_path
    assert 'id="demo-progress"' not in client.get("/accounts/login/").content.decode()
    write_progress(tmp_path, progress)
    page = client.get("/accounts/login/").content.decode()
    assert ('id="demo-progress"' in page) is bool(shown)
    assert shown in page


def test_progress_that_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert read_progress(tmp_path) is None
    (tmp_path / "demo-history.json").write_text("{")
    assert read_progress(tmp_path) is None
