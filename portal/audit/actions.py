"""All actions of events, grouped by noun. record_event() refuses an action that is not listed here."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

ACTION_GROUPS: dict[str, str | Promise] = {
    "change": _("Change requests"),
    "vote": _("Votes"),
    "delivery": _("Delivery"),
    "vault": _("Calls to Segura"),
    "catalog": _("Catalogue"),
    "directory": _("Directory"),
    "secret": _("API secrets"),
    "session": _("Sign-in"),
    "account": _("Accounts"),
    "access": _("Access"),
    "governance": _("Proposals about people"),
    "vote_key": _("Vote keys"),
    "audit": _("Audit log"),
    "encryption_key": _("Encryption keys"),
    "notice": _("Notices"),
}
"""Labels of the nouns before the dot, in the order in which auditors look for them."""

ACTIONS: dict[str, str | Promise] = {
    "change.submitted": _("Change submitted"),
    "change.revised": _("Change revised"),
    "change.commented": _("Comment on a change"),
    "change.thread_resolved": _("Comments resolved"),
    "change.thread_reopened": _("Comments reopened"),
    "change.changes_requested": _("Changes requested"),
    "change.withdrawn": _("Change withdrawn"),
    "change.approved": _("Change approved"),
    "change.returned": _("Change returned to pending"),
    "change.rejected": _("Change rejected"),
    "change.expired": _("Change expired"),
    "change.stale": _("Change out of date"),
    "change.applied": _("Change applied"),
    "change.failed": _("Change failed"),
    "change.in_doubt": _("Outcome of change unknown"),
    "change.still_in_doubt": _("Outcome of change still unknown"),
    "change.requeued": _("Change queued again"),
    "change.escalated": _("Change needs an administrator"),
    "change.retried": _("Change retried"),
    "change.retry_refused": _("Retry of a change refused"),
    "change.rechecked": _("Change read back again"),
    "change.resolved": _("Change resolved manually"),
    "vote.cast": _("Vote cast"),
    "vote.refused": _("Vote refused"),
    "vote.voided": _("Vote voided"),
    "delivery.started": _("Delivery started"),
    "delivery.intended": _("Sending to Segura"),
    "delivery.answered": _("Outcome of the update"),
    "delivery.claim_lost": _("Worker lost during delivery"),
    "delivery.paused": _("Delivery paused"),
    "delivery.resumed": _("Delivery resumed"),
    "delivery.paused_by_operator": _("Delivery paused by an administrator"),
    "delivery.resumed_by_operator": _("Delivery resumed by an administrator"),
    "vault.responded": _("Segura answered"),
    "vault.unanswered": _("Segura did not answer"),
    "vault.tested": _("Connection to Segura tested"),
    "catalog.synced": _("Catalogue synchronised"),
    "directory.synced": _("Directory of users and groups synchronised"),
    "secret.viewed": _("Secret details viewed"),
    "session.started": _("Signed in"),
    "session.failed": _("Sign-in failed"),
    "session.reauthenticated": _("Authenticated again"),
    "session.factor_used": _("Second factor used"),
    "session.ended": _("Signed out"),
    "session.revoked": _("Another device signed out"),
    "account.created": _("Account created"),
    "account.linked": _("Account linked to the OpenID provider"),
    "account.password_changed": _("Password changed"),
    "account.address_changed": _("E-mail address changed"),
    "account.link_requested": _("Link to choose a password requested"),
    "account.link_mailed": _("Link to choose a password mailed"),
    "account.link_given_up": _("Link to choose a password not mailed"),
    "account.emergency_used": _("Emergency account used"),
    "account.factor_added": _("Second factor added"),
    "account.factor_removed": _("Second factor removed"),
    "account.disabled": _("Account disabled"),
    "account.enabled": _("Account enabled"),
    "access.denied": _("Access denied"),
    "access.granted": _("Roles changed"),
    "governance.proposed": _("Proposal filed"),
    "governance.adopted": _("Proposal of the console adopted"),
    "governance.approved": _("Proposal approved"),
    "governance.rejected": _("Proposal rejected"),
    "governance.withdrawn": _("Proposal withdrawn"),
    "governance.outdated": _("Proposal out of date"),
    "governance.refused": _("Act on a person refused"),
    "vote_key.enrolled": _("Vote key enrolled"),
    "vote_key.confirmed": _("Vote key confirmed"),
    "vote_key.revoked": _("Vote key revoked"),
    "audit.read": _("Audit log viewed"),
    "audit.exported": _("Log export started"),
    "audit.export_ended": _("Log export ended"),
    "audit.evidence_exported": _("Evidence of a change exported"),
    "audit.checkpoint_mailed": _("Checkpoint mailed to auditors"),
    "audit.key_changed": _("Signing key of the log changed"),
    "audit.dated": _("Signed time put into the log"),
    "audit.retention_changed": _("Retention of the log changed"),
    "audit.verification_asked": _("Verification of the log asked for"),
    "audit.verified": _("Log verified"),
    "audit.pruned": _("Events removed at the end of their retention"),
    "audit.hold_placed": _("Events of a change put under legal hold"),
    "audit.hold_lifted": _("Legal hold of a change taken off"),
    "audit.restored": _("Database restored from a backup"),
    "notice.given_up": _("Event that no user could be notified of"),
    "encryption_key.rotated": _("Values re-encrypted with another key"),
}
"""All actions, as `noun.past`, and their labels."""

SETTLING = (
    "change.in_doubt",
    "change.requeued",
    "change.retried",
    "change.returned",
    "change.escalated",
    "change.applied",
    "change.failed",
    "change.stale",
    "change.resolved",
)
"""The actions after which an earlier change.in_doubt no longer says how a change stands."""

RESPONSE_ACTIONS = ("vault.responded", "vault.unanswered", "delivery.answered")
"""The actions that carry an HTTP status, or record that there was no response."""


COUNTED = (
    "change.submitted",
    "change.revised",
    "change.approved",
    "change.applied",
    "change.failed",
    "change.rejected",
    "change.stale",
    "change.expired",
    "change.withdrawn",
    "change.in_doubt",
    "change.escalated",
    "change.resolved",
    "vote.refused",
    "delivery.intended",
    "delivery.answered",
    "delivery.paused",
    "delivery.paused_by_operator",
)
"""The actions that the overview counts over a period: a partial index holds these alone."""


ACCESS = (
    "change.submitted",
    "change.revised",
    "change.applied",
    "change.failed",
    "change.stale",
    "change.resolved",
    "delivery.intended",
    "vote.cast",
    "vote.voided",
)
"""The actions that the access report is made from: a partial index holds these alone."""


VIEWS = ("audit.read", "audit.exported", "audit.export_ended", "audit.evidence_exported", "secret.viewed")
"""The actions that record a view or an export: the log hides them until they are asked for."""

COLLECTIONS = {
    "failures": (
        "change.failed",
        "change.escalated",
        "change.in_doubt",
        "delivery.claim_lost",
        "vault.unanswered",
        "session.failed",
        "access.denied",
    ),
    "pauses": ("delivery.paused", "delivery.paused_by_operator"),
}
"""Actions of several nouns that one filter finds."""


class UnknownAction(ValueError):
    """An action that ACTIONS does not list."""


def require_known_action(action: str) -> None:
    """Raise UnknownAction if ACTIONS does not list the action: no auditor could filter for it."""
    if action not in ACTIONS:
        raise UnknownAction(f"{action!r} is not in portal.audit.actions.ACTIONS")


def actions_in_group(kind: str) -> list[str]:
    """Return the actions of a noun, or the single action that `kind` names; [] for an unknown kind."""
    return [action for action in ACTIONS if kind in (action, action.partition(".")[0])]


def action_label(action: str) -> str:
    """Return the label of an action; the action itself if only an older version knew it."""
    return str(ACTIONS.get(action, action))


def action_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the choices of a filter: the collections, then for each noun the whole group and its actions."""
    return [
        (str(_("Several kinds")), [("failures", str(_("Failures"))), ("pauses", str(_("Pauses of delivery")))]),
        *_grouped_choices(),
    ]


def _grouped_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (
            str(name),
            [(noun, _("All: %(noun)s") % {"noun": name})]
            + [(action, str(text)) for action, text in ACTIONS.items() if action.partition(".")[0] == noun],
        )
        for noun, name in ACTION_GROUPS.items()
    ]
