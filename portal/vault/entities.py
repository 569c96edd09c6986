"""Types for Segura's data: an API secret, its shares, and a patch of it.

Source: Segura contract, sections 5 and 6. Plain Python.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn, TypeGuard

TEXT_FIELDS = ("name", "url", "client_id", "identifier_code", "tags", "notes", "method")
SHARE_FIELDS = ("users_allowed", "groups_allowed")
SECRET_FIELD = "client_secret"  # noqa: S105 - the name of a field, not a value
FIELDS = ("name", "url", "client_id", "client_secret", "identifier_code",
          "tags", "notes", "method", "users_allowed", "groups_allowed")  # fmt: skip
_SHARE_KEY = {"users_allowed": "username", "groups_allowed": "name"}
_MASK = re.compile("[*\u2022\u25cf\u2217\uff0a]{3,}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
LARGEST_IDENTIFIER = 2**63 - 1
"""Largest value of a 64-bit database column."""
_DIGITS = re.compile(r"[1-9][0-9]{0,18}", re.ASCII)
_TRUE = (True, 1, "1", "true")


class Malformed(ValueError):
    """Data from Segura, or about to be sent to Segura, that does not match the contract."""


class SecretStr:
    """Text that must not be shown: it prints as ****, cannot be pickled, and is read only with `reveal()`."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the plaintext. Call this only to encrypt, fingerprint, compare or send the value."""
        return self._value

    def __repr__(self) -> str:
        return "****"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretStr):
            return NotImplemented
        mine, theirs = self._value, other._value
        return hmac.compare_digest(mine.encode("utf-8", "surrogatepass"), theirs.encode("utf-8", "surrogatepass"))

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is never serialised")


@dataclass(frozen=True, order=True)
class Share:
    """User or group that may use an API secret; `can_edit` also allows disabling it (contract 5.4)."""

    name: str
    can_edit: bool = False


@dataclass(frozen=True)
class ListedSecret:
    """Row of the list endpoint (contract 5.1)."""

    identifier: int
    name: str
    can_view: bool
    can_write: bool
    need_justify: bool
    need_approval: bool


@dataclass(frozen=True)
class ApiSecret:
    """API secret as Segura returns it from a read or an update, with both share formats unified (contract 5.2, 5.4).

    `client_secret` is None if Segura masks or omits it.
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
    client_secret: SecretStr | None = None


PatchValue = str | SecretStr | tuple[Share, ...]
Patch = Mapping[str, PatchValue]
"""Proposed fields: field name -> new value, only for the fields that change."""


def is_masked(text: str) -> bool:
    """Return whether a text contains `***` or `•••`, which makes it a mask (`hy746****t4tr`) and not a value."""
    return _MASK.search(text) is not None


def parse_identifier(value: object) -> int | None:
    """Return Segura's identifier, an int or a string of digits, as a positive int; None if it is neither."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    return int(value) if _DIGITS.fullmatch(str(value)) else None


def parse_field(name: str, value: object) -> PatchValue | None:
    """Return one field of Segura's JSON as a typed value; None for a client_secret that is masked or empty.

    Both share formats (`username` in a write, `name` in a read) are accepted. Raises Malformed.
    """
    if name in SHARE_FIELDS:
        return _shares(name, value)
    if value is None:
        text = ""
    elif isinstance(value, str):
        text = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        text = str(value)
    else:
        raise Malformed(f"{name} is not text")
    if name != SECRET_FIELD:
        return text
    return SecretStr(text) if text and not is_masked(text) else None


def _shares(name: str, value: object) -> tuple[Share, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed(f"{name} is not a list")
    shares = []
    for row in value:
        holder = (row.get("username") or row.get("name")) if isinstance(row, Mapping) else None
        if not isinstance(holder, str):
            raise Malformed(f"{name} holds an entry without a name")
        shares.append(Share(holder, row.get("can_edit") in _TRUE))
    return tuple(shares)


def parse_secret(entity: Mapping[str, object]) -> ApiSecret:
    """Return the API secret in `api_secret_entity` or `api_entity`; unknown keys are ignored. Raises Malformed."""
    identifier = parse_identifier(entity.get("identifier"))
    if identifier is None:
        raise Malformed("the entity has no identifier")
    texts: dict[str, str] = {}
    for name in TEXT_FIELDS:
        value = parse_field(name, entity.get(name))
        texts[name] = value if isinstance(value, str) else ""
    secret = parse_field(SECRET_FIELD, entity.get(SECRET_FIELD))
    return ApiSecret(
        identifier=identifier,
        users_allowed=_shares("users_allowed", entity.get("users_allowed")),
        groups_allowed=_shares("groups_allowed", entity.get("groups_allowed")),
        client_secret=secret if isinstance(secret, SecretStr) else None,
        **texts,
    )


def parse_listed_secret(row: object) -> ListedSecret:
    """Return one row of the list endpoint (contract 5.1). Raises Malformed.

    Segura sends its flags as booleans or as "0"/"1".
    """
    identifier = parse_identifier(row.get("identifier")) if isinstance(row, Mapping) else None
    if not isinstance(row, Mapping) or identifier is None:
        raise Malformed("a row of the list has no identifier")
    if identifier > LARGEST_IDENTIFIER:
        raise Malformed("the identifier is too large")
    name = parse_field("name", row.get("name"))
    return ListedSecret(
        identifier=identifier,
        name=name if isinstance(name, str) else "",
        can_view=row.get("can_view") in _TRUE,
        can_write=row.get("can_write") in _TRUE,
        need_justify=row.get("need_justify") in _TRUE,
        need_approval=row.get("need_approval") in _TRUE,
    )


def encode_patch(patch: Patch) -> bytes:
    """Return the JSON bytes of an update: only the patch's fields, in the order of FIELDS.

    The same patch always gives the same bytes. Raises Malformed for an empty patch, an unknown field, a value of the
    wrong type, text that is not valid Unicode, and a client_secret that is empty or a mask (contract 11.4). The message
    never contains a value.
    """
    if not patch:
        raise Malformed("the edit changes nothing")
    for name in patch:
        if name not in FIELDS:
            raise Malformed(f"{name} is not a field of an API secret")
    wire = {name: _to_wire(name, patch[name]) for name in FIELDS if name in patch}
    return json.dumps(wire, separators=(",", ":")).encode("ascii")


def _to_wire(name: str, value: PatchValue) -> object:
    if name in SHARE_FIELDS:
        if not _are_shares(value):
            raise Malformed(f"{name} is not a tuple of shares")
        return [{_SHARE_KEY[name]: _sound(name, share.name), "can_edit": bool(share.can_edit)} for share in value]
    if name == SECRET_FIELD:
        return _secret_to_wire(value)
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text")
    return _sound(name, value)


def _secret_to_wire(value: PatchValue) -> str:
    if not isinstance(value, SecretStr):
        raise Malformed("client_secret is not a Secret")
    if not value.reveal():
        raise Malformed("client_secret is empty")
    if is_masked(value.reveal()):
        raise Malformed("client_secret is a mask, not a value")
    return _sound(SECRET_FIELD, value.reveal())


def _are_shares(value: PatchValue) -> TypeGuard[tuple[Share, ...]]:
    return isinstance(value, tuple) and all(isinstance(share, Share) for share in value)


def _sound(name: str, text: str) -> str:
    if _SURROGATE.search(text):
        raise Malformed(f"{name} is not valid Unicode")
    return text
