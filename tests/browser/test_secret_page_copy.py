"""Copy buttons of the page of a secret."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(240)]
SignIn = Callable[..., Person]


def test_copied_url_is_the_exact_value_sp1(segura: Control, sign_in: SignIn) -> None:
    url = "https://api.example.com/v2?next=%2F&plan=a b"
    segura.edit(22, url=url)
    person = sign_in("requester")
    person.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = person.go("/secrets/22/")
    page.get_by_role("button", name="Copy URL").click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text !== '')")
    assert page.evaluate("navigator.clipboard.readText()") == url
    assert page.get_by_role("button", name="Copy Client secret").count() == 0
