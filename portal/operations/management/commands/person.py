"""manage.py person: make an account or set its roles, from the machine the portal runs on."""

from __future__ import annotations

import getpass
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from portal.accounts.models import User
from portal.accounts.roles import Role, grant
from portal.audit.ledger import record

ROLES = {role.name.lower(): role for role in Role}


class Command(BaseCommand):
    help = "Makes an account with a random password, or sets the roles of one there is. The audit log keeps it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("--role", action="append", default=[], choices=sorted(ROLES), help="may be repeated")
        parser.add_argument("--new-password", action="store_true", help="for an account that exists")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Prints a password where it made one; it is shown this once."""
        username, roles = str(options["username"]), list(dict.fromkeys(options["role"]))
        with transaction.atomic():
            user = User.objects.select_for_update().filter(username=username).first()
            made = user is None
            if user is None:
                user = _new(username)
            password = secrets.token_urlsafe(15) if made or options["new_password"] else ""
            if password:
                user.set_password(password)
            user.save()
            user.groups.clear()
            for name in roles:
                grant(user, ROLES[name])
            facts = {"person": username, "roles": roles, "made": made, "new_password": bool(password)}
            record("access.granted", by=f"{getpass.getuser()} (command line)", data=facts)
        self.stdout.write(f"{username}: {', '.join(roles) or 'no role, may only sign in'}")
        if password:
            self.stdout.write(f"Password, shown this once: {password}")


def _new(username: str) -> User:
    user = User(username=username)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise CommandError(f"{username!r} cannot be a user name: {' '.join(error.messages)}") from None
    return user
