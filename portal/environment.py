"""Typed values out of the environment, for settings.py alone. Raises ImproperlyConfigured, naming what is wrong."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

env = Env()


def positive(name: str, default: float) -> float:
    """A number above zero."""
    value: float = env.float(name, default)
    if value <= 0:
        raise ImproperlyConfigured(f"{name} must be greater than 0, not {value:g}.")
    return value


def at_least(name: str, default: int, minimum: int) -> int:
    """A whole number, `minimum` or more."""
    value: int = env.int(name, default)
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be {minimum} or more, not {value}.")
    return value


def secret(name: str, default: str | None = None) -> str:
    """`name` from the environment, else what the file named by `name`_FILE holds; needed where no default is given."""
    path: str = env.str(f"{name}_FILE", "")
    if path:
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error.strerror}.") from None
    value: str | None = env.str(name, default)
    if not value and default is None:
        raise ImproperlyConfigured(f"{name} is not set. Set it, or {name}_FILE, in the environment.")
    return value or ""


def https(name: str, default: str) -> str:
    """A URL that is https, or plain http on this machine only."""
    url: str = env.str(name, default)
    scheme = urlsplit(url).scheme
    if url and scheme != "https" and not (scheme == "http" and is_loopback(url)):
        raise ImproperlyConfigured(f"{name} must be https; plain http is accepted for loopback only.")
    return url


def is_loopback(url: str) -> bool:
    """Whether the URL leads to this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
