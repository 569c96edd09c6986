"""Typed values from the environment, for settings.py only. Raises ImproperlyConfigured with the name of the setting."""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from environs import Env

from portal.common.links import TicketPattern, parse_ticket_patterns

env = Env()
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def get_positive_number(name: str, default: float) -> float:
    """Return a number greater than zero."""
    value: float = env.float(name, default)
    if value <= 0:
        raise ImproperlyConfigured(f"{name} must be greater than 0, not {value:g}.")
    return value


def get_integer(name: str, default: int, minimum: int) -> int:
    """Return a whole number, `minimum` or more."""
    value: int = env.int(name, default)
    if value < minimum:
        raise ImproperlyConfigured(f"{name} must be {minimum} or more, not {value}.")
    return value


def get_secret(name: str, default: str | None = None) -> str:
    """Return the content of the file named by `name`_FILE, else `name`, else the default. Raises if there is none."""
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


def read_secret_lines(name: str, at_start: str) -> list[str]:
    """Return the secrets now in the file of this setting, one per line, followed by those of `at_start`.

    A secret can thus be replaced while processes run; a file that is missing or being written removes no secret.
    """
    lines = at_start.splitlines()
    path: str = env.str(f"{name}_FILE", "")
    if path:
        with suppress(OSError, UnicodeDecodeError):
            lines = Path(path).read_text(encoding="utf-8").splitlines() + lines
    return list(dict.fromkeys(line.strip() for line in lines if line.strip()))


def get_https_url(name: str, default: str) -> str:
    """Return a URL with the scheme https, or ''; plain http is accepted for loopback addresses only."""
    url: str = env.str(name, default)
    scheme = urlsplit(url).scheme
    if url and scheme != "https" and not (scheme == "http" and is_loopback_url(url)):
        raise ImproperlyConfigured(f"{name} must be https; plain http is accepted for loopback only.")
    return url


def get_ticket_patterns(name: str) -> list[TicketPattern]:
    """Return the patterns of tickets and their addresses; none by default."""
    try:
        return parse_ticket_patterns(env.str(name, ""))
    except ValueError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def get_hosts(name: str) -> frozenset[str]:
    """Return host names, separated by commas, in lower case; none by default."""
    listed: list[str] = env.list(name, [])
    hosts = frozenset(host.strip().lower() for host in listed if host.strip())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise ImproperlyConfigured(f"{name} takes host names without scheme, port and path, not {host}.")
    return hosts


def get_role_groups(name: str, roles: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the groups of the OpenID provider that give each role, from a JSON object; none by default."""
    text: str = env.str(name, "")
    try:
        mapping = json.loads(text) if text else {}
    except ValueError:
        mapping = None
    if not isinstance(mapping, dict) or not all(_is_list_of_names(groups) for groups in mapping.values()):
        raise ImproperlyConfigured(f'{name} must be a JSON object, such as {{"approver": ["Name of a group"]}}.')
    unknown = sorted(mapping.keys() - set(roles))
    if unknown:
        raise ImproperlyConfigured(f"{name} names {', '.join(unknown)}: the roles are {', '.join(roles)}.")
    return {role: tuple(groups) for role, groups in mapping.items()}


def get_roles(name: str, default: list[str], roles: Iterable[str]) -> tuple[str, ...]:
    """Return codes of roles, separated by commas; the default if it is not set, none if it is empty."""
    listed: list[str] = env.list(name, default)
    chosen = tuple(code.strip() for code in listed if code.strip())
    unknown = sorted(set(chosen) - set(roles))
    if unknown:
        raise ImproperlyConfigured(f"{name} names {', '.join(unknown)}: the roles are {', '.join(roles)}.")
    return chosen


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def require_all_or_none(**values: object) -> None:
    """Raise ImproperlyConfigured with the names that are empty if others are not."""
    missing = [name for name, value in values.items() if not value]
    if 0 < len(missing) < len(values):
        present = ", ".join(name for name in values if name not in missing)
        raise ImproperlyConfigured(f"{present} is set, so {', '.join(missing)} must be set too.")


class Smtp(NamedTuple):
    """Address and credentials of the mail server; `host` is empty if there is none."""

    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    tls: bool = False
    starttls: bool = False


def parse_smtp_url(name: str, url: str) -> Smtp:
    """Parse smtps:// (465), smtp+starttls:// (587) or smtp:// (25), user:password@host:port; no host if `url` is ''."""
    if not url:
        return Smtp()
    parts = urlsplit(url)
    default = {"smtps": 465, "smtp+starttls": 587, "smtp": 25}.get(parts.scheme)
    if default is None or not parts.hostname:
        raise ImproperlyConfigured(
            f"{name} must be smtps://, smtp+starttls:// or smtp://, with user:password@host:port."
        )
    if parts.password and parts.scheme == "smtp" and not is_loopback_url(url):
        raise ImproperlyConfigured(f"{name} would send its password in clear: use smtps:// or smtp+starttls://.")
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    tls, starttls = parts.scheme == "smtps", parts.scheme == "smtp+starttls"
    return Smtp(parts.hostname, parts.port or default, user, password, tls, starttls)


def is_loopback_url(url: str) -> bool:
    """Return whether the host of the URL is a loopback address."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
