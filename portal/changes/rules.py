"""The rules for people, each a refusal that names itself; `str()` of it is a sentence for the person who met it."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.presence import Presence
from portal.accounts.roles import Right
from portal.catalog.models import ApiSecret
from portal.changes.models import Change, Revision, Status, Verdict
from portal.changes.policy import Policy
from portal.changes.proposal import Proposal
from portal.changes.transitions import WrongState

_HOUR = timedelta(hours=1)


class Refused(Exception):
    """A rule says no."""


class NotAllowed(Refused):
    """The person lacks the right, or it is somebody else's change."""


class OwnChange(Refused):
    """Nobody decides a change they proposed or edited, administrators included."""


class AlreadyVoted(Refused):
    """One vote per person and revision."""


class StaleRevision(Refused):
    """The change was revised after the page was opened: the vote would be over something not seen."""

    def __init__(self, change: Change) -> None:
        super().__init__(_("This change was revised while you were reading. Look at the difference and decide again."))
        self.change = change


class AlreadySubmitted(Refused):
    """The very proposal is a revision of another change."""


class NotWritable(Refused):
    """The portal's Segura user may not write this secret, or the secret is gone."""


class NothingChanged(Refused):
    """The proposal equals what the vault holds."""


class ReasonMissing(Refused):
    """A reason is mandatory."""


class TooMany(Refused):
    """So many proposals by one person within an hour that no other is taken for a while."""


class VotesLapsed(Refused):
    """The approvals are too old, or of people who may no longer decide."""


class NotPresent(Refused):
    """The person showed too long ago who they are, or never did."""


class AlreadyHeld(Refused):
    """A person has paused delivery before."""


class NotHeld(Refused):
    """No person has paused delivery."""


class ValueDiffers(Refused):
    """The secret value entered for a retry is not the one that was approved."""


class GuessesSpent(ValueDiffers):
    """So many wrong values were entered for a retry that no other is looked at for a while."""


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
    if any(vote.voter_id == by.pk and vote.revision == change.revision for vote in change.votes.all()):
        return _already_voted()
    return None


def barred(change: Change, *, by: User) -> Refused:
    """What the database means where it refuses a vote: its constraints are one vote per revision, and four eyes."""
    voted = change.votes.filter(voter=by, revision=change.revision).exists()
    return _already_voted() if voted else _own_change()


def needs(by: User, right: Right) -> None:
    """The person holds the right now. Raises NotAllowed, which names the groups that carry it."""
    if not roles.holds(by, right):
        raise _members_only(right)


def present(presence: Presence) -> None:
    """The person has shown within minutes that it is them. Raises NotPresent."""
    if not presence.fresh:
        raise NotPresent(_("Enter your password: this needs you to show that it is you."))


def not_own(change: Change, by: User) -> None:
    """Raises OwnChange for whoever proposed or edited the change."""
    if is_own(change, by):
        raise OwnChange(_("Nobody closes a change they proposed or edited. Another administrator can."))


def own(change: Change, by: User, rule: str) -> None:
    """It is the person's own change. Raises NotAllowed with the sentence `rule`."""
    if change.requester_id != by.pk:
        raise NotAllowed(rule)


def writable(proposal: Proposal) -> ApiSecret:
    """The secret that the proposal is for, by the mirror. Raises NotWritable, which says who could help."""
    secret = ApiSecret.objects.filter(pk=proposal.secret).first()
    if secret is None:
        raise NotWritable(_("The portal knows no API secret of this number."))
    if secret.obstacle:
        raise NotWritable(secret.obstacle)
    return secret


def unhurried(proposal: Proposal, by: User, *, now: datetime) -> None:
    """The person has submitted no more than CHANGE_SUBMITS_PER_HOUR proposals within an hour. Raises TooMany.

    Not for people who work: for guesses at a secret value, each of which has to be a proposal. The rows are the count.
    """
    recent = Revision.objects.filter(editor=by, created_at__gt=now - _HOUR).order_by("-created_at")
    limit = settings.CHANGE_SUBMITS_PER_HOUR
    oldest = recent.values_list("created_at", flat=True)[limit - 1 : limit].first()
    if oldest is not None and not Revision.objects.filter(pk=proposal.revision_id).exists():
        minutes = 1 + (oldest + _HOUR - now) // timedelta(minutes=1)
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


def approved_by_standing(change: Change, revision: Revision) -> bool:
    """Whether the approvals of people who may still decide meet the policy of the revision."""
    votes = change.votes.filter(revision=revision.number, verdict=Verdict.APPROVE)
    standing = votes.filter(voter__in=roles.holders(Right.DECIDE)).values_list("voter_id", flat=True)
    return Policy.from_data(revision.policy).met_by(standing)


def is_own(change: Change, by: User) -> bool:
    """Whether the person proposed the change or edited it. Asks `revisions` of the change."""
    return change.requester_id == by.pk or any(revision.editor_id == by.pk for revision in change.revisions.all())


def _own_change() -> OwnChange:
    return OwnChange(
        _("Nobody decides a change they proposed or edited. Another member of %(groups)s can.")
        % {"groups": roles.groups_with(Right.DECIDE)}
    )


def _already_voted() -> AlreadyVoted:
    return AlreadyVoted(_("You have voted on this revision; another approver is needed."))


def _members_only(right: Right) -> NotAllowed:
    return NotAllowed(_("Only members of %(groups)s can do this.") % {"groups": roles.groups_with(right)})
