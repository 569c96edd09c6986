"""Every page in every state: it stands still, fits a phone and a desk, and axe (WCAG 2.2 AA) finds nothing.

The ordinary run shows each state in one language and one theme, by turns. The long form (`make faults`) shows each
state in both languages and both themes.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from portal.settings import LANGUAGES
from tests.atlas.conftest import Look
from tests.atlas.states import NO_PAGE, STATES, State, halves
from tests.rig.rounds import LONG
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
  const aside = ".visually-hidden, .skip-link, .scroll, thead, svg, pre, .line *";
  return [...document.querySelectorAll("body *")]
    .filter((part) => !part.closest(aside) && part.getBoundingClientRect().right > width + 1)
    .map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`);
}"""
"""What sticks out of the window; a wide table may scroll in a frame of its own."""
UNSTUCK = """() => {
  for (const part of document.querySelectorAll("body *"))
    if (getComputedStyle(part).position === "sticky") part.style.position = "static";
}"""
"""Takes the bars from the edges of the window, where they lie over what is scrolled below them."""
INDENTED = r"""() => [...document.querySelectorAll("main :not(select, optgroup)")]
  .filter((part) => getComputedStyle(part).whiteSpaceCollapse.startsWith("preserve") && part.checkVisibility())
  .filter((part) => /^\n\s+\S|\n {2,}$/.test(part.textContent))
  .map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`)"""
"""What shows the line breaks of its template, where those of a text are kept."""


def language_and_themes() -> list[Any]:
    """Return the states with a language and the themes to read it in: by turns, or all in the long form."""
    languages = [code for code, _name in LANGUAGES]
    if LONG:
        return [
            pytest.param(*param.values, language, THEMES, marks=param.marks, id=f"{param.id}-{language}")
            for param in halves(STATES)
            for language in languages
        ]
    turns = itertools.cycle(itertools.product(languages, THEMES))
    return [
        pytest.param(*param.values, language, (theme,), marks=param.marks, id=f"{param.id}-{language}-{theme}")
        for param, (language, theme) in zip(halves(STATES), turns, strict=False)
    ]


def test_every_address_shows_its_states_or_says_why_it_has_none() -> None:
    shown = {state.view for state in STATES}
    assert shown | set(NO_PAGE) == {address.name for address in addresses()}
    assert shown & set(NO_PAGE) == set()
    assert len({state.name for state in STATES}) == len(STATES)


@pytest.mark.browser
@pytest.mark.processes
@pytest.mark.every_state
@pytest.mark.parametrize(("state", "language", "themes"), language_and_themes())
def test_page_stands_still_fits_and_is_accessible(
    look: Look, state: State, language: str, themes: tuple[str, ...]
) -> None:
    page = look(state, language=language, width=PHONE)
    for _ in range(2):  # a busy machine shows a page as it reads it, line by line: only what moves each time counts
        if shifts(page):
            page = look(state, language=language, width=PHONE)
    assert page.evaluate(ANSWERED) == state.code
    assert page.locator("html").get_attribute("lang") == language
    found = shifts(page)
    for width in (PHONE, ZOOMED, DESK):
        page.set_viewport_size({"width": width, "height": 900})
        found += outside(page, width)
    found += [f"indented: {part}" for part in page.evaluate(INDENTED)]
    page.evaluate(AXE)
    page.evaluate(UNSTUCK)
    for theme in themes:
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
