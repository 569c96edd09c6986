"""Proposing an edit, as a browser without JavaScript does it, against the stand-in over HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from portal.accounts.models import User
from portal.audit.models import Event
from portal.changes.domain import secret_encryption
from portal.changes.domain.proposal import Proposal
from portal.changes.forms.proposal import ShareFormSet
from portal.changes.models import Change, Revision
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from portal.vault import SecretStr
from tests.changes.pages import text_of
from tests.changes.paper import buttons, press, read_form
from tests.people import mirrored

pytestmark = pytest.mark.django_db

URL = "/secrets/43/propose/"
CANARY = "cAnArY-9f31-vAlUe <&> 'spaces' at the end  "


class Desk:
    """A requester at the form of secret 43. Keeps every page, so that a test can search all of them."""

    def __init__(self, browser: Client, url: str = URL) -> None:
        self.browser, self.url = browser, url
        self.pages: list[Any] = []

    def open(self) -> Any:
        return self._seen(self.browser.get(self.url))

    def press(self, act: str, /, **changed: Any) -> Any:
        return self._seen(press(self.browser, self.url, self.pages[-1], act, **changed))

    def preview(self, **changed: Any) -> Any:
        changed.setdefault("reason", "The endpoint moves to the EU")
        return self.press("preview", **changed)

    @property
    def text(self) -> str:
        return str(self.pages[-1].content.decode()).replace("<mark>", "").replace("</mark>", "")

    def _seen(self, page: Any) -> Any:
        self.pages.append(page)
        return page


@pytest.fixture
def desk(segura: Sandbox, requester: User, approver: User, as_person: Callable[[User], Client]) -> Iterator[Desk]:
    mirrored()
    desk = Desk(as_person(requester))
    desk.open()
    yield desk
    for page in desk.pages:
        assert CANARY not in page.content.decode()
        assert "cAnArY" not in page.content.decode()


def submitted(desk: Desk) -> Revision:
    """What the newest change holds."""
    return Change.objects.order_by("pk").last().get_current_revision()  # type: ignore[union-attr]


def test_form_holds_the_live_values_and_reads_them_twice(desk: Desk, segura: Sandbox) -> None:
    form = read_form(desk.pages[0])
    assert form["url"] == "https://gcp.com"
    assert form["notes"] == "Access details"
    assert form["users_allowed-0-name"] == "pduarte"
    assert form["users_allowed-0-access"] == "edit"
    assert len(segura.control.arrivals("get")) == 2
    assert desk.pages[0].headers["Cache-Control"].count("no-store") == 1


def test_requester_proposes_url_client_secret_and_one_more_user(desk: Desk, segura: Sandbox) -> None:
    preview = desk.preview(
        url="https://gcp-eu.example",
        secret_mode="enter",
        client_secret=CANARY,
        users_allowed__1__name=" alices ",
        users_allowed__1__access="edit",
        ticket="OPS-7",
    )
    assert preview.status_code == 200
    assert "https://gcp.com" in desk.text
    assert "https://gcp-eu.example" in desk.text
    assert "New value set, not shown" in desk.text
    assert "1 person can approve this." in desk.text
    assert not Change.objects.exists()
    answer = desk.press("confirm")
    revision = submitted(desk)
    assert answer.headers["Location"] == f"/changes/{revision.change_id}/"
    assert revision.patch == {
        "url": "https://gcp-eu.example",
        "users_allowed": [["alices", True], ["pduarte", True]],
    }
    assert revision.base is not None
    assert revision.base["url"] == "https://gcp.com"
    assert (revision.reason, revision.ticket) == ("The endpoint moves to the EU", "OPS-7")
    assert secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk) == SecretStr(CANARY)
    assert len(segura.control.arrivals("get")) == 2
    assert not segura.control.arrivals("update")


def test_client_secret_is_in_no_page_session_or_event(desk: Desk) -> None:
    desk.preview(secret_mode="enter", client_secret=CANARY, reason="")  # refused: no reason
    desk.preview()
    desk.press("back")
    desk.press("rows:users_allowed")
    desk.preview(url="https://gcp-eu.example")
    desk.press("confirm")
    revision = submitted(desk)
    assert secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk) == SecretStr(CANARY)
    kept = [event.text for event in Event.objects.all()]
    kept += [json.dumps(session.get_decoded()) for session in Session.objects.all()]
    assert len(kept) > 3
    assert not [text for text in kept if "cAnArY" in text]


def test_typed_client_secret_is_kept_when_something_else_is_wrong(desk: Desk) -> None:
    page = desk.preview(secret_mode="enter", client_secret=CANARY, reason="")
    assert page.status_code == 422
    assert "Enter a reason" in desk.text
    form = read_form(page)
    assert form["secret_mode"] == "carried"
    assert form["kept"]
    assert form["client_secret"] == ""


def test_kept_client_secret_can_be_dropped(desk: Desk) -> None:
    desk.preview(url="https://gcp-eu.example", secret_mode="enter", client_secret=CANARY)
    desk.press("back")
    assert read_form(desk.pages[-1])["secret_mode"] == "carried"
    desk.preview(secret_mode="same")
    desk.press("confirm")
    assert submitted(desk).encrypted_secret is None
    assert submitted(desk).secret_fingerprint == ""


def test_kept_client_secret_can_be_replaced(desk: Desk) -> None:
    desk.preview(secret_mode="enter", client_secret="another-value")
    desk.press("back")
    desk.preview(secret_mode="enter", client_secret=CANARY)
    desk.press("confirm")
    revision = submitted(desk)
    assert secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk) == SecretStr(CANARY)


@pytest.mark.shows("S08")
def test_masked_copy_of_a_client_secret_is_refused(desk: Desk) -> None:
    page = desk.preview(secret_mode="enter", client_secret="hy746****t4tr")
    assert page.status_code == 422
    assert "masked copy" in desk.text
    assert "hy746" not in desk.text
    assert read_form(page)["kept"] == ""


@pytest.mark.shows("S09")
def test_guess_of_the_present_client_secret_looks_like_any_other_value(desk: Desk, segura: Sandbox) -> None:
    segura.control.edit(43, client_secret="what-it-already-is")
    pages = []
    for guess in ("what-it-already-is", "what-it-is-not-at-all"):
        desk.open()
        answer = desk.preview(secret_mode="enter", client_secret=guess)
        pages.append((answer.status_code, re.sub(r"[\w=-]{60,}", "", desk.text)))  # sealed and signed texts
    assert pages[0] == pages[1]
    assert pages[0][0] == 200


def test_portal_makes_a_value_up_and_shows_it_to_nobody(desk: Desk) -> None:
    assert "read it in Segura" in desk.text
    desk.preview(secret_mode="generate", length="64")
    page = desk.pages[-1]
    desk.press("confirm")
    revision = submitted(desk)
    value = secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk).reveal()
    assert re.fullmatch("[A-Za-z0-9]{64}", value)
    assert value not in page.content.decode()


def test_nothing_changed_is_an_error(desk: Desk) -> None:
    page = desk.preview()
    assert page.status_code == 422
    assert "Nothing changed: edit at least one field." in desk.text
    assert buttons(page) >= {"preview", "rows:users_allowed", "rows:groups_allowed"}


def test_going_back_keeps_everything_as_typed(desk: Desk) -> None:
    desk.preview(
        notes=" two\r\nlines ", users_allowed__0__access="remove", groups_allowed__1__name="Payments", ticket="T-1"
    )
    desk.press("back")
    form = read_form(desk.pages[-1])
    assert form["notes"] == " two\r\nlines "
    assert form["users_allowed-0-access"] == "remove"
    assert form["groups_allowed-1-name"] == "Payments"
    assert form["ticket"] == "T-1"
    desk.preview()
    desk.press("confirm")
    assert submitted(desk).patch == {
        "notes": " two\nlines ",
        "users_allowed": [],
        "groups_allowed": [["Payments", False], ["Test group", False]],
    }


def test_right_to_edit_can_be_taken_and_given(desk: Desk) -> None:
    assert "also lets a person share or disable the secret" in desk.text
    desk.preview(users_allowed__0__access="view", groups_allowed__0__access="edit")
    desk.press("confirm")
    assert submitted(desk).patch == {"users_allowed": [["pduarte", False]], "groups_allowed": [["Test group", True]]}


def test_rows_can_be_added_without_javascript(desk: Desk) -> None:
    names = ["alices", "jsilva", "rcosta"]
    desk.press("rows:users_allowed", users_allowed__1__name=names[0], users_allowed__2__name=names[1], tags="typed")
    assert desk.pages[-1].status_code == 200
    assert read_form(desk.pages[-1])["tags"] == "typed"
    assert read_form(desk.pages[-1])["users_allowed-2-name"] == "jsilva"
    desk.preview(users_allowed__3__name=names[2])
    desk.press("confirm")
    assert submitted(desk).patch["users_allowed"] == [
        ["alices", False],
        ["jsilva", False],
        ["pduarte", True],
        ["rcosta", False],
    ]


def test_rows_are_added_to_the_one_list_even_while_its_rows_are_blank(desk: Desk) -> None:
    before = read_form(desk.pages[-1])
    desk.press("rows:users_allowed")
    after = read_form(desk.pages[-1])
    assert int(after["users_allowed-TOTAL_FORMS"]) == int(before["users_allowed-TOTAL_FORMS"]) + 2
    assert after["groups_allowed-TOTAL_FORMS"] == before["groups_allowed-TOTAL_FORMS"]


def test_new_row_can_be_emptied_again(desk: Desk) -> None:
    desk.press("rows:users_allowed", users_allowed__1__name="alices")
    desk.preview(users_allowed__1__name="", url="https://gcp-eu.example")
    desk.press("confirm")
    assert submitted(desk).patch == {"url": "https://gcp-eu.example"}


def test_name_cannot_be_listed_twice(desk: Desk) -> None:
    assert desk.preview(users_allowed__1__name="pduarte").status_code == 422
    assert "Users allowed names pduarte more than once" in desk.text


def test_more_rows_than_possible_are_refused(desk: Desk) -> None:
    rows = {f"users_allowed-{number}-name": f"user{number}" for number in range(1, 501)}
    page = desk.preview(**rows, **{"users_allowed-TOTAL_FORMS": "501"})
    assert page.status_code == 422
    assert "Users allowed holds 501 rows; at most 500 are possible." in desk.text


@pytest.mark.parametrize("field", ["name", "url", "client_id"])
def test_field_that_segura_needs_cannot_be_emptied(desk: Desk, field: str) -> None:
    assert desk.preview(**{field: ""}).status_code == 422
    assert "Segura requires this field" in desk.text


@pytest.mark.parametrize(
    ("field", "length", "limit"),
    [
        ("name", 501, 500),
        ("tags", 501, 500),
        ("notes", 1_000_000, 20_000),
        ("reason", 4001, 4000),
        ("ticket", 101, 100),
    ],
)
def test_text_beyond_its_limit_is_refused_and_kept(desk: Desk, field: str, length: int, limit: int) -> None:
    page = desk.preview(**{"url": "https://gcp-eu.example", field: "x" * length})
    assert page.status_code == 422
    assert f"is {length} characters long; at most {limit} characters are possible." in desk.text
    assert len(read_form(page)[field]) == length


def test_client_secret_beyond_its_limit_is_refused(desk: Desk) -> None:
    assert desk.preview(secret_mode="enter", client_secret="x" * 4001).status_code == 422
    assert "at most 4000 characters" in desk.text
    assert "xxxxxx" not in desk.text


@pytest.mark.parametrize("field", ["name", "url", "client_id", "identifier_code", "tags", "notes", "method", "reason"])
@pytest.mark.parametrize("char", ["\x00", "\x07", "\u202e", "\ufeff", "\u200b"])
def test_unseen_character_is_refused_by_name(desk: Desk, field: str, char: str) -> None:
    page = desk.preview(**{"tags": "changed", field: f"ab{char}c"})
    assert page.status_code == 422
    assert f"U+{ord(char):04X}" in desk.text
    assert "position 3" in desk.text


def test_unseen_character_in_a_client_secret_is_refused_without_the_value(desk: Desk) -> None:
    assert desk.preview(secret_mode="enter", client_secret="cAnA\x07rY").status_code == 422
    assert "U+0007" in desk.text


def test_unseen_character_in_a_share_is_refused(desk: Desk) -> None:
    assert desk.preview(users_allowed__1__name="ali\u202eces").status_code == 422
    assert "U+202E" in desk.text


def test_lone_surrogate_is_the_senders_fault(desk: Desk) -> None:
    body = "act=preview&reason=x&name=%ED%A0%80"
    answer = desk.browser.post(URL, body, content_type="application/x-www-form-urlencoded")
    assert 400 <= answer.status_code < 500


def test_notes_may_have_lines_and_tabs(desk: Desk) -> None:
    assert desk.preview(notes="a\r\n\tb").status_code == 200
    desk.press("confirm")
    assert submitted(desk).patch == {"notes": "a\n\tb"}


def test_line_ends_of_the_vault_are_not_a_change(desk: Desk, segura: Sandbox) -> None:
    segura.control.edit(43, notes="one\r\ntwo\nthree", name="na\x07me")
    desk.open()
    assert desk.preview(tags="Other").status_code == 200
    desk.press("confirm")
    assert submitted(desk).patch == {"tags": "Other"}


def test_too_large_a_form_is_a_413_with_a_sentence(desk: Desk) -> None:
    page = desk.preview(notes="x" * (2 * 1024 * 1024 + 1))
    assert page.status_code == 413
    assert "larger than Countersign accepts" in desk.text


def test_double_submit_is_one_change(desk: Desk) -> None:
    preview = desk.preview(url="https://gcp-eu.example")
    first = desk.press("confirm")
    second = press(desk.browser, URL, preview, "confirm")
    assert first.headers["Location"] == second.headers["Location"]
    assert Change.objects.count() == 1


def test_editing_on_after_a_submit_is_a_change_of_its_own(desk: Desk) -> None:
    """The browser's Back button, not ours: the old page still carries the kept client secret."""
    desk.preview(secret_mode="enter", client_secret=CANARY)
    form = desk.press("back")
    desk.preview()
    desk.press("confirm")
    desk.pages.append(form)
    desk.preview(url="https://gcp-eu.example")
    desk.press("confirm")
    assert Change.objects.count() == 2
    assert submitted(desk).patch == {"url": "https://gcp-eu.example"}


@pytest.mark.parametrize("proposal", ["", "nonsense", "é", "AAAA"])
def test_tampered_proposal_leads_back_to_the_form(desk: Desk, proposal: str) -> None:
    desk.preview(url="https://gcp-eu.example")
    page = desk.press("confirm", proposal=proposal)
    assert page.status_code == 422
    assert "The secret was read again" in desk.text
    assert not Change.objects.exists()


def test_expired_proposal_leads_back_to_the_form(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.preview(url="https://gcp-eu.example")
    monkeypatch.setattr("portal.changes.domain.proposal.LIFETIME_S", -1)
    assert desk.press("confirm").status_code == 422
    assert not Change.objects.exists()


def test_expired_form_keeps_what_was_typed_and_says_what_differs(
    desk: Desk, segura: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    segura.control.edit(43, url="https://moved.example", users_allowed={"jsilva": True})
    monkeypatch.setattr("portal.changes.domain.proposal.LIFETIME_S", -1)
    page = desk.preview(tags="mine", users_allowed__1__name="alices")
    monkeypatch.undo()
    assert page.status_code == 422
    assert "https://moved.example" in desk.text
    form = read_form(page)
    assert (form["tags"], form["url"]) == ("mine", "https://gcp.com")
    assert [form[f"users_allowed-{row}-name"] for row in range(3)] == ["jsilva", "pduarte", "alices"]
    assert desk.preview(url="https://moved.example").status_code == 200
    assert "https://moved.example" not in desk.text


def test_somebody_elses_proposal_is_not_taken(
    desk: Desk, requester2: User, as_person: Callable[[User], Client]
) -> None:
    preview = desk.preview(url="https://gcp-eu.example")
    answer = press(as_person(requester2), URL, preview, "confirm")
    assert answer.status_code == 422
    assert not Change.objects.exists()


def test_proposal_for_another_secret_is_not_taken(desk: Desk) -> None:
    mirrored(44, "GCP")
    preview = desk.preview(url="https://gcp-eu.example")
    assert press(desk.browser, "/secrets/44/propose/", preview, "confirm").status_code == 422
    assert not Change.objects.exists()


def test_crafted_post_cannot_propose_on_a_read_only_secret(desk: Desk) -> None:
    preview = desk.preview(url="https://gcp-eu.example")
    mirrored(can_write=False)
    assert "may not edit this secret" in desk.browser.get(URL).content.decode()
    assert desk.press("confirm").status_code == 422
    assert "may not edit this secret" in desk.text
    assert press(desk.browser, URL, desk.pages[0], "preview", url="x", reason="y").status_code == 422
    assert press(desk.browser, URL, preview, "confirm").status_code == 422
    assert not Change.objects.exists()


def test_only_people_who_may_propose_get_in(desk: Desk, approver: User, as_person: Callable[[User], Client]) -> None:
    assert as_person(approver).get(URL).status_code == 403
    assert Client().get(URL).status_code == 302


def test_unknown_secret_is_a_404(desk: Desk) -> None:
    assert desk.browser.get("/secrets/999/propose/").status_code == 404


def test_open_change_is_said_first_without_its_requester(
    desk: Desk, requester2: User, as_person: Callable[[User], Client]
) -> None:
    desk.preview(url="https://gcp-eu.example")
    desk.press("confirm")
    number = Change.objects.get().reference
    own = desk.open().content.decode()
    assert "proposed by you" in own
    assert f'href="/changes/{Change.objects.get().pk}/"' in own
    theirs = as_person(requester2).get(URL).content.decode()
    assert number in theirs
    assert "proposed by someone else" in theirs
    assert f'href="/changes/{Change.objects.get().pk}/"' not in theirs
    assert "requester</" not in theirs


def test_nobody_to_approve_is_said_and_submit_is_disabled_r4(desk: Desk, approver: User) -> None:
    approver.groups.clear()
    page = desk.preview(url="https://gcp-eu.example")
    assert "No one can approve this" in desk.text
    assert "It needs 1 approval from someone other than you." in desk.text
    assert "An administrator can add people to Approvers." in desk.text
    assert buttons(page) == {"back"}


def test_requester_is_not_counted_among_approvers(desk: Desk, requester: User, approver: User) -> None:
    requester.groups.add(*approver.groups.all())
    desk.preview(url="https://gcp-eu.example")
    assert "1 person can approve this." in desk.text


class TestBaseUnknown:
    """Details behind an approval in Segura: proposing works, and everybody is told."""

    @pytest.fixture
    def desk(
        self,
        segura: Sandbox,  # noqa: ARG002 - must run
        requester: User,
        approver: User,  # noqa: ARG002 - must exist
        as_person: Callable[[User], Client],
    ) -> Desk:
        mirrored(51, "treasury-api", need_approval=True)
        desk = Desk(as_person(requester), "/secrets/51/propose/")
        desk.open()
        return desk

    def test_only_filled_fields_are_sent(self, desk: Desk) -> None:
        assert "What Segura holds now could not be read" in desk.text
        assert "(1006)" in desk.text
        assert desk.preview(url="https://treasury-eu.example").status_code == 200
        assert "Base unknown" in desk.text
        desk.press("confirm")
        assert submitted(desk).patch == {"url": "https://treasury-eu.example"}
        assert submitted(desk).base is None

    def test_list_is_sent_only_where_it_is_to_be_replaced(self, desk: Desk) -> None:
        assert desk.preview(users_allowed__0__name="alices").status_code == 422
        assert "Tick this to replace it" in desk.text
        assert desk.preview(replace_users_allowed="on").status_code == 200
        desk.press("back")
        assert read_form(desk.pages[-1])["replace_users_allowed"] == "on"
        desk.preview()
        desk.press("confirm")
        assert submitted(desk).patch == {"users_allowed": [["alices", False]]}

    def test_empty_form_changes_nothing(self, desk: Desk) -> None:
        assert desk.preview().status_code == 422
        assert "Nothing changed" in desk.text

    def test_somebody_elses_proposal_is_not_taken(
        self, desk: Desk, requester2: User, as_person: Callable[[User], Client]
    ) -> None:
        preview = desk.preview(url="https://treasury-eu.example")
        assert press(as_person(requester2), desk.url, preview, "confirm").status_code == 422
        assert not Change.objects.exists()

    def test_unreadable_details_cannot_be_pretended(self, desk: Desk) -> None:
        """Leaving the base out of a form whose base was read would dodge the comparison before sending."""
        mirrored()
        desk.url = URL
        desk.open()
        assert desk.preview(base="", url="https://x.example").status_code == 422
        assert "The secret was read again" in desk.text
        foreign = read_form(desk.browser.get("/secrets/51/propose/"))["base"]
        desk.open()
        assert desk.preview(base=foreign, url="https://x.example").status_code == 422
        assert "The secret was read again" in desk.text


HOSTILE = '"><script>alert(1)</script>{{ 7|add:7 }}'


def test_markup_is_inert_in_every_field(desk: Desk, segura: Sandbox) -> None:
    texts = dict.fromkeys(("name", "url", "client_id", "identifier_code", "tags", "notes", "method"), HOSTILE)
    segura.control.edit(43, **texts, users_allowed={HOSTILE: True})
    mirrored(name=HOSTILE)
    desk.open()
    changed = dict.fromkeys(texts, f"{HOSTILE}!")
    desk.preview(**changed, users_allowed__1__name=f"{HOSTILE}2", reason=HOSTILE, ticket=HOSTILE)
    desk.press("back")
    desk.press("preview", reason="")
    desk.press("rows:users_allowed")
    assert len(desk.pages) == 6
    for page in desk.pages:
        text = page.content.decode()
        assert "<script>alert" not in text
        assert "{{ 7|add:7 }}" in text or page is desk.pages[0]


def test_queries_do_not_grow_with_the_shares(desk: Desk, segura: Sandbox) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            desk.open()
            desk.preview(url="https://gcp-eu.example")
        return len(captured)

    queries()
    few = queries()
    segura.control.edit(43, users_allowed={f"user{n}": False for n in range(60)})
    queries()  # the first reading of the new names keeps them for the search
    assert queries() == few


@pytest.mark.parametrize("claimed", [504, 5000, 10**9])
def test_more_rows_than_there_can_be_are_refused_before_one_is_made(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, claimed: int
) -> None:
    monkeypatch.setattr(ShareFormSet, "_construct_form", lambda *_, **__: pytest.fail("a row was made"))
    page = desk.preview(**{"users_allowed-TOTAL_FORMS": str(claimed), "groups_allowed-TOTAL_FORMS": str(claimed)})
    assert page.status_code == 422
    assert "these are more rows than there can be; at most 500 are possible" in page.content.decode()


def test_as_many_rows_as_there_can_be_are_taken(desk: Desk) -> None:
    page = desk.preview(url="https://gcp-eu.example", **{"users_allowed-TOTAL_FORMS": "503"})
    assert page.status_code == 200


def test_open_change_of_the_secret_is_said_first_with_a_link_to_whoever_may_see_it(
    desk: Desk, requester: User, requester2: User, propose: Callable[..., Proposal], no_queue: None
) -> None:
    theirs = submission.submit_change(propose(notes="Theirs"), by=requester2)
    mine = submission.submit_change(propose(notes="Mine"), by=requester)
    words = text_of(desk.open())
    assert words.index("2 other changes of this secret are open") < words.index("Fields")
    assert f"{mine.reference} Pending proposed by you" in words
    assert f"{theirs.reference} Pending proposed by someone else" in words
    assert f'href="/changes/{mine.pk}/"' in desk.text
    assert f'href="/changes/{theirs.pk}/"' not in desk.text
    submission.withdraw_change(mine.pk, by=requester)
    submission.withdraw_change(theirs.pk, by=requester2)
    assert "of this secret" not in text_of(desk.open())


@pytest.mark.parametrize("access", ["", "owner", "remove"])
def test_access_of_a_new_name_that_the_form_does_not_offer_is_refused_at_its_field(desk: Desk, access: str) -> None:
    page = desk.preview(users_allowed__1__name="alices", users_allowed__1__access=access)
    assert page.status_code == 422
    assert "Select Can view or Can edit." in page.content.decode()
    assert read_form(page)["users_allowed-1-name"] == "alices"


def test_access_without_a_name_is_a_blank_row(desk: Desk) -> None:
    desk.preview(notes="Moved", users_allowed__1__access="edit")
    desk.press("confirm")
    assert submitted(desk).patch == {"notes": "Moved"}
