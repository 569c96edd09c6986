"""The main pages in Portuguese, whose words are longer: on a phone and on a desk nothing leaves its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

WIDTHS = (390, 1440)
OUTSIDE = """() => {
  const width = document.documentElement.clientWidth;
  const hidden = ".visually-hidden, .skip-link, .scroll, thead, svg, pre";
  return [...document.querySelectorAll("body *")]
    .filter((part) => !part.closest(hidden) && part.getBoundingClientRect().right > width + 1)
    .map((part) => `${part.tagName} ${part.textContent.trim().slice(0, 60)}`);
}"""
"""What sticks out of the window; a wide table may scroll in a frame of its own."""


@pytest.fixture
def english_again(portal: Portal) -> Iterator[None]:
    """The language is remembered of each person: the tests after this one read English."""
    yield
    portal.manage("shell", "-c", "from portal.accounts.models import User; User.objects.update(language='')")


@pytest.mark.usefixtures("english_again")
def test_no_page_is_wider_than_its_window(sign_in: Callable[..., Person]) -> None:
    requester, approver, auditor = people = [sign_in(name) for name in ("requester", "approver", "auditor")]
    change = (
        f"/changes/{requester.propose(12, url='https://hooks.example/' + 'long' * 20, value='a-value-for-the-test')}/"
    )
    for person in people:
        person.page.get_by_label("Account of").click()
        person.page.get_by_role("button", name="PT").click()
    for person, path, words in (
        (requester, change, "O que muda"),
        (requester, f"{change}revise/", "Usuários permitidos"),
        (requester, "/changes/mine/", "Minhas mudanças"),
        (requester, "/secrets/", "Segredos"),
        (requester, "/secrets/12/", "O que o Segura permite ao Countersign"),
        (requester, "/accounts/password/change/", "Nova senha"),
        (approver, "/queue/", "Aguardando sua decisão"),
        (approver, change, "0 de 1 aprovações"),
        (auditor, "/changes/", "Todas as mudanças"),
        (auditor, "/audit/", "Registro de auditoria"),
        (auditor, "/audit/overview/?days=90", "Respostas do Segura"),
        (auditor, "/audit/people/requester/", "Mudança enviada para aprovação"),
        (auditor, "/audit/secrets/12/", "Quem pediu"),
        (auditor, f"/audit{change}", "Mudança enviada para aprovação"),
    ):
        expect_inside(person.go(path), words)


def expect_inside(page: Page, words: str) -> None:
    """The page speaks Portuguese and nothing of it sticks out, however wide the window."""
    expect(page.locator("main")).to_contain_text(words)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(OUTSIDE) == [], f"{page.url} at {width}"
