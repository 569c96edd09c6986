"""The whole story, on the running processes: propose, approve, applied by itself, read and exported by an auditor."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from portal.sandbox import Control
from tests.rig.desk import Person

pytestmark = [pytest.mark.browser, pytest.mark.processes, pytest.mark.xdist_group("portal")]

NEW_VALUE = "n3w-Client-Secret-of-the-story"


def test_a_change_from_proposal_to_proof(segura: Control, sign_in: Callable[..., Person]) -> None:
    requester = sign_in("requester")
    page = requester.go("/secrets/")
    page.get_by_label("Name, identifier, tag, URL or person").fill("stripe")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="stripe-webhook").click()
    page.get_by_role("link", name="Propose a change").click()
    identifier = int(page.url.split("/secrets/")[1].split("/")[0])
    before = segura.secret(identifier)
    page.get_by_label("URL").fill("https://hooks.stripe.example/eu")
    page.get_by_label("Enter a new value").check()
    page.locator("[name=client_secret]").fill(NEW_VALUE)
    blank = page.locator("[name^=users_allowed-][name$=-name][type=text]").first
    blank.fill("lkowalski")
    page.get_by_label("Reason").fill("Payments move to the EU endpoint")
    requester.preview()
    expect(page.locator(".diff")).to_contain_text("https://hooks.stripe.example/eu")
    expect(page.locator(".diff")).to_contain_text("lkowalski")
    assert NEW_VALUE not in page.content()
    change = requester.submit()
    requester.expect_status(change, "Pending")
    assert segura.arrivals("update") == []

    approver = sign_in("approver")
    page = approver.go("/queue/")
    page.get_by_role("link", name=f"CR-{change}").first.click()
    expect(page.locator("body")).to_contain_text("https://hooks.stripe.example/eu")
    expect(page.locator("body")).to_contain_text(before["url"])
    assert NEW_VALUE not in page.content()
    approver.approve(change)

    # The requester has not touched the page since: it turns by itself.
    expect(requester.page.locator("#status .badge-status").first).to_have_text("Applied")
    assert NEW_VALUE not in requester.page.content()

    (update,) = segura.arrivals("update")
    assert update["keys"] == ["client_secret", "url", "users_allowed"]
    after = segura.secret(identifier)
    assert after["url"] == "https://hooks.stripe.example/eu"
    assert after["client_secret_sha256"] == hashlib.sha256(NEW_VALUE.encode()).hexdigest()
    assert after["users_allowed"] == {**before["users_allowed"], "lkowalski": False}
    assert (after["notes"], after["client_id"]) == (before["notes"], before["client_id"])

    read_and_export(sign_in("auditor"), change, update)


def read_and_export(auditor: Person, change: int, update: dict[str, object]) -> None:
    page = auditor.go(f"/audit/?change={change}")
    expect(page.locator("table")).to_contain_text("200")
    page.goto(f"{auditor.url}/audit/changes/{change}/")
    expect(page.locator("body")).to_contain_text("requester")
    expect(page.locator("body")).to_contain_text("approver")
    assert NEW_VALUE not in page.content()

    lines = auditor.context.request.get(f"{auditor.url}/audit/export.jsonl?change={change}").text().splitlines()
    events = [json.loads(line) for line in lines]
    answered = [event for event in events if event["action"] == "vault.responded" and event["data"]["method"] == "PUT"]
    assert [(event["http_status"], event["data"]["attempt"]) for event in answered] == [(200, update["attempt_id"])]
    actions = [event["action"] for event in sorted(events, key=lambda event: event["seq"])]
    for earlier, later in (("change.submitted", "vote.cast"), ("vote.cast", "change.approved")):
        assert actions.index(earlier) < actions.index(later)
    assert actions[-1] == "change.applied"
    text = auditor.context.request.get(f"{auditor.url}/audit/export.csv?change={change}").text()
    assert len(list(csv.reader(io.StringIO(text)))) == len(events) + 1
    assert NEW_VALUE not in text + "".join(lines)
