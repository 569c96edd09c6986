"""What the vault keeps, typed: an API secret, its shares, and an edit of it.

Source: Segura contract, sections 5 and 6. Plain Python.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

TEXT_FIELDS = ("name", "url", "client_id", "identifier_code", "tags", "notes", "method")
SHARE_FIELDS = ("users_allowed", "groups_allowed")
SECRET_FIELD = "client_secret"  # noqa: S105 - the name of a field, not a value
FIELDS = ("name", "url", "client_id", "client_secret", "identifier_code",
          "tags", "notes", "method", "users_allowed", "groups_allowed")  # fmt: skip


class Secret:
    """A value that must not be seen: prints as ****, does not pickle, gives itself up by name only."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The plaintext. Call it only where the value is sealed, fingerprinted or put on the wire."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")


@dataclass(frozen=True, order=True)
class Share:
    """Who may use an API secret; `can_edit` also lets them disable it (contract 5.4)."""

    name: str
    can_edit: bool = False


@dataclass(frozen=True)
class ListedSecret:
    """One row of the list endpoint (contract 5.1)."""

    identifier: int
    name: str
    can_view: bool
    can_write: bool
    need_justify: bool
    need_approval: bool


@dataclass(frozen=True)
class ApiSecret:
    """An API secret as read from or echoed by the vault, both share shapes made one (contract 5.2, 5.4).

    `client_secret` is None where the vault masks or omits it.
    """

    identifier: int
    name: str = ""
    url: str = ""
    client_id: str = ""
    identifier_code: str = ""
    tags: str = ""
    notes: str = ""
    method: str = ""
    users_allowed: tuple[Share, ...] = ()
    groups_allowed: tuple[Share, ...] = ()
    client_secret: Secret | None = None


PatchValue = str | Secret | tuple[Share, ...]
Patch = Mapping[str, PatchValue]
"""An edit: field name -> new value, only for the fields that change."""
