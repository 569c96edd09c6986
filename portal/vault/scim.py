"""Names that secrets can be shared with, parsed from SCIM lists (contract 10; RFC 7643 and 7644)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from portal.vault.entities import Malformed
from portal.vault.errors import InvalidResponse
from portal.vault.leftovers import Rows, read_rows
from portal.vault.parsing import parse_scim_response
from portal.vault.responses import NoResponse, SeguraResponse, is_scim
from portal.vault.token_errors import TokenUnavailable

PAGE_SIZE = 200
"""Requested page size; a server may return fewer entries (Segura's sample: 25)."""
MOST_NAMES = 50_000
LONGEST_NAME = 500
_LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"


class DirectoryKind(StrEnum):
    """Kind of entries in a directory, as in SCIM's addresses."""

    USERS = "Users"
    GROUPS = "Groups"


@dataclass(frozen=True)
class DirectoryEntry:
    """User or group, by the name that shares use."""

    name: str
    display_name: str = ""
    active: bool = True


@dataclass(frozen=True)
class DirectoryPage:
    """Page of directory entries, and the total number of entries."""

    names: Rows[DirectoryEntry]
    total: int


def parse_page(kind: DirectoryKind, start: int, came: SeguraResponse | NoResponse | TokenUnavailable) -> DirectoryPage:
    """Return the page that begins with entry number `start`, without malformed entries. Raises VaultError."""

    def parse(doc: Mapping[str, Any]) -> DirectoryPage:
        if not is_scim(doc) or _LIST not in doc["schemas"] or doc.get("startIndex", 1) != start:
            raise Malformed("the answer is not the page that was asked for")
        total, rows = doc.get("totalResults"), doc.get("Resources", [])
        if not isinstance(total, int) or isinstance(total, bool) or not isinstance(rows, list):
            raise Malformed("the answer holds no list")
        if total > MOST_NAMES or start - 1 + len(rows) > total:
            raise Malformed("the directory holds more names than it says, or than can be taken over")
        return DirectoryPage(read_rows(rows, lambda row: _name(kind, row), first=start), total)

    return parse_scim_response(came, parse)


def collect_pages(ask: Callable[[int], DirectoryPage]) -> Rows[DirectoryEntry]:
    """Return the entries of all pages; an entry that moved to the next page meanwhile counts once.

    Raises VaultError.
    """
    found: dict[str, DirectoryEntry] = {}
    left_out: list[str] = []
    taken, total = 0, 1
    while taken < total:
        came = ask(taken + 1)
        found |= {name.name: name for name in came.names}
        left_out += came.names.left_out
        count = len(came.names) + len(came.names.left_out)
        taken, total = taken + count, came.total
        if not count and taken < total:
            raise InvalidResponse(
                "Segura's answer is not as agreed: the pages of the directory end too early", status=200
            )
    if left_out and not found:
        raise InvalidResponse("Segura's answer is not as agreed: no entry of the directory can be read", status=200)
    rows = Rows(found.values())
    rows.left_out = tuple(left_out)
    return rows


def _name(kind: DirectoryKind, row: object) -> DirectoryEntry:
    entry = row if isinstance(row, dict) else {}
    display_name, active = entry.get("displayName") or "", entry.get("active", True)
    name = entry.get("userName") if kind is DirectoryKind.USERS else display_name
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise Malformed("an entry of the directory has no usable name")
    if not isinstance(display_name, str) or not isinstance(active, bool):
        raise Malformed("an entry of the directory is not as agreed")
    return DirectoryEntry(name, display_name[:LONGEST_NAME], active)
