"""manage.py seal_audit: seal the pending events now, as the worker does every SEAL_EVERY_S seconds."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, ProgrammingError

from portal.audit.sealing import checkpoint_files, clock, sealer

_REFUSALS = (
    sealer.NoSigningKey,
    sealer.KeyNotHandedOver,
    sealer.LogWasAltered,
    checkpoint_files.LogTruncated,
    clock.ClocksDiffer,
    ImproperlyConfigured,
)


class Command(BaseCommand):
    help = "Seals every event of the audit log that waits: tree, signed checkpoint, checkpoint folder."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--old-key-is-lost", action="store_true", help="take the new key although none names it")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Seal the pending events. Raises CommandError, with a message and exit code 1, if nothing may be sealed."""
        try:
            sealed = sealer.seal_pending_events(old_key_is_lost=options["old_key_is_lost"])
        except _REFUSALS as error:
            raise CommandError(str(error)) from None
        except ProgrammingError:
            raise CommandError(
                "The database does not let this role seal. Run it with the sealer's DATABASE_URL,"
                " and after a migration run manage.py restrict_db_role again."
            ) from None
        except DatabaseError as error:
            raise CommandError(f"The database did not take it: {str(error).strip()}") from None
        except OSError as error:
            raise CommandError(f"The checkpoint folder cannot be read: {error.strerror}") from None
        self.stdout.write(f"{sealed} sealed.")
