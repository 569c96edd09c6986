"""Rule violations: exceptions whose `code` the log stores, and whose text is a sentence for the user who met it."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext as _

from portal.changes.models import Change


class RuleViolation(Exception):
    """A rule says no."""

    code: ClassVar[str]
    """What the log stores of the refusal: stable, whatever the class is called."""


class NotAllowed(RuleViolation):
    """The person lacks the right, or it is somebody else's change."""

    code = "NotAllowed"


class OwnChange(RuleViolation):
    """Nobody decides a change they proposed or edited, administrators included."""

    code = "OwnChange"


class AlreadyVoted(RuleViolation):
    """One vote per person and revision."""

    code = "AlreadyVoted"


class ChangesRequested(RuleViolation):
    """Somebody asked for changes: nobody else approves until it is revised, or they decide otherwise."""

    code = "ChangesRequested"


class StaleRevision(RuleViolation):
    """The change was revised after the page was opened: the vote would be over something not seen."""

    code = "StaleRevision"

    def __init__(self, change: Change) -> None:
        super().__init__(_("This change was revised while you were reading. Look at the difference and decide again."))
        self.change = change


class AlreadySubmitted(RuleViolation):
    """The very proposal is a revision of another change."""

    code = "AlreadySubmitted"


class NotWritable(RuleViolation):
    """The portal's Segura user may not write this secret, or the secret is gone."""

    code = "NotWritable"


class NothingChanged(RuleViolation):
    """The proposal equals what the vault holds."""

    code = "NothingChanged"


class ReasonMissing(RuleViolation):
    """A reason is mandatory."""

    code = "ReasonMissing"


class TooManySubmissions(RuleViolation):
    """So many proposals by one person within an hour that no other is taken for a while."""

    code = "TooMany"


class VotesLapsed(RuleViolation):
    """The approvals are too old, or of people who may no longer decide."""

    code = "VotesLapsed"


class ContainsSecret(RuleViolation):
    """The text holds the very secret value that its author proposed; `rest` is the text without it."""

    code = "HoldsSecret"

    def __init__(self, rest: str) -> None:
        super().__init__(_("The text must not hold the secret value: everyone who can see the change reads it."))
        self.rest = rest


class PastRetention(RuleViolation):
    """The change is so old that its events have left the log: nothing new can be said of it."""

    code = "PastRetention"


class MentionNotAllowed(RuleViolation):
    """Somebody is mentioned who may not see the change, or whom nobody knows."""

    code = "NotReaders"


class ReauthenticationRequired(RuleViolation):
    """The person showed too long ago who they are, or never did."""

    code = "NotPresent"


class ReviewRequired(RuleViolation):
    """Approving a change of high risk takes more than a click."""

    code = "HighRisk"


class DiffNotOpened(ReviewRequired):
    """The voter has not had its difference in front of them."""

    code = "NotOpened"


class ImpactNotConfirmed(ReviewRequired):
    """The voter has not confirmed what it brings about."""

    code = "NotConfirmed"


class AlreadyPaused(RuleViolation):
    """A person has paused delivery before."""

    code = "AlreadyHeld"


class NotPaused(RuleViolation):
    """No person has paused delivery."""

    code = "NotHeld"


class SecretMismatch(RuleViolation):
    """The secret value entered for a retry is not the one that was approved."""

    code = "ValueDiffers"


class TooManyGuesses(SecretMismatch):
    """So many wrong values were entered for a retry that no other is looked at for a while."""

    code = "GuessesSpent"
