"""Reasons why Segura could not be read, as stored values and as sentences for the pages."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from portal.audit import findings
from portal.catalog.segura_client import NotConfigured
from portal.vault import ReadRefused, Unauthorised, Unreachable, VaultError, WaitRequested

_TOO_MANY = 429
_GATEWAY = {502, 503, 504}


class FailureKind(StrEnum):
    """Kind of a failed read. The kind is stored in the database; its sentence is built when a page shows it."""

    NOT_CONFIGURED = "not_configured"
    UNREACHABLE = "unreachable"
    UNAUTHORISED = "unauthorised"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    GATEWAY = "gateway"
    UNREADABLE = "unreadable"
    WAIT = "wait"
    # only for a synchronisation of the catalog
    EMPTY = "empty"
    SHRUNK = "shrunk"
    QUEUE = "queue"
    INTERRUPTED = "interrupted"
    SUPERSEDED = "superseded"
    # only for the directory
    SCIM_CLIENT = "scim_client"


@dataclass(frozen=True)
class ReadFailure:
    """Reason of a failed read.

    `code`: HTTP status; `number`: Segura error code; `message`: the technical detail, scrubbed and short.
    """

    kind: FailureKind
    code: int | None = None
    number: int | None = None
    message: str = ""

    @classmethod
    def of(cls, error: VaultError | NotConfigured) -> ReadFailure:
        """Return the failure for an exception of a read (contract 7 and 8)."""
        if isinstance(error, NotConfigured):
            return cls(FailureKind.NOT_CONFIGURED, message=str(error)[:500])
        return cls(_kind(error), error.status, error.number, error.message[:500])

    @property
    def sentence(self) -> str:
        """Sentence that says what happened and who can do what about it, in the language of the page."""
        if self.kind is FailureKind.REFUSED:
            return _refusal(self.number)
        if self.kind is FailureKind.SCIM_CLIENT:
            return _scim_client() % {"code": self.code}
        return _sentence(self.kind) % {"detail": findings.error_text(self.message), "code": self.code}


def _kind(error: VaultError) -> FailureKind:
    if isinstance(error, ReadRefused):
        return FailureKind.REFUSED
    if isinstance(error, Unauthorised):
        return FailureKind.UNAUTHORISED
    if isinstance(error, WaitRequested) or error.status == _TOO_MANY:
        return FailureKind.WAIT
    if isinstance(error, Unreachable):
        return FailureKind.UNREACHABLE
    if error.status is None:
        return FailureKind.UNANSWERED
    return FailureKind.GATEWAY if error.status in _GATEWAY else FailureKind.UNREADABLE


def _sentence(kind: FailureKind) -> str:
    return {
        FailureKind.NOT_CONFIGURED: _(
            "Countersign is not connected to Segura (%(detail)s). An operator can set it in Countersign's environment."
        ),
        FailureKind.UNREACHABLE: _(
            "Segura cannot be reached (%(detail)s). Try again in a minute; if it stays so, an operator should check "
            "SEGURA_URL and the network between Countersign and Segura."
        ),
        FailureKind.UNAUTHORISED: _(
            "Segura does not accept Countersign's access key (HTTP %(code)s). An operator should check SEGURA_URL, "
            "SEGURA_CLIENT_ID and SEGURA_CLIENT_SECRET, and in Segura whether the key has expired, was revoked or is "
            "bound to another address."
        ),
        FailureKind.UNANSWERED: _(
            "Segura did not answer in time or broke off (%(detail)s). Try again in a minute; if it stays so, "
            "an operator should look at Segura and its gateway."
        ),
        FailureKind.GATEWAY: _(
            "The gateway in front of Segura answered HTTP %(code)s: Segura itself is down, restarting or too slow. "
            "Try again in a minute; if it stays so, an operator should look at Segura."
        ),
        FailureKind.WAIT: _(
            "Segura limits the calls of Countersign (%(detail)s). Nothing was changed. Try again after the wait that "
            "Segura asks for. If this happens often, an operator should raise the limit at the gateway."
        ),
        FailureKind.UNREADABLE: _(
            "Segura's answer (HTTP %(code)s) was not understood: %(detail)s. An operator should check that SEGURA_URL "
            "leads to Segura's API; the exchange is in the audit log."
        ),
        **_sync_sentences(),
    }[kind]


def _sync_sentences() -> dict[FailureKind, str]:
    return {
        FailureKind.EMPTY: _(
            "Segura listed no secret at all, though it did before. Nothing was marked as vanished. Most likely "
            "Countersign's access key was restricted, or its Segura user lost its shares. If the list is truly empty, "
            "an operator can say so: manage.py sync_catalog --accept-empty"
        ),
        FailureKind.SHRUNK: _(
            "Many secrets are missing from Segura's list at once: %(detail)s. New and altered secrets were taken over, "
            "and none was marked as vanished. Check in Segura whether the access key was restricted or its user lost "
            "shares. If they are truly gone, an operator can say so: manage.py sync_catalog --accept-vanished"
        ),
        FailureKind.QUEUE: _(
            "No worker could be told, because the queue cannot be reached. An operator should check Redis. "
            "The schedule goes on by itself when it is back."
        ),
        FailureKind.INTERRUPTED: _(
            "No worker finished it. An operator should check that a worker is running; then try again."
        ),
        FailureKind.SUPERSEDED: _("A newer list had arrived first, so this one was set aside."),
    }


def _scim_client() -> str:
    return _(
        "Segura does not let Countersign's SCIM client read its directory (HTTP %(code)s). An operator should check "
        "SEGURA_SCIM_CLIENT_ID and SEGURA_SCIM_CLIENT_SECRET, and in Segura, under Provisioning, whether that client "
        "is active and allowed from Countersign's address."
    )


def _refusal(number: int | None) -> str:
    known = {
        1005: _(
            "Segura does not find this secret (1005): it was deleted, or is no longer shared with Countersign's "
            "Segura user. Its owner can share it again."
        ),
        1006: _(
            "Segura does not let Countersign see the details of this secret (1006): it is not shared with "
            "Countersign's Segura user, or may be viewed only after an approval in Segura. Its owner can change both."
        ),
        1009: _(
            "This secret is inactive in Segura (1009). Its owner, or anybody who may edit it, can activate it there."
        ),
        1010: _("Segura does not accept this identifier (1010). Open the secret from the list."),
    }
    return known.get(number or 0) or _(
        "Segura refused to show it (error %(number)s). An operator can look the exchange up in the audit log."
    ) % {"number": number}
