"""Comments on a change: who may speak, who may be mentioned, and what is refused."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Comment
from portal.changes.workflow import submission
from tests.audit.tampering import past_the_triggers
from tests.changes.pages import page_of, send, text_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
Propose = Callable[..., Proposal]
VALUE = "correct-horse-battery-of-2026"
HTMX = {"HX-Request": "true"}


def remark(text: str, **more: Any) -> dict[str, Any]:
    return {"key": str(uuid.uuid4()), "text": text, **more}


def say(browser: Client, change: Change, text: str, **more: Any) -> HttpResponse:
    return send(browser, "comment", change, remark(text, **more))


def test_a_comment_is_read_by_everybody_who_sees_the_change(
    as_person: AsPerson, requester: User, auditor: User, submitted: Change
) -> None:
    response = say(as_person(requester), submitted, "The old host goes away on Friday.", field="url")
    said = Comment.objects.get()
    assert response.headers["Location"].endswith(f"?said={said.pk}#comment-{said.pk}")
    page = page_of(as_person(auditor), submitted)
    assert "The old host goes away on Friday." in text_of(page)
    assert f'id="comment-{said.pk}"' in page.content.decode()
    assert (said.field, said.revision, said.author) == ("url", 1, requester)


def test_a_comment_is_in_the_log_in_its_own_words(as_person: AsPerson, approver: User, submitted: Change) -> None:
    say(as_person(approver), submitted, "Why now, @requester?")
    event = Event.objects.get(action="change.commented", change=submitted.pk)
    data = json.loads(event.text)["data"]
    assert event.actor == "approver"
    assert (data["text"], data["mentions"], data["revision"]) == ("Why now, @requester?", ["requester"], 1)


def test_who_may_not_see_the_change_cannot_comment_on_it(
    as_person: AsPerson, requester2: User, submitted: Change
) -> None:
    assert say(as_person(requester2), submitted, "Hello").status_code == 404
    assert not Comment.objects.exists()


def test_an_answer_stays_in_its_thread_and_brings_it_to_the_top(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    asking, telling = as_person(approver), as_person(requester)
    say(asking, submitted, "Which host?", field="url")
    say(asking, submitted, "Which ticket?")
    first = Comment.objects.earliest("pk")
    say(telling, submitted, "The new one.", answers=first.pk)
    say(asking, submitted, "Thank you.", answers=Comment.objects.latest("pk").parent_id)
    words = text_of(page_of(telling, submitted))
    assert [words.index(text) for text in ("Which host?", "The new one.", "Thank you.", "Which ticket?")] == sorted(
        words.index(text) for text in ("Which host?", "The new one.", "Thank you.", "Which ticket?")
    )
    assert set(Comment.objects.filter(parent=first).values_list("field", flat=True)) == {"url"}


def test_sent_twice_it_is_one_comment(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser, data = as_person(approver), remark("Only once")
    assert [send(browser, "comment", submitted, data).status_code for _ in range(2)] == [302, 302]
    assert Comment.objects.count() == 1
    assert Event.objects.filter(action="change.commented").count() == 1


@pytest.mark.parametrize("around", ["%s", "It is %s now.", "«%s»", "key=\n%s\n", '("%s").'])
def test_the_proposed_value_is_refused_wherever_it_stands_in_the_text(
    around: str, as_person: AsPerson, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    response = say(as_person(requester), change, around % VALUE)
    assert response.status_code == 422
    assert "must not hold the secret value" in text_of(response)
    assert not Comment.objects.exists()
    assert not Event.objects.filter(text__contains=VALUE).exists()


def test_the_refused_value_is_not_written_back_into_the_page(
    as_person: AsPerson, requester: User, propose: Propose
) -> None:
    change = submission.submit_change(propose(value=VALUE), by=requester)
    response = say(as_person(requester), change, f"Take {VALUE} please, thanks")
    page = response.content.decode()
    assert VALUE not in page
    assert "please, thanks" in page


def test_nobody_else_can_try_guesses_at_the_value_in_comments(
    as_person: AsPerson, requester: User, approver: User, propose: Propose
) -> None:
    """To them right and wrong guesses are taken alike: a refusal would be the answer."""
    change = submission.submit_change(propose(value="spring2026"), by=requester)
    answers = [say(as_person(approver), change, guess).status_code for guess in ("summer2026", "spring2026")]
    assert answers == [302, 302]


@pytest.mark.parametrize("name", ["requester2", "nobody-knows", "disabled"])
def test_mention_of_a_user_without_access_is_posted_and_the_note_names_it_c8(
    name: str, as_person: AsPerson, approver: User, requester2: User, auditor: User, submitted: Change
) -> None:
    roles.add_to_role(User.objects.create_user("disabled", is_active=False), Role.AUDITOR)
    browser = as_person(approver)
    posted = browser.get(say(browser, submitted, f"Please look, @auditor and @{name}.").headers["Location"])
    assert f"@{name} can't see this change and was not notified." in text_of(posted)
    assert f"Please look, @auditor and @{name}." in text_of(posted)
    assert Comment.objects.get().mentions == ["auditor"]
    assert "was not notified" not in text_of(page_of(browser, submitted))
    assert "was not notified" not in text_of(page_of(as_person(auditor), submitted))


def test_people_who_may_see_the_change_can_be_mentioned_and_stand_out(
    as_person: AsPerson, approver: User, auditor: User, admin: User, requester: User, submitted: Change
) -> None:
    response = say(as_person(approver), submitted, "@auditor, @admin: see (@requester). Mail me at a@requester2.org")
    assert response.status_code == 302
    page = page_of(as_person(approver), submitted).content.decode()
    for name in ("auditor", "admin", "requester"):
        assert f'<b class="mention">@{name}</b>' in page
    assert "a@requester2.org" in page


@pytest.mark.parametrize(
    ("text", "rule"), [("", "This field is required"), ("   ", "This field is required"), ("x" * 4001, "at most 4000")]
)
def test_what_cannot_be_kept_is_said_at_the_field(
    text: str, rule: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    response = say(as_person(approver), submitted, text)
    assert response.status_code == 422
    assert rule in text_of(response)
    assert 'aria-invalid="true"' in response.content.decode()


def test_a_refused_answer_is_shown_where_it_was_written(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver)
    say(browser, submitted, "Which host?")
    first = Comment.objects.get()
    page = say(browser, submitted, "x" * 4001, answers=first.pk).content.decode()
    assert f'id="answer-{first.pk}-text"' in page
    opened = page[page.index(f'id="thread-{first.pk}"') :]
    assert "x" * 4001 in opened
    assert "open" in opened[opened.index("<details") : opened.index("<summary")]


def test_htmx_gets_the_new_thread_and_an_empty_form(as_person: AsPerson, approver: User, submitted: Change) -> None:
    address = reverse("changes:comment", args=[submitted.pk])
    page = as_person(approver).post(address, remark("Which host?"), headers=HTMX, follow=True).content.decode()
    assert "<html" not in page
    assert 'hx-swap-oob="afterbegin:#threads"' in page
    assert page.count("Which host?") == 1
    assert page.index('id="say"') < page.index("Which host?")


def test_htmx_gets_the_form_back_where_a_rule_refuses(as_person: AsPerson, approver: User, submitted: Change) -> None:
    address = reverse("changes:comment", args=[submitted.pk])
    response = as_person(approver).post(address, remark("x" * 4001), headers=HTMX)
    page = response.content.decode()
    assert response.status_code == 422
    assert "<html" not in page
    assert "x" * 4001 in page[page.index("<textarea") :]


def test_the_field_to_comment_on_is_chosen_by_the_link_beside_it(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    browser = as_person(approver)
    assert 'href="?about=url#say"' in page_of(browser, submitted).content.decode()
    chosen = browser.get(reverse("changes:change", args=[submitted.pk]), {"about": "url"}).content.decode()
    assert '<option value="url" selected>' in chosen


def test_markup_in_a_comment_is_text(as_person: AsPerson, approver: User, submitted: Change) -> None:
    browser = as_person(approver)
    say(browser, submitted, "<script>alert(1)</script> \u202egnp.exe")
    page = page_of(browser, submitted).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt; ⟨U+202E⟩gnp.exe" in page


def test_a_change_takes_so_many_comments_and_no_more(
    as_person: AsPerson, approver: User, submitted: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("portal.changes.workflow.comments.MOST", 2)
    browser = as_person(approver)
    codes = [say(browser, submitted, f"Word {number}").status_code for number in range(3)]
    assert codes == [302, 302, 429]
    first = Comment.objects.earliest("pk").pk
    for more, place in (({}, "#say"), ({"answers": first}, f"#thread-{first}")):
        refused = send(browser, "comment", submitted, remark("One too many", **more), **HTMX)
        assert refused.status_code == 429
        assert "A change takes 2 comments" in text_of(refused)
        assert "One too many" in text_of(refused)
        assert (refused.headers["HX-Retarget"], refused.headers["HX-Reselect"]) == (place, place)


def test_what_was_said_is_never_altered(as_person: AsPerson, approver: User, submitted: Change) -> None:
    say(as_person(approver), submitted, "As it was")
    for statement in ("UPDATE changes_comment SET text = 'Otherwise'", "DELETE FROM changes_comment"):
        with pytest.raises(DatabaseError, match="never altered"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    assert Comment.objects.get().text == "As it was"


def test_any_number_of_comments_costs_one_query(
    as_person: AsPerson, approver: User, submitted: Change, django_assert_max_num_queries: Any
) -> None:
    browser = as_person(approver)
    for number in range(12):
        say(browser, submitted, f"Word {number}")
    page_of(browser, submitted)
    with django_assert_max_num_queries(12):
        page_of(browser, submitted)


def listen(browser: Client, page: HttpResponse) -> HttpResponse:
    """What the page itself asks ten seconds later."""
    found = re.search(r'hx-get="([^"]+/new-comments/[^"]+)"', page.content.decode())
    assert found is not None
    return browser.get(unescape(found[1]), headers=HTMX)


def test_what_others_say_comes_to_an_open_page_and_ones_own_is_there_already(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    reader, other = as_person(requester), as_person(approver)
    say(reader, submitted, "Mine, seen")
    mine = Comment.objects.get().pk
    page = page_of(reader, submitted)
    assert listen(reader, page).status_code == 204
    say(reader, submitted, "Mine, from this very page")
    assert listen(reader, page).status_code == 204
    say(other, submitted, "An answer", answers=mine)
    say(other, submitted, "Something else")
    heard = listen(reader, page)
    body = heard.content.decode()
    assert f'hx-swap-oob="innerHTML:#words-{mine}"' in body
    assert "Mine, from this very page" not in body
    assert "New comments of approver." in text_of(heard)
    opened = body.partition('hx-swap-oob="afterbegin:#threads"')[2].partition("</ul>")[0]
    assert "Something else" in opened
    assert "An answer" not in opened
    assert listen(reader, heard).status_code == 204


def test_a_change_that_has_ended_listens_no_more(as_person: AsPerson, requester: User, submitted: Change) -> None:
    submission.withdraw_change(submitted.pk, by=requester)
    assert "/new-comments/" not in page_of(as_person(requester), submitted).content.decode()


@pytest.mark.parametrize("after", ["", "x", "9" * 400, "-1"])
def test_an_odd_place_in_the_talk_is_its_beginning(
    after: str, as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    say(as_person(approver), submitted, "Heard from the start")
    address = reverse("changes:new_comments", args=[submitted.pk])
    assert "Heard from the start" in text_of(as_person(requester).get(address, {"after": after}))


def test_nothing_is_said_of_a_change_whose_events_are_past_their_retention(
    as_person: AsPerson, requester: User, submitted: Change
) -> None:
    with past_the_triggers():
        Event.objects.filter(change=submitted.pk).delete()
    response = say(as_person(requester), submitted, "Once more, about this.")
    assert response.status_code == 422
    assert "past their retention" in text_of(response)
    assert not Comment.objects.exists()
