"""Rows of lists of changes: each with its proposal and progress, in two queries for any number of rows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db.models import F, FilteredRelation, Prefetch, Q, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.changes.approvals import valid_votes
from portal.changes.delivery import circuit_breaker
from portal.changes.domain import patch as patches
from portal.changes.domain import policy, review_proof, risks
from portal.changes.domain.base_comparison import BaseChange
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import DirectoryNames, FieldChange
from portal.changes.domain.risks import Risk, RiskLevel
from portal.changes.models import Change, ChangeQuerySet, ObservedSecret, Revision, Status, Vote
from portal.changes.models.observed_secret import observed_of
from portal.changes.presenters import base_check, change_titles, next_steps, since_review
from portal.changes.presenters.change_titles import ChangeTitle
from portal.changes.rules import guards
from portal.common.invisible_characters import show_invisible

OPEN_SHOWN = 20
EXPIRY_SHOWN = timedelta(days=3)
CHANGES_REQUESTED = "changes_requested"
"""Shown in place of the status of a pending change whose approvers request a revision."""
_REASON_SHOWN = 160
REPEATABLE = (Status.REJECTED, Status.FAILED, Status.EXPIRED, Status.WITHDRAWN)
"""Closed without being applied: the same may be proposed again."""


@dataclass(frozen=True)
class ChangeRow:
    """A change with its current revision and the votes on it.

    `reader`: id of the user it is shown to; `linked`: whether they may open it; `paused`: whether delivery is paused.
    `approvable`: whether enough users may approve it; `observed`: what is known of its secret, None if nothing is.
    """

    change: Change
    revision: Revision
    votes: list[Vote]
    reader: int
    linked: bool = True
    paused: bool = False
    approvable: bool = True
    observed: ObservedSecret | None = None

    @cached_property
    def base_changed(self) -> list[BaseChange]:
        """Fields that changed in Segura since the proposal: while there are any, it cannot be approved."""
        return base_check.list_base_changes(self.change, self.revision, self.observed)

    @property
    def chips(self) -> list[str]:
        """Short marks of the row of a queue: what the reader must know before deciding."""
        revised = [_("Revised since your review")] if self.revised_since_review else []
        return [*revised, *([_("Out of date in Segura")] if self.base_changed else [])]

    @property
    def revised_since_review(self) -> bool:
        """Whether the reader has voted on an earlier revision, or saw one and not yet the current one."""
        reference = since_review.find_reference(self.change)
        return reference is not None and (bool(reference.verdict) or since_review.is_new_to_reader(self.change))

    @cached_property
    def diff(self) -> list[FieldChange]:
        """The difference field by field, old -> new."""
        return describe_revision(self.revision)

    @property
    def base_known(self) -> bool:
        return self.revision.base is not None

    @property
    def read_at(self) -> datetime | None:
        """Time when the old values of the difference were read from Segura; None if there are no old values."""
        return self.revision.base_read_at if self.base_known and patches.shows_old_values(self.diff) else None

    @property
    def not_compared(self) -> bool:
        """Whether the secret has not been compared since the proposal: the worker compares it before it sends."""
        checked_at = self.observed.checked_at if self.observed else None
        read_at = self.revision.base_read_at
        return self.change.status == Status.PENDING and not (checked_at and read_at and checked_at > read_at)

    @cached_property
    def title(self) -> ChangeTitle:
        """Title of the change; it shows values, so only readers who may open the change see it."""
        return change_titles.build_title(self.change, self.revision)

    @cached_property
    def risks(self) -> list[Risk]:
        """Risks to see before deciding, high risks first."""
        return risks.find_risks(self.diff, base_known=self.base_known, burst_size=self.change.burst_size)

    @cached_property
    def level(self) -> RiskLevel:
        """The overall level of risk."""
        return risks.overall_level(self.risks)

    @property
    def is_high_risk(self) -> bool:
        return self.level == RiskLevel.HIGH

    @property
    def more_risks(self) -> int:
        """Number of risks after the first one."""
        return max(0, len(self.risks) - 1)

    @property
    def reason_line(self) -> str:
        """Reason and ticket on one line, cut to what a list shows."""
        words = " · ".join(filter(None, (self.revision.reason, self.revision.ticket)))
        return show_invisible(" ".join(words[:_REASON_SHOWN].split()))

    @property
    def mark(self) -> str:
        """Review token that proves that a page with the difference was served; not for lists, which show none."""
        return review_proof.make_review_token(self.revision.digest, revision=self.revision.number, reader=self.reader)

    @property
    def pick(self) -> str:
        """Value of the row's box, which names exactly what was shown. See forms.bulk."""
        return f"{self.change.pk}.{self.revision.number}.{self.revision.digest}"

    @property
    def missing(self) -> int:
        """Number of approvals still needed."""
        return max(0, self.required - self.approvals)  # valid approvals only, as in the decision

    @property
    def field_names(self) -> str:
        """Labels of the fields that change."""
        names = patches.changed_field_names(self.revision.patch, new_secret=bool(self.revision.secret_fingerprint))
        return ", ".join(str(FIELD_LABELS[name]) for name in names)

    @property
    def required(self) -> int:
        """Number of approvals that the policy requires."""
        return policy.read_required(self.revision.policy)

    @property
    def approvals(self) -> int:
        return len({vote.voter_id for vote in valid_votes.list_valid_approvals(self.votes)})

    @property
    def requests(self) -> list[Vote]:
        """Requests for changes that wait for a revision."""
        return guards.open_change_requests(self.votes) if self.change.status == Status.PENDING else []

    @property
    def request(self) -> Vote | None:
        """The newest open request for changes, None if there is none."""
        return max(self.requests, key=lambda vote: vote.voted_at, default=None)

    @property
    def badge_status(self) -> str:
        """Status of the badge: `changes_requested` while a revision is requested, else that of the change."""
        return CHANGES_REQUESTED if self.requests else self.change.status

    @property
    def badge_label(self) -> str:
        """Label of the badge; get_status_display would compare all labels for each row."""
        return _("Changes requested") if self.requests else str(Status(self.change.status).label)

    @property
    def revisable(self) -> bool:
        """Whether the requester is expected to revise the change."""
        return bool(self.requests) or self.change.status == Status.STALE

    @property
    def retryable(self) -> bool:
        """Whether the change failed and its approvals may still count."""
        closed_at = self.change.closed_at
        failed = self.change.status == Status.FAILED and closed_at is not None
        return failed and timezone.now() < policy.approval_deadline(closed_at)  # type: ignore[arg-type]

    @property
    def deadline_soon(self) -> str:
        """Sentence with the deadline of the change if it is at most EXPIRY_SHOWN away, else ''."""
        expires_at = self.change.expires_at
        return self.deadline if expires_at and expires_at - timezone.now() < EXPIRY_SHOWN else ""

    @property
    def repeatable(self) -> bool:
        """Whether the page offers to propose the change again."""
        return self.linked and self.change.status in REPEATABLE

    @property
    def turn(self) -> str:
        """The role that acts next, in words for the requester."""
        return next_steps.next_actor(self.change, asked=bool(self.requests))

    @property
    def deadline(self) -> str:
        """Sentence with the deadline of the change, '' if it has none."""
        return next_steps.deadline_text(self.change)

    @property
    def next(self) -> str:
        """One line about what happens next."""
        if self.requests:
            return next_steps.change_request_line(guards.voter_names(self.requests))
        if not self.approvable:
            return next_steps.unapprovable_line()
        return next_steps.next_step_line(self.change, self.missing, paused=self.paused)


def describe_revision(revision: Revision) -> list[FieldChange]:
    """Return a revision field by field, against the base it was proposed on."""
    return patches.describe_changes(
        revision.patch,
        revision.base,
        new_secret=bool(revision.secret_fingerprint),
        traits=revision.secret_strength,
        names=DirectoryNames(revision.full_names, revision.unknown_names),
    )


def with_row_data(changes: ChangeQuerySet) -> ChangeQuerySet:
    """Return the queryset with what build_rows needs of each change: requester and current revision."""
    current = FilteredRelation("revisions", condition=Q(revisions__number=F("revision")))
    observed = base_check.with_observation(changes)
    joined = observed.annotate(current_revision=current).select_related("requester", "current_revision")  # type: ignore[misc]
    return joined.defer("current_revision__encrypted_secret")  # type: ignore[misc]


def attach_votes(changes: Iterable[Change]) -> list[Change]:
    """Attach the votes on the current revision to each change, as `current_votes`; one query for all changes."""
    found = list(changes)
    standing = Vote.objects.filter(revision=F("change__revision"), voided_at=None)
    votes = standing.with_rights().select_related("voter").order_by("pk")
    prefetch_related_objects(found, Prefetch("votes", votes, to_attr="current_votes"))
    return found


def build_row_lists(
    *lists: Iterable[Change], reader: User, deciders: frozenset[int] | None = None
) -> list[list[ChangeRow]]:
    """Return several lists of with_row_data changes as rows for `reader`, with one query for all their votes."""
    apart = [list(changes) for changes in lists]
    found = iter(build_rows([change for changes in apart for change in changes], reader=reader, deciders=deciders))
    return [[next(found) for _ in changes] for changes in apart]


def build_rows(changes: Iterable[Change], *, reader: User, deciders: frozenset[int] | None = None) -> list[ChangeRow]:
    """Return the rows of with_row_data changes, linked if `reader` may open them.

    `deciders`: ids of all users who may decide, if they are known already.
    """
    found = attach_votes(changes)
    paused = any(change.status in next_steps.WAITING for change in found) and circuit_breaker.is_paused()
    if deciders is None:
        pending = any(change.status == Status.PENDING for change in found)
        deciders = valid_votes.list_deciders() if pending else frozenset()
    return [
        ChangeRow(
            change,
            change.current_revision,  # type: ignore[attr-defined]
            change.current_votes,  # type: ignore[attr-defined]
            reader=reader.pk,
            linked=can_view(change.requester_id, reader),
            paused=paused,
            approvable=change.status != Status.PENDING
            or valid_votes.can_be_approved(change, change.current_revision, deciders),  # type: ignore[attr-defined]
            observed=observed_of(change),
        )
        for change in found
    ]


def open_rows_of_secret(identifier: int, *, reader: User, besides: Change | None = None) -> list[ChangeRow]:
    """Return the open changes of a secret, the newest first, for a user who proposes another one."""
    found = open_changes_of_secret(identifier)
    if besides is not None:
        found = found.exclude(pk=besides.pk)
    return build_row_lists(found[:OPEN_SHOWN], reader=reader)[0]


def open_changes_of_secret(identifier: int) -> ChangeQuerySet:
    """Return the open changes of a secret, the newest first, for build_row_lists."""
    return with_row_data(Change.objects.of_secret(identifier).open()).order_by("-pk")


def can_view(requester: int, reader: User) -> bool:
    """Return whether this user may open a change of that requester: the rule of visible_to, for a loaded change."""
    return requester == reader.pk or ChangeQuerySet.sees_all(reader)
