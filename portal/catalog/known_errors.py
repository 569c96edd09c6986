"""Errors that the documentation of Segura and its gateway names (contract 7 and 8), with advice for each."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class KnownError:
    """Documented error, by HTTP status, Segura error code if it has one, and text; `advice` is for operators."""

    code: int
    number: int | None
    words: str
    advice: str | Promise


_KEY = _(
    "In Segura: is the access key active, not expired, and allowed from Countersign's address? Here: SEGURA_CLIENT_ID."
)
_PATIENCE = _(
    "Segura behind its gateway is slow. The outcome of such an update is unknown: Countersign reads the secret back "
    "automatically."
)
DOCUMENTED = (
    KnownError(400, 1001, "Parameter '…' was not informed!", _("The edit lacks a field: the requester revises it.")),
    KnownError(
        400,
        1001,
        "Identifier already found in another API key of this user",
        _("The identifier code is taken: the requester chooses another one."),
    ),
    KnownError(
        400,
        1005,
        "Api secret not found",
        _("The secret was deleted, or is no longer shared with Countersign's Segura user: its owner shares it again."),
    ),
    KnownError(
        400,
        1006,
        "User does not have access",
        _("Countersign's Segura user lacks the right: the owner of the secret shares it with the right to edit."),
    ),
    KnownError(400, 1009, "Inactive Api secret", _("The secret is inactive: its owner activates it in Segura.")),
    KnownError(400, 1010, "Unexpected identifier type", _("SEGURA_URL leads elsewhere, or the API has changed.")),
    KnownError(401, None, "Client authentication failed", _KEY),
    KnownError(401, None, "Inactive authorization", _KEY),
    KnownError(
        403, None, "Your IP address is not allowed", _("Allow Countersign's address on the access key in Segura.")
    ),
    KnownError(
        404,
        None,
        "no Route matched with those values",
        _("The gateway knows no such address or does not take the token: check SEGURA_URL and the key."),
    ),
    KnownError(
        404, None, "Resource sub not found", _("The API lacks this call: check Segura's version and SEGURA_URL.")
    ),
    KnownError(429, None, "API rate limit exceeded", _("Nothing to do: Countersign waits as long as Segura asks.")),
    KnownError(
        500, 1105, "The http referer is not allowed", _("Allow Countersign's address on the access key in Segura.")
    ),
    KnownError(
        500,
        None,
        "You are not authorized to access this resource.",
        _("The access key may not use MySafe's API secrets: give it that resource in Segura."),
    ),
    KnownError(500, None, "Unexpected error", _("Segura failed: look at its own log at that time.")),
    KnownError(
        502,
        None,
        "An invalid response was received from the upstream server",
        _("Segura behind its gateway is down or restarting: look at the appliance. Updates so answered are read back."),
    ),
    KnownError(
        503,
        None,
        "The upstream server is currently unavailable",
        _("Segura behind its gateway is not there: look at the appliance."),
    ),
    KnownError(504, None, "The upstream server is timing out", _PATIENCE),
)


def find_advice(code: int | None, number: int | None, message: str) -> str:
    """Return the advice for an answer; '' if the answer is not documented."""
    said = message.lower()
    for known in DOCUMENTED:
        if known.code == code and known.number == number and (number or known.words.lower() in said):
            return str(known.advice)
    return ""
