"""Rule against texts that quote a proposed client secret, since the append-only log would keep them for ever.

Checked only for texts by the requester, who knows the value. To any other user a violation would confirm a guess.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID

from portal.accounts.models import User
from portal.changes.domain import secret_encryption
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision
from portal.changes.rules import guards
from portal.changes.rules.guards import ContainsSecret
from portal.common import keyring
from portal.common.invisible_characters import is_invisible
from portal.vault import SHARE_FIELDS, SecretStr
from portal.vault.scrubbing import is_quoted

_MOST_FINGERPRINTS = 100_000
"""Fingerprints computed for one text: 0.1 to 0.2 s. A longer text is compared by whole words."""
_LONGEST_VALUE = 256
"""Length in characters up to which an erased value is searched for, if its traits name no upper bound."""


def forbid_in_proposal(proposal: Proposal) -> None:
    """Require that no text of the proposal quotes its own client secret. Raises ContainsSecret."""
    if proposal.sealed is None:
        return
    value = _open_value(proposal.sealed.blob, proposal.revision_id)
    if value is not None and any(is_quoted(value, text) for text in texts_of(proposal)):
        raise ContainsSecret("")


def forbid_in_texts(change: Change, texts: Collection[str], *, by: User) -> None:
    """Require that no text by the requester quotes a client secret proposed in this change. Raises ContainsSecret."""
    if not guards.is_own_change(change, by):
        return
    for revision in change.revisions.all():
        for text in texts:
            if revision.secret_fingerprint and _quotes(revision, text):
                raise ContainsSecret(_rest(revision, text))


def texts_of(proposal: Proposal) -> list[str]:
    """Return every text that a proposal brings into the log: fields, names of shares, reason, ticket."""
    patch: dict[str, Any] = proposal.patch
    names = [name for field in SHARE_FIELDS for name, _may_edit in patch.get(field, ())]
    fields = [text for field, text in patch.items() if field not in SHARE_FIELDS]
    return [*fields, *names, proposal.reason, proposal.ticket]


def _open_value(blob: bytes | memoryview, revision_id: UUID) -> SecretStr | None:
    try:
        return secret_encryption.decrypt_secret(blob, revision_id)
    except keyring.CannotDecrypt:
        return None


def _quotes(revision: Revision, text: str) -> bool:
    """Return whether the text quotes the value: by the value itself, or by its fingerprint once it is erased."""
    value = _open_value(revision.encrypted_secret, revision.pk) if revision.encrypted_secret else None
    return is_quoted(value, text) if value is not None else bool(_found(revision, text))


def _rest(revision: Revision, text: str) -> str:
    """Return the text without the exact value, or '' if the text quotes the value even then."""
    for found in _found(revision, text):
        text = text.replace(found, "…")
    return "" if _quotes(revision, text) else text


def _found(revision: Revision, text: str) -> list[str]:
    """Return the parts of a text whose fingerprint is that of the proposed value, the longest first."""
    least, most = (revision.secret_strength or {}).get("length", (1, None))
    most = most or max(least, _LONGEST_VALUE)
    together = "".join(char for char in text if not char.isspace() and not is_invisible(char))
    parts = {part for each in {text, together} for part in _parts(each, least, most)}
    found = [
        part for part in parts if secret_encryption.fingerprint_secret(SecretStr(part)) == revision.secret_fingerprint
    ]
    return sorted(found, key=len, reverse=True)


def _parts(text: str, least: int, most: int) -> Iterator[str]:
    """Yield every part of a text with a length in these bounds; of a long text only from word edge to word edge."""
    starts, ends = range(len(text)), range(len(text) + 1)
    if len(text) * (min(most, len(text)) - least + 1) > _MOST_FINGERPRINTS:
        edges = [at for at in ends if at in (0, len(text)) or text[at - 1].isalnum() != text[at].isalnum()]
        for start in edges:
            yield from (text[start:end] for end in edges if least <= end - start <= most)
        return
    for start in starts:
        yield from (text[start:end] for end in range(start + least, min(start + most, len(text)) + 1))
