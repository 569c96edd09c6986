"""The details of one API secret, read live. Its value is turned into a fingerprint on arrival."""

from __future__ import annotations

from dataclasses import dataclass

from portal import keyring
from portal.audit import ledger
from portal.catalog.connection import NotConfigured, connect
from portal.catalog.failure import Failure
from portal.vault import SECRET_FIELD, TEXT_FIELDS, ApiSecret, Client, Share, VaultError

Value = str | list[list[str | bool]]


class CannotRead(Exception):
    """The details cannot be had now; `failure` says why, `failure.sentence` tells it to people."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


@dataclass(frozen=True)
class Details:
    """All fields but the secret value, shaped as Revision.base keeps them: shares as sorted [[name, can_edit]].

    `secret_fingerprint` is '' where Segura does not show the value.
    """

    identifier: int
    fields: dict[str, Value]
    secret_fingerprint: str

    @classmethod
    def of(cls, secret: ApiSecret) -> Details:
        """What may be known of a secret; the value itself stays behind."""
        fields: dict[str, Value] = {name: _storable(getattr(secret, name)) for name in TEXT_FIELDS}
        fields |= {"users_allowed": _rows(secret.users_allowed), "groups_allowed": _rows(secret.groups_allowed)}
        value = secret.client_secret
        seen = keyring.fingerprint(SECRET_FIELD, _storable(value.reveal())) if value else ""
        return cls(secret.identifier, fields, seen)


def read(client: Client, identifier: int) -> Details:
    """The details now, one call of get-one (contract 5.2), which Segura counts as a view. Raises VaultError."""
    return Details.of(client.read(identifier))


def read_details(identifier: int, *, by: str) -> Details:
    """The details for a person, whose view is on record before they are shown. Raises CannotRead.

    Outside any transaction, as all calls to Segura.
    """
    try:
        details = read(connect(by=by, secret=identifier), identifier)
    except (VaultError, NotConfigured) as error:
        failure = Failure.of(error)
    else:
        ledger.record(
            "secret.viewed", by=by, secret=identifier, data={"value_visible": bool(details.secret_fingerprint)}
        )
        return details
    raise CannotRead(failure)


def _rows(shares: tuple[Share, ...]) -> list[list[str | bool]]:
    return [[_storable(share.name), share.can_edit] for share in sorted(shares)]


def _storable(text: str) -> str:
    """Text that a page and both databases can hold: no lone surrogate, no NUL."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
