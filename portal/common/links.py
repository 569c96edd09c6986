"""Links in texts of users: tickets by the patterns of the settings, and addresses of trusted hosts. Pure.

An address becomes a link only if a browser cannot read another host from it than this module does.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_ADDRESS = re.compile(r"https?://\S+")
_AFTER = ".,;:!?)]}'\"»"
"""Characters after an address that belong to the sentence around it."""
# No user, port, backslash or character that a browser would rewrite, so that the host is certain.
_PLAIN = re.compile(r"https://([A-Za-z0-9.-]+)(?:[/?#][A-Za-z0-9\-._~:/?#!$&'()*+,;=%@]*)?")


@dataclass(frozen=True)
class TicketPattern:
    """Pattern of ticket names and the address of a ticket; {0} is the name, {1} the first group of the pattern."""

    pattern: re.Pattern[str]
    address: str


@dataclass(frozen=True)
class TextPiece:
    """Piece of a text: plain text, an address, or an address that may be a link."""

    text: str
    is_address: bool = False
    is_link: bool = False


def parse_ticket_patterns(text: str) -> list[TicketPattern]:
    """Parse `PATTERN → ADDRESS`, several separated by spaces; the arrow may be omitted. Raises ValueError."""
    parts = [part for part in text.split() if part not in ("→", "=>")]
    if len(parts) % 2:
        raise ValueError("each pattern needs an address")
    return [_ticket_pattern(*pair) for pair in zip(parts[::2], parts[1::2], strict=True)]


def _ticket_pattern(expression: str, address: str) -> TicketPattern:
    try:
        pattern = re.compile(expression)
        address.format(*[""] * (pattern.groups + 1))
    except (re.error, IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{expression} {address} is not valid ({error})") from None
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or "{" in parts.netloc:
        raise ValueError(f"{address} must begin with https:// and a host")
    return TicketPattern(pattern, address)


def find_ticket_address(ticket: str, patterns: Sequence[TicketPattern]) -> str:
    """Return the address of a ticket by the first pattern that its whole name matches, or ''."""
    for known in patterns:
        found = known.pattern.fullmatch(ticket)
        if found:
            return known.address.format(*(quote(part or "", safe="") for part in (found[0], *found.groups())))
    return ""


def split_addresses(text: str, hosts: Collection[str]) -> Iterator[TextPiece]:
    """Yield the pieces of a text in order; addresses of `hosts` may be links, all others are marked as addresses."""
    end = 0
    for found in _ADDRESS.finditer(text):
        address = found[0].rstrip(_AFTER)
        if found.start() > end:
            yield TextPiece(text[end : found.start()])
        plain = _PLAIN.fullmatch(address)
        yield TextPiece(address, is_address=True, is_link=plain is not None and plain[1].lower() in hosts)
        end = found.start() + len(address)
    if end < len(text):
        yield TextPiece(text[end:])
