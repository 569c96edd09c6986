"""Observations of secrets for reviewers: a read in the background, and the values of a change that was applied."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import transaction

from portal.audit import ledger
from portal.catalog import details
from portal.catalog.details import SecretDetails
from portal.catalog.read_failure import FailureKind, ReadFailure
from portal.catalog.segura_client import NotConfigured, build_client
from portal.changes.delivery import circuit_breaker
from portal.changes.models import Change, Revision, Status, StatusCause
from portal.changes.models.observed_secret import record_failure, record_values
from portal.changes.transitions import db_now
from portal.vault import SECRET_FIELD, SHARE_FIELDS, VaultError

_IN_PART = (StatusCause.APPLIED_EXCEPT, StatusCause.CLOSED_IN_PART)


def read_for_review(secret: int, *, by: str) -> None:
    """Read the secret and store what Segura holds, for the readers of its pending changes. `by`: who opened one.

    Makes one call, which Segura counts as a view, and a second one only if the client secret seems to differ. Makes no
    call while delivery is paused: then Segura is in maintenance or cannot be reached. Must be called outside any
    transaction.
    """
    if circuit_breaker.is_paused():
        record_failure(secret, FailureKind.WAIT, now=db_now())
        return
    try:
        seen = _read(secret, by=by)
    except (VaultError, NotConfigured) as error:
        record_failure(secret, ReadFailure.of(error).kind, now=db_now())
        return
    value = {SECRET_FIELD: seen.secret_fingerprint} if seen.secret_fingerprint else {}
    with transaction.atomic(durable=True):
        record_values(secret, {**seen.fields, **value}, at=seen.read_at, now=db_now())
        ledger.record_event(
            "secret.viewed", by=by, secret=secret, data={"purpose": "review", "value_visible": bool(value)}
        )


def _read(secret: int, *, by: str) -> SecretDetails:
    """Read the secret; keep its client secret's fingerprint only if it can be compared with that of a base."""
    ends_at = time.monotonic() + settings.SEGURA_PAGE_DEADLINE_S
    client = build_client(by=by, secret=secret)
    seen = details.fetch_details(client, secret, ends_at=ends_at)
    pending = Revision.objects.filter(change__secret=secret, change__status=Status.PENDING)
    known = set(pending.exclude(base_secret_fingerprint="").values_list("base_secret_fingerprint", flat=True))
    if not known:
        return SecretDetails(seen.identifier, seen.fields, "", seen.read_at)
    return details.confirm_value(client, seen, known=known, ends_at=ends_at)


def record_applied_values(change: Change) -> None:
    """Store the values that an applied change has set, so that other changes of the secret are out of date at once.

    Of a change that was applied in part the lists of shares are left out, and everything if an administrator resolved
    it so: which entries Segura holds is then not known. Requires the transaction that closes the change.
    """
    if change.cause == StatusCause.CLOSED_IN_PART:
        return
    patch, fingerprint = Revision.objects.values_list("patch", "secret_fingerprint").get(
        change=change.pk, number=change.revision
    )
    known = {name: new for name, new in patch.items() if change.cause not in _IN_PART or name not in SHARE_FIELDS}
    if fingerprint:
        known[SECRET_FIELD] = fingerprint
    if known:
        now = db_now()
        record_values(change.secret, known, at=now, now=now, change=change.pk)
