"""Pages of the log in a browser: how much of it a screen shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

ROWS_IN_VIEW = """() => [...document.querySelectorAll(".events tbody tr")].filter((row) => {
  const box = row.getBoundingClientRect();
  return box.top >= 0 && box.bottom <= window.innerHeight;
}).length"""


def test_log_shows_twelve_events_at_1440_by_900_al1(sign_in: Callable[..., Person]) -> None:
    auditor = sign_in("auditor")
    for _ in range(6):
        sign_in("requester").go("/")
        sign_in("approver").go("/")
    auditor.page.set_viewport_size({"width": 1440, "height": 900})
    auditor.go("/audit/")
    assert auditor.page.locator(".events tbody tr").count() >= 12
    assert auditor.page.evaluate(ROWS_IN_VIEW) >= 12


SPAN = """() => {
  const chart = Chart.getChart(document.querySelector("#outcomes canvas"));
  const bars = chart.getSortedVisibleDatasetMetas().flatMap((series) => series.data).filter((bar) => bar.height > 0);
  const edges = bars.flatMap((bar) => [bar.x - bar.width / 2, bar.x + bar.width / 2]);
  const { left, right } = chart.chartArea;
  return (Math.max(...edges) - Math.min(...edges)) / (right - left);
}"""


@pytest.fixture
def withdrawn(sign_in: Callable[..., Person]) -> None:
    """A change that came to an outcome, so that the overview has numbers and a chart."""
    requester = sign_in("requester")
    change = requester.propose(14, tags="overview")
    page = requester.go(f"/changes/{change}/")
    page.locator("#withdraw").click()
    page.get_by_role("dialog").get_by_role("button", name="Withdraw", exact=True).click()
    expect(page.locator("#messages")).to_contain_text(f"You withdrew CR-{change}")


@pytest.mark.usefixtures("withdrawn")
@pytest.mark.parametrize("width", [1440, 1920, 1024, 390])
def test_no_tile_of_the_overview_is_alone_in_its_row_ao1(width: int, sign_in: Callable[..., Person]) -> None:
    auditor = sign_in("auditor", viewport={"width": width, "height": 900})
    page = auditor.go("/audit/overview/?days=7")
    for grid, tiles in ((".figures.exceptions", 8), (".figures:not(.exceptions)", 14)):
        tops = page.locator(f"{grid} > div").evaluate_all("tiles => tiles.map((tile) => tile.offsetTop)")
        assert len(tops) == tiles
        assert min(tops.count(top) for top in tops) > 1
        assert width == 390 or max(tops.count(top) for top in tops) * len(set(tops)) == tiles  # every row is full


@pytest.mark.usefixtures("withdrawn")
def test_bars_of_a_young_log_span_more_than_half_of_the_chart_ao3(sign_in: Callable[..., Person]) -> None:
    page = sign_in("auditor").go("/audit/overview/")
    page.wait_for_function("() => window.Chart && Chart.getChart(document.querySelector('#outcomes canvas'))")
    assert page.evaluate(SPAN) > 0.5
