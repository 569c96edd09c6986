"""Invitations: an administrator adds a person, who has no right until another administrator approves the roles."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.audit.ledger import record_event
from portal.governance import password_links, proposals, rules
from portal.governance.models import GovernanceProposal, LinkPurpose, ProposalKind
from portal.governance.people import ROLE_CODES
from portal.governance.violations import AccountNotAddable, NoEffect


@dataclass(frozen=True)
class NewPerson:
    """Person to add: names as typed, an address of their own, and codes of the roles that are proposed."""

    username: str
    full_name: str
    email: str
    roles: Collection[str]


def build_account(username: str, full_name: str, email: str) -> User:
    """Return the account, not saved, without a password. Raises ValidationError by field.

    An address of another account is refused: an administrator could give a second account to themselves.
    """
    account = User(username=username, first_name=full_name, email=email)
    account.set_unusable_password()
    account.full_clean(exclude=["password"])
    other = User.objects.filter(email__iexact=email).first() if email else None
    if other is not None:
        raise ValidationError({"email": _("The account %(name)s has this address already.") % {"name": other.username}})
    return account


def add_person(new: NewPerson, *, by: User, reason: str, recent_auth: RecentAuth) -> GovernanceProposal:
    """Create an account without rights, propose its roles, and have an invitation mailed where there is a mail server.

    Raises NotEntitled, AccountNotAddable, NoEffect, ProposalReasonMissing, PasswordRequired.
    """
    with proposals.recorded_refusals("add_person", by):
        rules.require_entitled(by)
        if not settings.PASSWORD_SIGN_IN:
            raise AccountNotAddable(
                _("Sign-in with a password is switched off. Add the person at %(provider)s.")
                % {"provider": settings.OIDC_PROVIDER_NAME}
            )
        rules.require_reason(reason)
        codes = [code for code in ROLE_CODES if code in new.roles]
        if not codes:
            raise NoEffect(_("Select at least one role."))
        rules.require_recent_auth(recent_auth)
        account = _store_account(new)
        record_event("account.created", by=by.username, data={"person": account.username, **recent_auth.as_data()})
        if not password_links.find_mail_obstacle(account):
            password_links.store_link(account, LinkPurpose.INVITATION, by=by)
        state = {"roles": codes, "active": True}
        return proposals.file_proposal(
            ProposalKind.GIVE_ROLES, account, state, by=by, reason=reason, recent_auth=recent_auth
        )


def _store_account(new: NewPerson) -> User:
    try:
        account = build_account(new.username, new.full_name, new.email)
        with transaction.atomic():
            account.save()
    except ValidationError as error:
        raise AccountNotAddable(" ".join(error.messages)) from None
    except IntegrityError:  # a first sign-in with the provider made an account of this name at the same time
        raise AccountNotAddable(_("Another account has this name already.")) from None
    return account
