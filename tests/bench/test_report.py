"""The page of figures says what was measured: of several runs the one in the middle, and what fell short by name."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.bench import report
from tests.bench.outcome import Row, bound, cost, rate, table


def lines(*rows: Row) -> str:
    return "".join(row.line() + "\n" for row in rows)


def test_a_rate_has_to_reach_its_goal_and_a_cost_to_stay_below() -> None:
    assert rate("C1", "appends", "/s", 85, 100, 0.8, "plain").met is True
    assert rate("C1", "appends", "/s", 75, 100, 0.8, "plain").met is False
    assert cost("B3", "queue", "ms", 14, 10, 1.5, "bare").met is True
    assert bound("C6", "memory", "MB", 51, 50).met is False
    assert Row("load", "to load it", "s", 3).met is None
    assert "SHORT" in table([bound("C6", "memory", "MB", 51, 50)])


def test_the_page_has_the_run_in_the_middle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page, figures = tmp_path / "performance.md", tmp_path / "figures.jsonl"
    page.write_text(report.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(report, "PAGE", page)
    figures.write_text("".join(lines(rate("C1", "appends", "/s", each, 100, 0.8, "plain")) for each in (70, 95, 90)))
    for _ in range(2):  # a second time changes nothing
        assert report.main([str(figures)]) == 0
        told = page.read_text(encoding="utf-8")
    assert "| C1 | appends | 90 /s | 100 (plain) | 0.9 | ≥ 0.8 | met |" in told
    assert told.count("| C1 |") == 1
    assert "All goals are met." in told


def test_how_far_it_goes_is_computed_from_the_figures() -> None:
    rows = [
        rate("A3", "vault 100 ms", "/s", 36, 38, 0.9, "bare"),
        rate("C1", "appends, 4 clients", "/s", 4000, 5000, 0.8, "plain"),
        cost("B1", "queue, p50", "ms", 20, 20, 1.25, "short"),
        Row("approve", "one approval, p50", "ms", 10),
        Row("submit", "one submission, p50", "ms", 5),
        Row("storage", "an event, sealed", "bytes", 1000),
        Row("storage", "a change without its events, with indexes", "bytes", 1600),
    ]
    told = report.reach([json.loads(row.line()) for row in rows])
    assert "| 1,000 | 3,431,000 | 4.0 GB | 1 | 1 |" in told
    assert "3,110,400 a day" in told
