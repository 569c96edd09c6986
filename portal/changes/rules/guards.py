"""Rules for users, checked before a command acts. `str()` of a rule violation is a sentence for the user."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.audit.models import Event
from portal.catalog.models import ApiSecret
from portal.changes.approvals.signed_votes import is_high_risk as is_high_risk
from portal.changes.domain.proposal import Proposal
from portal.changes.domain.review_proof import ReviewProof
from portal.changes.models import Change, Revision, Status, Verdict, Vote
from portal.changes.rules.violations import AlreadyPaused as AlreadyPaused
from portal.changes.rules.violations import AlreadySubmitted as AlreadySubmitted
from portal.changes.rules.violations import AlreadyVoted as AlreadyVoted
from portal.changes.rules.violations import BaseChanged as BaseChanged
from portal.changes.rules.violations import BeyondRevert as BeyondRevert
from portal.changes.rules.violations import ChangesRequested as ChangesRequested
from portal.changes.rules.violations import ContainsSecret as ContainsSecret
from portal.changes.rules.violations import DiffNotOpened as DiffNotOpened
from portal.changes.rules.violations import ImpactNotConfirmed as ImpactNotConfirmed
from portal.changes.rules.violations import NotAllowed as NotAllowed
from portal.changes.rules.violations import NothingChanged as NothingChanged
from portal.changes.rules.violations import NotPaused as NotPaused
from portal.changes.rules.violations import NotRevertible as NotRevertible
from portal.changes.rules.violations import NotWritable as NotWritable
from portal.changes.rules.violations import OwnChange as OwnChange
from portal.changes.rules.violations import PastRetention as PastRetention
from portal.changes.rules.violations import ReasonMissing as ReasonMissing
from portal.changes.rules.violations import ReauthenticationRequired as ReauthenticationRequired
from portal.changes.rules.violations import RecoveryCodeUsed as RecoveryCodeUsed
from portal.changes.rules.violations import ReviewRequired as ReviewRequired
from portal.changes.rules.violations import RuleViolation as RuleViolation
from portal.changes.rules.violations import SecretMismatch as SecretMismatch
from portal.changes.rules.violations import SignatureInvalid as SignatureInvalid
from portal.changes.rules.violations import SignatureRequired as SignatureRequired
from portal.changes.rules.violations import StaleRevision as StaleRevision
from portal.changes.rules.violations import TooManyGuesses as TooManyGuesses
from portal.changes.rules.violations import TooManySubmissions as TooManySubmissions
from portal.changes.rules.violations import VotesLapsed as VotesLapsed
from portal.changes.transitions import WrongState
from portal.common.db_expressions import exists_by_index

_HOUR = timedelta(hours=1)


def find_vote_violation(change: Change, *, by: User) -> RuleViolation | WrongState | None:
    """Return the reason why this user may not vote on the current revision, as approve_change raises it, or None.

    Reads `revisions` and `votes` of the change, so that a page that has prefetched them needs no query.
    """
    if is_own_change(change, by):
        return _own_change()
    if not roles.has_right(by, Right.DECIDE):
        return _members_only(Right.DECIDE)
    if change.status != Status.PENDING:
        return WrongState(change)
    if any(vote.voter_id == by.pk and vote.verdict != Verdict.REQUEST_CHANGES for vote in current_votes(change)):
        return _already_voted()
    return None


def current_votes(change: Change) -> list[Vote]:
    """Return the votes on the current revision that are not voided. Reads `votes` of the change."""
    return [vote for vote in change.votes.all() if vote.revision == change.revision and vote.voided_at is None]


def open_change_requests(votes: Collection[Vote]) -> list[Vote]:
    """Return the open requests for changes among the votes on one revision: those whose voter has not decided since."""
    decided = {vote.voter_id for vote in votes if vote.verdict != Verdict.REQUEST_CHANGES}
    return [vote for vote in votes if vote.voter_id not in decided]


def voter_names(votes: Collection[Vote]) -> str:
    """Return the names of the voters, for a sentence."""
    return ", ".join(vote.voter.display_name for vote in votes)


def find_change_request_violation(change: Change, verdict: Verdict, *, by: User) -> RuleViolation | None:
    """Return the violation if an open request for changes forbids this verdict, else None.

    Forbidden are an approval by a user without an own request, and a second request by the same user.
    """
    standing = open_change_requests(current_votes(change))
    own = any(vote.voter_id == by.pk for vote in standing)
    if verdict == Verdict.REQUEST_CHANGES and own:
        return AlreadyVoted(_("You requested changes. Waiting for a revision, or for your own decision."))
    if verdict == Verdict.APPROVE and standing and not own:
        return ChangesRequested(
            _(
                "%(names)s requested changes. Others can approve the change only after a revision, or "
                "after %(names)s approves."
            )
            % {"names": voter_names(standing)}
        )
    return None


def violation_from_constraint(change: int, revision: int, *, by: User) -> RuleViolation:
    """Return the rule violation behind a vote that a database constraint prevented.

    The constraints are one vote per user and revision, and four eyes.
    """
    voted = Vote.objects.filter(change=change, revision=revision, voter=by, voided_at=None).exists()
    return _already_voted() if voted else _own_change()


def require_reason(verdict: Verdict, reason: str) -> None:
    """Require a reason for every verdict but an approval. Raises ReasonMissing."""
    if verdict == Verdict.REJECT and not reason.strip():
        raise ReasonMissing(_("Add a reason. The requester sees it."))
    if verdict == Verdict.REQUEST_CHANGES and not reason.strip():
        raise ReasonMissing(_("Describe what to change. The requester sees it."))


def require_right(by: User, right: Right) -> None:
    """Require that the user has the right now. Raises NotAllowed, which names the groups that carry it."""
    if not roles.has_right(by, right):
        raise _members_only(right)


def require_recent_auth(recent_auth: RecentAuth) -> None:
    """Require that the user has authenticated within the last minutes, and not by a recovery code.

    Raises ReauthenticationRequired, RecoveryCodeUsed.
    """
    if recent_auth.recovery_code:
        raise RecoveryCodeUsed(recent_auth.request_sentence())
    if not recent_auth.fresh:
        raise ReauthenticationRequired(recent_auth.request_sentence())


def require_vote_auth(recent_auth: RecentAuth, *, high_risk: bool) -> None:
    """Require what require_recent_auth does; below high risk accepted votes extend the last authentication."""
    if high_risk or not recent_auth.extended:
        require_recent_auth(recent_auth)


def require_events(change: Change) -> None:
    """Require that the log still has events of the change. Raises PastRetention.

    An event of a closed change whose events are past their retention would be its first one.
    """
    if not Event.objects.filter(change=change.pk).exists():
        raise PastRetention(_("The events of this change are past their retention. Say it on a newer change."))


def require_review_proof(revision: Revision, review_proof: ReviewProof) -> None:
    """Require that the voter opened the difference of a high-risk revision and confirmed its impact.

    Raises DiffNotOpened, ImpactNotConfirmed.
    """
    if not is_high_risk(revision):
        return
    if not review_proof.opened:
        raise DiffNotOpened(_("High risk: open the change and read its difference before you approve it."))
    if not review_proof.confirmed:
        raise ImpactNotConfirmed(_("Confirm that you understand what approving does."))


def forbid_own_change(change: Change, by: User, rule: str) -> None:
    """Raise OwnChange, with the sentence `rule`, if the user proposed or edited the change."""
    if is_own_change(change, by):
        raise OwnChange(rule)


def require_requester(change: Change, by: User, rule: str) -> None:
    """Require that the user is the change's requester. Raises NotAllowed with the sentence `rule`."""
    if change.requester_id != by.pk:
        raise NotAllowed(rule)


def require_writable_secret(proposal: Proposal, read: ApiSecret | None = None) -> ApiSecret:
    """Return the secret of the proposal: `read`, if the caller has just read it, or the catalog's current entry.

    Raises NotWritable, which names who could help.
    """
    just_read = read is not None and read.pk == proposal.secret
    secret = read if just_read else ApiSecret.objects.filter(pk=proposal.secret).first()
    if secret is None:
        raise NotWritable(_("Countersign knows no API secret with this identifier."))
    if secret.blocked_reason:
        raise NotWritable(secret.blocked_reason)
    return secret


def enforce_submission_limit(proposal: Proposal, by: User, *, submitted: int, now: datetime) -> None:
    """Raise TooManySubmissions if the user has `submitted` CHANGE_SUBMITS_PER_HOUR proposals within an hour.

    Meant to stop guesses at a secret value, each of which needs a proposal; ordinary work stays below the limit. The
    count is that of the stored revisions; a proposal that is stored already passes.
    """
    limit = settings.CHANGE_SUBMITS_PER_HOUR
    if submitted < limit or Revision.objects.filter(pk=proposal.revision_id).exists():
        return
    newest_first = Revision.objects.filter(editor=by).order_by("-created_at").values_list("created_at", flat=True)
    minutes = 1 + (newest_first[limit - 1] + _HOUR - now) // timedelta(minutes=1)
    raise TooManySubmissions(
        ngettext(
            "You have submitted very many proposals within an hour. Try again in %(minutes)d minute.",
            "You have submitted very many proposals within an hour. Try again in %(minutes)d minutes.",
            minutes,
        )
        % {"minutes": minutes}
    )


def forbid_resubmission(proposal: Proposal) -> None:
    known = Change.objects.filter(revisions=proposal.revision_id).first()
    if known is not None:
        raise AlreadySubmitted(_("This proposal was submitted before: it is %s.") % known)


def require_changes(proposal: Proposal) -> None:
    """Require that the proposal changes something and has a reason. Raises NothingChanged, ReasonMissing."""
    if not proposal.patch and proposal.sealed is None:
        raise NothingChanged(_("Nothing changed: edit at least one field."))
    if not proposal.reason.strip():
        raise ReasonMissing(_("Enter a reason. Approvers and auditors see it."))


def is_own_change(change: Change, by: User) -> bool:
    """Return whether the user proposed or edited the change. Reads `revisions` of the change."""
    return change.requester_id == by.pk or any(revision.editor_id == by.pk for revision in change.revisions.all())


def own_changes_filter(by: User) -> Q:
    """Return is_own_change as a query condition, for lists of changes."""
    return Q(requester=by) | exists_by_index(Revision.objects.filter(change=OuterRef("pk"), editor=by))


def _own_change() -> OwnChange:
    return OwnChange(
        _("You can't decide a change you proposed or edited. Another member of %(groups)s can.")
        % {"groups": roles.group_names_with_right(Right.DECIDE)}
    )


def _already_voted() -> AlreadyVoted:
    return AlreadyVoted(_("You have voted on this revision; another approver is needed."))


def _members_only(right: Right) -> NotAllowed:
    return NotAllowed(_("Only members of %(groups)s can do this.") % {"groups": roles.group_names_with_right(right)})
