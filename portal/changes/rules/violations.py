"""Rule violations: exceptions with a `code` that the log stores, and a text that is a sentence for the user."""

from __future__ import annotations

from typing import ClassVar

from django.utils.translation import gettext as _

from portal.changes.models import Change


class RuleViolation(Exception):
    """A rule of the portal forbids the command."""

    code: ClassVar[str]
    """Identifier of the rule that the log stores; it stays the same if the class is renamed."""


class NotAllowed(RuleViolation):
    """The user lacks the right, or the change belongs to another user."""

    code = "NotAllowed"


class OwnChange(RuleViolation):
    """No user may decide a change they proposed or edited, administrators included."""

    code = "OwnChange"


class AlreadyVoted(RuleViolation):
    """A user has one vote per revision."""

    code = "AlreadyVoted"


class ChangesRequested(RuleViolation):
    """An approver requested changes: until a revision, or that approver's decision, no other approver can approve."""

    code = "ChangesRequested"


class StaleRevision(RuleViolation):
    """The change was revised after the page was opened: the voter has not seen the current revision."""

    code = "StaleRevision"

    def __init__(self, change: Change) -> None:
        super().__init__(_("This change was revised while you were reading. Look at the difference and decide again."))
        self.change = change


class BaseChanged(RuleViolation):
    """The secret changed in Segura since the proposal: the voter has compared it with values that are gone."""

    code = "base_changed"


class AlreadySubmitted(RuleViolation):
    """The same proposal is a revision of a change already."""

    code = "AlreadySubmitted"


class NotWritable(RuleViolation):
    """The secret is unknown or unlisted, or the portal's Segura user may not write it."""

    code = "NotWritable"


class NothingChanged(RuleViolation):
    """The proposal equals the current values in Segura."""

    code = "NothingChanged"


class NotRevertible(RuleViolation):
    """The change was not applied, or its earlier values are not known."""

    code = "NotRevertible"


class BeyondRevert(RuleViolation):
    """The proposal changes fields that the change to revert did not change."""

    code = "BeyondRevert"


class ReasonMissing(RuleViolation):
    """A reason is mandatory."""

    code = "ReasonMissing"


class TooManySubmissions(RuleViolation):
    """The user has reached a limit of submissions or comments."""

    code = "TooMany"


class VotesLapsed(RuleViolation):
    """The approvals are too old, or their voters may no longer decide."""

    code = "VotesLapsed"


class ContainsSecret(RuleViolation):
    """The text contains the secret value that its author proposed; `rest` is the text without the value."""

    code = "HoldsSecret"

    def __init__(self, rest: str) -> None:
        super().__init__(_("The text must not hold the secret value: everyone who can see the change reads it."))
        self.rest = rest


class PastRetention(RuleViolation):
    """The change is so old that its events have been deleted from the log: no comment can be added."""

    code = "PastRetention"


class ReauthenticationRequired(RuleViolation):
    """The user has not authenticated within the last minutes."""

    code = "NotPresent"


class RecoveryCodeUsed(ReauthenticationRequired):
    """The user's only second factor in this session was a recovery code, which is no proof for an act."""

    code = "recovery_code"


class SignatureRequired(RuleViolation):
    """SIGNED_VOTES requires a vote signed with a vote key."""

    code = "signature_required"


class SignatureInvalid(RuleViolation):
    """The vote came with a signature that is not valid, or by a key that does not count."""

    code = "signature_invalid"


class ReviewRequired(RuleViolation):
    """Approving a high-risk change requires a proof of review."""

    code = "HighRisk"


class DiffNotOpened(ReviewRequired):
    """The voter has not opened a page that shows the difference."""

    code = "NotOpened"


class ImpactNotConfirmed(ReviewRequired):
    """The voter has not confirmed the impact of the change."""

    code = "NotConfirmed"


class AlreadyPaused(RuleViolation):
    """An administrator has paused delivery already."""

    code = "AlreadyHeld"


class NotPaused(RuleViolation):
    """No administrator has paused delivery."""

    code = "NotHeld"


class SecretMismatch(RuleViolation):
    """The secret value entered for a retry is not the approved one."""

    code = "ValueDiffers"


class TooManyGuesses(SecretMismatch):
    """The limit of wrong values entered for a retry is reached: no further value is compared for a while."""

    code = "GuessesSpent"
