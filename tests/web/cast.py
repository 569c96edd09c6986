"""Everybody a page can be asked by, and one of each thing it can be asked for."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.models import Event
from portal.catalog.models import ApiSecret, CatalogSync
from portal.changes.domain.proposal import Proposal, encode_proposal
from portal.changes.models import (
    Change,
    ChangeSubscription,
    ChangeTemplate,
    CircuitBreaker,
    Comment,
    Draft,
    ResolvedThread,
    Revision,
    Status,
    Vote,
)
from portal.changes.workflow import comments, delivery_pause, review, submission
from portal.changes.workflow.comments import NewComment
from portal.governance import people
from portal.governance.models import GovernanceProposal, PasswordLink
from portal.vote_keys.commands import RegisteredKey, enrol_key
from portal.vote_keys.models import VoteKey
from portal.web.models import SavedFilter
from tests.changes.pages import as_shown_to, ballot_of
from tests.people import GCP, mirrored, show_presence
from tests.vouching import LOOKED, PRESENT

ROLES = ("anonymous", "owner", "other", "approver", "auditor", "operator", "disabled", "superuser")
"""`owner` has proposed the change; `other` is a requester too; `disabled` held every right and is switched off."""
_GRANTED = {
    "owner": (Role.REQUESTER,),
    "other": (Role.REQUESTER,),
    "approver": (Role.APPROVER,),
    "auditor": (Role.AUDITOR,),
    "operator": (Role.ADMINISTRATOR,),
    "disabled": tuple(Role),
    "superuser": (),
    "newcomer": (),
    "colleague": (Role.ADMINISTRATOR,),
}
NOWHERE = 987_654_321
"""The number of nothing."""


@dataclass
class Cast:
    """People by role, and a pending change of the owner's. `build` makes a proposal for its secret."""

    people: dict[str, User]
    secret: ApiSecret
    change: Change
    build: Callable[..., Proposal]

    def browser(self, role: str, **options: Any) -> Client:
        """A browser in which this person has signed in (and then perhaps been switched off)."""
        client = Client(raise_request_exception=False, **options)
        if role != "anonymous":
            person = self.people[role]
            User.objects.filter(pk=person.pk).update(is_active=True)
            client.force_login(person)
            show_presence(client, person)
            User.objects.filter(pk=person.pk).update(is_active=role != "disabled")
        return client

    def named(self) -> list[str]:
        """Everybody the database knows by now."""
        return list(User.objects.values_list("username", flat=True))

    def numbers(self) -> dict[str, int | str]:
        """What the numbers of the addresses are, by the names they have there."""
        event = Event.objects.order_by("pk").values_list("pk", flat=True)[0]
        own = {"person": self.people["auditor"], "page": "audit:events", "name": "refused", "query": "code=400"}
        template = {"person": self.people["owner"], "name": "Kept"}
        kept = ChangeTemplate.objects.get_or_create(**template, defaults={"patch": {}, "updated_at": timezone.now()})[0]
        return {
            "template_id": kept.pk,  # the owner's
            "factor_id": NOWHERE,  # nobody has any
            "change_id": self.change.pk,
            "change": self.change.pk,
            "thread_id": next(iter(Comment.objects.values_list("pk", flat=True)), NOWHERE),
            "identifier": self.secret.pk,
            "number": event,
            "saved": SavedFilter.objects.get_or_create(**own)[0].pk,  # the auditor's
            "step": "preferences",  # everybody's
            "username": self.people["owner"].pk,
            "user_id": self.people["newcomer"].pk,
            "proposal_id": self.proposal().pk,
            "uidb64": "MQ",
            "token": "x",  # of no link
            "key_id": self.vote_key().pk,
            "verdict": "reject",
        }

    def vote_key(self) -> VoteKey:
        """A vote key of the approver, which no administrator has confirmed."""
        known = VoteKey.objects.filter(owner=self.people["approver"]).first()
        made = RegisteredKey("c3Bpbm5l", "a2V5", "localhost", "http://localhost", "", is_synced=False)
        return known or enrol_key(made, by=self.people["approver"], name="Laptop", recent_auth=PRESENT)

    def proposal(self) -> GovernanceProposal:
        """An open proposal about the auditor, which an administrator other than the operator has filed."""
        known = GovernanceProposal.objects.filter(subject=self.people["auditor"]).first()
        return known or people.propose_roles(
            self.people["auditor"].pk, ["approver"], by=self.people["colleague"], reason="Joins", recent_auth=PRESENT
        )

    def told(self, name: str, role: str) -> dict[str, Any]:
        """What a page of that address would send, valid in all its parts, from this person."""
        act = name.rpartition(":")[2]
        ballot = as_shown_to(self.people[role].pk if role in self.people else 0, ballot_of(self.change, reason="Seen"))
        sent: dict[str, Any] = {
            "approve": ballot,
            "reject": ballot,
            "decide": {"picks": f"{self.change.pk}.1.{ballot['digest']}", "verdict": "reject", "reason": "Seen"},
            "request_changes": ballot,
            "comment": {"key": str(uuid.uuid4()), "text": "Seen"},
            "resolve": {"applied": "no", "reason": "Looked at it in Segura"},
            "save_template": {"name": "Kept"},
            "give_roles": {"roles": "approver", "reason": "Joins the approvers"},
            "take_roles": {"roles": "requester", "reason": "Leaves the team"},
            "disable_user": {"reason": "Has left"},
            "enable_user": {"reason": "Is back"},
            "reject_proposal": {"reason": "Not yet"},
            "add_user": {
                "full_name": "New Person",
                "username": "new-person",
                "email": "new-person@example.com",
                "roles": "approver",
                "reason": "Joins the approvers",
            },
            "send_link": {"reason": "Forgot the password"},
            "sign_vote": ballot,
            "sign_bulk": {"picks": f"{self.change.pk}.1.{ballot['digest']}", "verdict": "reject", "reason": "Seen"},
            "enrol": {"name": "Laptop"},
            "revoke": {"reason": "Lost"},
            "pause": {"reason": "Segura is being upgraded"},
            "set_theme": {"theme": "dark"},
            "read": {"up_to": 0},
            "subscribe": {"level": "watching"},
            "set_language": {"language": "pt-br"},
            "account_login": {"login": "nobody", "password": "a wrong guess"},
        }
        if act in ("propose", "revise") and role != "anonymous":
            return {"act": "confirm", "proposal": encode_proposal(self.build(), self.people[role])}
        if act == "revert" and role != "anonymous":
            return {"act": "confirm", "proposal": encode_proposal(self.build(url=GCP["url"]), self.people[role])}
        return sent.get(act, {})

    def _prepare_people(self, act: str) -> None:
        """Bring the newcomer or the proposal to where the act is possible for the operator."""
        newcomer = self.people["newcomer"]
        if act == "take_roles":
            roles.add_to_role(newcomer, Role.REQUESTER)
        if act == "enable_user":
            User.objects.filter(pk=newcomer.pk).update(is_active=False)
        if act in ("withdraw_proposal", "adopt_proposal"):
            self.proposal()
            with connection.cursor() as cursor:  # past the trigger, which keeps proposals as they were filed
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("ALTER TABLE governance_governanceproposal DISABLE TRIGGER proposal_never_altered")
                own = self.people["operator"] if act == "withdraw_proposal" else None
                GovernanceProposal.objects.update(proposed_by=own)
                cursor.execute("ALTER TABLE governance_governanceproposal ENABLE ALWAYS TRIGGER proposal_never_altered")

    def prepare(self, name: str) -> None:
        """Bring the change to where the act of that address is possible."""
        status = {"retry": Status.FAILED, "recheck": Status.NEEDS_ATTENTION, "resolve": Status.NEEDS_ATTENTION}
        act = name.rpartition(":")[2]
        self._prepare_people(act)
        if act == "resume":
            delivery_pause.pause_delivery(
                by=self.people["operator"], reason="Segura is being upgraded", recent_auth=PRESENT
            )
        if act in ("resolve_thread", "reopen_thread"):
            comments.post_comment(self.change.pk, NewComment(uuid.UUID(int=1), "Seen"), by=self.people["owner"])
        if act == "revert":
            Change.objects.filter(pk=self.change.pk).update(status=Status.APPLIED)
        if act in status:
            approver = self.people["approver"]
            review.approve_change(
                self.change.pk,
                by=approver,
                revision=1,
                digest=self.change.get_current_revision().digest,
                recent_auth=PRESENT,
                review_proof=LOOKED,
            )
            ended = {"closed_at": self.change.created_at} if act == "retry" else {}
            Change.objects.filter(pk=self.change.pk).update(status=status[act], **ended)


def assemble(build: Callable[..., Proposal]) -> Cast:
    """The whole cast, without the seconds their passwords would take to hash."""
    cast = {}
    for name, granted in _GRANTED.items():
        cast[name] = User.objects.create(username=name, is_superuser=name == "superuser", is_staff=name == "superuser")
        for role in granted:
            roles.add_to_role(cast[name], role)
    secret = mirrored()
    whole = Cast(cast, secret, submission.submit_change(build(), by=cast["owner"]), build)
    whole.proposal()
    whole.vote_key()
    return whole


@contextmanager
def undone() -> Iterator[None]:
    """Whatever happens within is taken back; acts that insist on a transaction of their own still may."""
    block = transaction.atomic()
    block._from_testcase = True  # as Django's own TestCase does
    with block:
        yield
        transaction.set_rollback(True)


def stands() -> dict[str, list[Any]]:
    """All that an act could have changed, people's passwords included; of the log, what is not a mere refusal."""
    kept = {
        model.__name__: list(model.objects.order_by("pk").values())
        for model in (
            Change,
            Comment,
            ResolvedThread,
            Draft,
            Revision,
            Vote,
            CatalogSync,
            CircuitBreaker,
            SavedFilter,
            ChangeSubscription,
        )
    }
    known = Event.objects.exclude(action__in=("access.denied", "vote.refused", "governance.refused", "session.failed"))
    return {
        **kept,
        "GovernanceProposal": list(GovernanceProposal.objects.order_by("pk").values()),
        "PasswordLink": list(PasswordLink.objects.order_by("pk").values()),
        "User": list(User.objects.order_by("pk").values("username", "password", "is_active")),
        "Event": list(known.order_by("pk").values_list("action", flat=True)),
    }
