"""Rules of vote keys, as exceptions: `code` is stored in the log, the text is a sentence for the user."""

from __future__ import annotations

from portal.governance.violations import GovernanceViolation


class OwnVoteKey(GovernanceViolation):
    """No user confirms their own key."""

    code = "own_vote_key"


class VoteKeyClosed(GovernanceViolation):
    """The key was confirmed or revoked before."""

    code = "vote_key_closed"


class NoVoteKey(GovernanceViolation):
    """The user has no key that may confirm another one."""

    code = "no_vote_key"


class VoteKeyNotSealed(GovernanceViolation):
    """The enrolment is not sealed in the log yet."""

    code = "vote_key_not_sealed"


class SignatureRefused(GovernanceViolation):
    """The signature is not valid."""

    code = "signature_refused"


class EnrolmentRefused(GovernanceViolation):
    """The browser's answer is no valid registration of a passkey, or the key is enrolled already."""

    code = "enrolment_refused"
