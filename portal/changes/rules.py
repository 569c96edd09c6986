"""The rules for people, each a refusal that names itself; `str()` of it is a sentence for the person who met it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.presence import Presence
from portal.accounts.roles import Right
from portal.catalog.models import ApiSecret
from portal.changes import risks
from portal.changes.care import Care
from portal.changes.existence import has
from portal.changes.models import Change, Revision, Status, Verdict, Vote
from portal.changes.proposal import Proposal
from portal.changes.risks import Level
from portal.changes.transitions import WrongState
from portal.changes.violations import AlreadyHeld as AlreadyHeld
from portal.changes.violations import AlreadySubmitted as AlreadySubmitted
from portal.changes.violations import AlreadyVoted as AlreadyVoted
from portal.changes.violations import ChangesRequested as ChangesRequested
from portal.changes.violations import GuessesSpent as GuessesSpent
from portal.changes.violations import HighRisk as HighRisk
from portal.changes.violations import HoldsSecret as HoldsSecret
from portal.changes.violations import NotAllowed as NotAllowed
from portal.changes.violations import NotConfirmed as NotConfirmed
from portal.changes.violations import NotHeld as NotHeld
from portal.changes.violations import NothingChanged as NothingChanged
from portal.changes.violations import NotOpened as NotOpened
from portal.changes.violations import NotPresent as NotPresent
from portal.changes.violations import NotReaders as NotReaders
from portal.changes.violations import NotWritable as NotWritable
from portal.changes.violations import OwnChange as OwnChange
from portal.changes.violations import PastRetention as PastRetention
from portal.changes.violations import ReasonMissing as ReasonMissing
from portal.changes.violations import Refused as Refused
from portal.changes.violations import StaleRevision as StaleRevision
from portal.changes.violations import TooMany as TooMany
from portal.changes.violations import ValueDiffers as ValueDiffers
from portal.changes.violations import VotesLapsed as VotesLapsed

_HOUR = timedelta(hours=1)


def objection(change: Change, *, by: User) -> Refused | WrongState | None:
    """Why this person may not vote on the revision that counts, as approve would raise it; None where they may.

    Asks `revisions` and `votes` of the change, so that a page that has prefetched them pays nothing.
    """
    if is_own(change, by):
        return _own_change()
    if not roles.holds(by, Right.DECIDE):
        return _members_only(Right.DECIDE)
    if change.status != Status.PENDING:
        return WrongState(change)
    if any(vote.voter_id == by.pk and vote.verdict != Verdict.REQUEST_CHANGES for vote in votes_on(change)):
        return _already_voted()
    return None


def votes_on(change: Change) -> list[Vote]:
    """Return the votes on the current revision that are not voided. Asks `votes` of the change."""
    return [vote for vote in change.votes.all() if vote.revision == change.revision and vote.voided_at is None]


def requests(votes: Collection[Vote]) -> list[Vote]:
    """Of the votes on one revision the requests for changes that stand: their voter has not decided since."""
    decided = {vote.voter_id for vote in votes if vote.verdict != Verdict.REQUEST_CHANGES}
    return [vote for vote in votes if vote.voter_id not in decided]


def names_of(votes: Collection[Vote]) -> str:
    """Whose votes these are, for a sentence."""
    return ", ".join(vote.voter.display_name for vote in votes)


def asked_for_changes(change: Change, verdict: Verdict, *, by: User) -> Refused | None:
    """What a request for changes keeps this person from: approving what others want changed, or asking twice."""
    standing = requests(votes_on(change))
    own = any(vote.voter_id == by.pk for vote in standing)
    if verdict == Verdict.REQUEST_CHANGES and own:
        return AlreadyVoted(_("You have asked for changes. It waits for a revision, or your own decision."))
    if verdict == Verdict.APPROVE and standing and not own:
        return ChangesRequested(
            _("%(names)s asked for changes. It can be approved once it is revised, or once they approve it themselves.")
            % {"names": names_of(standing)}
        )
    return None


def barred(change: int, revision: int, *, by: User) -> Refused:
    """What the database means where it refuses a vote: its constraints are one vote per revision, and four eyes."""
    voted = Vote.objects.filter(change=change, revision=revision, voter=by, voided_at=None).exists()
    return _already_voted() if voted else _own_change()


def reasoned(verdict: Verdict, reason: str) -> None:
    """All but an approval say why. Raises ReasonMissing."""
    if verdict == Verdict.REJECT and not reason.strip():
        raise ReasonMissing(_("A rejection needs a reason: the requester reads it."))
    if verdict == Verdict.REQUEST_CHANGES and not reason.strip():
        raise ReasonMissing(_("Say what should be changed: the requester reads it."))


def needs(by: User, right: Right) -> None:
    """The person holds the right now. Raises NotAllowed, which names the groups that carry it."""
    if not roles.holds(by, right):
        raise _members_only(right)


def present(presence: Presence) -> None:
    """The person has shown within minutes that it is them. Raises NotPresent."""
    if not presence.fresh:
        raise NotPresent(_("Enter your password: this needs you to show that it is you."))


def careful(revision: Revision, care: Care) -> None:
    """What is of high risk was looked at and its consequence confirmed. Raises NotOpened, NotConfirmed."""
    proposed = risks.of_proposed(revision.patch, revision.base, new_secret=bool(revision.secret_fingerprint))
    if proposed < Level.HIGH:
        return
    if not care.opened:
        raise NotOpened(_("High risk: open the change and read its difference before you approve it."))
    if not care.confirmed:
        raise NotConfirmed(_("High risk: confirm that you know what approving brings about."))


def not_own(change: Change, by: User, rule: str) -> None:
    """Raises OwnChange, with the sentence `rule`, for whoever proposed or edited the change."""
    if is_own(change, by):
        raise OwnChange(rule)


def own(change: Change, by: User, rule: str) -> None:
    """It is the person's own change. Raises NotAllowed with the sentence `rule`."""
    if change.requester_id != by.pk:
        raise NotAllowed(rule)


def writable(proposal: Proposal, read: ApiSecret | None = None) -> ApiSecret:
    """The secret of the proposal, just `read` or by the mirror now. Raises NotWritable, which says who could help."""
    just_read = read is not None and read.pk == proposal.secret
    secret = read if just_read else ApiSecret.objects.filter(pk=proposal.secret).first()
    if secret is None:
        raise NotWritable(_("The portal knows no API secret of this number."))
    if secret.obstacle:
        raise NotWritable(secret.obstacle)
    return secret


def unhurried(proposal: Proposal, by: User, *, submitted: int, now: datetime) -> None:
    """The person has `submitted` no more than CHANGE_SUBMITS_PER_HOUR proposals within an hour. Raises TooMany.

    Not for people who work: for guesses at a secret value, each of which has to be a proposal. The rows are the count.
    """
    limit = settings.CHANGE_SUBMITS_PER_HOUR
    if submitted < limit or Revision.objects.filter(pk=proposal.revision_id).exists():
        return
    newest_first = Revision.objects.filter(editor=by).order_by("-created_at").values_list("created_at", flat=True)
    minutes = 1 + (newest_first[limit - 1] + _HOUR - now) // timedelta(minutes=1)
    raise TooMany(
        ngettext(
            "You have submitted very many proposals within an hour. Try again in %(minutes)d minute.",
            "You have submitted very many proposals within an hour. Try again in %(minutes)d minutes.",
            minutes,
        )
        % {"minutes": minutes}
    )


def unsubmitted(proposal: Proposal) -> None:
    known = Change.objects.filter(revisions=proposal.revision_id).first()
    if known is not None:
        raise AlreadySubmitted(_("This proposal was submitted before: it is %s.") % known)


def complete(proposal: Proposal) -> None:
    """Something changes, for a reason. Raises NothingChanged, ReasonMissing."""
    if not proposal.patch and proposal.sealed is None:
        raise NothingChanged(_("Nothing changed: edit at least one field."))
    if not proposal.reason.strip():
        raise ReasonMissing(_("A reason is mandatory: approvers and auditors read it."))


def is_own(change: Change, by: User) -> bool:
    """Whether the person proposed the change or edited it. Asks `revisions` of the change."""
    return change.requester_id == by.pk or any(revision.editor_id == by.pk for revision in change.revisions.all())


def are_own(by: User) -> Q:
    """is_own as a condition, for lists of changes."""
    return Q(requester=by) | has(Revision.objects.filter(change=OuterRef("pk"), editor=by))


def _own_change() -> OwnChange:
    return OwnChange(
        _("Nobody decides a change they proposed or edited. Another member of %(groups)s can.")
        % {"groups": roles.groups_with(Right.DECIDE)}
    )


def _already_voted() -> AlreadyVoted:
    return AlreadyVoted(_("You have voted on this revision; another approver is needed."))


def _members_only(right: Right) -> NotAllowed:
    return NotAllowed(_("Only members of %(groups)s can do this.") % {"groups": roles.groups_with(right)})
