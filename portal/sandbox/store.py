"""Store of the sandbox's API secrets, in memory and optionally in a file."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from portal.sandbox.options import Options

SERVICE_USER = "svc-portal"
TEXTS = ("name", "url", "client_id", "client_secret", "identifier_code", "tags", "notes", "method")
SHARES = {"users_allowed": "username", "groups_allowed": "name"}


@dataclass(frozen=True)
class Item:
    """API secret. `access` is the permission of the portal's access key: owner, edit, view or none."""

    identifier: int
    name: str
    url: str = ""
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    identifier_code: str = ""
    tags: str = ""
    notes: str = ""
    method: str = ""
    users_allowed: dict[str, bool] = field(default_factory=dict)
    groups_allowed: dict[str, bool] = field(default_factory=dict)
    owner: str = SERVICE_USER
    access: str = "owner"
    active: bool = True
    need_justify: bool = False
    need_approval: bool = False

    @property
    def writable(self) -> bool:
        """Whether the access key may change the secret."""
        return self.access in ("owner", "edit")

    def shown(self) -> dict[str, Any]:
        """Return all fields; the secret value is replaced by its SHA-256."""
        values = asdict(self)
        values["client_secret_sha256"] = sha256_hex(values.pop("client_secret"))
        return values


def sha256_hex(text: str) -> str:
    """Return the SHA-256 of a text as hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def apply_update(item: Item, sent: Mapping[str, Any], knobs: Options, known: Known) -> tuple[Item, list[str]]:
    """Return the item after an update with `sent`, and the unknown names in its shares (contract 5.4)."""
    changes: dict[str, Any] = {}
    for name in TEXTS:
        value = sent.get(name)
        if name not in sent or (value is None and knobs.null_policy == "omit"):
            continue
        text = "" if value is None else str(value)
        if text or knobs.empty_string_policy == "clear":
            changes[name] = text
    failed: list[str] = []
    for name, key in SHARES.items():
        rows = sent.get(name)
        if not isinstance(rows, list) or (not rows and knobs.empty_array == "ignore"):
            continue
        wanted = {str(row.get(key)): row.get("can_edit") is True for row in rows if isinstance(row, dict)}
        unknown = [holder for holder in wanted if not known.has(name, holder)]
        failed += unknown
        shares = {holder: may for holder, may in wanted.items() if holder not in unknown}
        kept = getattr(item, name) if knobs.share_semantics == "merge" and rows else {}
        changes[name] = {**kept, **shares}
    return replace(item, **changes), failed


@dataclass(frozen=True)
class Known:
    """Users and groups in Segura. `people`: display names by user name; `inactive`: names of deactivated users."""

    users: frozenset[str]
    groups: frozenset[str]
    people: Mapping[str, str] = field(default_factory=dict)
    inactive: frozenset[str] = frozenset()

    def has(self, share_field: str, name: str) -> bool:
        """Return whether a secret can be shared with `name`."""
        return name in (self.users if share_field == "users_allowed" else self.groups)


class SecretStore:
    """Thread-safe store of the secrets. Changes are written to `path` soon after, atomically."""

    def __init__(self, seed: Iterable[Item], path: Path | None = None) -> None:
        self._seed = tuple(seed)
        self._path = path
        self._lock = threading.RLock()
        self._dirty = threading.Event()
        self._items = {item.identifier: item for item in self._loaded() or self._seed}

    def get(self, identifier: int) -> Item | None:
        """Return one item, or None."""
        return self._items.get(identifier)

    def all(self) -> list[Item]:
        """Return all items, ordered by identifier."""
        with self._lock:
            return [self._items[key] for key in sorted(self._items)]

    def update(self, identifier: int, sent: Mapping[str, Any], knobs: Options, known: Known) -> Item:
        """Apply an update to the current item."""
        with self._lock:
            item, _ = apply_update(self._items[identifier], sent, knobs, known)
            self._put(item)
            return item

    def edit(self, identifier: int, values: Mapping[str, Any]) -> Item:
        """Change an item outside the API, as an edit in Segura's own pages would. Raises KeyError or ValueError."""
        names = {each.name for each in fields(Item)} - {"identifier"}
        if unknown := set(values) - names:
            raise ValueError(f"a secret has no {', '.join(sorted(unknown))}")
        with self._lock:
            item = replace(self._items[identifier], **values)
            self._put(item)
            return item

    def add(self, item: Item) -> Item:
        """Add an item under the next free identifier."""
        with self._lock:
            item = replace(item, identifier=max(self._items, default=0) + 1)
            self._put(item)
            return item

    def reset(self) -> None:
        """Restore the seed."""
        with self._lock:
            self._items = {item.identifier: item for item in self._seed}
            self._dirty.set()

    def _put(self, item: Item) -> None:
        self._items[item.identifier] = item
        self._dirty.set()

    def _loaded(self) -> list[Item]:
        if self._path is None or not self._path.exists():
            return []
        try:
            return [Item(**row) for row in json.loads(self._path.read_text("utf-8"))]
        except (ValueError, TypeError):
            raise ValueError(f"{self._path} is not a state file of the stand-in") from None

    def save(self) -> None:
        """Write the file if anything changed since the last write."""
        if self._path is None or not self._dirty.is_set():
            return
        self._dirty.clear()
        text = json.dumps([asdict(item) for item in self.all()])
        fresh = self._path.with_name(self._path.name + ".new")
        with open(fresh, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
        fresh.replace(self._path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
