"""The plans of everything the pages and the clock ask."""

from __future__ import annotations

from functools import partial

from django.test import Client

from tests.bench import plans, questions
from tests.bench.history import People
from tests.bench.questions import Page


def everything(people: People) -> dict[str, list[str]]:
    """By page, and by the page that follows it, what is wrong with its questions; empty where nothing is."""
    browsers = questions.browsers(people)
    found = {name: plans.complaints(act) for name, act in questions.clock()}
    for page in questions.pages():
        following: list[Page] = []
        found[page.name] = _complaints(browsers, page, following)
        for deeper in tuple(following):
            found[deeper.name] = _complaints(browsers, deeper, following)
    return {name: complaints for name, complaints in found.items() if complaints}


def _complaints(browsers: dict[str, Client], page: Page, following: list[Page]) -> list[str]:
    return plans.complaints(partial(_ask, browsers[page.who], page, following), page.rows, counts=page.counts)


def _ask(browser: Client, page: Page, following: list[Page]) -> None:
    """Get it; the page that comes after it joins `following`."""
    response = browser.get(page.path)
    assert response.status_code in (200, 204, 302), f"{page.name}: {response.status_code}"
    if response.status_code == 200:
        following += filter(None, [questions.deeper(page, response.content.decode())])
