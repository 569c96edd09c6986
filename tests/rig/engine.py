"""A database of the test's own, which it may stop, fill up or cut off without anybody else noticing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

from django.core.management import call_command
from django.db import connection


@contextmanager
def own_database(url: str) -> Iterator[None]:
    """Django, in this process, is in the empty database at `url`, with all tables."""
    settings = connection.settings_dict
    before = {name: settings[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")}
    connection.close()
    settings |= _place(url)
    try:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        yield
    finally:
        connection.close()
        settings |= before


def _place(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    folder = parse_qs(parts.query).get("host", [""])[0]
    return {
        "NAME": parts.path.strip("/"),
        "USER": parts.username or "",
        "PASSWORD": parts.password or "",
        "HOST": folder or parts.hostname or "",
    }
