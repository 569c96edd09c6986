"""Search over everything that a user may open: changes, secrets, users, pages and actions.

At most three queries for one search. Every result is limited by the rights of the reader.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Case, IntegerField, OuterRef, Q, TextField, Value, When
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.catalog.models import ApiSecret
from portal.changes.models import Change, ChangeQuerySet, Status
from portal.changes.models.comment import Comment
from portal.changes.presenters import change_rows, change_titles
from portal.changes.presenters.search_pages import PAGES, matching_pages
from portal.common.db_expressions import exists_by_index, is_among
from portal.common.invisible_characters import show_invisible
from portal.common.parsing import parse_db_integer

SHOWN = 8
"""Results of one kind that a search shows."""
LONGEST = 200
_WORDS = 6
_SECRET_RIGHTS = frozenset({Right.PROPOSE, Right.DECIDE, Right.OPERATE})


@dataclass(frozen=True)
class SearchResult:
    """One result: the page it leads to, its title, one line about it, and an icon."""

    address: str
    title: str
    about: str = ""
    icon: str = ""


@dataclass(frozen=True)
class SearchGroup:
    """Results of one kind under their heading."""

    heading: str
    results: list[SearchResult]


def search_everything(text: str, reader: User) -> list[SearchGroup]:
    """Return the results for a text by kind, without empty groups; every word of the text must be found."""
    words = text.split()[:_WORDS]
    if not words:
        return list_recent(reader)
    secrets = _find_secrets(text, reader)
    groups = [
        SearchGroup(_("Changes"), _change_results(_find_changes(words, reader))),
        SearchGroup(_("Secrets"), [_secret_result(secret) for secret in secrets]),
        SearchGroup(_("Users"), _find_users(words, reader)),
        SearchGroup(_("Pages and actions"), _page_results(words, reader) + _proposal_actions(secrets, reader)),
    ]
    return [group for group in groups if group.results]


def list_recent(reader: User) -> list[SearchGroup]:
    """Return the newest changes that the reader may open, and the pages: the results without a text."""
    newest = change_rows.with_row_data(Change.objects.visible_to(reader)).order_by("-pk")
    groups = [
        SearchGroup(_("Recent changes"), _change_results(newest[:5])),
        SearchGroup(_("Pages and actions"), _page_results([], reader)),
    ]
    return [group for group in groups if group.results]


def find_referenced_change(text: str, reader: User) -> int | None:
    """Return the id of the change whose reference (CR-7) is the whole text, or None if the reader may not open it."""
    number = _reference_number(text)
    if number is None or not text.strip().upper().startswith("CR-"):
        return None
    return Change.objects.visible_to(reader).filter(pk=number).values_list("pk", flat=True).first()


def _find_changes(words: list[str], reader: User) -> ChangeQuerySet:
    """Return the newest changes with every word in a title, ticket, reason or comment; a reference comes first.

    Words are looked for in the newest SEARCHED changes that the reader may open, and numbers in all of them.
    """
    visible = Change.objects.visible_to(reader)
    number = _reference_number(words[0]) if len(words) == 1 else None
    if number is not None and words[0].upper().startswith("CR-"):
        return change_rows.with_row_data(visible.filter(pk=number))
    found = change_rows.with_row_data(visible.newest()).annotate(proposed=Cast("current_revision__patch", TextField()))
    for word in words:
        commented = exists_by_index(Comment.objects.filter(change=OuterRef("pk"), text__icontains=word))
        found = found.filter(
            Q(secret_name__icontains=word)
            | Q(current_revision__ticket__icontains=word)
            | Q(current_revision__reason__icontains=word)
            | Q(proposed__icontains=word)
            | commented
        )
    newest = is_among(found.order_by("-pk").values("pk")[:SHOWN])
    if number is None:
        return change_rows.with_row_data(visible.filter(newest)).order_by("-pk")
    of_secret = is_among(visible.of_secret(number).order_by("-pk").values("pk")[:SHOWN])
    first = Case(When(pk=number, then=Value(0)), default=Value(1), output_field=IntegerField())
    numbered = visible.filter(newest | of_secret | Q(pk=number))
    return change_rows.with_row_data(numbered).order_by(first, "-pk")[:SHOWN]


def _reference_number(word: str) -> int | None:
    return parse_db_integer(word.strip().upper().removeprefix("CR-"))


def _change_results(changes: Iterable[Change]) -> list[SearchResult]:
    results = []
    for change in changes:
        revision = change.current_revision  # type: ignore[attr-defined]
        about = [str(Status(change.status).label), change.requester.display_name, show_invisible(revision.ticket)]
        results.append(
            SearchResult(
                reverse("changes:change", args=[change.pk]),
                str(change_titles.build_title(change, revision)),
                " · ".join(part for part in about if part),
                "edit",
            )
        )
    return results


def _find_secrets(text: str, reader: User) -> list[ApiSecret]:
    if roles.rights_of(reader).isdisjoint(_SECRET_RIGHTS):
        return []
    return list(ApiSecret.objects.matching(text).order_by("folded", "pk")[:SHOWN])


def _secret_result(secret: ApiSecret) -> SearchResult:
    identifier = _("API secret %(identifier)s in Segura") % {"identifier": secret.pk}
    return SearchResult(reverse("changes:secret", args=[secret.pk]), show_invisible(secret.name), identifier, "key")


def _find_users(words: list[str], reader: User) -> list[SearchResult]:
    """Return accounts by sign-in name and full name, for readers whose pages show users."""
    rights = roles.rights_of(reader)
    if rights.isdisjoint({Right.AUDIT, Right.OPERATE}):
        return []
    found = User.objects.all()
    for word in words:
        found = found.filter(Q(username__icontains=word) | Q(first_name__icontains=word) | Q(last_name__icontains=word))
    return [
        SearchResult(
            reverse("audit:person", args=[user.username]) if Right.AUDIT in rights else reverse("operations:users"),
            user.display_name,
            user.username,
            "user",
        )
        for user in found.order_by("username")[:SHOWN]
    ]


def _page_results(words: list[str], reader: User) -> list[SearchResult]:
    rights = roles.rights_of(reader)
    return [
        SearchResult(reverse(page.view), str(page.label), icon=page.icon)
        for page in matching_pages(words, PAGES, rights)
    ]


def _proposal_actions(secrets: Iterable[ApiSecret], reader: User) -> list[SearchResult]:
    if not roles.has_right(reader, Right.PROPOSE):
        return []
    return [
        SearchResult(
            reverse("changes:propose", args=[secret.pk]),
            _("New change of %(secret)s") % {"secret": show_invisible(secret.name)},
            icon="plus",
        )
        for secret in secrets
        if not secret.blocked_reason
    ]
