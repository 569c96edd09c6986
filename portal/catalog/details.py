"""The details of one API secret, read live. Its value is turned into a fingerprint on arrival."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from portal.audit import ledger
from portal.catalog import search_terms
from portal.catalog.read_failure import ReadFailure
from portal.catalog.segura_client import NotConfigured, build_client, get_availability_guard
from portal.common import keyring
from portal.vault import SECRET_FIELD, TEXT_FIELDS, ApiSecret, Client, Share, VaultError

Value = str | list[list[str | bool]]


class DetailsUnavailable(Exception):
    """The details cannot be had now; `failure` says why, `failure.sentence` tells it to people."""

    def __init__(self, failure: ReadFailure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


@dataclass(frozen=True)
class SecretDetails:
    """All fields but the secret value, shaped as Revision.base keeps them: shares as sorted [[name, can_edit]].

    `secret_fingerprint` is '' where Segura does not show the value, or shows another text each time it is read;
    `read_at` is the moment of the answer.
    """

    identifier: int
    fields: dict[str, Value]
    secret_fingerprint: str
    read_at: datetime = field(default_factory=timezone.now, compare=False)

    @classmethod
    def of(cls, secret: ApiSecret) -> SecretDetails:
        """What may be known of a secret; the value itself stays behind."""
        fields: dict[str, Value] = {name: ledger.to_storable_text(getattr(secret, name)) for name in TEXT_FIELDS}
        fields |= {"users_allowed": _rows(secret.users_allowed), "groups_allowed": _rows(secret.groups_allowed)}
        value = secret.client_secret
        seen = keyring.keyed_fingerprint(SECRET_FIELD, ledger.to_storable_text(value.reveal())) if value else ""
        return cls(secret.identifier, fields, seen)


def fetch_details(client: Client, identifier: int, *, ends_at: float = math.inf) -> SecretDetails:
    """The details now, one call of get-one (contract 5.2), which Segura counts as a view. Raises VaultError."""
    return SecretDetails.of(client.read(identifier, ends_at=ends_at))


def confirm_value(
    client: Client, first: SecretDetails, *, known: Collection[str] = (), ends_at: float = math.inf
) -> SecretDetails:
    """Return details whose fingerprint may be compared with one of another reading. Raises VaultError.

    Where the access key encrypts sensitive data, each reading shows another text, of which no fingerprint says
    anything (contract 3.1). So the secret is read once more, unless the value is not shown or its fingerprint is one
    of `known`, those of other readings or of the proposed value; a value that differs counts as not shown.
    """
    if not first.secret_fingerprint or first.secret_fingerprint in known:
        return first
    second = fetch_details(client, first.identifier, ends_at=ends_at)
    return second if second.secret_fingerprint == first.secret_fingerprint else replace(second, secret_fingerprint="")


def fetch_details_for_user(identifier: int, *, by: str, as_base: bool = False) -> SecretDetails:
    """The details for a person, whose view is on record before they are shown. Raises DetailsUnavailable.

    A page waits for it: SEGURA_PAGE_DEADLINE_S seconds in all, and not at all while Segura is away (absence).
    `as_base`: a proposal is compared with them later, so the value is read twice (confirm_value). Outside any
    transaction, as all calls to Segura.
    """
    ends_at = time.monotonic() + settings.SEGURA_PAGE_DEADLINE_S
    try:
        client = build_client(by=by, secret=identifier)
        with get_availability_guard().watch():
            details = fetch_details(client, identifier, ends_at=ends_at)
            if as_base:
                details = confirm_value(client, details, ends_at=ends_at)
    except (VaultError, NotConfigured) as error:
        failure = ReadFailure.of(error)
    else:
        ledger.record_event(
            "secret.viewed", by=by, secret=identifier, data={"value_visible": bool(details.secret_fingerprint)}
        )
        search_terms.save_search_terms(identifier, details.fields)
        return details
    raise DetailsUnavailable(failure)


def _rows(shares: tuple[Share, ...]) -> list[list[str | bool]]:
    return [[ledger.to_storable_text(share.name), share.can_edit] for share in sorted(shares)]
