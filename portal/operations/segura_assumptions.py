"""Assumptions about Segura and its gateway that the portal cannot query: setting, value, source, consequence."""

from __future__ import annotations

import os
from dataclasses import dataclass

from django.conf import settings
from django.utils.translation import gettext as _


@dataclass(frozen=True)
class Assumption:
    """A setting. `stated`: it is set in the environment; else it is a default, or `derived` from other settings."""

    name: str
    value: str
    stated: bool
    consequence: str
    derived: bool = False


@dataclass(frozen=True)
class OpenQuestion:
    """A question about Segura without a setting, because the portal is safe with either answer."""

    question: str
    answer: str


def list_assumptions() -> list[Assumption]:
    """Return every setting about Segura, in the order of a connection, without values of secrets."""
    hold = _(
        "Twice the gateway's timeout per try, plus the margin. During this time the gateway may repeat an unanswered "
        "call, and no other change to that secret is sent."
    )
    named = [_of(name, consequence) for name, consequence in {**_identity(), **_patience()}.items()]
    return [*named, Assumption(_("Hold time"), f"{settings.DELIVERY_HOLD_S:g} s", False, hold, derived=True)]


def _identity() -> dict[str, str]:
    return {
        "SEGURA_URL": _("Where the API is. Anything but https is refused beyond this machine."),
        "SEGURA_TOKEN_URL": _("Where tokens come from; where empty, api/oauth2/token below SEGURA_URL."),
        "SEGURA_CLIENT_ID": _("The access key. Segura's own audit shows its owner for all that Countersign does."),
        "SEGURA_CLIENT_SECRET": _("Never shown. It leaves Countersign only to fetch tokens."),
        "SEGURA_CLIENT_AUTH": _("How the access key is sent: body or basic. With the wrong one no token is given."),
        "SEGURA_SCIM_CLIENT_ID": _("Separate SCIM client for suggesting names. If empty, names are typed."),
        "SEGURA_SCIM_CLIENT_SECRET": _("Never shown. It leaves Countersign only to fetch tokens."),
        "SEGURA_TENANT": _("Sent with the request for a token, where set: appliances with several tenants need it."),
        "SEGURA_CA_BUNDLE": _(
            "Whose certificates are believed; where empty, the system's. Nothing turns the check off."
        ),
    }


def _patience() -> dict[str, str]:
    return {
        "SEGURA_CONNECT_TIMEOUT_S": _("To connect. A call that does not get so far was surely not sent."),
        "SEGURA_DEADLINE_S": _("For a whole call of a worker; longer than the gateway's, so that it answers first."),
        "SEGURA_PAGE_DEADLINE_S": _("How long a page, and each step of the test above, waits for Segura."),
        "SEGURA_GATEWAY_TIMEOUT_S": _(
            "How long the gateway waits for Segura. If too low, secrets are released too early."
        ),
        "SEGURA_GATEWAY_RETRIES": _(
            "How often the gateway repeats a call on its own. Ask its operators; 0 if it never does."
        ),
        "DELIVERY_REPLAY_MARGIN_S": _("Added to the hold time, for clocks and networks."),
    }


def list_unknowns() -> list[OpenQuestion]:
    """Return what is unknown about a real appliance and needs no setting."""
    return [
        OpenQuestion(
            _("Does a field that is left out of an update stay as it is?"),
            _("Only changed fields are sent, and the answer is compared with them; what differs is read back."),
        ),
        OpenQuestion(
            _("May the access key read a secret by its identifier?"),
            _("The test shows it. Where it may not, the base of a proposal is unknown, and approvers are told so."),
        ),
        OpenQuestion(
            _("What does shared_error hold?"),
            _("Whatever it holds counts as “applied, to be checked”: the shares are read back."),
        ),
        OpenQuestion(
            _("Is the user name that SCIM lists the name that sharing takes?"),
            _("It is offered as such; any other can be typed, with a warning, and shares are read back."),
        ),
        OpenQuestion(
            _("How long does a token live?"),
            _("As long as Segura says, five minutes where it does not; it is renewed at four fifths of that."),
        ),
        OpenQuestion(
            _("Does Segura log X-Request-ID?"),
            _("Each update carries the id of its attempt; Countersign's own log does not depend on it."),
        ),
    ]


def _of(name: str, consequence: str) -> Assumption:
    stated = bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
    return Assumption(name, _value(name), stated, consequence)


def _value(name: str) -> str:
    if name == "DELIVERY_REPLAY_MARGIN_S":  # the settings contain only the sum
        tries = settings.SEGURA_GATEWAY_RETRIES + 1
        return f"{settings.DELIVERY_HOLD_S - 2 * settings.SEGURA_GATEWAY_TIMEOUT_S * tries:g} s"
    value = getattr(settings, name)
    if name.endswith("_SECRET"):
        return _("set") if value else _("not set")
    if name.endswith("_S"):
        return f"{value:g} s"
    return str(value) if value != "" else _("empty")
