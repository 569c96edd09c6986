"""What changes, as data: difference, digest, wire form, and what a reading of the vault says about it. Pure.

Shapes, also of Revision.patch and Revision.base: text fields are strings, shares are sorted [[name, can_edit], ...].
The client secret is never here, only its keyed fingerprint.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from portal.audit.ledger import canonical_json
from portal.common.keyring import keyed_fingerprint
from portal.vault.entities import FIELDS, SECRET_FIELD, SHARE_FIELDS, TEXT_FIELDS, Patch, PatchValue, SecretStr, Share

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
class Snapshot:
    """What is known of a secret: visible fields, and the fingerprint of its value ('' for «cannot be seen»).

    `read_at`: when it was read from Segura, None if that is not known; it is no part of what is compared.
    """

    fields: Fields
    secret_fingerprint: str = ""
    read_at: datetime | None = field(default=None, compare=False)

    def values(self) -> dict[str, Any]:
        """Field by field, what cannot be seen left out."""
        value = {SECRET_FIELD: self.secret_fingerprint} if self.secret_fingerprint else {}
        return {**self.fields, **value}

    @property
    def fingerprint(self) -> str:
        """A keyed digest of all of it: equal only while nothing of it has moved."""
        return keyed_fingerprint("base", canonical_json({**self.fields, SECRET_FIELD: self.secret_fingerprint}))


class SnapshotMatch(Enum):
    """What a reading says about a proposed edit."""

    TARGET = "target"  # every proposed value is there
    HIDDEN = "hidden"  # every proposed value that can be seen is there, but the client secret cannot be seen
    PARTIAL = "partial"  # some proposed values are there, and all that is missing is entries of share lists
    NONE_TAKEN = "none taken"  # all that was proposed is entries of share lists, and none of them is there
    NOT_YET = "not yet"  # nothing but values from before and proposed ones, as far as can be seen
    OTHER = "other"  # a value that is neither: the secret was edited by another hand


@dataclass(frozen=True)
class Judgement:
    """A finding; `untaken` names the entries of share lists that are missing, as (field, name).

    `hidden`: the proposed client secret cannot be seen; `taken`: some of what was proposed is seen to be there.
    """

    finding: SnapshotMatch
    untaken: tuple[tuple[str, str], ...] = ()
    hidden: bool = False
    taken: bool = False


def changed_values(proposed: Fields, base: Fields) -> dict[str, Any]:
    """The fields of `proposed` that differ from `base`, in the order of FIELDS."""
    return {name: proposed[name] for name in FIELDS if name in proposed and proposed[name] != base.get(name)}


def describe_changes(
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


def shows_old_values(changes: Iterable[FieldChange]) -> bool:
    """Whether a difference over a known base holds a value from before: that of a client secret is never shown."""
    return any(not change.is_secret for change in changes)


def changed_field_names(patch: Fields, *, new_secret: bool) -> list[str]:
    """Names of the fields that change, in the order of FIELDS."""
    return [name for name in FIELDS if name in patch or (name == SECRET_FIELD and new_secret)]


def _share_changes(new: Iterable[Any], old: Iterable[Any] | None) -> tuple[ShareChange, ...]:
    before: dict[str, bool] = dict(old or ())
    after: dict[str, bool] = dict(new)
    return tuple(ShareChange(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))


def compute_digest(
    *,
    secret: int,
    patch: Fields,
    secret_fingerprint: str,
    base: Snapshot | None,
    policy: Fields,
    traits: Fields | None = None,
) -> str:
    """What a vote is over (B8): 64 hex digits of SHA-256 over the canonical text of all that counts.

    Without `traits` it is what it was before they were kept, so that votes of then still count.
    """
    text = canonical_json(
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


def build_patch(patch: Fields, client_secret: SecretStr | None) -> Patch:
    """The edit as the vault takes it: exactly the changed fields."""
    wire: dict[str, PatchValue] = {name: patch[name] for name in TEXT_FIELDS if name in patch}
    wire |= {name: tuple(Share(*pair) for pair in patch[name]) for name in SHARE_FIELDS if name in patch}
    if client_secret is not None:
        wire[SECRET_FIELD] = client_secret
    return wire


def find_base_changes(base: Snapshot, now: Snapshot) -> list[str]:
    """The fields that are no longer as they were, in the order of FIELDS; only what is visible in both counts."""
    then, today = base.values(), now.values()
    return [name for name in FIELDS if name in then and name in today and then[name] != today[name]]


def compare_snapshots(target: Snapshot, base: Snapshot | None, now: Snapshot) -> Judgement:
    """Compare a reading with what was proposed (`target`: only its fields) and with what was there before.

    Share lists are compared entry by entry: Segura may take some entries of a list and not others.
    """
    wanted, before, today = target.values(), base.values() if base else {}, now.values()
    if base is not None and SECRET_FIELD not in before and today.get(SECRET_FIELD) != wanted.get(SECRET_FIELD):
        today.pop(SECRET_FIELD, None)  # not a value that can be compared, or the base would have had one
    visible = [name for name in wanted if name in today]
    today |= {name: _respelled(today[name], wanted[name], before.get(name, ())) for name in visible if _is_list(name)}
    open_fields = [name for name in visible if today[name] != wanted[name]]
    hidden = len(visible) < len(wanted)
    if not open_fields and not hidden:
        return Judgement(SnapshotMatch.TARGET)
    if base is not None and _edited_by_another_hand(wanted, before, today):
        return Judgement(SnapshotMatch.OTHER)
    if not open_fields:
        return Judgement(SnapshotMatch.HIDDEN, hidden=True)
    taken = any(_moved(today[name], before.get(name)) for name in visible)
    missing = {name: _missing(wanted[name], today[name]) if _is_list(name) else None for name in open_fields}
    if any(names is None for names in missing.values()):
        return Judgement(SnapshotMatch.NOT_YET, hidden=hidden, taken=taken)
    untaken = tuple((name, each) for name, names in missing.items() for each in names or ())
    finding = SnapshotMatch.PARTIAL if taken or hidden else SnapshotMatch.NONE_TAKEN
    return Judgement(finding, untaken, hidden, taken)


def _moved(today: Any, before: Any) -> bool:
    return bool(today) if before is None else bool(today != before)


def _is_list(name: str) -> bool:
    return name in SHARE_FIELDS


def _edited_by_another_hand(wanted: Fields, before: Fields, today: Fields) -> bool:
    """Whether a visible value is neither the one from before nor a proposed one."""
    for name in FIELDS:
        if name not in before or name not in today or today[name] in (before[name], wanted.get(name)):
            continue
        if not _is_list(name) or name not in wanted:
            return True
        rights = [dict(each) for each in (before[name], wanted[name], today[name])]
        if any(rights[2].get(who) not in (rights[0].get(who), rights[1].get(who)) for who in {*rights[0], *rights[2]}):
            return True
    return False


def _missing(wanted: Iterable[Any], today: Iterable[Any]) -> list[str] | None:
    """Names whose proposed access is not there; None if the list grants more than was proposed."""
    right, proposed = dict(today), dict(wanted)
    if any(name not in proposed or (can_edit and not proposed[name]) for name, can_edit in right.items()):
        return None
    return [name for name, can_edit in proposed.items() if right.get(name) != can_edit]


def _respelled(today: Iterable[Any], wanted: Iterable[Any], before: Iterable[Any]) -> list[Any]:
    """The entries as proposed if Segura only spells their names in another way, with other capitals for example."""
    known = {name for name, _ in (*wanted, *before)}
    spelling = {_folded(name): name for name, _ in wanted}
    named = ([name if name in known else spelling.get(_folded(name), name), can_edit] for name, can_edit in today)
    return sorted(named)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
