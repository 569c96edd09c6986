"""Every page in every state, in both languages: it stands still, fits a phone and a desk, and axe finds nothing.

Each state is loaded once for each language, as narrow as a phone, then widened; axe (WCAG 2.2 AA) reads it in both
themes, so that all four combinations are read whole, and a page is made twice instead of four times.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from portal.settings import LANGUAGES
from tests.atlas.conftest import Look
from tests.atlas.states import NO_PAGE, STATES, State, halves
from tests.web.addresses import addresses

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    "resultTypes": ["violations"],
}
THEMES = ("light", "dark")
PHONE, ZOOMED, DESK = 390, 720, 1440
"""A desk at 200 % has half its width."""
ANSWERED = "performance.getEntriesByType('navigation')[0].responseStatus"
OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const aside = ".visually-hidden, .skip-link, .scroll, thead, svg, pre";
  return [...document.querySelectorAll("body *")]
    .filter((part) => !part.closest(aside) && part.getBoundingClientRect().right > width + 1)
    .map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`);
}"""
"""What sticks out of the window; a wide table may scroll in a frame of its own."""
INDENTED = r"""() => [...document.querySelectorAll("main :not(select, optgroup)")]
  .filter((part) => getComputedStyle(part).whiteSpaceCollapse.startsWith("preserve") && part.checkVisibility())
  .filter((part) => /^\n\s+\S|\n {2,}$/.test(part.textContent))
  .map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`)"""
"""What shows the line breaks of its template, where those of a text are kept."""
HALVES = halves(STATES)


def test_every_address_shows_its_states_or_says_why_it_has_none() -> None:
    shown = {state.view for state in STATES}
    assert shown | set(NO_PAGE) == {address.name for address in addresses()}
    assert shown & set(NO_PAGE) == set()
    assert len({state.name for state in STATES}) == len(STATES)


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.parametrize("language", [code for code, _name in LANGUAGES])
@pytest.mark.parametrize("state", HALVES)
def test_page_stands_still_fits_and_is_accessible(look: Look, state: State, language: str) -> None:
    page = look(state, language=language, width=PHONE)
    if shifts(page):  # a busy machine shows a page as it reads it, line by line: only what moves again counts
        page = look(state, language=language, width=PHONE)
    assert page.evaluate(ANSWERED) == state.code
    assert page.locator("html").get_attribute("lang") == language
    found = shifts(page)
    for width in (PHONE, ZOOMED, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        found += outside(page, width)
    found += [f"indented: {part}" for part in page.evaluate(INDENTED)]
    page.evaluate(AXE)
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found += findings(page, theme)
    assert found == []


def shifts(page: Page) -> list[str]:
    """What has moved since it was first shown."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done)))")
    return [f"shifts: {moved}" for moved in page.evaluate("shifts")]


def outside(page: Page, width: int) -> list[str]:
    """What is wider than the window."""
    return [f"outside {width}: {part}" for part in page.evaluate(OUTSIDE)]


def findings(page: Page, theme: str) -> list[str]:
    """What axe has against it."""
    answer: dict[str, Any] = page.evaluate("(rules) => axe.run(document, rules)", RULES)
    return [f"{theme}: {rule['id']}: {node['html']}" for rule in answer["violations"] for node in rule["nodes"]]
