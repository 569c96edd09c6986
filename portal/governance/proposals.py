"""Proposals: filed by one person, decided by another, applied in the transaction of the decision, with events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.audit.ledger import record_event
from portal.governance import rules
from portal.governance.models import GovernanceProposal, ProposalKind, ProposalVerdict
from portal.governance.violations import (
    GovernanceViolation,
    NoProposer,
    OwnProposal,
    OwnRights,
    ProposalClosed,
    ProposalExists,
    ProposalOutdated,
)

State = dict[str, Any]


@dataclass(frozen=True)
class KindRules:
    """Rules of a kind of proposal: right to propose and decide it, the person's state now, how it is applied."""

    right: Right
    read_state: Callable[[User], State]
    apply_proposal: Callable[[GovernanceProposal, User], None]


_RULES: dict[str, KindRules] = {}


def register_kind(kind: ProposalKind, kind_rules: KindRules) -> None:
    """Make a kind of proposal known, when the apps are loaded."""
    _RULES[kind] = kind_rules


@contextmanager
def recorded_refusals(act: str, by: User, **facts: Any) -> Iterator[None]:
    """Run the act in one transaction with the lock of governance; record a violation in the log and raise it."""
    try:
        with transaction.atomic():
            rules.lock_governance()
            yield
    except GovernanceViolation as violation:
        record_event("governance.refused", by=by.username, data={"act": act, "rule": violation.code, **facts})
        raise


def file_proposal(
    kind: ProposalKind, subject: User, new: State, *, by: User, reason: str, recent_auth: RecentAuth
) -> GovernanceProposal:
    """File a proposal about a person for another entitled person to decide. Requires the lock of governance.

    Raises NotEntitled, OwnRights, ProposalReasonMissing, ProposalExists, PasswordRequired.
    """
    rules.require_entitled(by, _RULES[kind].right)
    rules.forbid_own_rights(subject, by)
    rules.require_reason(reason)
    _forbid_second(subject)
    rules.require_recent_auth(recent_auth)
    return _store(kind, subject, new, reason=reason, actor=by.username, facts=recent_auth.as_data(), proposed_by=by)


def file_console_proposal(kind: ProposalKind, subject: User, new: State, *, console: str) -> GovernanceProposal:
    """File a proposal of the console, which no person has signed: an administrator adopts it, and another decides.

    Requires the lock of governance. Raises ProposalExists.
    """
    _forbid_second(subject)
    reason = f"Proposed by the {console}"
    return _store(kind, subject, new, reason=reason, actor=console, facts={}, console=console)


def adopt_proposal(proposal_id: int, *, by: User, recent_auth: RecentAuth) -> GovernanceProposal:
    """Make a proposal of the console the user's own, so that another person can decide it.

    Raises NotEntitled, OwnRights, ProposalClosed, PasswordRequired.
    """
    with recorded_refusals("adopt", by, proposal=proposal_id):
        proposal = _get_open(proposal_id)
        _require_party(proposal, by)
        if proposal.proposed_by_id is not None:
            raise ProposalClosed(_("%(proposal)s was adopted already.") % {"proposal": proposal})
        rules.require_recent_auth(recent_auth)
        proposal.proposed_by = by
        proposal.save(update_fields=["proposed_by"])
        record_event("governance.adopted", by=by.username, data={**_facts(proposal), **recent_auth.as_data()})
    return proposal


def approve_proposal(proposal_id: int, *, by: User, recent_auth: RecentAuth) -> GovernanceProposal:
    """Approve a proposal of another person and apply it, in one transaction.

    Raises NotEntitled, OwnProposal, OwnRights, NoProposer, ProposalClosed, ProposalOutdated, PasswordRequired.
    """
    with recorded_refusals("approve", by, proposal=proposal_id), _guarded():
        proposal = _get_open(proposal_id)
        _require_decider(proposal, by)
        _require_current(proposal)
        rules.require_recent_auth(recent_auth)
        _close(proposal, ProposalVerdict.APPROVED, by=by)
        record_event("governance.approved", by=by.username, data={**_facts(proposal), **recent_auth.as_data()})
        _RULES[proposal.kind].apply_proposal(proposal, by)
    return proposal


def reject_proposal(proposal_id: int, *, by: User, reason: str, recent_auth: RecentAuth) -> GovernanceProposal:
    """Reject a proposal of another person, or of the console; nothing is applied.

    Raises NotEntitled, OwnProposal, OwnRights, ProposalClosed, ProposalReasonMissing, PasswordRequired.
    """
    with recorded_refusals("reject", by, proposal=proposal_id), _guarded():
        proposal = _get_open(proposal_id)
        _require_party(proposal, by)
        _forbid_own_proposal(proposal, by)
        rules.require_reason(reason)
        rules.require_recent_auth(recent_auth)
        _close(proposal, ProposalVerdict.REJECTED, by=by, reason=reason.strip())
        data = {**_facts(proposal), "reason": reason.strip(), **recent_auth.as_data()}
        record_event("governance.rejected", by=by.username, data=data)
    return proposal


def withdraw_proposal(proposal_id: int, *, by: User) -> GovernanceProposal:
    """Withdraw the user's own proposal; nothing is applied. Raises NotEntitled, ProposalClosed."""
    with recorded_refusals("withdraw", by, proposal=proposal_id):
        proposal = _get_open(proposal_id)
        rules.require_entitled(by, _RULES[proposal.kind].right)
        if proposal.proposed_by_id != by.pk:
            raise OwnProposal(_("Only the person who proposed %(proposal)s can withdraw it.") % {"proposal": proposal})
        _close(proposal, ProposalVerdict.WITHDRAWN, by=by)
        record_event("governance.withdrawn", by=by.username, data=_facts(proposal))
    return proposal


def close_outdated(person: User, *, by: str) -> None:
    """Close the open proposals about a person and of a person whose rights another act has just changed.

    Requires the lock of governance. `by` is the actor of that act in the log.
    """
    for proposal in GovernanceProposal.objects.filter(verdict="").order_by("pk"):
        if proposal.subject_id == person.pk or (
            proposal.proposed_by_id == person.pk and not rules.is_entitled(person, _RULES[proposal.kind].right)
        ):
            _close(proposal, ProposalVerdict.OUTDATED, by=None)
            record_event("governance.outdated", by=by, data=_facts(proposal))


def find_decision_violation(proposal: GovernanceProposal, by: User) -> GovernanceViolation | None:
    """Return why this user cannot approve the open proposal, as approve_proposal raises it, or None."""
    try:
        _require_decider(proposal, by)
        _require_current(proposal)
    except GovernanceViolation as violation:
        return violation
    return None


def _store(
    kind: ProposalKind, subject: User, new: State, *, reason: str, actor: str, facts: Mapping[str, Any], **columns: Any
) -> GovernanceProposal:
    proposal = GovernanceProposal.objects.create(
        kind=kind, subject=subject, old=_RULES[kind].read_state(subject), new=new, reason=reason.strip(), **columns
    )
    record_event("governance.proposed", by=actor, data={**_facts(proposal), **facts})
    return proposal


def _forbid_second(subject: User) -> None:
    known = GovernanceProposal.objects.filter(subject=subject, verdict="").first()
    if known is not None:
        raise ProposalExists(
            _("%(proposal)s about %(person)s is open. Wait for its decision, or withdraw it first.")
            % {"proposal": known, "person": subject.display_name}
        )


def _get_open(proposal_id: int) -> GovernanceProposal:
    """Return the proposal. Raises DoesNotExist, ProposalClosed."""
    proposal = GovernanceProposal.objects.select_related("subject", "proposed_by").get(pk=proposal_id)
    if not proposal.is_open:
        raise ProposalClosed(
            _("%(proposal)s is no longer open: %(verdict)s.")
            % {"proposal": proposal, "verdict": proposal.get_verdict_display()}
        )
    return proposal


def _require_party(proposal: GovernanceProposal, by: User) -> None:
    """Require a user with the right who is not the person concerned."""
    rules.require_entitled(by, _RULES[proposal.kind].right)
    if proposal.subject_id == by.pk:
        raise OwnRights(_("This proposal is about you. Another administrator decides it."))


def _forbid_own_proposal(proposal: GovernanceProposal, by: User) -> None:
    if proposal.proposed_by_id == by.pk:
        raise OwnProposal(_("You can't decide your own proposal. Another administrator can."))


def _require_decider(proposal: GovernanceProposal, by: User) -> None:
    _require_party(proposal, by)
    _forbid_own_proposal(proposal, by)
    if proposal.proposed_by is None:
        raise NoProposer(
            _("The console proposed this. One administrator has to adopt it before another can approve it.")
        )


def _require_current(proposal: GovernanceProposal) -> None:
    """Require that the state before is still the one shown and that the proposer may still propose."""
    subject, proposer, kind_rules = proposal.subject, proposal.proposed_by, _RULES[proposal.kind]
    if subject is not None and kind_rules.read_state(User.objects.get(pk=subject.pk)) != proposal.old:
        raise ProposalOutdated(
            _("The rights of %(person)s have changed since. Nothing was done. Reject this and propose again.")
            % {"person": subject.display_name}
        )
    if proposer is not None and not rules.is_entitled(proposer, kind_rules.right):
        raise ProposalOutdated(
            _("%(person)s can no longer propose this. Nothing was done. Reject this and propose again.")
            % {"person": proposer.display_name}
        )


@contextmanager
def _guarded() -> Iterator[None]:
    """Turn a decision that a database constraint prevents into its violation: it fires only if the checks failed."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError:
        raise OwnProposal(_("You can't decide your own proposal. Another administrator can.")) from None


def _close(proposal: GovernanceProposal, verdict: ProposalVerdict, *, by: User | None, reason: str = "") -> None:
    proposal.verdict, proposal.decided_by, proposal.decision_reason = verdict, by, reason
    proposal.decided_at = Now()  # the database time
    proposal.save(update_fields=["verdict", "decided_by", "decided_at", "decision_reason"])


def _facts(proposal: GovernanceProposal) -> dict[str, Any]:
    """Return what each event of a proposal stores."""
    return {
        "proposal": proposal.reference,
        "proposal_kind": str(proposal.kind),
        "person": proposal.subject.username if proposal.subject else "",
        "old": proposal.old,
        "new": proposal.new,
        "reason": proposal.reason,
    }
