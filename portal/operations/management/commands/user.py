"""manage.py user: create an account, set its roles or password, or disable it, on the host of the portal."""

from __future__ import annotations

import os
import secrets
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import IntegrityError, transaction

from portal.accounts.models import User
from portal.audit.ledger import record_event
from portal.governance import people, rules
from portal.governance.models import GovernanceProposal
from portal.governance.violations import GovernanceViolation
from portal.identity.provider_accounts import find_provider_account, link_local_user


class Command(BaseCommand):
    help = (
        "Makes an account with a random password, or does to one there is what the options say and nothing else. "
        "The audit log keeps it. While there are two administrators or more, giving a role and enabling an account"
        " file a proposal instead, which two administrators decide."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        roles = parser.add_mutually_exclusive_group()
        roles.add_argument(
            "--role",
            action="append",
            dest="roles",
            choices=sorted(people.ROLE_CODES),
            help="these roles only; may be repeated",
        )
        roles.add_argument("--no-role", action="store_const", const=[], dest="roles", help="take every role away")
        parser.add_argument("--email", help="where auditors get checkpoints of the log; '' for none")
        parser.add_argument("--new-password", action="store_true", help="for an account that exists")
        parser.add_argument(
            "--provider-subject",
            metavar="SUB",
            help="the subject by which the OpenID provider knows this user, who then signs in with it alone",
        )
        switch = parser.add_mutually_exclusive_group()
        switch.add_argument("--disable", action="store_false", dest="active", default=None, help="end its sessions too")
        switch.add_argument("--enable", action="store_true", dest="active", default=None)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Carry out the options; print a new password, which is shown only once."""
        username, active = str(options["username"]), options["active"]
        with transaction.atomic():
            rules.lock_governance()
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
            if made or options["roles"] is not None or options["new_password"]:
                _forbid_provider_user(user)
            password = _new_password(user, made=made) if made or options["new_password"] else ""
            if options["email"] is not None:
                _set_email(user, options["email"])
            filed = _set_rights(user, options["roles"], active)
            if options["provider_subject"]:
                _link(user, options["provider_subject"])
                password = ""
        self.stdout.write(_standing(user))
        if filed is not None:
            self.stdout.write(_filed(filed))
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


def _set_rights(user: User, codes: list[str] | None, active: bool | None) -> GovernanceProposal | None:
    """Take rights and, while there are fewer than two administrators, give them; else file and return a proposal."""
    try:
        if active is False:
            people.switch_off(user, actor=_console())
        if codes is not None:
            filed = people.set_roles_by_console(user, codes, console=_console())
            if active and not user.is_active:
                raise CommandError("Nothing was done. Enable the account first: one proposal is open at a time.")
            return filed
        return people.enable_by_console(user, console=_console()) if active else None
    except GovernanceViolation as violation:
        raise CommandError(f"Nothing was done. {violation}") from None


def _forbid_provider_user(user: User) -> None:
    if user.pk and find_provider_account(user) is not None:
        raise CommandError(
            f"{user.username} signs in with the OpenID provider, whose groups give the roles, and has no password here."
            " Nothing was done. Change the groups at the provider; --disable ends all access at once."
        )


def _link(user: User, subject: str) -> None:
    if not settings.OIDC_ISSUER:
        raise CommandError("OIDC_ISSUER is not set, so there is no provider to link to. Nothing was done.")
    if find_provider_account(user) is not None:
        raise CommandError(f"{user.username} is linked to an account of the provider already. Nothing was done.")
    try:
        with transaction.atomic():
            link_local_user(user, subject, by=_console())
    except IntegrityError:
        raise CommandError("Another user is linked to this subject. Nothing was done.") from None


def _filed(proposal: GovernanceProposal) -> str:
    return (
        f"{proposal.reference} was filed, and gives nothing yet: one administrator adopts it in Operations, Proposals,"
        " and another approves it."
    )


def _console() -> str:
    """Return the system's user id as actor: a user name from the environment would prove nothing."""
    return f"console (uid {os.getuid()})"


def _record(action: str, user: User, **facts: Any) -> None:
    record_event(action, by=_console(), data={"person": user.username, **facts})


def _standing(user: User) -> str:
    roles = ", ".join(user.groups.order_by("name").values_list("name", flat=True)) or "no role, may only sign in"
    return f"{user.username}: {roles if user.is_active else 'switched off'}"
