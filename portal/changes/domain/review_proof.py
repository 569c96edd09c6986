"""Proof of a review before a vote: the voter was shown the difference and confirmed the effects of the change."""

from __future__ import annotations

from dataclasses import dataclass

from django.core import signing
from django.utils.crypto import constant_time_compare

_SIGNER = signing.Signer(salt="the opened difference")


@dataclass(frozen=True)
class ReviewProof:
    """Review of a voter. `opened`: a page with the difference was served; `confirmed`: the effects were confirmed."""

    opened: bool
    confirmed: bool


NONE_TAKEN = ReviewProof(opened=False, confirmed=False)
"""Missing review, for votes that need none: a rejection and a request for changes."""


def make_review_token(digest: str, *, revision: int, reader: int) -> str:
    """Return the token of a page that shows the difference to this user (id); no list contains it."""
    return _SIGNER.signature(f"{reader}.{revision}.{digest}")


def check_review_token(digest: str, *, revision: int, reader: int, marked: str, confirmed: bool) -> ReviewProof:
    """Return the proof of the review by this user (id), from the token `marked` that came with the vote."""
    expected = make_review_token(digest, revision=revision, reader=reader)
    return ReviewProof(opened=bool(marked) and constant_time_compare(marked, expected), confirmed=confirmed)
