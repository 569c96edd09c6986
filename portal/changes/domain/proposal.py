"""Proposal between form, preview and submission: the browser carries it, only the portal can read it."""

from __future__ import annotations

import base64
import binascii
import json
import time
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from portal.accounts.models import User
from portal.audit.ledger import canonical_json
from portal.changes.domain import patch as patches
from portal.changes.domain import risks, secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.risks import RiskLevel
from portal.changes.domain.secret_encryption import EncryptedSecret
from portal.common import keyring

LIFETIME_S = 3600


class InvalidProposalToken(Exception):
    """Proposal token that is too old, was altered, or belongs to another user."""


@dataclass(frozen=True)
class Proposal:
    """Content of a future revision.

    `revision_id` is chosen first: the encrypted value is bound to it, and a proposal that is submitted twice is the
    same revision.
    """

    secret: int
    patch: dict[str, Any]
    base: Snapshot | None
    sealed: EncryptedSecret | None = None
    reason: str = ""
    ticket: str = ""
    revision_id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def changes(self) -> list[patches.FieldChange]:
        """Changes by field, without the full names of the directory."""
        return self.describe_changes(patches.NO_NAMES)

    def describe_changes(self, names: patches.DirectoryNames) -> list[patches.FieldChange]:
        """Return the changes by field, for the review."""
        return patches.describe_changes(
            self.patch,
            self.base.fields if self.base else None,
            new_secret=self.sealed is not None,
            traits=self.sealed.traits if self.sealed else None,
            names=names,
        )

    @property
    def read_at(self) -> datetime | None:
        """Instant at which the old values of the preview were read from Segura; None if it shows none."""
        return self.base.read_at if self.base and patches.shows_old_values(self.changes) else None

    def risk(self, burst_size: int) -> RiskLevel:
        """Return the risk level that approvers are shown."""
        base = self.base.fields if self.base else None
        return risks.rate_patch(self.patch, base, new_secret=self.sealed is not None, burst_size=burst_size)


def encode_proposal(proposal: Proposal, by: User) -> str:
    """Return the proposal as an encrypted token for a hidden field, which only the same user can submit."""
    text = canonical_json(
        {
            "at": int(time.time()),
            "secret": proposal.secret,
            "revision": str(proposal.revision_id),
            "patch": proposal.patch,
            "base": encode_base(proposal.base, by, proposal.secret) if proposal.base else None,
            "value": proposal.sealed.blob.hex() if proposal.sealed else None,
            "reason": proposal.reason,
            "ticket": proposal.ticket,
        }
    )
    return _seal(text, f"proposal|{by.pk}")


def decode_proposal(text: str, by: User) -> Proposal:
    """Return the proposal that `by` encoded, its value encrypted with the first key. Raises InvalidProposalToken."""
    data = _open(text, f"proposal|{by.pk}")
    revision_id = uuid.UUID(data["revision"])
    return Proposal(
        secret=data["secret"],
        patch=data["patch"],
        base=decode_base(data["base"], by, data["secret"]) if data["base"] else None,
        sealed=_sealed_anew(data["value"], revision_id) if data["value"] else None,
        reason=data["reason"],
        ticket=data["ticket"],
        revision_id=revision_id,
    )


def _sealed_anew(blob: str, revision_id: uuid.UUID) -> EncryptedSecret:
    """Encrypt the value again: it can be decrypted once submitted, and no value is stored under an old key."""
    try:
        return secret_encryption.reencrypt_secret(bytes.fromhex(blob), revision_id)
    except keyring.CannotDecrypt:
        raise InvalidProposalToken from None


def encode_base(base: Snapshot, by: User, secret: int) -> str:
    """Return the base of an open form as a token, so that the difference is against what the user saw."""
    text = canonical_json(
        {
            "at": int(time.time()),
            "fields": base.fields,
            "client_secret": base.secret_fingerprint,
            "read_at": base.read_at.isoformat() if base.read_at else None,
        }
    )
    return _seal(text, f"base|{by.pk}|{secret}")


def decode_base(text: str, by: User, secret: int) -> Snapshot:
    """Return the base that `by` was shown for this secret. Raises InvalidProposalToken."""
    data = _open(text, f"base|{by.pk}|{secret}")
    read_at = datetime.fromisoformat(data["read_at"]) if data["read_at"] else None
    return Snapshot(data["fields"], data["client_secret"], read_at)


def _seal(text: str, place: str) -> str:
    return base64.urlsafe_b64encode(keyring.get_keyring().encrypt(text.encode(), place.encode())).decode()


def _open(text: str, place: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(keyring.get_keyring().decrypt(base64.urlsafe_b64decode(text), place.encode()))
    except (keyring.CannotDecrypt, binascii.Error, ValueError):
        raise InvalidProposalToken from None
    if time.time() - data["at"] > LIFETIME_S:
        raise InvalidProposalToken
    return data
