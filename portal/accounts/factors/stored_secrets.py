"""Stored secrets of second factors, for the rotation of the encryption keys."""

from __future__ import annotations

import base64
from collections import Counter

from allauth.mfa.models import Authenticator

from portal.accounts.factors.adapter import PortalMFAAdapter
from portal.accounts.factors.inventory import APP, RECOVERY_CODES
from portal.common import keyring

_FIELDS = {APP: "secret", RECOVERY_CODES: "seed"}
"""Field of `data` that is encrypted, by type. A passkey stores only a public key."""


def count_secrets_by_key() -> Counter[str]:
    """Count the secrets of apps and recovery codes by the id of their key."""
    return Counter(_key_of(factor) for factor in _list_factors())


def reencrypt_secrets(to: str) -> Counter[str]:
    """Encrypt with the first key what is under another key than `to`; return how many by their old key.

    Requires a transaction. Leaves a secret that cannot be decrypted, and one that a user changes at the same time.
    """
    moved: Counter[str] = Counter()
    adapter = PortalMFAAdapter()
    for factor in _list_factors():
        field, old = _FIELDS[factor.type], _key_of(factor)
        if old == to:
            continue
        try:
            data = {**factor.data, field: adapter.encrypt(adapter.decrypt(factor.data[field]))}
        except keyring.CannotDecrypt:
            continue
        moved[old] += Authenticator.objects.filter(pk=factor.pk, data=factor.data).update(data=data)
    return +moved


def _list_factors() -> list[Authenticator]:
    return list(Authenticator.objects.filter(type__in=_FIELDS).order_by("pk"))


def _key_of(factor: Authenticator) -> str:
    return keyring.key_id_of(base64.b64decode(factor.data[_FIELDS[factor.type]])) or "?"
