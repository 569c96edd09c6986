"""Start of the read that compares an opened change with Segura."""

from __future__ import annotations

from dataclasses import replace

from portal.accounts.models import User
from portal.changes.presenters.base_check import BaseCheck
from portal.changes.workflow import base_checks


def start_read(check: BaseCheck, *, by: User, asked: bool = False) -> BaseCheck:
    """Let a worker read the secret if it is due, and return the check as the page shows it: being made, or as it is."""
    requested_at = check.observed.requested_at if check.observed else None
    if not base_checks.is_due(requested_at):
        return check
    started = base_checks.request_base_check(check.change, viewable=check.viewable, by=by, asked=asked)
    return replace(check, requested=started)
