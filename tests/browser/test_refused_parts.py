"""What htmx asked for and was refused is said where the person is, whatever the code: no part of a page vanishes."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Route, expect

from portal.sandbox import Control
from tests.browser.test_accessibility import findings
from tests.browser.test_self_approval import OWN
from tests.rig.desk import Person
from tests.rig.portal import Portal

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal"), pytest.mark.timeout(300)]
SignIn = Callable[..., Person]
AS_HTMX = """([path, fields]) => window.htmx.ajax("POST", path, {target: "#desk", swap: "outerHTML", values: fields})"""


def test_a_vote_on_an_own_change_is_refused_in_the_queue_itself(
    portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    paula, requester = sign_in("paula", portal.hire("paula", "requester", "approver")), sign_in("requester")
    others, own = requester.propose(15, notes="of somebody else"), paula.propose(17, notes="my own")
    paula.expect_refusals(403)
    page = paula.go(f"/queue/?open={others}")
    fields = {"revision": 1, "digest": "0" * 64, "from": "queue"}
    page.evaluate(AS_HTMX, [f"/changes/{own}/approve/", fields])
    expect(page.locator("#desk .panel").get_by_role("alert")).to_contain_text(OWN)
    expect(page.locator(f"#row-{others}")).to_be_visible()
    assert findings(page) == []


def test_whoever_may_not_decide_any_more_is_told_so_beside_what_they_see(
    portal: Portal, segura: Control, sign_in: SignIn
) -> None:
    password = portal.hire("mia", "approver", "auditor")
    change = sign_in("requester").propose(18, notes="decided too late")
    mia = sign_in("mia", password)
    mia.expect_refusals(403)
    page = mia.go(f"/queue/?open={change}")
    portal.manage("user", "mia", "--role", "auditor")
    page.locator(f"#approve-{change}").click()
    expect(page.locator("#messages")).to_contain_text("This page needs the role Approvers")
    expect(page.locator("#desk")).to_be_visible()
    assert findings(page) == []


@pytest.mark.parametrize("code", [403, 429])
def test_a_comment_that_is_refused_stays_where_it_was_written(code: int, segura: Control, sign_in: SignIn) -> None:
    approver = sign_in("approver")
    approver.expect_refusals(code)
    change = sign_in("requester").propose(31, notes=f"talked about too much, {code}")
    page = approver.go(f"/changes/{change}/")

    def with_the_code(route: Route) -> None:
        answer = route.fetch(max_redirects=0)
        route.fulfill(response=answer, status=code if answer.status == 422 else answer.status)

    page.route("**/comment/", with_the_code)
    too_long = "Is it so? " * 600
    page.locator("#say [name=text]").evaluate("area => area.removeAttribute('maxlength')")
    page.locator("#say [name=text]").fill(too_long)
    page.get_by_role("button", name="Comment").click()
    expect(page.locator("#say").get_by_role("alert")).to_be_visible()
    expect(page.locator("#say [name=text]")).to_have_value(too_long)
    assert findings(page) == []
