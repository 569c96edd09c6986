"""A Chromium profile that has saved a sign-in, as a person's own browser has: it fills forms by itself."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from playwright.sync_api import Browser, BrowserContext

from portal.devserver.bootstrap import find_chromium

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync", "--password-store=basic"]
_PLAYWRIGHTS_OWN = ["--enable-automation"]
"""Switches the password manager off."""
_WHEN = 13_300_000_000_000_000
"""An instant as Chromium counts, in microseconds since 1601."""


@contextmanager
def browser_with_saved_login(
    browser: Browser, folder: Path, url: str, name: str, password: str
) -> Iterator[BrowserContext]:
    """Open a browser whose profile in `folder` has saved this sign-in for the portal at `url`."""
    with _profile(browser, folder) as context:  # Chromium makes the tables of its profile when it starts
        context.new_page().goto(f"{url}/accounts/login/")
        context.pages[-1].wait_for_timeout(2000)
    _save(folder / "Default" / "Login Data", f"{url}/", name, password)
    with _profile(browser, folder) as context:
        yield context


@contextmanager
def _profile(browser: Browser, folder: Path) -> Iterator[BrowserContext]:
    context = browser.browser_type.launch_persistent_context(
        folder,
        executable_path=find_chromium(),
        args=_ARGUMENTS,
        ignore_default_args=_PLAYWRIGHTS_OWN,
        viewport={"width": 1440, "height": 900},
    )
    try:
        yield context
    finally:
        context.close()


def _save(database: Path, url: str, name: str, password: str) -> None:
    with closing(sqlite3.connect(database)) as tables, tables:
        columns = {name: kind for _at, name, kind, *_rest in tables.execute("PRAGMA table_info(logins)")}
        row: dict[str, Any] = {name: 0 if kind == "INTEGER" else b"" for name, kind in columns.items() if name != "id"}
        row |= dict.fromkeys((each for each, kind in columns.items() if kind == "VARCHAR"), "")
        row |= {"origin_url": url, "signon_realm": url, "username_element": "login", "password_element": "password"}
        row |= {"username_value": name, "password_value": _encrypted(password), "date_created": _WHEN, "times_used": 1}
        places = ",".join("?" * len(row))
        tables.execute(f"INSERT INTO logins ({','.join(row)}) VALUES ({places})", list(row.values()))  # noqa: S608 - Chromium's own column names


def _encrypted(password: str) -> bytes:
    """The password as Chromium keeps it on Linux where no keyring is at hand: under a key that everybody knows."""
    key = PBKDF2HMAC(SHA1(), 16, b"saltysalt", 1).derive(b"peanuts")  # noqa: S303 - Chromium's choice
    text, missing = password.encode(), 16 - len(password.encode()) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(b" " * 16)).encryptor()
    return b"v10" + cipher.update(text + bytes([missing]) * missing) + cipher.finalize()
