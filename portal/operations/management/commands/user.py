"""manage.py user: create an account, set its roles or password, or disable it, on the host of the portal."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import transaction

from portal.accounts import sessions
from portal.accounts.models import User
from portal.accounts.roles import Role, add_to_role
from portal.audit.ledger import record_event

ROLES = {role.name.lower(): role for role in Role}


class Command(BaseCommand):
    help = (
        "Makes an account with a random password, or does to one there is what the options say and nothing else. "
        "The audit log keeps it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        roles = parser.add_mutually_exclusive_group()
        roles.add_argument(
            "--role", action="append", dest="roles", choices=sorted(ROLES), help="these roles only; may be repeated"
        )
        roles.add_argument("--no-role", action="store_const", const=[], dest="roles", help="take every role away")
        parser.add_argument("--email", help="where auditors get checkpoints of the log; '' for none")
        parser.add_argument("--new-password", action="store_true", help="for an account that exists")
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--disable", action="store_false", dest="active", default=None, help="end its sessions too")
        switch.add_argument("--enable", action="store_true", dest="active", default=None)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Carry out the options; print a new password, which is shown only once."""
        username, active = str(options["username"]), options["active"]
        with transaction.atomic():
            user = User.objects.find_by_names([username]).select_for_update(no_key=True).first()
            made = user is None
            if user is not None and user.username != username:
                raise CommandError(
                    f"There is the account {user.username}: {username!r} is the same name in another spelling."
                    " Nothing was done. Give the name as that account has it, or another one."
                )
            if user is None:
                if active is not None:
                    raise CommandError(f"There is no account {username}.")
                user = _new(username)
            password = _new_password(user, made=made) if made or options["new_password"] else ""
            if options["roles"] is not None:
                _set_roles(user, list(dict.fromkeys(options["roles"])))
            if options["email"] is not None:
                _set_email(user, options["email"])
            if active is not None:
                _switch(user, active=active)
        self.stdout.write(_standing(user))
        if password:
            self.stdout.write(f"Password, shown this once: {password}")


def _new(username: str) -> User:
    user = User(username=username)
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        raise CommandError(f"{username!r} cannot be a user name: {' '.join(error.messages)}") from None
    return user


def _new_password(user: User, *, made: bool) -> str:
    password = secrets.token_urlsafe(15)
    user.set_password(password)
    user.save()
    _record("account.created" if made else "account.password_changed", user)
    return password


def _set_email(user: User, address: str) -> None:
    user.email = address
    try:
        user.full_clean()
    except ValidationError:
        raise CommandError(f"{address!r} is no e-mail address.") from None
    user.save(update_fields=["email"])
    _record("account.address_changed", user)


def _set_roles(user: User, names: list[str]) -> None:
    user.groups.clear()
    for name in names:
        add_to_role(user, ROLES[name])
    _record("access.granted", user, roles=names)


def _switch(user: User, *, active: bool) -> None:
    user.is_active = active
    user.save(update_fields=["is_active"])
    if not active:
        sessions.end_all_sessions(user)
    _record("account.enabled" if active else "account.disabled", user)


def _record(action: str, user: User, **facts: Any) -> None:
    """Record an event with the system's user id as actor: a user name from the environment would prove nothing."""
    record_event(action, by=f"console (uid {os.getuid()})", data={"person": user.username, **facts})


def _standing(user: User) -> str:
    roles = ", ".join(user.groups.order_by("name").values_list("name", flat=True)) or "no role, may only sign in"
    return f"{user.username}: {roles if user.is_active else 'switched off'}"
