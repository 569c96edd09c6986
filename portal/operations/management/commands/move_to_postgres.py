"""manage.py move_to_postgres: everything from the SQLite file of `make run` into PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser, call_command
from django.db import DatabaseError, connection

from portal.operations.moving import CannotMove, move


class Command(BaseCommand):
    help = (
        "Moves a stopped portal from SQLite to the empty PostgreSQL database that DATABASE_URL names: makes the tables,"
        " copies every row, goes on counting where SQLite was, and verifies the audit log. All or nothing; the SQLite"
        " file stays as it is."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", nargs="?", type=Path, default=settings.STATE_DIR / "portal.sqlite3", help="default: %(default)s"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """One line for each table; ends with 1 and a sentence where anything is in the way."""
        try:
            if connection.vendor == "postgresql":
                call_command("migrate", verbosity=0, interactive=False)
                call_command("createcachetable", verbosity=0)
            rows = move(options["file"], by=f"console (uid {os.getuid()})", told=self.stdout.write)
        except CannotMove as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(f"Nothing was moved: {str(error).strip()}") from None
        self.stdout.write(f"Moved: {rows} rows, and the audit log verifies. {options['file']} was not changed.")
