"""Commands on vote keys: enrol, confirm a colleague's key, revoke. Each is one transaction with its event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right
from portal.accounts.signals import rights_changed
from portal.audit.ledger import record_event
from portal.audit.sealing import vote_key_chain
from portal.common.vote_signatures import (
    CONFIRMED,
    ENROLLED,
    REVOKED,
    NotSigned,
    check_confirmation,
    compute_fingerprint,
)
from portal.governance import proposals, rules
from portal.governance.violations import NotEntitled
from portal.vote_keys.models import VoteKey, VoteKeyConfirmation, VoteKeyRevocation
from portal.vote_keys.signed_text import SignedText
from portal.vote_keys.violations import (
    EnrolmentRefused,
    NoVoteKey,
    OwnVoteKey,
    SignatureRefused,
    VoteKeyClosed,
    VoteKeyNotSealed,
)


@dataclass(frozen=True)
class RegisteredKey:
    """Passkey as the browser registered it on this site: credential id and COSE key in base64url."""

    credential: str
    public_key: str
    rp_id: str
    origin: str
    aaguid: str
    is_synced: bool


def enrol_key(registered: RegisteredKey, *, by: User, name: str, recent_auth: RecentAuth) -> VoteKey:
    """Enrol a passkey as a vote key of the user; it counts once another person has confirmed it.

    Raises NotEntitled, PasswordRequired, EnrolmentRefused.
    """
    with proposals.recorded_refusals("enrol_vote_key", by):
        if not any(rules.is_entitled(by, right) for right in (Right.DECIDE, Right.OPERATE)):
            groups = roles.group_names_with_right(Right.DECIDE, Right.OPERATE)
            raise NotEntitled(_("Only members of %(groups)s can do this.") % {"groups": groups})
        rules.require_recent_auth(recent_auth)
        facts = {
            "log": vote_key_chain.get_log_name(),
            "owner": by.pk,
            "person": by.username,
            "credential": registered.credential,
            "public_key": registered.public_key,
            "rp_id": registered.rp_id,
            "origin": registered.origin,
        }
        key = VoteKey(
            owner=by,
            name=name,
            fingerprint=compute_fingerprint(facts),
            credential=registered.credential,
            public_key=registered.public_key,
            rp_id=registered.rp_id,
            origin=registered.origin,
            aaguid=registered.aaguid,
            is_synced=registered.is_synced,
        )
        try:
            with transaction.atomic():
                key.save(force_insert=True)
        except IntegrityError:
            raise EnrolmentRefused(_("This passkey is enrolled already. Use another one.")) from None
        labels = {"name": name, "aaguid": key.aaguid, "is_synced": key.is_synced}
        data = {**facts, "fingerprint": key.fingerprint, **labels, **recent_auth.as_data()}
        record_event(ENROLLED, by=by.username, data=data)
    return key


def confirm_key(key_id: int, *, by: User, signed: SignedText | None) -> VoteKey:
    """Confirm another person's key with a signature of the user's own key, which must be one of the first keys.

    Raises DoesNotExist, NotEntitled, OwnVoteKey, VoteKeyClosed, VoteKeyNotSealed, NoVoteKey, SignatureRefused.
    """
    with proposals.recorded_refusals("confirm_vote_key", by, vote_key=key_id):
        key = VoteKey.objects.with_steps().get(pk=key_id)
        require_confirmable(key, by)
        keys = vote_key_chain.load_keys()
        if key.fingerprint not in keys:
            raise VoteKeyNotSealed(_("The enrolment is not sealed in the audit log yet. Try again in a few seconds."))
        own = keys.get(signed.key) if signed else None
        if signed is None or own is None or not own.may_confirm or own.facts["owner"] != by.pk:
            raise NoVoteKey(_("Only keys of VOTE_KEYS_FIRST_FILE confirm others. Nothing was confirmed."))
        try:
            check_confirmation(signed.as_data(), keys[key.fingerprint], own)
        except NotSigned:
            raise SignatureRefused(_("The signature is not valid. Nothing was confirmed. Sign again.")) from None
        used = VoteKey.objects.get(fingerprint=signed.key)
        VoteKeyConfirmation.objects.create(key=key, owner=key.owner, confirmed_by=by, confirmed_with=used)
        facts = {"fingerprint": key.fingerprint, "person": key.owner.username, "name": key.name}
        record_event(CONFIRMED, by=by.username, data={**facts, "signature": signed.as_data()})
    return key


def require_confirmable(key: VoteKey, by: User) -> None:
    """Require that the user may confirm this key. Raises NotEntitled, OwnVoteKey, VoteKeyClosed."""
    rules.require_entitled(by, Right.OPERATE)
    if key.owner_id == by.pk:
        raise OwnVoteKey(_("You can't confirm your own vote key. Another administrator can."))
    if key.is_revoked or key.is_confirmed:
        raise VoteKeyClosed(_("This vote key was confirmed or revoked before. Nothing was done."))


def revoke_key(
    key_id: int, *, by: User, reason: str, recent_auth: RecentAuth, compromised_at: datetime | None = None
) -> VoteKey:
    """Revoke a key at once, as its owner or as an administrator; approvals by it on open changes are voided.

    Confirmations by the key stay valid, except those since `compromised_at`. Raises DoesNotExist, NotEntitled,
    VoteKeyClosed, ProposalReasonMissing, PasswordRequired.
    """
    with proposals.recorded_refusals("revoke_vote_key", by, vote_key=key_id):
        key = VoteKey.objects.with_steps().get(pk=key_id)
        if key.owner_id != by.pk:
            rules.require_entitled(by, Right.OPERATE)
        if key.is_revoked:
            raise VoteKeyClosed(_("This vote key was revoked before. Nothing was done."))
        rules.require_reason(reason)
        rules.require_recent_auth(recent_auth)
        VoteKeyRevocation.objects.create(key=key, revoked_by=by, reason=reason.strip(), compromised_at=compromised_at)
        facts = {"fingerprint": key.fingerprint, "person": key.owner.username, "name": key.name}
        stolen = compromised_at.astimezone(UTC).isoformat(timespec="microseconds") if compromised_at else ""
        data = {**facts, "reason": reason.strip(), "compromised_at": stolen, **recent_auth.as_data()}
        record_event(REVOKED, by=by.username, data=data)
        # Recounts the votes of the owner: those by this key are voided.
        rights_changed.send(sender=VoteKey, users=[key.owner_id])
    return key
