"""Pictures of every page in every state, light and dark, on a desk and on a phone: `make screenshots` keeps them all.

The best of them are shown by README.md and docs/. Every other run takes only those, and throws them away.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.atlas.conftest import Look
from tests.atlas.states import STATES, State, halves
from tests.atlas.test_pages import DESK, PHONE, THEMES
from tests.rig.portal import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.processes]

BEST = {
    "queue open at high risk": "queue",
    "change applied of approver": "change",
    "home": "home",
    "overview": "overview",
    "operations": "operations",
    "log of a change": "audit",
}
"""States whose pictures the documentation shows, and the names of their files."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """All of them where they are to be kept, a few where it is enough that they can be taken."""
    wanted = STATES if metafunc.config.getoption("--screenshots") else [at for at in STATES if at.name in BEST]
    metafunc.parametrize("state", halves(wanted))


@pytest.fixture
def album(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return Path(request.config.getoption("--screenshots") or tmp_path)


@pytest.fixture
def best(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where the documentation finds its own."""
    return ROOT / "docs" / "screenshots" if request.config.getoption("--screenshots") else tmp_path


def test_pictures_of(state: State, look: Look, album: Path, best: Path) -> None:
    page = look(state)
    for width in (DESK, PHONE):
        page.set_viewport_size({"width": width, "height": 900})
        for theme in THEMES:
            page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            page.evaluate("scrollTo(0, 0)")
            path = album / f"{width}-{theme}" / f"{re.sub('[^a-z0-9]+', '-', state.name)}.png"
            page.screenshot(path=path, full_page=True, animations="disabled")
            assert path.stat().st_size > 2_000
            if width == DESK and state.name in BEST:
                page.screenshot(path=best / f"{BEST[state.name]}-{theme}.png", animations="disabled")
