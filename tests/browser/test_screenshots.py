"""The README's pictures, taken from the running portal: queue, change and audit log, light and dark.

`make screenshots` keeps them in docs/screenshots; every other run throws them away.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

SCHEMES = ("light", "dark")


@pytest.fixture
def album(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    wanted: str | None = request.config.getoption("--screenshots")
    folder = Path(wanted) if wanted else tmp_path
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def test_pictures_of_queue_change_and_audit_log(album: Path, segura: Control, sign_in: Callable[..., Person]) -> None:
    changes = morning(segura, sign_in)
    for scheme in SCHEMES:
        approver = sign_in("approver", color_scheme=scheme)
        page = approver.go("/queue/")
        page.locator("tr a", has_text=f"CR-{changes['shared']}").first.click()
        expect(page.locator("h2", has_text=f"CR-{changes['shared']}")).to_be_visible()
        picture(page, album / f"queue-{scheme}.png")
        picture(approver.go(f"/changes/{changes['applied']}/"), album / f"change-{scheme}.png")
        auditor = sign_in("auditor", color_scheme=scheme)
        picture(auditor.go(f"/audit/?change={changes['applied']}"), album / f"audit-{scheme}.png")
    assert len(list(album.glob("*.png"))) >= 3 * len(SCHEMES)


def morning(segura: Control, sign_in: Callable[..., Person]) -> dict[str, int]:
    """Some changes as on any morning; their numbers by what became of them."""
    by_name = {row["name"]: int(row["identifier"]) for row in segura.secrets()}
    requester, colleague, approver = sign_in("requester"), sign_in("requester2"), sign_in("approver2")
    made = {}
    segura.plan("504_before_apply", endpoint="update", identifier=str(by_name["sap-connector"]))
    made["applied"] = colleague.propose(
        by_name["sap-connector"],
        url="https://sap-eu.example/odata",
        value="a-new-value-of-the-morning",
        reason="The connector moves to the EU tenant",
    )
    approver.approve(made["applied"])
    approver.expect_status(made["applied"], "Applied")
    requester.propose(
        by_name["datadog-intake"], value="intake-key-of-the-day", reason="Quarterly rotation, ticket OPS-2231"
    )
    colleague.propose(by_name["jira-automation"], tags="jira, automation, eu", reason="Tag it for the EU move")
    made["shared"] = share(requester, by_name["stripe-webhook"])
    return made


def share(person: Person, secret: int) -> int:
    """The change that an approver should look at twice: another host, and one more who may edit."""
    page = person.go(f"/secrets/{secret}/propose/")
    page.locator("[name=url]").fill("https://hooks.payments-eu.example/v2")
    page.locator("[name^=users_allowed-][name$=-name][type=text]").first.fill("rcosta")
    page.locator("[name^=users_allowed-][name$=-can_edit]:not(:checked)").first.check()
    page.get_by_label("Reason").fill("Payments move to the EU endpoint; Rui looks after it from now on")
    person.preview()
    return person.submit()


def picture(page: Page, path: Path) -> None:
    page.wait_for_load_state("networkidle")
    page.screenshot(path=path, animations="disabled")
    assert path.stat().st_size > 10_000
