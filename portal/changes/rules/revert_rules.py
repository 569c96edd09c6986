"""Rules for a revert: the change was applied, its earlier values are known, and no other field is changed."""

from __future__ import annotations

from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.changes.domain import reverting
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status
from portal.changes.rules.violations import BeyondRevert, NotRevertible


def find_revert_violation(change: Change, revision: Revision) -> NotRevertible | None:
    """Return the reason why a change with this current revision cannot be reverted, or None."""
    number = {"number": change.reference}
    if change.status != Status.APPLIED:
        return NotRevertible(_("%(number)s was not applied, so there is nothing to revert.") % number)
    if revision.base is None:
        return NotRevertible(
            _("Segura did not show the values before %(number)s, so they cannot be restored. Propose a change instead.")
            % number
        )
    return None


def require_revertible(change_id: int, proposal: Proposal, *, by: User) -> Change:
    """Return the applied change that the proposal reverts. Raises NotRevertible, BeyondRevert."""
    change = Change.objects.visible_to(by).filter(pk=change_id, secret=proposal.secret).first()
    if change is None:
        raise NotRevertible(_("Open the change that you want to revert, and start from its page."))
    violation = find_revert_violation(change, change.get_current_revision())
    if violation is not None:
        raise violation
    if proposal.base is None:
        raise NotRevertible(current_values_unknown())
    require_revert_scope(change, proposal)
    return change


def require_revert_scope(reverted: Change, proposal: Proposal) -> None:
    """Require that the proposal changes no field that the reverted change left alone. Raises BeyondRevert."""
    revision = reverted.get_current_revision()
    beyond = reverting.find_fields_beyond(
        proposal.patch,
        revision.patch,
        new_secret=proposal.sealed is not None,
        reverted_secret=bool(revision.secret_fingerprint),
    )
    if beyond:
        names = ", ".join(str(FIELD_LABELS[name]) for name in beyond)
        raise BeyondRevert(
            _(
                "A revert changes only what %(number)s changed. Undo your edits of %(fields)s, or propose them as a "
                "change of their own."
            )
            % {"number": reverted.reference, "fields": names}
        )


def current_values_unknown() -> str:
    """Return the sentence for a secret whose current values could not be read."""
    return _("A revert is compared with the current values, and Segura did not show them. Nothing was changed.")
