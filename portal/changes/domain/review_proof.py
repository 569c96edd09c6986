"""What a voter did before voting: had the difference in front of them, and confirmed what the change brings about."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.utils.crypto import constant_time_compare

_SIGNER = signing.Signer(salt="the opened difference")


@dataclass(frozen=True)
class ReviewProof:
    """`opened`: a page with the difference of this revision was served; `confirmed`: the voter said so."""

    opened: bool
    confirmed: bool


NONE_TAKEN = ReviewProof(opened=False, confirmed=False)
"""For votes that need no review: a rejection and a request for changes."""


def make_review_token(digest: str, *, revision: int, reader: int) -> str:
    """Return what a page that shows the difference to this user (id) carries, and no list does."""
    return _SIGNER.signature(f"{reader}.{revision}.{digest}")


def check_review_token(digest: str, *, revision: int, reader: int, marked: str, confirmed: bool) -> ReviewProof:
    """Return the care that this user (id) took for a vote, by the mark that came with it."""
    expected = make_review_token(digest, revision=revision, reader=reader)
    return ReviewProof(opened=bool(marked) and constant_time_compare(marked, expected), confirmed=confirmed)
