"""manage.py restrict_db_role: set the rights of the portal's PostgreSQL roles; to the audit log they may only add."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction

_EVENTS, _QUEUE, _SEALS = ("Event",), ("UnsealedEvent",), ("TreeLeaf", "Subtree", "Checkpoint")
_VOTE_KEYS = ("VoteKey", "VoteKeyConfirmation", "VoteKeyRevocation")
_RETIRED, _SCHEDULE, _INDEX = ("Tombstone", "LegalHold"), ("Routine",), ("AccessSubject",)
# A GRANT on another role's table makes PostgreSQL warn, which Django does not show, and grants nothing.
_TABLES_OF_OTHERS = """
    SELECT 1 FROM pg_tables WHERE schemaname = 'public' AND NOT pg_has_role(current_user, tableowner, 'USAGE') LIMIT 1
"""


class Command(BaseCommand):
    help = (
        "Grants a PostgreSQL role what web, worker and beat need, or with --sealer what the sealer needs. Run it as the"
        " role that migrates, after each migrate: the audit log's tables can then be read, events be added by one"
        " function, and nothing be changed, emptied or freed of triggers; and the sealer alone seals."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="a role that exists, owns nothing and is no superuser")
        parser.add_argument("--sealer", action="store_true", help="the role of the process that has the signing key")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Grant everything or nothing. Raises CommandError with PostgreSQL's message if PostgreSQL refuses."""
        grants = _of_the_sealer() if options["sealer"] else _of_the_portal()
        role = connection.ops.quote_name(options["role"])
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(_TABLES_OF_OTHERS)
                if cursor.fetchone() is not None:
                    raise CommandError(
                        "Nothing was granted: this role owns no tables. Run it as the role that migrates."
                    )
                cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
                cursor.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}")
                cursor.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {role}")
                cursor.execute(f"REVOKE ALL ON ALL FUNCTIONS IN SCHEMA public FROM {role}")
                cursor.execute(f"GRANT EXECUTE ON FUNCTION audit_append TO {role}")
                for rights, tables in grants:
                    cursor.execute(f"GRANT {rights} ON {tables} TO {role}")
        except DatabaseError as error:
            raise CommandError(str(error).strip()) from None
        may = "seal the log" if options["sealer"] else "use the portal's tables, and of the log only add to it"
        self.stdout.write(f"{options['role']} may {may}.")


def _of_the_portal() -> list[tuple[str, str]]:
    """Return the portal's rights: all tables but the audit log, to which audit_append adds (audit, 0002_triggers)."""
    kept = {"django_migrations", *_tables(*_EVENTS, *_QUEUE, *_SEALS, *_RETIRED, *_SCHEDULE, *_INDEX)}
    added = _tables(*_VOTE_KEYS, app="vote_keys")
    others = [name for name in connection.introspection.table_names() if name not in {*kept, *added}]
    return [
        ("SELECT", "ALL TABLES IN SCHEMA public"),
        ("INSERT, UPDATE, DELETE", ", ".join(map(connection.ops.quote_name, others))),
        ("INSERT", ", ".join(added)),
        ("INSERT", ", ".join(_tables(*_INDEX))),  # never DELETE: a role that could would hide access from auditors
    ]


def _of_the_sealer() -> list[tuple[str, str]]:
    """Return the sealer's rights: the log, and the cache, where it notes a running verification; it reads the rest."""
    return [
        ("SELECT", "ALL TABLES IN SCHEMA public"),
        ("INSERT", ", ".join(_tables(*_SEALS))),
        ("DELETE", ", ".join(_tables(*_QUEUE))),
        ("INSERT, UPDATE", ", ".join(_tables(*_SCHEDULE))),
        ("INSERT, UPDATE, DELETE", str(settings.CACHES["default"]["LOCATION"])),
    ]


def _tables(*names: str, app: str = "audit") -> list[str]:
    return [apps.get_model(app, name)._meta.db_table for name in names]  # noqa: SLF001
