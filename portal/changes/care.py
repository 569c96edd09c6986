"""What a voter did before voting: had the difference in front of them, and confirmed what the change brings about."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.utils.crypto import constant_time_compare

_SIGNER = signing.Signer(salt="the opened difference")


@dataclass(frozen=True)
class Care:
    """`opened`: a page with the difference of this revision was served; `confirmed`: the voter said so."""

    opened: bool
    confirmed: bool


NONE_TAKEN = Care(opened=False, confirmed=False)
"""For votes that need no review: a rejection and a request for changes."""


def mark(digest: str) -> str:
    """What a page that shows the difference carries, and no list does."""
    return _SIGNER.signature(digest)


def of(digest: str, *, marked: str, confirmed: bool) -> Care:
    """The care taken for a vote over this digest, by the mark that came with it."""
    return Care(opened=bool(marked) and constant_time_compare(marked, mark(digest)), confirmed=confirmed)
