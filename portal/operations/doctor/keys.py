"""Check of keys: whether stored values can be decrypted, and whether the signing key is the one of the log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone

from portal.audit.sealing import sealer
from portal.audit.sealing.status import get_seal_status
from portal.operations import key_inventory
from portal.operations.doctor.finding import CheckArea, Finding, runs_as

_AREA = CheckArea("keys")
_OLD = timedelta(days=365)


def check_keys() -> Iterator[Finding]:
    """Yield findings about keys. Raises DatabaseError."""
    if runs_as("web", "worker"):
        yield from _sealing_keys()
        yield from _approval_keys()
    yield from _signing_key()
    yield from _verified()


def _sealing_keys() -> Iterator[Finding]:
    keys = key_inventory.build_key_inventory()
    for key in keys.missing:
        yield _AREA.problem(
            f"{key.values} values rest under key {key.name}, which PORTAL_ENCRYPTION_KEYS lacks",
            "Put that key back on the ring, last; then manage.py rotate_encryption_keys.",
        )
    if keys.behind and not keys.missing:
        yield _AREA.advice(f"{keys.behind} values rest under an older key", "manage.py rotate_encryption_keys")
    for key in keys.spare:
        yield _AREA.advice(
            f"key {key.name} keeps nothing any more",
            "Take it off the ring, an hour after the rotation; keep it as long as backups of the time before.",
        )
    written = keys.sealing_file_at
    if written and timezone.now() - written > _OLD:
        yield _AREA.advice(f"the sealing key is from {written:%Y-%m-%d}", "docs/runbook.md, “Another sealing key”.")
    if not keys.missing:
        yield _AREA.ok(f"every proposed value can be opened; key {keys.sealing[0].name} seals")


def _approval_keys() -> Iterator[Finding]:
    known = key_inventory.build_key_inventory().approval
    if not known:
        yield _AREA.problem(
            "PORTAL_APPROVAL_MAC_KEYS is not set: no vote can be cast or proved",
            "Give web and workers 32 bytes in base64: openssl rand -base64 32",
        )
    for key in known:
        if not key.known:
            yield _AREA.problem(
                f"{key.votes} votes need key {key.name}, which PORTAL_APPROVAL_MAC_KEYS lacks",
                "Put that key back on the ring, last; without it these changes are not sent.",
            )
        elif not key.active and not key.votes:
            yield _AREA.advice(
                f"key {key.name} authenticates no vote that is needed any more",
                "Take it off the ring of approval keys.",
            )
    if known and all(key.known for key in known):
        yield _AREA.ok(f"every vote can be proved; key {known[0].name} authenticates")


def _signing_key() -> Iterator[Finding]:
    log = get_seal_status()
    try:
        own = sealer.get_signing_public_key()
    except ImproperlyConfigured as error:
        yield _AREA.problem(str(error), "AUDIT_SIGNING_KEY is 32 bytes in base64: openssl rand -base64 32")
        return
    if log.behind_since is not None:
        yield _AREA.problem(
            f"events since {log.behind_since:%Y-%m-%d %H:%M} UTC are not sealed",
            "Start the sealer, with AUDIT_SIGNING_KEY; its log says what keeps it.",
        )
    if log.checkpoint is None:
        yield _AREA.advice("the log was never sealed", "Start the sealer, with AUDIT_SIGNING_KEY.")
        return
    if own is not None and own.key_id != log.checkpoint.key_id:
        yield _AREA.problem(
            f"AUDIT_SIGNING_KEY is {own.key_id}, and the log is signed with {log.checkpoint.key_id}",
            "Set it to NEW,OLD until the first sealing; then to NEW.",
        )
    else:
        yield _AREA.ok(f"the log is sealed up to {log.checkpoint.size} events, with key {log.checkpoint.key_id}")
    if own is not None and not settings.AUDIT_CHECKPOINT_DIR:
        yield _AREA.advice(
            "AUDIT_CHECKPOINT_DIR is not set",
            "Let it be on a machine the portal's administrators do not own: a tail that was cut shows only there.",
        )


def _verified() -> Iterator[Finding]:
    log = get_seal_status()
    if log.verified is None:
        yield _AREA.advice("the log was never verified", "manage.py verify_audit")
    elif not log.intact:
        yield _AREA.problem(
            f"the verification of {log.verified.at:%Y-%m-%d %H:%M} UTC found the log altered",
            "docs/runbook-alerts.md, “CountersignLogAltered”. Touch nothing before.",
        )
    else:
        yield _AREA.ok(f"the log was intact at {log.verified.at:%Y-%m-%d %H:%M} UTC")
