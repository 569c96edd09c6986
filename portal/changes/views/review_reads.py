"""Start of a review: the read that compares an opened change with Segura, and the mark that its revision was seen."""

from __future__ import annotations

from dataclasses import replace

from portal.accounts.models import User
from portal.changes.presenters import since_review
from portal.changes.presenters.base_check import BaseCheck
from portal.changes.workflow import base_checks


def start_read(check: BaseCheck, *, by: User, asked: bool = False) -> BaseCheck:
    """Store that the difference is served, let a worker read the secret if it is due, and return the check to show."""
    started = base_checks.open_for_review(
        check.change,
        viewable=check.viewable,
        due=base_checks.is_due(check.observed.requested_at if check.observed else None),
        by=by,
        unseen=not asked and since_review.is_new_to_reader(check.change),
        asked=asked,
    )
    return replace(check, requested=started) if started else check
