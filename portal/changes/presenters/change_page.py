"""Data of the page of one change, as it is now and for the user who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Prefetch, Q
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.approvals import valid_votes
from portal.changes.delivery import circuit_breaker
from portal.changes.models import (
    OPEN,
    REVISABLE,
    Attempt,
    Change,
    CircuitBreaker,
    ObservedSecret,
    Revision,
    Status,
    Verdict,
    Vote,
)
from portal.changes.models.comment import Comment
from portal.changes.models.observed_secret import observed_of
from portal.changes.models.subscription import level_of
from portal.changes.presenters import (
    change_rows,
    comment_threads,
    history,
    next_steps,
    revision_diff,
    secret_insight,
    status_help,
    three_way,
)
from portal.changes.presenters.base_check import BaseCheck, with_observation
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.presenters.comment_threads import ThreadIndex
from portal.changes.presenters.history import HistoryEntry
from portal.changes.presenters.page_version import format_version
from portal.changes.presenters.revision_diff import RevisionDiff
from portal.changes.presenters.secret_insight import ReuseWarning
from portal.changes.presenters.since_review import with_review
from portal.changes.presenters.three_way import ThreeWayView
from portal.changes.rules import guards
from portal.changes.rules.guards import AlreadyVoted, NotAllowed, OwnChange, RuleViolation
from portal.changes.transitions import WrongState
from portal.vault import NotSent


@dataclass(frozen=True)
class EarlierRevision:
    """A revision that is no longer current, with what it proposed and its votes."""

    revision: Revision
    row: ChangeRow


class ChangePage:
    """One change for one reader. Each query runs once, and only if the page shows its result."""

    def __init__(self, change: Change, reader: User) -> None:
        self.change = change
        self.reader = reader
        self.revisions: list[Revision] = list(change.revisions.all())
        self.all_votes: list[Vote] = list(change.votes.all())
        self.revision = next(revision for revision in self.revisions if revision.number == change.revision)
        self.row = self._row(self.revision)

    def _row(self, revision: Revision) -> ChangeRow:
        votes = [vote for vote in self.all_votes if vote.revision == revision.number and vote.voided_at is None]
        observed = self._observed if revision is self.revision else None
        return ChangeRow(self.change, revision, votes, reader=self.reader.pk, observed=observed)

    @cached_property
    def base_check(self) -> BaseCheck | None:
        """Comparison with Segura of a change that is still to be decided; None if it is decided."""
        pending = self.change.status == Status.PENDING
        return BaseCheck(self.change, self.revision, self._observed) if pending else None

    @cached_property
    def _observed(self) -> ObservedSecret | None:
        return observed_of(self.change)

    @property
    def earlier(self) -> list[EarlierRevision]:
        """Earlier revisions, the newest first."""
        return [
            EarlierRevision(revision, self._row(revision))
            for revision in self.revisions
            if revision is not self.revision
        ]

    @cached_property
    def attempts(self) -> list[Attempt]:
        """Calls of the update endpoint, in order; none if no worker has claimed the change."""
        return list(Attempt.objects.filter(change=self.change)) if self.change.fence else []

    @property
    def called(self) -> bool:
        """Whether a call for this change may have left the portal."""
        return any(attempt.outcome != NotSent.code for attempt in self.attempts)

    @cached_property
    def history(self) -> list[HistoryEntry]:
        """Events of the change, step by step."""
        people = [self.change.requester, *(vote.voter for vote in self.all_votes)]
        return history.build_history(self.change, {person.username: person for person in people})

    @property
    def steps_taken(self) -> list[HistoryEntry]:
        """The steps of the history that people follow, without calls and repeated checks."""
        return [entry for entry in self.history if not entry.technical]

    @property
    def meaning(self) -> str:
        """Explanation of the change's status."""
        return str(status_help.STATUS_HELP[Status(self.change.status)])

    @cached_property
    def comments(self) -> ThreadIndex:
        """Index of the change's comments."""
        return comment_threads.load_index(self.change)

    def find_comment(self, number: int) -> Comment | None:
        """Return the comment with this id, or None if the change has no such comment."""
        found = Comment.objects.select_related("author").filter(pk=number)
        return found.first() if self.comments.thread_of(number) else None

    @cached_property
    def others(self) -> list[Change]:
        """Other changes of the same secret that are open, or whose call the gateway may still replay."""
        if not self.is_open:
            return []
        found = Change.objects.of_secret(self.change.secret).exclude(pk=self.change.pk)
        held = Q(status__in=OPEN) | Q(replay_window_until__gt=timezone.now())
        return list(found.filter(held).order_by("pk")[:20])

    @property
    def other_links(self) -> list[tuple[Change, bool]]:
        """The other changes that are open, each with whether the reader may see it."""
        still = (other for other in self.others if other.status in OPEN)
        return [(other, change_rows.can_view(other.requester_id, self.reader)) for other in still]

    @cached_property
    def likeness(self) -> list[ReuseWarning]:
        """Warnings about a new secret value that the portal has met before, for readers who may see them."""
        return secret_insight.find_reuse(self.change, self.revision, reader=self.reader)

    @cached_property
    def three_way(self) -> ThreeWayView | None:
        """Values at the proposal, as proposed, and as read by the worker that stopped the change; None otherwise."""
        return three_way.load_three_way_view(self.change, self.revision, reader=self.reader)

    @property
    def next(self) -> list[str]:
        """Sentences about what happens next."""
        if self.row.requests:
            return [
                each
                for each in next_steps.change_request_lines(guards.voter_names(self.row.requests), self.change)
                if each
            ]
        unapprovable = [] if self.approvable else [next_steps.unapprovable_text()]
        following = next_steps.next_step_lines(
            self.change, self.row.missing, self.others, self.pause, called=self.called
        )
        said = unapprovable + following
        return [sentence for sentence in said if sentence]

    @cached_property
    def approvable(self) -> bool:
        """Whether enough users may approve the change; always True unless it is pending."""
        if self.change.status != Status.PENDING:
            return True
        return valid_votes.can_be_approved(self.change, self.revision, frozenset(self.change.deciders))  # type: ignore[attr-defined]

    @cached_property
    def pause(self) -> CircuitBreaker | None:
        """The pause of all delivery if this change waits for it, else None."""
        return circuit_breaker.current_pause() if self.change.status in next_steps.WAITING else None

    @property
    def token(self) -> str:
        """Version of the page as it is now."""
        voted = self.all_votes[-1].pk if self.all_votes else None
        change = self.change
        return format_version(
            change.revision,
            change.status,
            change.updated_at,
            circuit_breaker.pause_version(self.pause),
            voted,
            self._observed_at,
        )

    @property
    def _observed_at(self) -> datetime | None:
        return self._observed.updated_at if self._observed else None

    @property
    def steps(self) -> list[next_steps.ProgressStep]:
        return next_steps.progress_steps(self.change)

    @property
    def is_open(self) -> bool:
        return self.change.status in OPEN

    @property
    def doubtful(self) -> bool:
        return self.change.status in (Status.IN_DOUBT, Status.NEEDS_ATTENTION)

    @cached_property
    def objection(self) -> RuleViolation | WrongState | None:
        """The reason why the reader may not vote, as the vote itself would raise it, or None."""
        return guards.find_vote_violation(self.change, by=self.reader)

    @property
    def may_vote(self) -> bool:
        return self.change.status == Status.PENDING and self.objection is None

    @property
    def may_approve(self) -> bool:
        return self._may(Verdict.APPROVE) and not self.row.base_changed

    @property
    def may_request_changes(self) -> bool:
        return self._may(Verdict.REQUEST_CHANGES)

    def _may(self, verdict: Verdict) -> bool:
        return self.may_vote and guards.find_change_request_violation(self.change, verdict, by=self.reader) is None

    @property
    def why_not(self) -> str:
        """The rule that forbids the reader's vote on a pending change; '' otherwise."""
        if self.change.status != Status.PENDING:
            return ""
        return str(self.objection) if isinstance(self.objection, OwnChange | AlreadyVoted | NotAllowed) else ""

    @property
    def is_own(self) -> bool:
        return self.change.requester_id == self.reader.pk

    @property
    def may_withdraw(self) -> bool:
        return self.is_own and self.change.status in REVISABLE

    @property
    def may_revise(self) -> bool:
        return self.may_withdraw and roles.has_right(self.reader, Right.PROPOSE)

    @property
    def may_retry(self) -> bool:
        right = Right.PROPOSE if self.is_own else Right.OPERATE
        return self.change.status == Status.FAILED and roles.has_right(self.reader, right)

    @property
    def settled_by_operators(self) -> bool:
        return self.change.status == Status.NEEDS_ATTENTION and roles.has_right(self.reader, Right.OPERATE)

    @property
    def may_settle(self) -> bool:
        return self.settled_by_operators and not isinstance(self.objection, OwnChange)

    def difference_from(self, number: int) -> RevisionDiff | None:
        """Return what changed from revision `number` to the current one, or None if there is no earlier `number`."""
        seen = next((revision for revision in self.revisions if revision.number == number), None)
        return revision_diff.compare_revisions(seen, self.revision) if seen and seen is not self.revision else None


def load_change_page(change_id: int, reader: User) -> ChangePage:
    """Return the page of a change. Raises Change.DoesNotExist also if the user may not see the change.

    The same error for both does not reveal to the user that a change exists.
    """
    revisions = Revision.objects.defer("encrypted_secret").select_related("editor").order_by("-number")
    votes = Vote.objects.with_rights().select_related("voter").order_by("pk")
    deciders = ArraySubquery(
        roles.users_with_right(Right.DECIDE).values("pk")
    )  # part of this query, to save another one
    found = (
        with_review(with_observation(Change.objects.visible_to(reader)), reader)
        .select_related("requester")
        .annotate(deciders=deciders, subscription=level_of(reader))
    )
    return ChangePage(
        found.prefetch_related(Prefetch("revisions", revisions), Prefetch("votes", votes)).get(pk=change_id), reader
    )
