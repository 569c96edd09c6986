"""Difference between the current revision of a change and the one that its reader knows.

That is the newest one they voted on or asked changes of, else the one they last saw.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db.models import F, OuterRef, Subquery
from django.db.models.functions import JSONObject
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.changes.domain import patch as patches
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.models import Change, ChangeQuerySet, Revision, SeenRevision, Verdict, Vote
from portal.changes.presenters.revision_diff import RevisionDiff, compare_revisions


@dataclass(frozen=True)
class ReviewReference:
    """Earlier revision that the page compares with.

    `verdict`: the reader's vote on it, '' if they only saw it; `at`: when they voted on it or saw it, None if only the
    address of the page names it.
    """

    number: int
    verdict: str = ""
    at: datetime | None = None


@dataclass(frozen=True)
class SinceReview:
    """Difference between the revision that the reader knows and the current one."""

    reference: ReviewReference
    earlier: Revision
    now: Revision

    @cached_property
    def difference(self) -> RevisionDiff:
        return compare_revisions(self.earlier, self.now)

    @property
    def title(self) -> str:
        """Sentence that names the reader's last act on the change."""
        if self.reference.at is None:
            return _("Since an earlier revision")
        return {
            Verdict.REQUEST_CHANGES.value: _("Since you asked for changes"),
            Verdict.APPROVE.value: _("Since you approved"),
            Verdict.REJECT.value: _("Since you rejected"),
        }.get(self.reference.verdict, _("Since you last looked"))

    @property
    def unchanged(self) -> str:
        """Labels of the proposed fields that are as before."""
        moved = {change.field for change in self.difference.fields}
        named = patches.changed_field_names(self.now.patch, new_secret=bool(self.now.secret_fingerprint))
        same = [
            name for name in named if name not in moved and not (name == "client_secret" and self.difference.secret)
        ]
        return ", ".join(str(FIELD_LABELS[name]) for name in same)


def with_review(changes: ChangeQuerySet, reader: User) -> ChangeQuerySet:
    """Return the queryset with what find_reference needs: what the reader has seen, and their vote before that."""
    this = OuterRef("pk")
    seen = SeenRevision.objects.filter(change=this, user=reader).order_by()
    votes = Vote.objects.filter(change=this, voter=reader, revision__lt=OuterRef("revision")).order_by(
        "-revision", "-pk"
    )
    return changes.annotate(
        seen=_row(seen, "revision", "previous", "seen_at", "previous_at"),
        reviewed=_row(votes, "revision", "verdict", "voted_at"),
    )


def _row(found: Any, *names: str) -> Subquery:
    return Subquery(found.annotate(row=JSONObject(**{name: F(name) for name in names})).values("row")[:1])


def find_reference(change: Change) -> ReviewReference | None:
    """Return the earlier revision that the reader of a with_review change knows, or None."""
    vote: dict[str, Any] | None = getattr(change, "reviewed", None)
    if vote is not None:
        return ReviewReference(vote["revision"], vote["verdict"], parse_datetime(vote["voted_at"]))
    seen: dict[str, Any] | None = getattr(change, "seen", None)
    if seen is None:
        return None
    if seen["revision"] < change.revision:
        return ReviewReference(seen["revision"], at=parse_datetime(seen["seen_at"]))
    if seen["previous"] is not None:
        return ReviewReference(seen["previous"], at=parse_datetime(seen["previous_at"]))
    return None


def is_new_to_reader(change: Change) -> bool:
    """Return whether the reader of a with_review change has not been served the difference of its revision yet."""
    seen: dict[str, Any] | None = getattr(change, "seen", None)
    return seen is None or seen["revision"] < change.revision


def choose_since(change: Change, revisions: Iterable[Revision], asked: str) -> SinceReview | None:
    """Return the difference that the page shows first. `asked`: a revision number from the URL, 0 for none of it."""
    known = {revision.number: revision for revision in revisions}
    reference = find_reference(change)
    if asked.isdecimal() and len(asked) < 9 and (reference is None or int(asked) != reference.number):
        reference = ReviewReference(int(asked))
    if reference is None or reference.number >= change.revision or reference.number not in known:
        return None
    return SinceReview(reference, known[reference.number], known[change.revision])
