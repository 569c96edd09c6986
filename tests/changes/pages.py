"""What the tests of pages share: reading a page, and sending what its decision box carries."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from portal.accounts.models import User
from portal.changes.domain import review_proof
from portal.changes.models import Change, Revision

OPENED = "the page that shows the difference"
"""Stands in a ballot for the mark of that page, which is another one for each user."""


def text_of(response: HttpResponse) -> str:
    """The words of a page, as one line."""
    body = re.sub(r"<(script|style).*?</\1>", " ", response.content.decode(), flags=re.DOTALL)
    whole_values = re.sub(r"</?mark>", "", body)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", whole_values)).split())


def page_of(browser: Client, change: Change) -> HttpResponse:
    return browser.get(reverse("changes:change", args=[change.pk]))


def ballot_of(change: Change, **more: str) -> dict[str, Any]:
    """What the decision box holds now, its consequence confirmed: `reason` and `confirmed` are bound to the digest."""
    change.refresh_from_db()
    digest = change.get_current_revision().digest
    held = {"revision": change.revision, "digest": digest, "opened": OPENED, "confirmed": "on", **more}
    return {f"{name}-{digest}" if name in ("confirmed", "reason") else name: text for name, text in held.items()}


def edited_by(person: User, change: Change) -> None:
    """The change as if this person had edited it: a second revision of theirs."""
    first = change.get_current_revision()
    Revision.objects.create(
        change=change,
        number=2,
        editor=person,
        created_at=first.created_at,
        patch=first.patch,
        base=first.base,
        policy=first.policy,
        reason=first.reason,
        digest=first.digest,
    )
    Change.objects.filter(pk=change.pk).update(revision=2)
    change.refresh_from_db()


def send(browser: Client, act: str, change: Change, data: dict[str, Any] | None = None, **headers: str) -> HttpResponse:
    data = as_shown_to(int(browser.session.get("_auth_user_id", 0)), data or {})
    return browser.post(reverse(f"changes:{act}", args=[change.pk]), data, headers=headers)


def as_shown_to(reader: int, ballot: dict[str, Any]) -> dict[str, Any]:
    """The ballot with the mark of the page that this user (id) would have opened."""
    if ballot.get("opened") != OPENED:
        return ballot
    return ballot | {
        "opened": review_proof.make_review_token(ballot["digest"], revision=ballot["revision"], reader=reader)
    }


def offers(response: HttpResponse, act: str, change: Change) -> bool:
    """Whether the page holds the button or the link for this act."""
    return reverse(f"changes:{act}", args=[change.pk]) in response.content.decode()
