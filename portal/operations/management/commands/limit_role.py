"""manage.py limit_role: what PostgreSQL's role of the running portal may do; to the log, no more than add."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection, transaction

_ADDED_TO = ("Event", "Seal", "Subtree", "Checkpoint")


class Command(BaseCommand):
    help = (
        "Grants a PostgreSQL role what web, worker and beat need. Run it as the role that migrates, after each migrate:"
        " the audit log's tables can then be read and added to, and neither changed, emptied nor freed of triggers."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", help="a role that exists, owns nothing and is no superuser")

    def handle(self, *_args: Any, **options: Any) -> None:
        """All of it or nothing; ends with 1 and PostgreSQL's sentence where that is refused."""
        if connection.vendor != "postgresql":
            raise CommandError("Only PostgreSQL has roles.")
        role = connection.ops.quote_name(options["role"])
        log = ", ".join(apps.get_model("audit", name)._meta.db_table for name in _ADDED_TO)  # noqa: SLF001
        statements = (
            f"GRANT USAGE ON SCHEMA public TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
            f"REVOKE ALL ON django_migrations, {log} FROM {role}",
            f"GRANT SELECT ON django_migrations TO {role}",
            f"GRANT SELECT, INSERT ON {log} TO {role}",
        )
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
        except DatabaseError as error:
            raise CommandError(str(error).strip()) from None
        self.stdout.write(f"{options['role']} may use the portal's tables, and only add to the log.")
