"""Patch of a change as data: difference, digest, request values, and comparison with a read-back. Pure.

Shapes, also of Revision.patch and Revision.base: text fields are strings, shares are sorted [[name, can_edit], ...].
The data never hold the client secret, only its keyed fingerprint.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from functools import cached_property
from typing import Any

from portal.audit.ledger import canonical_json
from portal.changes.domain.difference import TextDifference, compare_values
from portal.common.keyring import keyed_fingerprint
from portal.vault.entities import FIELDS, SECRET_FIELD, SHARE_FIELDS, TEXT_FIELDS, Patch, PatchValue, SecretStr, Share

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class ShareChange:
    """Access of one user or group before and after: None is no access, False may view, True may edit.

    `full_name` is that of the directory, '' without one; `unknown`: the directory does not have the name.
    """

    name: str
    old: bool | None
    new: bool | None
    full_name: str = ""
    unknown: bool = False

    @property
    def gains_edit(self) -> bool:
        """True if the user or group gains the right to edit, and so to disable, the secret (contract 5.4)."""
        return bool(self.new) and not self.old


@dataclass(frozen=True)
class DirectoryNames:
    """Full names, and names that the directory does not have, by list of shares, as they were at one time."""

    full: Mapping[str, Mapping[str, str]]
    unknown: Mapping[str, Collection[str]]

    def of_field(self, field: str) -> tuple[Mapping[str, str], Collection[str]]:
        """Return full names and unknown names of one list."""
        return self.full.get(field, {}), self.unknown.get(field, ())


NO_NAMES = DirectoryNames({}, {})


@dataclass(frozen=True)
class FieldChange:
    """Change of one field, old -> new, as pages show it; `old` is None if the base is unknown.

    Of a new client secret only the `traits` are shown; they are None if the revision was made without them.
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

    @cached_property
    def difference(self) -> TextDifference | None:
        """Both values with what differs marked; None if one of them is unknown or empty, so that all of it differs."""
        return compare_values(self.field, self.old, self.new) if self.old and self.new else None


@dataclass(frozen=True)
class Snapshot:
    """Known state of a secret: visible fields, and the fingerprint of its value ('' if the value is not shown).

    `read_at`: when it was read from Segura, None if that is not known; comparisons ignore it.
    """

    fields: Fields
    secret_fingerprint: str = ""
    read_at: datetime | None = field(default=None, compare=False)

    def values(self) -> dict[str, Any]:
        """Return the values by field, without those that Segura does not show."""
        value = {SECRET_FIELD: self.secret_fingerprint} if self.secret_fingerprint else {}
        return {**self.fields, **value}

    @property
    def fingerprint(self) -> str:
        """Keyed digest of all values; it differs as soon as one value differs."""
        return keyed_fingerprint("base", canonical_json({**self.fields, SECRET_FIELD: self.secret_fingerprint}))


class SnapshotMatch(Enum):
    """Result of comparing a read-back with a proposed edit."""

    TARGET = "target"  # every proposed value is there
    HIDDEN = "hidden"  # every visible proposed value is there, but the client secret is not visible
    PARTIAL = "partial"  # some proposed values are there; only entries of share lists are missing
    NONE_TAKEN = "none taken"  # only entries of share lists were proposed, and none of them is there
    NOT_YET = "not yet"  # every visible value is either the one from before or the proposed one
    OTHER = "other"  # a value that is neither: the secret was edited outside this change


@dataclass(frozen=True)
class Judgement:
    """Result of a comparison; `untaken` names the missing entries of share lists as (field, name).

    `hidden`: the proposed client secret is not visible; `taken`: some proposed values are visibly there.
    """

    finding: SnapshotMatch
    untaken: tuple[tuple[str, str], ...] = ()
    hidden: bool = False
    taken: bool = False


def changed_values(proposed: Fields, base: Fields) -> dict[str, Any]:
    """Return the fields of `proposed` that differ from `base`, in the order of FIELDS."""
    return {name: proposed[name] for name in FIELDS if name in proposed and proposed[name] != base.get(name)}


def describe_changes(
    patch: Fields,
    base: Fields | None,
    *,
    new_secret: bool,
    traits: Fields | None = None,
    names: DirectoryNames = NO_NAMES,
) -> list[FieldChange]:
    """Return the patch field by field for pages, in the order of FIELDS."""
    changes = []
    for name in FIELDS:
        if name == SECRET_FIELD and new_secret:
            changes.append(FieldChange(name, traits=traits))
        elif name in patch and name in SHARE_FIELDS:
            shares = _share_changes(patch[name], base[name] if base else None, names.of_field(name))
            changes.append(FieldChange(name, shares=shares))
        elif name in patch:
            changes.append(FieldChange(name, old=base[name] if base else None, new=patch[name]))
    return changes


def shows_old_values(changes: Iterable[FieldChange]) -> bool:
    """Return whether the difference to a known base shows old values; that of a client secret is never shown."""
    return any(not change.is_secret for change in changes)


def changed_field_names(patch: Fields, *, new_secret: bool) -> list[str]:
    """Return the names of the fields that change, in the order of FIELDS."""
    return [name for name in FIELDS if name in patch or (name == SECRET_FIELD and new_secret)]


def _share_changes(
    new: Iterable[Any], old: Iterable[Any] | None, names: tuple[Mapping[str, str], Collection[str]]
) -> tuple[ShareChange, ...]:
    before: dict[str, bool] = dict(old or ())
    after: dict[str, bool] = dict(new)
    full, unknown = names
    return tuple(
        ShareChange(name, before.get(name), after.get(name), full.get(name, ""), name in unknown)
        for name in sorted({*before, *after})
    )


def compute_digest(
    *,
    secret: int,
    patch: Fields,
    secret_fingerprint: str,
    base: Snapshot | None,
    policy: Fields,
    traits: Fields | None = None,
) -> str:
    """Return the digest that votes are over (B8): 64 hex digits of SHA-256 over the canonical JSON of the arguments.

    Without `traits` their key is omitted, so that votes on revisions without traits still count.
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
    """Return the patch in the types of the vault client, with exactly the changed fields."""
    wire: dict[str, PatchValue] = {name: patch[name] for name in TEXT_FIELDS if name in patch}
    wire |= {name: tuple(Share(*pair) for pair in patch[name]) for name in SHARE_FIELDS if name in patch}
    if client_secret is not None:
        wire[SECRET_FIELD] = client_secret
    return wire


def find_base_changes(base: Snapshot, now: Snapshot) -> list[str]:
    """Return the fields that changed, in the order of FIELDS; only fields visible in both snapshots are compared."""
    then, today = base.values(), now.values()
    return [name for name in FIELDS if name in then and name in today and then[name] != today[name]]


def compare_snapshots(target: Snapshot, base: Snapshot | None, now: Snapshot) -> Judgement:
    """Compare a read-back (`now`) with the proposed values (`target`: only the fields of the patch) and the base.

    Share lists are compared entry by entry: Segura may take some entries of a list and not others.
    """
    wanted, before, today = target.values(), base.values() if base else {}, now.values()
    if base is not None and SECRET_FIELD not in before and today.get(SECRET_FIELD) != wanted.get(SECRET_FIELD):
        today.pop(SECRET_FIELD, None)  # the value is random, or the base would have one: not comparable
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
    """Return whether a visible value is neither the one from before nor the proposed one."""
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
    """Return the names without their proposed access; None if the list grants more than was proposed."""
    right, proposed = dict(today), dict(wanted)
    if any(name not in proposed or (can_edit and not proposed[name]) for name, can_edit in right.items()):
        return None
    return [name for name, can_edit in proposed.items() if right.get(name) != can_edit]


def _respelled(today: Iterable[Any], wanted: Iterable[Any], before: Iterable[Any]) -> list[Any]:
    """Return the entries with names as proposed if Segura spells them in another way, for example with capitals."""
    known = {name for name, _ in (*wanted, *before)}
    spelling = {_folded(name): name for name, _ in wanted}
    named = ([name if name in known else spelling.get(_folded(name), name), can_edit] for name, can_edit in today)
    return sorted(named)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).strip().casefold()
