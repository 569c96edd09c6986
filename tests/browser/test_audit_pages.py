"""Pages of the log in a browser: how much of it a screen shows."""

from __future__ import annotations

from collections.abc import Callable

import pytest

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


@pytest.mark.parametrize("width", [1440, 1920, 1024])
def test_no_tile_of_the_overview_is_alone_in_its_row_ao1(width: int, sign_in: Callable[..., Person]) -> None:
    auditor = sign_in("auditor", viewport={"width": width, "height": 900})
    page = auditor.go("/audit/overview/?days=7")
    tops = page.locator(".figures > div").evaluate_all("tiles => tiles.map((tile) => tile.offsetTop)")
    assert len(tops) == 14
    assert min(tops.count(top) for top in tops) > 1
