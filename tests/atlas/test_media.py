"""Colours chosen by the reader, and paper: what is told by a ground or a shadow alone would be lost on both."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.atlas.conftest import Look
from tests.atlas.states import STATES, State, halves
from tests.atlas.test_keyboard import MARK_STOPS
from tests.atlas.test_pages import THEMES

pytestmark = [pytest.mark.browser, pytest.mark.processes]

NAMES = [
    "home",
    "queue open at high risk",
    "change pending of approver",
    "change applied of approver",
    "propose refused",
    "log",
]
CORE = halves([state for state in STATES if state.name in NAMES])
PAPER = 680
"""CSS pixels between the margins of an A4 page, 180 mm."""
MARK_GROUNDS = """() => {
  const groundOf = (part) => {
    for (let at = part; at; at = at.parentElement) {
      const ground = getComputedStyle(at).backgroundColor;
      if (ground !== "rgba(0, 0, 0, 0)") return ground;
    }
  };
  const parts = [...document.querySelectorAll("body *")].filter((part) =>
    part.checkVisibility({ visibilityProperty: true }) && !part.closest("svg, .visually-hidden, .skip-link") &&
    part.clientWidth > 1);
  const told = parts.filter((part) => {
    const style = getComputedStyle(part);
    const raised = style.boxShadow !== "none" && style.boxShadow.includes("inset");
    return raised || groundOf(part) !== groundOf(part.parentElement);
  });
  told.forEach((part) => part.setAttribute("data-told", ""));
  return told.length;
}"""
"""Marks what stands out by its ground or by a line that is a shadow."""
LOST = """() => [...document.querySelectorAll("[data-told]")].filter((part) => {
  const ground = getComputedStyle(part).backgroundColor;
  const lined = ["", "::before", "::after"].some((which) => {
    const style = getComputedStyle(part, which || null);
    const drawn = (line, width, colour) => line !== "none" && parseFloat(width) > 0 && colour !== ground;
    return (which === "" || style.content !== "none") && (
      drawn(style.outlineStyle, style.outlineWidth, style.outlineColor) ||
      ["Top", "Right", "Bottom", "Left"].some((side) => drawn(
        style[`border${side}Style`], style[`border${side}Width`], style[`border${side}Color`])));
  });
  return !lined && part.matches(":not(body, main, header, [type=radio], [type=checkbox])");
}).map((part) => part.outerHTML.slice(0, 120))"""
"""Marked parts that no line shows any longer."""
UNCHOSEN = """() => {
  const looks = (part) => {
    const { outlineStyle, borderTopWidth, borderBottomWidth, borderBottomColor, fontWeight } = getComputedStyle(part);
    return [outlineStyle, borderTopWidth, borderBottomWidth, borderBottomColor, fontWeight].join();
  };
  return [...document.querySelectorAll('[aria-current], [aria-pressed="true"], [aria-selected="true"]')]
    .filter((part) => part.checkVisibility() && part.closest("ul, tr, nav, form, tbody"))
    .filter((part) => {
      const alike = [...(part.closest("ul, tbody, nav, form")?.querySelectorAll(part.tagName) ?? [])];
      return alike.some((other) => !other.matches("[aria-current], [aria-pressed='true']") && other.checkVisibility() &&
        other.className === part.className && looks(other) === looks(part));
    }).map((part) => part.outerHTML.slice(0, 120));
}"""
"""Chosen ones that look like the others of their kind."""
RINGLESS = """() => [...document.querySelectorAll("[data-stop]")].filter((stop) => {
  stop.focus({ focusVisible: true });
  const ground = getComputedStyle(document.body).backgroundColor;
  return ![null, "::after"].some((which) => {
    const style = getComputedStyle(stop, which);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 && style.outlineColor !== ground;
  });
}).map((stop) => stop.outerHTML.slice(0, 120))"""
"""What shows no ring while it has the focus."""
CUT = """() => {
  const width = document.documentElement.clientWidth;
  return [...document.querySelectorAll("body *")].filter((part) => {
    if (!part.checkVisibility({ visibilityProperty: true }) || part.closest(".visually-hidden, svg")) return false;
    const style = getComputedStyle(part);
    const hides = style.overflowX !== "visible" && style.display !== "inline";
    const lower = part.scrollHeight > part.clientHeight + 1 && !part.matches(".clamp, table *");
    const lost = hides && (part.scrollWidth > part.clientWidth + 1 || lower);
    return lost || part.getBoundingClientRect().right > width + 1;
  }).map((part) => `${part.tagName}.${part.className} ${part.textContent.trim().slice(0, 60)}`);
}"""
"""What the edge of the paper cuts off, or a box in which one would have to scroll."""
PRESSED = "nav, .side, .top, button, input:not([type=hidden]), select, textarea, .btn, dialog, .skip-link"


@pytest.mark.parametrize("state", CORE)
def test_nothing_is_told_by_a_ground_that_the_readers_colours_take_away(look: Look, state: State) -> None:
    page = look(state)
    assert page.evaluate(MARK_GROUNDS) > 3
    page.evaluate(MARK_STOPS)
    for theme in THEMES:
        page.emulate_media(forced_colors="active", color_scheme=theme)  # type: ignore[arg-type]
        assert [(theme, part) for question in (LOST, UNCHOSEN, RINGLESS) for part in page.evaluate(question)] == []


@pytest.mark.parametrize("state", CORE)
def test_paper_has_nothing_to_press_and_cuts_nothing_off(look: Look, state: State) -> None:
    page = on_paper(look, state)
    assert [part.evaluate("(it) => it.outerHTML") for part in page.locator(PRESSED).all() if part.is_visible()] == []
    assert page.evaluate(CUT) == []
    assert page.locator("h1").is_visible()


def test_change_on_paper_has_all_that_led_to_it(look: Look) -> None:
    page = on_paper(look, next(state for state in STATES if state.name == "change applied of approver"))
    for part in (".diff-old", ".diff-new", "#history .timeline > li", ".badge-status", "dl.facts"):
        assert page.locator(part).first.is_visible(), part
    for words in ("The connector moves to the EU", "Agreed with the team.", "Ana Approver", "504"):
        assert page.locator("main").get_by_text(words).first.is_visible(), words
    folded = page.locator("main details:not([open], .answer-to, .subscription) > :not(summary)").all()
    assert folded
    assert [part.inner_text() for part in folded if not part.is_visible()] == []


def on_paper(look: Look, state: State) -> Page:
    page = look(state)
    page.emulate_media(media="print")
    page.set_viewport_size({"width": PAPER, "height": 960})
    return page
