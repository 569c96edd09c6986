"""The worlds, and a browser that goes to their pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from pytest_django import DjangoDbBlocker

from tests.atlas.states import State
from tests.atlas.world import Worlds, worlds

Look = Callable[..., Page]
WATCH_SHIFTS = """
window.shifts = [];
new PerformanceObserver((list) => {
  for (const shift of list.getEntries())
    if (!shift.hadRecentInput)
      shifts.push(shift.sources.map(({ node }) => node?.parentElement?.outerHTML.slice(0, 200)));
}).observe({ type: "layout-shift", buffered: true });
"""


@pytest.fixture(scope="session")
def atlas(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: DjangoDbBlocker) -> Iterator[Worlds]:
    with django_db_blocker.unblock(), worlds(tmp_path_factory.mktemp("atlas")) as opened:
        yield opened


@pytest.fixture(scope="session")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """One profile for all of them: what a page shares with the others is loaded once."""
    profile = browser.new_context(reduced_motion="reduce")
    profile.set_default_timeout(10_000)
    profile.add_init_script(WATCH_SHIFTS)
    yield profile
    profile.close()


@pytest.fixture
def look(atlas: Worlds, context: BrowserContext, django_db_blocker: DjangoDbBlocker) -> Iterator[Look]:
    """`look(state, language="pt-br")`: the page in that state. Closed when the test ends."""
    opened = []

    def at(state: State, *, language: str = "en", width: int = 1440, **media: str) -> Page:
        world = atlas[state.world]
        context.clear_cookies()
        with django_db_blocker.unblock():
            session = {"minutes_ago": state.minutes_ago, "stepped_up": state.stepped_up}
            context.add_cookies(world.cookies(state.who, language=language, **session))
        page = context.new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(**media)
        page.goto(world.url + state.path.format_map(world.numbers), wait_until="load")
        if state.act:
            state.act(page)
            page.wait_for_load_state("load")
        return page

    yield at
    for page in opened:
        page.close()
