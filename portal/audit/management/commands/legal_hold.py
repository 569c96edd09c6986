"""manage.py legal_hold: keep the events of a change, however old they are, until the hold is lifted."""

from __future__ import annotations

import os
from typing import Any

from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError

from portal.audit import retention
from portal.audit.models import Event


class Command(BaseCommand):
    help = "Keeps the audit log's events of a change beyond their retention, or with --release no longer."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("change", type=int, help="its number, without CR-")
        parser.add_argument("--reason", required=True, help="what auditors read")
        parser.add_argument("--release", action="store_true")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Place or lift the hold. Raises CommandError, with a message and exit code 1, if there is nothing to do."""
        change, reason, by = options["change"], str(options["reason"]), f"console (uid {os.getuid()})"
        if not Event.objects.filter(change=change).exists():
            raise CommandError(f"The log knows no change {change}.")
        try:
            if options["release"]:
                retention.lift_legal_hold(change, reason=reason, by=by)
            else:
                retention.place_legal_hold(change, reason=reason, by=by)
        except ProgrammingError:
            raise CommandError("The database does not let this role. Run it as the role that migrates.") from None
        except retention.AlreadyOnHold:
            raise CommandError(f"CR-{change} is under legal hold already.") from None
        except retention.NotOnHold:
            raise CommandError(f"CR-{change} is under no legal hold.") from None
        self.stdout.write(f"CR-{change}: legal hold {'taken off' if options['release'] else 'set'}.")
