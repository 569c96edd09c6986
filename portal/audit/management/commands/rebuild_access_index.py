"""manage.py rebuild_access_index: make the index of the access report again from the log."""

from __future__ import annotations

from typing import Any

from django.core.management import BaseCommand

from portal.audit import access_index


class Command(BaseCommand):
    help = (
        "Empties the index of users and groups that the access report searches, and makes it again from the log. Run it"
        " as the role that migrates, after a restore or after events were removed by retention."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Rebuild the index in one transaction."""
        self.stdout.write(f"The index has {access_index.rebuild_index()} entries.")
