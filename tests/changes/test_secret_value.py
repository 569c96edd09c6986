"""The new client secret as it is typed: kept byte for byte, or refused with a reason; on doubt the person is asked."""

# ruff: noqa: RUF001 - brackets and fillers of all scripts

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from portal.accounts.models import User
from portal.changes.domain import placeholders, secret_encryption, secret_strength
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from portal.vault import is_masked
from tests.changes.pages import page_of, send, text_of
from tests.changes.paper import press, read_form
from tests.changes.test_change_acts import failed
from tests.people import mirrored

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
URL = "/secrets/43/propose/"
PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\n-----END PRIVATE KEY-----\n"


@pytest.fixture
def browser(segura: Sandbox, requester: User, approver: User, as_person: AsPerson) -> Client:
    mirrored()
    return as_person(requester)


def preview(browser: Client, value: str, page: object = None, **typed: str) -> object:
    typed = {"secret_mode": "enter", "client_secret": value, "reason": "The provider asks for it", **typed}
    return press(browser, URL, page or browser.get(URL), "preview", **typed)


def value_of_newest_change() -> str:
    revision = Change.objects.order_by("pk").last().get_current_revision()  # type: ignore[union-attr]
    return secret_encryption.decrypt_secret(bytes(revision.encrypted_secret or b""), revision.pk).reveal()


@pytest.mark.parametrize(
    "value",
    [
        PEM,
        PEM.rstrip("\n"),
        "two\nlines",
        "\nstarts with a line end",
        '{\n  "key": "v"\n}\n',
        "a\n\n\nb",
        " spaces \n ",
    ],
)
def test_value_of_several_lines_is_kept_byte_for_byte(value: str, browser: Client) -> None:
    page = preview(browser, value.replace("\n", "\r\n"))
    assert page.status_code == 200  # type: ignore[attr-defined]
    press(browser, URL, page, "confirm")
    assert value_of_newest_change() == value


@pytest.mark.parametrize(
    "value",
    [
        PEM.replace("\n", " "),
        PEM.replace("\n", ""),
        "-----BEGIN RSA PRIVATE KEY----- MIIE",
        "---- BEGIN SSH2 PUBLIC KEY ---- AAAA ---- END SSH2 PUBLIC KEY ----",
        "-----BEGIN OPENSSH PRIVATE KEY-----b3BlbnNzaA==-----END OPENSSH PRIVATE KEY-----\n",
        "prefix -----BEGIN CERTIFICATE----- MIIC",
    ],
)
def test_key_that_lost_its_line_ends_is_refused_and_nothing_of_it_kept(value: str, browser: Client) -> None:
    page = preview(browser, value)
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert "all its line ends are missing" in text_of(page)  # type: ignore[arg-type]
    assert read_form(page)["kept"] == ""
    assert "MIIE" not in page.content.decode()  # type: ignore[attr-defined]


def test_key_with_its_line_ends_written_out_is_a_value(browser: Client) -> None:
    assert preview(browser, PEM.replace("\n", "\\n")).status_code == 200  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "char",
    ["\u200d", "\u200c", "\u00a0", "\u200b", "\u00ad", "\ufe0f", "\u2800", "\t", "\x00", "\u2028", "\u3000", "\ufeff",
     "\U000e0061", "\ue000", "\u202e", "\ufffd"],
)  # fmt: skip
@pytest.mark.parametrize("place", ["abc{}DEF1234567890123456", "abcDEF1234567890123456{}", "{}abcDEF1234567890123456"])
def test_character_that_nobody_can_see_is_refused_in_a_client_secret(place: str, char: str, browser: Client) -> None:
    page = preview(browser, place.format(char))
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert f"U+{ord(char):04X}" in text_of(page)  # type: ignore[arg-type]
    assert "DEF123" not in page.content.decode()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (" q7R-x2Lw9_Tz4Kp8", "begins with a space or a line end"),
        ("q7R-x2Lw9_Tz4Kp8  ", "ends with a space or a line end"),
        ("q7R-x2Lw9_Tz4Kp8\n", "ends with a space or a line end"),
        (" q7R-x2Lw9_Tz4Kp8 ", "begins and ends with a space or a line end"),
    ],
)
def test_preview_names_spaces_at_the_ends_of_a_client_secret(value: str, sentence: str, browser: Client) -> None:
    assert sentence in text_of(preview(browser, value))  # type: ignore[arg-type]
    assert "space or a line end" not in text_of(preview(browser, value.strip()))  # type: ignore[arg-type]


PLACEHOLDERS = [
    "••••••••", "●●●●", "[REDACTED]", "sk-proj...cdef", "sk-proj…cdef", "<your-key>", "{{ api_key }}", "(hidden)",
    "«segredo»", "【masked】", "xxxxxxxx", "00000000", "changeme", "CHANGE_ME", "your-api-key-here", "ab████cd",
    "sk-<your-key>", "＜secret＞", "null", "todo", "${TOKEN}", "hy746••••t4tr", "sua-chave-aqui", "aaa",
]  # fmt: skip
VALUES = [
    "cAnArY-9f31-vAlUe <&> 'spaces' at the end  ", "correct horse battery staple", "Tr0ub4dor&3", PEM, "hunter2",
    "9fK2xQ7mZt4LrB8vYc3NwH6sJd5GpA1e", "sk-proj-4f0a9b7c", '{"type": "service_account", "key": "abc"}',
    "2f1b6a0e-5d1c-4a55-9d0e-0f6b7a8c9d10", "p@ss(w0rd)XyZ9", "MTIzNDU2Nzg5MA==", "pass/phrase.of-words_42",
]  # fmt: skip


@pytest.mark.parametrize("value", [value for value in PLACEHOLDERS if is_masked(value)])
def test_mask_is_refused_and_nothing_of_it_kept(value: str, browser: Client) -> None:
    page = preview(browser, value)
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert "masked copy" in text_of(page)  # type: ignore[arg-type]
    assert read_form(page)["kept"] == ""


@pytest.mark.parametrize("value", [value for value in PLACEHOLDERS if not is_masked(value)])
def test_requester_is_asked_whether_a_placeholder_is_really_the_value(value: str, browser: Client) -> None:
    page = preview(browser, value)
    assert page.status_code == 422  # type: ignore[attr-defined]
    assert "Is this really the value?" in text_of(page)  # type: ignore[arg-type]
    confirmed = press(browser, URL, page, "preview", is_the_value="on")  # it need not be typed again
    assert confirmed.status_code == 200
    assert "that of a placeholder" in text_of(confirmed)
    press(browser, URL, confirmed, "confirm")
    assert value_of_newest_change() == value


def test_requester_cannot_pass_the_question_by_sending_the_form_again(browser: Client) -> None:
    page = preview(browser, "<your-key>")
    for _ in range(2):
        page = press(browser, URL, page, "preview")
        assert page.status_code == 422
    assert press(browser, URL, page, "preview", secret_mode="enter", client_secret="hunter2-hunter2").status_code == 200


@pytest.mark.parametrize("value", VALUES)
def test_ordinary_value_is_not_asked_about(value: str, browser: Client) -> None:
    assert not placeholders.looks_like_placeholder(value)
    assert "placeholder" not in secret_strength.measure_strength(value)
    assert preview(browser, value).status_code == 200  # type: ignore[attr-defined]


@pytest.mark.parametrize("mode", ["generate", "same"])
@pytest.mark.parametrize("hidden", ["typed before", "hy746****t4tr", "with\u200bzero width", "<your-key>", "x" * 5000])
def test_value_in_a_field_that_is_not_chosen_neither_counts_nor_blocks(mode: str, hidden: str, browser: Client) -> None:
    page = preview(browser, hidden, secret_mode=mode, url="https://gcp-eu.example")
    assert page.status_code == 200  # type: ignore[attr-defined]
    press(browser, URL, page, "confirm")
    revision = Change.objects.get().get_current_revision()
    assert bool(revision.encrypted_secret) == (mode == "generate")
    if mode == "generate":
        assert len(value_of_newest_change()) == 48


def test_length_that_is_not_asked_for_does_not_block(browser: Client) -> None:
    assert preview(browser, "hunter2-hunter2", length="9999").status_code == 200  # type: ignore[attr-defined]
    assert preview(browser, "", secret_mode="generate", length="9999").status_code == 422  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (PEM.replace("\n", " "), "all its line ends are missing"),
        ("a-new-secret\u200d", "U+200D"),
        ("hy746****t4tr", "masked copy"),
        ("<your-key>", "looks like a placeholder"),
    ],
)
def test_retry_takes_no_value_that_the_proposal_would_not_take(
    value: str, sentence: str, as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    change = failed(submission.submit_change(propose(value="a-new-secret"), by=requester), approver)
    answer = send(as_person(requester), "retry", change, {"value": value})
    assert answer.status_code == 422
    assert sentence in text_of(answer)
    assert value not in answer.content.decode()


def test_value_is_typed_into_a_masked_control_of_several_lines(
    browser: Client, as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    change = failed(submission.submit_change(propose(value="a-new-secret"), by=requester), approver)
    for page, name in ((browser.get(URL), "client_secret"), (page_of(as_person(requester), change), "value")):
        tag = page.content.decode().partition(f'<textarea name="{name}"')[2].partition(">")[0]
        assert "masked" in tag
        assert 'autocomplete="off"' in tag
