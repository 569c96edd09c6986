"""Checks of a URL: its host, and what could make a reader and a program disagree about that host. Pure."""

from __future__ import annotations

import re
import unicodedata
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from django.utils.translation import gettext as _

from portal.common.invisible_characters import is_invisible

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+")


def origin_of_url(url: str) -> tuple[str, str]:
    """Return the scheme, and the host with port, of the URL.

    Returns two empty strings if the text is no URL, which therefore counts as another host.
    """
    parts = _split(url)
    return (parts.scheme.lower(), parts.netloc.rpartition("@")[2].lower()) if parts else ("", "")


def find_address_error(url: str) -> str:
    """Return as a sentence why no call can be sent to this address; '' if one can."""
    if any(char.isspace() or unicodedata.category(char) == "Cc" for char in url):
        return _("An address holds no spaces, line ends or control characters. Remove them.")
    parts = _split(url)
    if parts is None:
        return _("This is no address. Write it as https://host/path.")
    if parts.scheme.lower() not in ("http", "https"):
        return _("The address must begin with https:// or http://.")
    try:
        port = parts.port
        host = parts.hostname
    except ValueError:
        return _("The port of the address must be a number from 1 to 65535.")
    if port == 0:
        return _("The port of the address must be a number from 1 to 65535.")
    return "" if host else _("The address names no host. Write it as https://host/path.")


def url_warnings(url: str) -> list[str]:
    """Return a sentence for each reason why the host of the URL is unclear; empty for a usual address."""
    found = []
    if any(each in "\\ " or is_invisible(each) for each in url):
        found.append(
            _(
                "The new URL holds a backslash, a space or an invisible character: programs disagree about the host "
                "such an address leads to."
            )
        )
    parts = _split(url)
    if parts and "@" in parts.netloc:
        found.append(_("The new URL has an @ before its host: the part to its left only looks like a host."))
    host = _host(parts)
    if host is None or (host and host.isascii() and not _is_usual(host)):
        found.append(_("The host of the new URL is not written as host names are: programs may read it otherwise."))
    elif not host.isascii() or "xn--" in host:
        found.append(
            _("The host of the new URL has letters that can look like others. Written out, it is %(host)s.")
            % {"host": _spelled_out(host)}
        )
    return found


def _split(url: str) -> SplitResult | None:
    try:
        return urlsplit(url.strip())
    except ValueError:
        return None


def _host(parts: SplitResult | None) -> str | None:
    """Return the host, '' if a URL of this scheme needs none, None if it cannot be determined."""
    try:
        if parts is None or parts.port == 0:
            return None
        host = (parts.hostname or "").lower()
    except ValueError:
        return None
    return None if not host and (parts.netloc or parts.scheme in ("http", "https")) else host


def _is_usual(host: str) -> bool:
    """Return whether the host is a name or a usual IP address; browsers also accept 0x7f.1 and 2130706433."""
    try:
        if ":" in host:
            return bool(IPv6Address(host))
        if _NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]):
            return bool(IPv4Address(host))
    except AddressValueError:
        return False
    return _NAME.fullmatch(host) is not None


def _spelled_out(host: str) -> str:
    """Return the host in ASCII: in IDNA form, or as punycode if it has none."""
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host.encode("punycode").decode()
