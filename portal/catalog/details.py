"""Details of one API secret, read live from Segura. Its value becomes a fingerprint on arrival."""

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
    """Details that cannot be read now; `failure` has the reason and `failure.sentence` its text for pages."""

    def __init__(self, failure: ReadFailure) -> None:
        super().__init__(failure.kind)
        self.failure = failure


@dataclass(frozen=True)
class SecretDetails:
    """All fields except the secret value, in the format of Revision.base: shares as sorted [[name, can_edit]].

    `secret_fingerprint` is '' if Segura does not show the value, or shows a different text on each read; `read_at` is
    the time of the answer.
    """

    identifier: int
    fields: dict[str, Value]
    secret_fingerprint: str
    read_at: datetime = field(default_factory=timezone.now, compare=False)

    @classmethod
    def of(cls, secret: ApiSecret) -> SecretDetails:
        """Return the details of a secret, with a fingerprint in place of its value."""
        fields: dict[str, Value] = {name: ledger.to_storable_text(getattr(secret, name)) for name in TEXT_FIELDS}
        fields |= {"users_allowed": _rows(secret.users_allowed), "groups_allowed": _rows(secret.groups_allowed)}
        value = secret.client_secret
        seen = keyring.keyed_fingerprint(SECRET_FIELD, ledger.to_storable_text(value.reveal())) if value else ""
        return cls(secret.identifier, fields, seen)


def fetch_details(client: Client, identifier: int, *, ends_at: float = math.inf) -> SecretDetails:
    """Read the details now, with one call (contract 5.2) that Segura counts as a view. Raises VaultError."""
    return SecretDetails.of(client.read_secret(identifier, ends_at=ends_at))


def confirm_value(
    client: Client, first: SecretDetails, *, known: Collection[str] = (), ends_at: float = math.inf
) -> SecretDetails:
    """Return details whose fingerprint may be compared with that of another read. Raises VaultError.

    If the access key encrypts sensitive data, each read shows a different text, so its fingerprint means nothing
    (contract 3.1). Therefore the secret is read once more, unless the value is not shown or its fingerprint is one of
    `known` (those of other reads or of the proposed value); a value that differs counts as not shown.
    """
    if not first.secret_fingerprint or first.secret_fingerprint in known:
        return first
    second = fetch_details(client, first.identifier, ends_at=ends_at)
    return second if second.secret_fingerprint == first.secret_fingerprint else replace(second, secret_fingerprint="")


def fetch_details_for_user(identifier: int, *, by: str, as_base: bool = False) -> SecretDetails:
    """Read the details for a user and record the view before they are shown. Raises DetailsUnavailable.

    The page waits for at most SEGURA_PAGE_DEADLINE_S seconds, and not at all while Segura is away (see availability).
    With `as_base` a proposal is compared with the details later, so the value is read twice (see confirm_value). Must
    be called outside any transaction, as all calls to Segura.
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
