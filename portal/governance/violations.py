"""Rules of governance, as exceptions: `code` is stored in the log, the text is a sentence for the user."""

from __future__ import annotations

from typing import ClassVar


class GovernanceViolation(Exception):
    """A rule of the governance forbids the act. Nothing was done."""

    code: ClassVar[str]


class NotEntitled(GovernanceViolation):
    """The user lacks the right to propose, to decide or to act."""

    code = "not_entitled"


class OwnProposal(GovernanceViolation):
    """No user decides their own proposal."""

    code = "own_proposal"


class OwnRights(GovernanceViolation):
    """No user changes their own rights, proposes to, or decides about them."""

    code = "own_rights"


class ProposalClosed(GovernanceViolation):
    """The proposal was decided, withdrawn or outdated before."""

    code = "proposal_closed"


class ProposalOutdated(GovernanceViolation):
    """The state before is no longer the one that the proposal names, or its proposer may no longer propose it."""

    code = "proposal_outdated"


class ProposalExists(GovernanceViolation):
    """Another proposal about the person is open."""

    code = "proposal_exists"


class NoProposer(GovernanceViolation):
    """The console proposed it, and no administrator has adopted the proposal."""

    code = "no_proposer"


class RolesFromProvider(GovernanceViolation):
    """The OpenID provider's groups give the person's roles."""

    code = "roles_from_provider"


class NoEffect(GovernanceViolation):
    """The act would change nothing."""

    code = "no_effect"


class ProposalReasonMissing(GovernanceViolation):
    """The act needs a reason."""

    code = "proposal_reason_missing"


class PasswordRequired(GovernanceViolation):
    """The user has to authenticate again."""

    code = "password_required"


class AccountNotAddable(GovernanceViolation):
    """The account cannot be created: its name or address is taken, or local accounts are off."""

    code = "account_not_addable"


class LinkNotMailable(GovernanceViolation):
    """No link to choose a password can be mailed to the person."""

    code = "link_not_mailable"
