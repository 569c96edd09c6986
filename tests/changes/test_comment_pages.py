"""Comments of a change come in pages: hundreds of them make its page neither heavy nor incomplete."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable
from html import unescape
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.accounts.models import User
from portal.changes.models import Change, Comment
from portal.changes.workflow import submission
from tests.changes.pages import page_of, send, text_of
from tests.people import mirrored

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]
AsPerson = Callable[[User], Client]
LONG = "& a long comment " * 230  # about 4 KB
HTMX = {"HX-Request": "true"}
LIGHT_BYTES = 500_000


def write(change: Change, author: User, number: int, *, below: Iterable[Comment | None] = (None,)) -> list[Comment]:
    """Write this many comments, by turns below each of these; None opens a thread."""
    places = list(below)
    rows = [
        Comment(
            change=change,
            revision=1,
            parent=places[each % len(places)],
            author=author,
            text=f"word-{each}-of-{number} {LONG}",
            mentions=[],
            key=uuid.uuid4(),
            at=timezone.now(),
        )
        for each in range(number)
    ]
    return Comment.objects.bulk_create(rows)


def shown_in(page: HttpResponse) -> set[int]:
    return {int(number) for number in re.findall(r'id="comment-(\d+)"', page.content.decode())}


def links_in(page: HttpResponse) -> set[str]:
    """Where the parts of the conversation lead, as addresses of the change's page."""
    found = re.findall(r'href="(\?(?:comments|thread)=[^"#]+)', page.content.decode())
    return {unescape(link) for link in found}


def walk(browser: Client, change: Change) -> set[int]:
    """Follow every link of the conversation; return which comments can be read."""
    address, found = reverse("changes:change", args=[change.pk]), set[int]()
    waiting, visited = {""}, set[str]()
    while waiting:
        link = waiting.pop()
        visited.add(link)
        page = browser.get(f"{address}{link}")
        assert len(page.content) < LIGHT_BYTES
        found |= shown_in(page)
        waiting |= links_in(page) - visited
    return found


@pytest.mark.parametrize("opened", [480, 1, 12])
def test_reader_of_hundreds_of_long_comments_gets_light_pages_that_lead_to_all_of_them(
    opened: int, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, opened)
    if opened < 480:
        write(submitted, approver, 480 - opened, below=threads)
    found = walk(as_person(approver), submitted)
    assert found == set(Comment.objects.values_list("pk", flat=True))


def test_reader_finds_the_thread_with_the_newest_comment_first_and_its_newest_answers(
    as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, 40)
    answers = write(submitted, approver, 30, below=[threads[3]])
    page = page_of(as_person(approver), submitted)
    order = [int(number) for number in re.findall(r'id="thread-(\d+)"', page.content.decode())]
    assert order[0] == threads[3].pk
    assert order[1:] == [thread.pk for thread in reversed(threads)][: len(order) - 1]
    assert answers[-1].pk in shown_in(page)
    assert answers[0].pk not in shown_in(page)
    assert "Show 25 earlier answers" in text_of(page)
    alone = as_person(approver).get(reverse("changes:change", args=[submitted.pk]), {"thread": threads[3].pk})
    assert shown_in(alone) == {threads[3].pk, *(answer.pk for answer in answers)}
    assert "earlier answers" not in text_of(alone)


@pytest.mark.parametrize("place", ["thread", "answer"])
def test_comment_that_was_just_made_is_on_the_page_that_follows(
    place: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, 60)
    write(submitted, approver, 40, below=[threads[0]])
    data: dict[str, Any] = {"key": str(uuid.uuid4()), "text": "the newest of all"}
    data |= {"answers": threads[0].pk} if place == "answer" else {}
    browser = as_person(approver)
    made = send(browser, "comment", submitted, data)
    page = browser.get(made.headers["Location"])
    assert "the newest of all" in text_of(page)
    old = threads[30].pk
    again = browser.get(reverse("changes:change", args=[submitted.pk]), {"said": old})
    assert old in shown_in(again)
    early = Comment.objects.filter(parent=threads[0]).earliest("pk").pk
    assert early in shown_in(browser.get(reverse("changes:change", args=[submitted.pk]), {"said": early}))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_answer_that_is_refused_keeps_its_text_also_in_a_thread_of_another_page(
    headers: dict[str, str], as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, 60)
    data = {"key": str(uuid.uuid4()), "text": f"kept {'x' * 4001}", "answers": threads[0].pk}
    refused = send(as_person(approver), "comment", submitted, data, **headers)
    assert refused.status_code == 422
    page = refused.content.decode()
    assert data["text"] in page[page.index(f'id="thread-{threads[0].pk}"') :]


@pytest.mark.parametrize("said", ["opened", "answered"])
def test_htmx_gets_the_thread_that_was_commented_on_and_no_other(
    said: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, 60)
    data: dict[str, Any] = {"key": str(uuid.uuid4()), "text": "by htmx"}
    data |= {"answers": threads[0].pk} if said == "answered" else {}
    address = reverse("changes:comment", args=[submitted.pk])
    page = as_person(approver).post(address, data, headers=HTMX, follow=True)
    assert "by htmx" in text_of(page)
    assert len(shown_in(page)) <= 2


def test_open_page_hears_of_many_new_comments_in_a_light_part(
    as_person: AsPerson, requester: User, approver: User, submitted: Change
) -> None:
    seen = write(submitted, requester, 1)[0]
    write(submitted, approver, 200)
    answers = write(submitted, approver, 200, below=[seen])
    browser, address = as_person(requester), reverse("changes:new_comments", args=[submitted.pk])
    part = browser.get(address, {"after": seen.pk}, headers=HTMX)
    assert len(part.content) < LIGHT_BYTES
    assert answers[-1].pk in shown_in(part)
    assert f"after={answers[-1].pk}" in part.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        *("comments=0", "comments=-1", "comments=x", "comments=99", "comments=", "comments=²", f"comments={'9' * 400}"),
        *("thread=x", "thread=999999", "thread=0", f"thread={'9' * 400}", "thread={t}&comments=9"),
        *("said=x", "said=999999", f"said={'9' * 400}"),
    ],
)
def test_odd_place_in_the_conversation_is_its_beginning(
    query: str, as_person: AsPerson, approver: User, submitted: Change
) -> None:
    threads = write(submitted, approver, 30)
    query = query.format(t=threads[-1].pk)
    page = as_person(approver).get(f"{reverse('changes:change', args=[submitted.pk])}?{query}")
    assert page.status_code == 200
    assert threads[-1].pk in shown_in(page)


def test_thread_of_another_change_is_not_shown(
    as_person: AsPerson, approver: User, submitted: Change, propose: Callable[..., Any], requester2: User
) -> None:
    mirrored(44)
    other = submission.submit_change(propose(identifier=44), by=requester2)
    foreign = write(other, requester2, 1)[0]
    page = as_person(approver).get(reverse("changes:change", args=[submitted.pk]), {"thread": foreign.pk})
    assert foreign.pk not in shown_in(page)
