"""Data of the page of vote keys. A state is what the audit log proves, not what a row says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.audit.sealing import vote_key_chain
from portal.common.vote_signatures import ChainedKey
from portal.vote_keys.models import VoteKey

_MOST = 200


@dataclass
class KeyRow:
    """One key: `state` is counts, unsealed, waiting, unproved or revoked; `may_*` is about the reader."""

    key: VoteKey
    state: str
    is_first: bool
    may_confirm: bool
    may_revoke: bool
    revoke_form: Any = None


@dataclass
class KeyPage:
    """The reader's own keys and, for administrators, those of others."""

    own: list[KeyRow]
    waiting: list[KeyRow] = field(default_factory=list)
    others: list[KeyRow] = field(default_factory=list)
    first_lines: list[str] = field(default_factory=list)
    has_first_keys: bool = False
    can_sign_confirmations: bool = False

    @property
    def rows(self) -> list[KeyRow]:
        """All rows."""
        return [*self.own, *self.waiting, *self.others]

    @property
    def counted(self) -> int:
        """The number of the reader's keys that count."""
        return sum(row.state == "counts" for row in self.own)


def load_key_page(reader: User) -> KeyPage:
    """Return the page for this reader."""
    operates = roles.has_right(reader, Right.OPERATE)
    chain, first = vote_key_chain.load_keys(), vote_key_chain.read_first_keys()
    found = VoteKey.objects.with_steps()
    others_found = found.exclude(owner=reader) if operates else found.none()
    unconfirmed = others_found.filter(confirmation__isnull=True, revocation__isnull=True)
    done = others_found.exclude(pk__in=unconfirmed.values("pk"))[:_MOST]
    shown = (*found.filter(owner=reader), *unconfirmed, *done)
    rows = [_build_row(key, chain, first, reader=reader, operates=operates) for key in shown]
    own = [row for row in rows if row.key.owner_id == reader.pk]
    others = [row for row in rows if row.key.owner_id != reader.pk]
    return KeyPage(
        own=own,
        waiting=[row for row in others if row.may_confirm],
        others=[row for row in others if not row.may_confirm],
        first_lines=[f"{row.key.fingerprint} {row.key.owner.username}" for row in rows]
        if operates and not first
        else [],
        has_first_keys=bool(first),
        can_sign_confirmations=any(_may_sign(row, chain) for row in own),
    )


def _build_row(
    key: VoteKey, chain: dict[str, ChainedKey], first: frozenset[str], *, reader: User, operates: bool
) -> KeyRow:
    is_own = key.owner_id == reader.pk
    state = _state_of(key, chain)
    return KeyRow(
        key=key,
        state=state,
        is_first=key.fingerprint in first,
        may_confirm=operates and not is_own and state == "waiting",
        may_revoke=(operates or is_own) and state != "revoked",
    )


def _state_of(key: VoteKey, chain: dict[str, ChainedKey]) -> str:
    known = chain.get(key.fingerprint)
    if key.is_revoked or (known and known.revoked_at):
        return "revoked"
    if known and known.confirmed_at:
        return "counts"
    if known is None:
        return "unsealed"
    return "unproved" if key.is_confirmed else "waiting"


def _may_sign(row: KeyRow, chain: dict[str, ChainedKey]) -> bool:
    known = chain.get(row.key.fingerprint)
    return known is not None and known.may_confirm and row.key.origin == settings.BASE_URL
