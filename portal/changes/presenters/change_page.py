"""Everything the page of one change shows, as it stands now and for the person who reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.approvals import valid_votes
from portal.changes.delivery import circuit_breaker
from portal.changes.models import OPEN, REVISABLE, Attempt, Breaker, Change, Revision, Status, Verdict, Vote
from portal.changes.models.comment import Comment
from portal.changes.presenters import (
    change_rows,
    comment_threads,
    history,
    next_steps,
    revision_diff,
    secret_insight,
    status_help,
)
from portal.changes.presenters.change_rows import ChangeRow
from portal.changes.presenters.comment_threads import ThreadIndex
from portal.changes.presenters.history import HistoryEntry
from portal.changes.presenters.revision_diff import RevisionDiff
from portal.changes.presenters.secret_insight import ReuseWarning
from portal.changes.rules import guards
from portal.changes.rules.guards import AlreadyVoted, NotAllowed, OwnChange, RuleViolation
from portal.changes.transitions import WrongState
from portal.common.prepared import Given, Prepared
from portal.vault import NotSent


@dataclass(frozen=True)
class EarlierRevision:
    """A revision that no longer counts, with what it proposed and the votes it had."""

    revision: Revision
    row: ChangeRow


class ChangePage:
    """One change for one reader. Everything is asked once; nothing is asked that the page does not show."""

    def __init__(self, change: Change, reader: User) -> None:
        self.change = change
        self.reader = reader
        self.revisions: list[Revision] = list(change.revisions.all())
        self.all_votes: list[Vote] = list(change.votes.all())
        self.revision = next(revision for revision in self.revisions if revision.number == change.revision)
        self.row = self._row(self.revision)

    def _row(self, revision: Revision) -> ChangeRow:
        votes = [vote for vote in self.all_votes if vote.revision == revision.number and vote.voided_at is None]
        return ChangeRow(self.change, revision, votes, reader=self.reader.pk)

    @property
    def earlier(self) -> list[EarlierRevision]:
        """Older revisions, the newest first."""
        return [
            EarlierRevision(revision, self._row(revision))
            for revision in self.revisions
            if revision is not self.revision
        ]

    @cached_property
    def attempts(self) -> list[Attempt]:
        """Calls of the update endpoint, in order; a change that no worker took up has none."""
        return list(Attempt.objects.filter(change=self.change)) if self.change.fence else []

    @property
    def called(self) -> bool:
        """Whether a call of it may have left the portal."""
        return any(attempt.outcome != NotSent.code for attempt in self.attempts)

    @cached_property
    def history(self) -> list[HistoryEntry]:
        """What happened to it, step by step."""
        people = [self.change.requester, *(vote.voter for vote in self.all_votes)]
        return history.build_history(self.change, {person.username: person.display_name for person in people})

    @property
    def meaning(self) -> str:
        """What its state means."""
        return str(status_help.STATUS_HELP[Status(self.change.status)])

    @cached_property
    def comments(self) -> ThreadIndex:
        """Which comments there are."""
        return comment_threads.load_index(self.change)

    def find_comment(self, number: int) -> Comment | None:
        """Return the comment of this number, None if the change has no such comment."""
        found = Comment.objects.select_related("author").filter(pk=number)
        return found.first() if self.comments.thread_of(number) else None

    @cached_property
    def others(self) -> list[Change]:
        """Other changes of the same secret that are open, or whose call the gateway may still repeat."""
        if not self.is_open:
            return []
        found = Change.objects.of_secret(self.change.secret).exclude(pk=self.change.pk)
        held = Q(status__in=OPEN) | Q(hold_until__gt=timezone.now())
        return list(found.filter(held).order_by("pk")[:20])

    @property
    def other_links(self) -> list[tuple[Change, bool]]:
        """Those of the others that are open, and whether the reader may see them."""
        still = (other for other in self.others if other.status in OPEN)
        return [(other, change_rows.can_view(other.requester_id, self.reader)) for other in still]

    @cached_property
    def likeness(self) -> list[ReuseWarning]:
        """Where the portal has met the new secret value, for readers whom that may be told."""
        return secret_insight.find_reuse(self.change, self.revision, reader=self.reader)

    @property
    def next(self) -> list[str]:
        """What happens next, sentence by sentence."""
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
        """Whether enough users may approve it, where it waits for approvals."""
        if self.change.status != Status.PENDING:
            return True
        return valid_votes.can_be_approved(self.change, self.revision, frozenset(self.change.deciders))  # type: ignore[attr-defined]

    @cached_property
    def pause(self) -> Breaker | None:
        """What keeps this change waiting along with all others; None where nothing does."""
        return circuit_breaker.current_pause() if self.change.status in next_steps.WAITING else None

    @property
    def token(self) -> str:
        """What a page that shows this has seen."""
        voted = self.all_votes[-1].pk if self.all_votes else None
        change = self.change
        return page_version(
            change.revision, change.status, change.updated_at, circuit_breaker.pause_version(self.pause), voted
        )

    @property
    def steps(self) -> list[next_steps.ProgressStep]:
        return next_steps.progress_steps(self.change)

    @property
    def is_open(self) -> bool:
        return self.change.status in OPEN

    @property
    def doubtful(self) -> bool:
        return self.change.status in (Status.IN_DOUBT, Status.NEEDS_HUMAN)

    @cached_property
    def objection(self) -> RuleViolation | WrongState | None:
        """Why the reader may not vote, as the vote itself would be refused."""
        return guards.find_vote_violation(self.change, by=self.reader)

    @property
    def may_vote(self) -> bool:
        return self.change.status == Status.PENDING and self.objection is None

    @property
    def may_approve(self) -> bool:
        return self._may(Verdict.APPROVE)

    @property
    def may_request_changes(self) -> bool:
        return self._may(Verdict.REQUEST_CHANGES)

    def _may(self, verdict: Verdict) -> bool:
        return self.may_vote and guards.find_change_request_violation(self.change, verdict, by=self.reader) is None

    @property
    def why_not(self) -> str:
        """The rule that keeps the reader from voting, while there is something to vote on; '' otherwise."""
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
        return self.change.status == Status.NEEDS_HUMAN and roles.has_right(self.reader, Right.OPERATE)

    @property
    def may_settle(self) -> bool:
        return self.settled_by_operators and not isinstance(self.objection, OwnChange)

    def difference_from(self, number: int) -> RevisionDiff | None:
        """What changed between revision `number` and the one that counts; None where there is nothing to compare."""
        seen = next((revision for revision in self.revisions if revision.number == number), None)
        return revision_diff.compare_revisions(seen, self.revision) if seen and seen is not self.revision else None


def page_version(revision: int, status: str, moved_at: datetime, paused: datetime | None, voted: int | None) -> str:
    """What a page has seen: revision, status, instant of the last move, newest vote, and the mark of a pause."""
    pause = f".{paused.timestamp():.6f}" if paused and status in next_steps.WAITING else ""
    return f"{revision}.{status}.{moved_at.timestamp():.6f}.{voted or 0}{pause}"


def fetch_page_version(change_id: int, reader: User) -> str | None:
    """The token of a page that would show it now, in one query; None where this person may not see it."""
    found = _STANDING.rows(change=change_id)
    if not found:
        return None
    requester, *standing = found[0]
    return page_version(*standing) if change_rows.can_view(requester, reader) else None


def _standing() -> QuerySet[Change, Any]:
    paused = Subquery(Breaker.objects.filter(circuit_breaker.PAUSED).values_list(circuit_breaker.MARK))
    voted = Subquery(Vote.objects.filter(change=OuterRef("pk")).order_by("-pk").values("pk")[:1])
    asked = ("requester", "revision", "status", "updated_at", paused, voted)
    return Change.objects.filter(pk=Given("change")).values_list(*asked)


_STANDING = Prepared(_standing)  # an open page asks it every two seconds


def load_change_page(change_id: int, reader: User) -> ChangePage:
    """The change, if this person may see it. Raises Change.DoesNotExist, which tells strangers nothing."""
    revisions = Revision.objects.defer("sealed_secret").select_related("editor").order_by("-number")
    votes = Vote.objects.with_rights().select_related("voter").order_by("pk")
    deciders = ArraySubquery(
        roles.users_with_right(Right.DECIDE).values("pk")
    )  # within this query, not in one of its own
    found = Change.objects.visible_to(reader).select_related("requester").annotate(deciders=deciders)
    return ChangePage(
        found.prefetch_related(Prefetch("revisions", revisions), Prefetch("votes", votes)).get(pk=change_id), reader
    )
