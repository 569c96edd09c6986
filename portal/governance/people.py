"""Acts on people: giving a right takes two administrators; taking one or disabling an account acts at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.conf import settings
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from portal.accounts import roles, sessions
from portal.accounts.models import User
from portal.accounts.reauthentication import RecentAuth
from portal.accounts.roles import Right, Role
from portal.audit.ledger import record_event
from portal.governance import proposals, rules
from portal.governance.models import GovernanceProposal, PasswordLink, ProposalKind
from portal.governance.proposals import KindRules, State
from portal.governance.violations import NoEffect

ROLE_CODES = {role.name.lower(): role for role in Role}
"""Roles by the code that events and proposals store."""


def role_codes_of(person: User) -> list[str]:
    """Return the codes of the person's roles, in the order of Role."""
    names = set(person.groups.values_list("name", flat=True))
    return [code for code, role in ROLE_CODES.items() if role in names]


def propose_roles(
    person_id: int, codes: Collection[str], *, by: User, reason: str, recent_auth: RecentAuth
) -> GovernanceProposal:
    """Propose to give roles to a person, who has none of their rights until another administrator approves.

    Raises DoesNotExist, RolesFromProvider, NoEffect and what file_proposal raises.
    """
    with proposals.recorded_refusals("give_roles", by, user=person_id):
        person = User.objects.get(pk=person_id)
        rules.require_entitled(by)
        rules.forbid_own_rights(person, by)
        rules.forbid_provider_roles(person)
        return proposals.file_proposal(
            ProposalKind.GIVE_ROLES, person, _with_roles(person, codes), by=by, reason=reason, recent_auth=recent_auth
        )


def take_roles(person_id: int, codes: Collection[str], *, by: User, reason: str, recent_auth: RecentAuth) -> User:
    """Take roles from a person at once: their next request has no such right, and their votes stop counting.

    Raises DoesNotExist, NotEntitled, OwnRights, RolesFromProvider, NoEffect, ProposalReasonMissing, PasswordRequired.
    """
    with proposals.recorded_refusals("take_roles", by, user=person_id):
        person = _get_other(person_id, by=by, reason=reason)
        rules.forbid_provider_roles(person)
        taken = [code for code in role_codes_of(person) if code in codes]
        if not taken:
            raise NoEffect(_("Select at least one role that %(person)s has.") % {"person": person.display_name})
        rules.require_recent_auth(recent_auth)
        remove_roles(person, taken, actor=by.username, reason=reason.strip(), **recent_auth.as_data())
    return person


def disable_account(person_id: int, *, by: User, reason: str, recent_auth: RecentAuth) -> User:
    """Disable an account at once: its sessions end, and its votes on open changes stop counting.

    Raises DoesNotExist, NotEntitled, OwnRights, NoEffect, ProposalReasonMissing, PasswordRequired.
    """
    with proposals.recorded_refusals("disable_account", by, user=person_id):
        person = _get_other(person_id, by=by, reason=reason)
        if not person.is_active:
            raise NoEffect(_("The account of %(person)s is disabled already.") % {"person": person.display_name})
        rules.require_recent_auth(recent_auth)
        switch_off(person, actor=by.username, reason=reason.strip(), **recent_auth.as_data())
    return person


def propose_enabling(person_id: int, *, by: User, reason: str, recent_auth: RecentAuth) -> GovernanceProposal:
    """Propose to enable an account, which cannot sign in until another administrator approves.

    Raises DoesNotExist, NoEffect and what file_proposal raises.
    """
    with proposals.recorded_refusals("enable_account", by, user=person_id):
        person = User.objects.get(pk=person_id)
        rules.require_entitled(by)
        rules.forbid_own_rights(person, by)
        if person.is_active:
            raise NoEffect(_("The account of %(person)s is enabled already.") % {"person": person.display_name})
        return proposals.file_proposal(
            ProposalKind.ENABLE_ACCOUNT, person, _enabled(person), by=by, reason=reason, recent_auth=recent_auth
        )


def set_roles_by_console(person: User, codes: Collection[str], *, console: str) -> GovernanceProposal | None:
    """Set the person's roles: take what is not named at once; give the others, or file and return a proposal.

    Requires the lock of governance. Raises ProposalExists.
    """
    held = role_codes_of(person)
    taken, given = (
        [code for code in held if code not in codes],
        [code for code in ROLE_CODES if code in {*codes} - {*held}],
    )
    if taken or not given:
        remove_roles(person, taken, actor=console)
    if not given:
        return None
    if _console_gives_rights():
        add_roles(person, given, actor=console)
        return None
    return proposals.file_console_proposal(ProposalKind.GIVE_ROLES, person, _with_roles(person, given), console=console)


def enable_by_console(person: User, *, console: str) -> GovernanceProposal | None:
    """Enable the account, or file and return a proposal. Requires the lock of governance. Raises ProposalExists."""
    if person.is_active or _console_gives_rights():
        switch_on(person, actor=console)
        return None
    return proposals.file_console_proposal(ProposalKind.ENABLE_ACCOUNT, person, _enabled(person), console=console)


def _console_gives_rights() -> bool:
    """Return whether the console may give rights: until there are two administrators, and in a demo that says so."""
    administrators = roles.users_with_right(Right.OPERATE)[:2]
    return settings.CONSOLE_GIVES_RIGHTS or len(administrators) < 2


def remove_roles(person: User, codes: Iterable[str], *, actor: str, **facts: object) -> None:
    """Remove roles and record it. Requires the lock of governance."""
    taken = list(codes)
    person.groups.remove(*person.groups.filter(name__in=[ROLE_CODES[code] for code in taken]))
    data = {"person": person.username, "roles": role_codes_of(person), "taken": taken, **facts}
    record_event("access.granted", by=actor, data=data)
    proposals.close_outdated(person, by=actor)


def add_roles(person: User, codes: Iterable[str], *, actor: str, **facts: object) -> None:
    """Add roles and record it. Requires the lock of governance."""
    for code in codes:
        roles.add_to_role(person, ROLE_CODES[code])
    record_event("access.granted", by=actor, data={"person": person.username, "roles": role_codes_of(person), **facts})


def switch_off(person: User, *, actor: str, **facts: object) -> None:
    """Disable the account, end its sessions and record it. Requires the lock of governance."""
    person.is_active = False
    person.save(update_fields=["is_active"])
    sessions.end_all_sessions(person)
    PasswordLink.objects.filter(person=person, used_at=None).update(used_at=Now())
    record_event("account.disabled", by=actor, data={"person": person.username, **facts})
    proposals.close_outdated(person, by=actor)


def switch_on(person: User, *, actor: str, **facts: object) -> None:
    """Enable the account and record it. Requires the lock of governance."""
    person.is_active = True
    person.save(update_fields=["is_active"])
    record_event("account.enabled", by=actor, data={"person": person.username, **facts})


def _get_other(person_id: int, *, by: User, reason: str) -> User:
    """Return another person's account for an act at once. Raises DoesNotExist, NotEntitled, OwnRights and so on."""
    person = User.objects.get(pk=person_id)
    rules.require_entitled(by)
    rules.forbid_own_rights(person, by)
    rules.require_reason(reason)
    return person


def _with_roles(person: User, codes: Collection[str]) -> State:
    held = role_codes_of(person)
    if not set(codes) - set(held):
        raise NoEffect(_("Select at least one role that %(person)s does not have.") % {"person": person.display_name})
    return {**_read_state(person), "roles": [code for code in ROLE_CODES if code in held or code in codes]}


def _enabled(person: User) -> State:
    return {**_read_state(person), "active": True}


def _read_state(person: User) -> State:
    return {"roles": role_codes_of(person), "active": person.is_active}


def _subject_of(proposal: GovernanceProposal) -> User:
    return User.objects.get(pk=proposal.subject_id or 0)


def _give_roles(proposal: GovernanceProposal, by: User) -> None:
    person = _subject_of(proposal)
    added = [code for code in proposal.new["roles"] if code not in proposal.old["roles"]]
    add_roles(person, added, actor=by.username, given=added, proposal=proposal.reference)


def _enable_account(proposal: GovernanceProposal, by: User) -> None:
    switch_on(_subject_of(proposal), actor=by.username, proposal=proposal.reference)


proposals.register_kind(ProposalKind.GIVE_ROLES, KindRules(Right.OPERATE, _read_state, _give_roles))
proposals.register_kind(ProposalKind.ENABLE_ACCOUNT, KindRules(Right.OPERATE, _read_state, _enable_account))
