"""Text that looks like another: shown to whoever decides for what it is, and stored byte for byte as approved."""

from __future__ import annotations

from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.catalog.models import ApiSecret
from portal.changes.domain import risks
from portal.changes.domain.patch import FieldChange, ShareChange
from portal.changes.models import Change, Status
from portal.sandbox import Sandbox
from tests.changes.pages import ballot_of, page_of, send, text_of
from tests.changes.paper import press
from tests.changing import work

pytestmark = [pytest.mark.django_db, pytest.mark.shows("W12")]

FORM = "/secrets/43/propose/"
ODD = {
    # what is typed for the URL: what must be read beside the decision
    "https://gcp.example.xn--80ak6aa92e.example/": ["xn--80ak6aa92e.example", "Host unclear"],
    "https://\u0430\u0440\u0440\u04cf\u0435.example/": ["xn--80ak6aa92e.example", "Host unclear"],
    "https://g\u0441p.example/": ["xn--gp-", "Host unclear"],
    "https://gcp.com@evil.example/": ["an @ before its host", "Host unclear"],
    "https://gcp.com./": ["not written as host names are", "Host unclear"],
    "https://gcp\u200d.com/": ["⟨U+200D⟩", "Host unclear"],
    "https://gcp.com\\@evil.example/": ["a backslash", "Host unclear"],
}


@pytest.mark.parametrize("url", ODD, ids=ascii)
def test_odd_address_is_spelled_out_to_the_approver_and_arrives_as_approved(
    segura: Sandbox,
    secret: ApiSecret,
    no_queue: None,
    requester: User,
    approver: User,
    as_person: Callable[[User], Client],
    url: str,
) -> None:
    browser = as_person(requester)
    preview = press(browser, FORM, browser.get(FORM), "preview", url=url, reason="A test")
    assert preview.status_code == 200
    assert [words for words in ODD[url] if words not in text_of(preview)] == []
    press(browser, FORM, preview, "confirm")
    change = Change.objects.get()
    desk = as_person(approver)
    for page in (page_of(desk, change), desk.get(f"/queue/?open={change.pk}")):
        assert [words for words in ODD[url] if words not in text_of(page)] == []
    assert send(desk, "approve", change, ballot_of(change)).status_code == 302
    assert work(change).status == Status.APPLIED
    assert change.get_current_revision().patch["url"] == url
    assert segura.control.secret(43)["url"].encode() == url.encode()


@pytest.mark.parametrize("char", ["\u202e", "\u200b", "\u2066", "\u3164", "\ufeff"], ids=ascii)
@pytest.mark.parametrize("field", ["url", "name", "tags", "notes", "client_id", "users_allowed-1-name"])
def test_character_that_hides_is_refused_with_its_name_and_what_was_typed_stays(
    segura: Sandbox, secret: ApiSecret, requester: User, as_person: Callable[[User], Client], field: str, char: str
) -> None:
    browser = as_person(requester)
    typed = {field.replace("-", "__"): f"https://gcp{char}.com"}
    answer = press(browser, FORM, browser.get(FORM), "preview", reason="A test", **typed)
    assert answer.status_code == 422
    assert f"U+{ord(char):04X}" in text_of(answer)
    assert f"https://gcp{char}.com" in unescape(answer.content.decode())
    assert not Change.objects.exists()


def test_name_in_mixed_letters_is_a_grave_risk_and_one_in_letters_of_one_script_is_none() -> None:
    def kinds(*names: str) -> list[str]:
        shares = tuple(ShareChange(name, None, False) for name in names)
        return [risk.kind for risk in risks.find_risks([FieldChange("users_allowed", shares=shares)], base_known=True)]

    assert kinds("\u0430lices") == ["letters", "wider"]
    assert kinds("al\u03b9ces") == ["letters", "wider"]
    assert kinds("alices", "Алиса", "Ünal", "山田 Taro", "user-1 Ана") == ["wider"]
    risk, _renamed = risks.find_risks([FieldChange("name", old="GCP", new="G\u0421P")], base_known=True)
    assert "⟨U+0421⟩" in risk.sentence
    assert risk.is_high
