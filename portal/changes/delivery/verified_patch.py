"""Verified patch: what was approved, decrypted and proved right before it is sent (B8)."""

from __future__ import annotations

from portal.changes.approvals import approval_proof
from portal.changes.approvals.approval_proof import Tampered as Tampered
from portal.changes.approvals.approval_proof import VotesVoided as VotesVoided
from portal.changes.approvals.signed_votes import SignatureNotProved as SignatureNotProved
from portal.changes.domain import patch as patches
from portal.changes.domain import policy, secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.models import Change, Revision
from portal.vault.entities import Patch, SecretStr, encode_patch


class Lapsed(Exception):
    """Approvals that are proved, but older than an approval may become."""


def load_current_revision(change: Change) -> Revision:
    """Return the current revision, as Change.get_current_revision() does, in one query for this row alone."""
    return Revision.objects.get(change=change, number=change.revision)


def base_snapshot(revision: Revision) -> Snapshot | None:
    """Return the secret as the requester saw it and as the votes cover it; None if it could not be read."""
    return (
        None
        if revision.base is None
        else Snapshot(revision.base, revision.base_secret_fingerprint, revision.base_read_at)
    )


def build_verified_patch(change: Change, revision: Revision) -> Patch:
    """Return the patch to send: decrypted, proved to be what was approved, and known to be encodable.

    The deadline is computed from proved times, because `expires_at` in the row can be altered with SQL.
    Raises Tampered, VotesVoided, SignatureNotProved, Lapsed, keyring.CannotDecrypt, Malformed.
    """
    value = (
        secret_encryption.decrypt_secret(revision.encrypted_secret, revision.pk) if revision.encrypted_secret else None
    )
    digest = patches.compute_digest(
        secret=change.secret,
        patch=revision.patch,
        secret_fingerprint=revision.secret_fingerprint,
        base=base_snapshot(revision),
        policy=revision.policy,
        traits=revision.secret_strength,
    )
    if digest != revision.digest:
        raise Tampered
    proof = approval_proof.prove_approval(change, revision, digest)
    if not _is_as_told(revision, value):
        raise Tampered
    if policy.approval_deadline(proof.approved_at) <= proof.proved_at:
        raise Lapsed
    proved = patches.build_patch(revision.patch, value)
    # A patch that cannot be encoded must fail here: after the intent its outcome would stay unknown for ever.
    encode_patch(proved)
    return proved


def _is_as_told(revision: Revision, value: SecretStr | None) -> bool:
    """Return whether the value to send has the fingerprint and the traits that the votes cover."""
    if value is None:
        return not revision.secret_fingerprint
    told = (revision.secret_fingerprint, revision.secret_strength)
    return told in (
        (secret_encryption.fingerprint_secret(value), secret_encryption.strength_of_secret(value)),
        (secret_encryption.fingerprint_secret(value), None),
    )
