"""manage.py prune: delete what is past its retention, class by class."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand

from portal.operations import retention


class Command(BaseCommand):
    help = (
        "Removes what is older than RETAIN_AUDIT_DAYS and RETAIN_NOTIFICATIONS_DAYS say, abandoned drafts and sessions"
        " that are over. Of the audit log the text goes, unless a legal hold keeps it, and the log still verifies. Run"
        " it daily, as the role that migrates: no other may remove events."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Print one line for each class. Raises DatabaseError, which manage.py prints as one sentence."""
        for name, count in retention.apply_retention(by=f"console (uid {os.getuid()})"):
            self.stdout.write(f"{name}: {count}")
        if not settings.RETAIN_AUDIT_DAYS:
            self.stdout.write("audit events: all are kept (RETAIN_AUDIT_DAYS is 0)")
