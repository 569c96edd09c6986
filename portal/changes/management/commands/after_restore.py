"""Command `after_restore`: run once after a backup was restored, before any process of the portal starts."""

from __future__ import annotations

import os
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser

from portal.accounts.models import User
from portal.audit.sealing import checkpoint_files
from portal.changes.rules.guards import RuleViolation
from portal.changes.workflow import restore


class Command(BaseCommand):
    help = (
        "Pauses delivery, puts every approved or unfinished change in doubt, so that its secret is read back before"
        " anything is sent, leaves a gap in the numbers, and signs everybody out. Run it once, after a backup was"
        " restored and before web, worker or beat start."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--by", required=True, help="an account that may operate the portal: who answers for it")
        parser.add_argument("--reason", required=True, help="what people whose change waits will read")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Apply the safeguards and print what to check next; exit with 1 and a sentence if they may not be applied."""
        by = User.objects.find_by_name(options["by"])
        if by is None or not by.is_active:
            raise CommandError(f"There is no account {options['by']}.")
        try:
            done = restore.apply_restore_safeguards(
                by=by,
                reason=options["reason"],
                actor=f"console (uid {os.getuid()})",
                lost_checkpoint=checkpoint_files.read_latest_note(),
            )
        except (RuleViolation, restore.DatabaseInUse) as error:
            raise CommandError(str(error)) from None
        except OSError as error:
            raise CommandError(f"The checkpoint folder cannot be read: {error.strerror}") from None
        active = User.objects.filter(is_active=True).order_by("username").values_list("username", flat=True)
        self.stdout.write(f"Delivery is paused. {done.changes} changes will be read back before anything is sent.")
        self.stdout.write(f"{done.sessions} sessions ended. These accounts are active as of the backup, check them:")
        for name in active:
            self.stdout.write(f"  {name}")
