"""The summary of an evidence pack on paper, and at the width of a telephone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from portal.audit.exports.evidence_pack import STYLE
from portal.audit.offline import verify_countersign

pytestmark = [pytest.mark.browser]

A4_WIDTH, A4_HEIGHT = 718, 1047
"""Pixels (1/96 inch) of a page within margins of 1 cm."""


def event(seq: int, action: str, actor: str = "", status: int | None = None, **data: object) -> str:
    """Return the text of an event of CR-7."""
    told = {"action": action, "actor": actor, "address": "", "at": f"2026-11-23T08:0{seq}:00.000000+00:00", "change": 7}
    return json.dumps({**told, "data": data, "http_status": status, "request": "", "secret": 43, "seq": seq, "v": 1})


def write_summary(folder: Path) -> str:
    """Write the summary of a change of four fields and two votes; return its address."""
    fields = ["url", "client_id", "tags", "notes"]
    patch, base = ({name: f"{word} {name} " * 6 for name in fields} for word in ("new", "old"))
    proposed = {"patch": patch, "base": base, "fields": fields, "reason": "Move to the EU " * 9, "secret_name": "GCP"}
    texts = [
        event(1, "change.submitted", "maria", **proposed, policy={"required": 2}, revision=1),
        event(2, "vote.cast", "pedro", verdict="approve", revision=1, reason="Checked with the team " * 5),
        event(3, "vote.cast", "paulo", verdict="approve", revision=1),
        event(4, "delivery.intended"),
        event(5, "delivery.answered", status=200, outcome="applied", message="Updated"),
        event(6, "change.applied", status=200, cause="read_back"),
    ]
    (folder / STYLE.name).write_text(STYLE.read_text())
    page = folder / "summary.html"
    page.write_text(verify_countersign.print_summary(7, texts, "note", "example+key"))
    return page.as_uri()


def test_first_printed_page_holds_the_sentences_the_table_and_the_votes_e3(browser: Browser, tmp_path: Path) -> None:
    page = browser.new_page(viewport={"width": A4_WIDTH, "height": A4_HEIGHT})
    page.goto(write_summary(tmp_path))
    page.emulate_media(media="print")
    for part in (
        page.locator("ol li").last,
        page.locator("tr", has_text="Notes"),
        page.locator("tr", has_text="paulo"),
    ):
        box = part.bounding_box()
        assert box
        assert box["y"] + box["height"] <= A4_HEIGHT
    annex = page.locator("details")
    assert annex.evaluate("element => getComputedStyle(element).breakBefore") == "page"
    page.close()


def test_book_does_not_scroll_sideways_at_390(browser: Browser, tmp_path: Path) -> None:
    access = {
        "patch": {"users_allowed": [["rcosta", True]]},
        "base": {"users_allowed": []},
        "fields": ["users_allowed"],
    }
    texts = [event(1, "change.submitted", "maria", **access), event(2, "change.applied", status=200)]
    period = ("2026-11-23T00:00:00.000000", "2026-11-24T00:00:00.000000")
    pieces = verify_countersign.print_book(lambda: [(7, texts)], *period, "example+key", [])
    (tmp_path / STYLE.name).write_text(STYLE.read_text())
    (tmp_path / "book.html").write_text("".join(pieces))
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto((tmp_path / "book.html").as_uri())
    assert page.locator("td", has_text="no access").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
