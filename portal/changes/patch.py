"""What changes, as data: difference, digest, wire form, and what a reading of the vault says about it. Pure.

Shapes, also of Revision.patch and Revision.base: text fields are strings, shares are sorted [[name, can_edit], ...].
The client secret is never here, only its keyed fingerprint.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from portal.audit.ledger import canonical
from portal.keyring import fingerprint
from portal.vault.entity import FIELDS, SECRET_FIELD, SHARE_FIELDS, TEXT_FIELDS, Patch, PatchValue, Secret, Share

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class ShareChange:
    """One person's or group's access before and after: None is no access, False may view, True may edit."""

    name: str
    old: bool | None
    new: bool | None

    @property
    def gains_edit(self) -> bool:
        """Gains the right to edit, and with it to disable, the secret (contract 5.4)."""
        return bool(self.new) and not self.old


@dataclass(frozen=True)
class FieldChange:
    """One field old -> new as people see it; `old` is None where the base is unknown.

    Of a new secret value `traits` is all there is to see; None of one proposed before they were kept.
    """

    field: str
    old: str | None = None
    new: str | None = None
    shares: tuple[ShareChange, ...] = ()
    traits: Mapping[str, Any] | None = None

    @property
    def is_secret(self) -> bool:
        return self.field == SECRET_FIELD

    @property
    def is_shares(self) -> bool:
        return self.field in SHARE_FIELDS


@dataclass(frozen=True)
class Sight:
    """What is known of a secret: visible fields, and the fingerprint of its value ('' for «cannot be seen»)."""

    fields: Fields
    secret_fingerprint: str = ""

    def values(self) -> dict[str, Any]:
        """Field by field, what cannot be seen left out."""
        value = {SECRET_FIELD: self.secret_fingerprint} if self.secret_fingerprint else {}
        return {**self.fields, **value}

    @property
    def fingerprint(self) -> str:
        """A keyed digest of all of it: equal only while nothing of it has moved."""
        return fingerprint("base", canonical({**self.fields, SECRET_FIELD: self.secret_fingerprint}))


class Finding(Enum):
    """What a reading says about a call of unknown outcome."""

    TARGET = "target"  # every proposed value is there
    NOT_YET = "not yet"  # nothing but values from before and proposed ones, as far as can be seen
    OTHER = "other"  # a value that is neither: somebody else was there


def difference(proposed: Fields, base: Fields) -> dict[str, Any]:
    """The fields of `proposed` that differ from `base`, in the order of FIELDS."""
    return {name: proposed[name] for name in FIELDS if name in proposed and proposed[name] != base.get(name)}


def describe(
    patch: Fields, base: Fields | None, *, new_secret: bool, traits: Fields | None = None
) -> list[FieldChange]:
    """The patch field by field for people, in the order of FIELDS."""
    changes = []
    for name in FIELDS:
        if name == SECRET_FIELD and new_secret:
            changes.append(FieldChange(name, traits=traits))
        elif name in patch and name in SHARE_FIELDS:
            changes.append(FieldChange(name, shares=_share_changes(patch[name], base[name] if base else None)))
        elif name in patch:
            changes.append(FieldChange(name, old=base[name] if base else None, new=patch[name]))
    return changes


def fields(patch: Fields, *, new_secret: bool) -> list[str]:
    """Names of the fields that change, in the order of FIELDS."""
    return [name for name in FIELDS if name in patch or (name == SECRET_FIELD and new_secret)]


def _share_changes(new: Iterable[Any], old: Iterable[Any] | None) -> tuple[ShareChange, ...]:
    before: dict[str, bool] = dict(old or ())
    after: dict[str, bool] = dict(new)
    return tuple(ShareChange(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))


def digest(
    *,
    secret: int,
    patch: Fields,
    secret_fingerprint: str,
    base: Sight | None,
    policy: Fields,
    traits: Fields | None = None,
) -> str:
    """What a vote is over (B8): 64 hex digits of SHA-256 over the canonical text of all that counts.

    Without `traits` it is what it was before they were kept, so that votes of then still count.
    """
    text = canonical(
        {
            "v": 1,
            "secret": secret,
            "patch": patch,
            "client_secret": secret_fingerprint,
            "base": base.fingerprint if base else "",
            "policy": policy,
            **({"traits": traits} if traits else {}),
        }
    )
    return hashlib.sha256(text.encode()).hexdigest()


def request(patch: Fields, client_secret: Secret | None) -> Patch:
    """The edit as the vault takes it: exactly the changed fields."""
    wire: dict[str, PatchValue] = {name: patch[name] for name in TEXT_FIELDS if name in patch}
    wire |= {name: tuple(Share(*pair) for pair in patch[name]) for name in SHARE_FIELDS if name in patch}
    if client_secret is not None:
        wire[SECRET_FIELD] = client_secret
    return wire


def moved(base: Sight, now: Sight) -> list[str]:
    """The fields that are no longer as they were, in the order of FIELDS; only what is visible in both counts."""
    then, today = base.values(), now.values()
    return [name for name in FIELDS if name in then and name in today and then[name] != today[name]]


def judge(target: Sight, base: Sight | None, now: Sight) -> Finding:
    """Compare a reading with what was proposed (`target`: only its fields) and with what was there before."""
    wanted, today = target.values(), now.values()
    if all(name in today and today[name] == value for name, value in wanted.items()):
        return Finding.TARGET
    strangers = [name for name in moved(base, now) if today[name] != wanted.get(name)] if base else []
    return Finding.OTHER if strangers else Finding.NOT_YET
