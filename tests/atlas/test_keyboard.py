"""The keyboard alone: Tab goes through every page to its end and back, each stop is to be seen, and nothing traps."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.atlas.conftest import Look
from tests.atlas.states import STATES, State, every_third

pytestmark = [pytest.mark.browser, pytest.mark.processes]

MARK_STOPS = """() => {
  const stops = 'a[href], button, input, select, textarea, summary, [tabindex="0"], [contenteditable]';
  const within = document.querySelector("dialog[open]") ?? document;
  const reachable = [...within.querySelectorAll(stops)].filter((stop) =>
    !stop.disabled && stop.tabIndex >= 0 && stop.checkVisibility({ visibilityProperty: true }) &&
    (stop.type !== "radio" || stop.checked));
  reachable.forEach((stop, number) => { stop.dataset.stop = number; });
  if (within === document) {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute("tabindex");
    document.body.blur();
  }
  return reachable.map((stop) => stop.outerHTML.slice(0, 120));
}"""
"""What Tab should stop at, from the top of the page; of a group of radio buttons the chosen one."""
HERE = """() => {
  const stop = document.activeElement;
  if (!stop || stop === document.body) return null;
  stop.getAnimations().forEach((animation) => animation.finish());
  const box = stop.getBoundingClientRect();
  const seen = [0.02, 0.25, 0.5, 0.75, 0.98].some((x) => [0.1, 0.5, 0.9].some((y) => {
    const onTop = document.elementFromPoint(box.left + x * box.width, box.top + y * box.height);
    return onTop !== null && (stop.contains(onTop) || [...(stop.labels ?? [])].some((label) => label.contains(onTop)));
  }));
  const style = getComputedStyle(stop), after = getComputedStyle(stop, "::after");
  const ringed = [style, after].some((it) => it.outlineStyle !== "none" && parseFloat(it.outlineWidth) > 0);
  return { stop: stop.dataset.stop ?? null, html: stop.outerHTML.slice(0, 120), seen, ringed };
}"""
"""Where the focus is, whether it can be seen there, and whether it shows."""

PAINTED = "() => new Promise((seen) => requestAnimationFrame(() => requestAnimationFrame(seen)))"
"""Once it is drawn the focus is where the page wants it, and not before."""
PATIENCE = 3
"""A date has stops for the day, the month and so on; but nothing holds the focus for longer than this."""


@pytest.mark.every_state
@pytest.mark.parametrize("state", every_third(STATES))
def test_tab_goes_through_the_page_and_back_and_every_stop_is_seen(look: Look, state: State) -> None:
    page = look(state)
    page.evaluate(PAINTED)
    stops = page.evaluate(MARK_STOPS)
    forth = walk(page, "Tab", len(stops))
    shown = {place["html"] for place in forth if place["seen"] and place["ringed"]}  # a date has stops within
    assert [place["html"] for place in forth if place["html"] not in shown] == []
    for places in (forth, walk(page, "Shift+Tab", len(stops))):
        met = {place["stop"] for place in places}
        assert [stop for number, stop in enumerate(stops) if str(number) not in met] == []


def test_dialog_is_left_with_escape_and_the_focus_returns(look: Look) -> None:
    page = look(next(state for state in STATES if state.name == "queue"))
    opener = page.locator("#keys-open button, button#keys-open").first
    opener.focus()
    page.keyboard.press("Enter")
    expect(page.locator("dialog[open]")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    expect(opener).to_be_focused()


def test_menu_of_a_phone_opens_and_closes_by_keyboard(look: Look) -> None:
    page = look(next(state for state in STATES if state.name == "home"), width=390)
    menu = page.locator(".top .menu summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".top .menu nav")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.locator(".top .menu nav")).to_be_hidden()


def walk(page: Page, key: str, count: int) -> list[dict[str, object]]:
    """Where the focus is, and everywhere it comes to until it leaves the page, which it does sooner or later."""
    places = [page.evaluate(HERE)]
    for _ in range(PATIENCE * (count + 20)):
        page.keyboard.press(key)
        places.append(page.evaluate(HERE))
        if places[-1] is None:
            return [place for place in places if place is not None]
    raise AssertionError(f"{key} never leaves the page: {places[-3:]}")
