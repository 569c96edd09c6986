"""Data of the pages about people: the list, one person, and the proposals about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import OPEN as OPEN_STATUSES
from portal.changes.models import Change, Status, Vote
from portal.common.db_expressions import CountSubquery
from portal.governance import password_links, proposals, rules
from portal.governance.models import GovernanceProposal, PasswordLink, ProposalKind
from portal.governance.people import ROLE_CODES
from portal.operations import role_coverage
from portal.operations.role_coverage import RightCoverage
from portal.web import keyset
from portal.web.keyset import Page

PAGE = 50
MOST = 50
"""Numbers on these pages are counted up to this one."""
_SHOWN = 20
_COUNTING = (Status.PENDING, Status.APPROVED)
"""Statuses in which a vote still decides whether the change is sent."""


@dataclass(frozen=True)
class ProposalRow:
    """Proposal as a page shows it: what was and what would be, as labels; `added` are the labels that are new."""

    proposal: GovernanceProposal
    old: list[str]
    new: list[str]
    added: frozenset[str]

    @property
    def title(self) -> str:
        """Return what is proposed, for headings and links."""
        person = self.proposal.subject.display_name if self.proposal.subject else ""
        if self.proposal.kind == ProposalKind.ENABLE_ACCOUNT:
            return _("Enable the account of %(person)s") % {"person": person}
        added = ", ".join(name for name in self.new if name in self.added)
        return _("%(roles)s for %(person)s") % {"roles": added, "person": person}


@dataclass(frozen=True)
class PersonPage:
    """Page of one person. `held` and `missing` are codes of roles; `votes` count on open changes now.

    `link`: the newest link to choose a password; `link_barrier`: why no new one can be sent, or ''.
    """

    person: User
    is_own: bool
    has_provider_roles: bool
    groups: list[str]
    held: list[str]
    missing: list[str]
    changes: list[Change]
    more_changes: bool
    votes: int
    proposal: ProposalRow | None
    lone: bool
    link: PasswordLink | None
    link_barrier: str

    @property
    def link_command(self) -> str:
        """Return the command on the host that sets a password where no link can be mailed; '' if none may be set."""
        unreachable = self.link_barrier and not password_links.find_link_obstacle(self.person)
        return f"manage.py user {self.person.username} --new-password" if unreachable else ""


@dataclass(frozen=True)
class ProposalPage:
    """Page of one proposal. `barrier`: why the reader cannot approve it, or ''.

    `is_unknown_person`: the reader may decide it, and the person has never signed in.
    """

    row: ProposalRow
    barrier: str
    is_own: bool
    may_reject: bool
    may_adopt: bool
    is_unknown_person: bool


@dataclass(frozen=True)
class PeoplePage:
    """Page of accounts, each with `open_changes`; `lone`: whether there are fewer than two administrators."""

    page: Page[User]
    lone: bool
    waiting: list[ProposalRow]
    coverage: list[RightCoverage]


def load_people(cursor: str) -> PeoplePage:
    """Return the accounts from the cursor on, the coverage of rights, and the open proposals about people."""
    open_changes = Change.objects.filter(
        requester=OuterRef("pk"), closed_at=None
    )  # by the index change_requester_ended
    accounts: QuerySet[Any] = (
        User.objects.select_related("provider_account")
        .prefetch_related("groups")
        .annotate(open_changes=CountSubquery(open_changes.values("pk")[:MOST]))
    )
    page = keyset.paginate_by_keyset(accounts, order=("username",), cursor=cursor, size=PAGE)
    coverage = role_coverage.count_right_holders()
    lone = any(each.right == Right.OPERATE and each.holders < 2 for each in coverage)
    return PeoplePage(page, lone, load_open_proposals(), coverage)


def load_person(user_id: int, reader: User) -> PersonPage:
    """Return the page of one person. Raises Http404."""
    person = get_object_or_404(User.objects.select_related("provider_account").prefetch_related("groups"), pk=user_id)
    groups = sorted(group.name for group in person.groups.all())
    held = [code for code, role in ROLE_CODES.items() if role in groups]
    changes = list(Change.objects.filter(requester=person, status__in=OPEN_STATUSES).order_by("-pk")[: _SHOWN + 1])
    votes = Vote.objects.filter(voter=person, voided_at=None, change__status__in=_COUNTING)
    about = _with_people().filter(subject=person, verdict="").first()
    return PersonPage(
        person=person,
        is_own=person.pk == reader.pk,
        has_provider_roles=rules.has_provider_roles(person),
        groups=groups,
        held=held,
        missing=[code for code in ROLE_CODES if code not in held],
        changes=changes[:_SHOWN],
        more_changes=len(changes) > _SHOWN,
        votes=votes[:MOST].count(),
        proposal=_row_of(about) if about else None,
        lone=is_lone_administrator(),
        link=password_links.find_newest_link(person),
        link_barrier=password_links.find_link_obstacle(person) or password_links.find_mail_obstacle(person),
    )


def load_open_proposals() -> list[ProposalRow]:
    """Return the open proposals, oldest first."""
    return [_row_of(proposal) for proposal in _with_people().filter(verdict="").order_by("pk")[:_SHOWN]]


def load_closed_proposals() -> list[ProposalRow]:
    """Return the proposals that were closed last."""
    closed = _with_people().exclude(verdict="").order_by("-decided_at")[:_SHOWN]
    return [_row_of(proposal) for proposal in closed]


def load_proposal(proposal_id: int, reader: User) -> ProposalPage:
    """Return the page of one proposal. Raises Http404."""
    proposal = get_object_or_404(_with_people(), pk=proposal_id)
    violation = proposals.find_decision_violation(proposal, reader) if proposal.is_open else None
    is_own, is_about = proposal.proposed_by_id == reader.pk, proposal.subject_id == reader.pk
    return ProposalPage(
        row=_row_of(proposal),
        barrier=str(violation) if violation else "",
        is_own=is_own,
        may_reject=proposal.is_open and not is_own and not is_about,
        may_adopt=proposal.is_open and proposal.proposed_by_id is None and not is_about,
        is_unknown_person=proposal.is_open
        and not (is_own or is_about)
        and proposal.subject is not None
        and proposal.subject.last_login is None,
    )


def is_lone_administrator() -> bool:
    """Return whether there are fewer than two administrators, so that no proposal can be approved."""
    return len(roles.users_with_right(Right.OPERATE)[:2]) < 2


def _with_people() -> QuerySet[GovernanceProposal]:
    return GovernanceProposal.objects.select_related("subject", "proposed_by", "decided_by")


def _row_of(proposal: GovernanceProposal) -> ProposalRow:
    old, new = _labels_of(proposal, proposal.old), _labels_of(proposal, proposal.new)
    return ProposalRow(proposal, old, new, frozenset(new) - frozenset(old))


def _labels_of(proposal: GovernanceProposal, state: proposals.State) -> list[str]:
    """Return the part of a state that the kind of proposal changes, as labels."""
    if proposal.kind == ProposalKind.ENABLE_ACCOUNT:
        return [_("Enabled") if state["active"] else _("Disabled")]
    return [_(ROLE_CODES[code]) for code in state["roles"]] or [_("No role")]
