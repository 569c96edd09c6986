"""A morning in the portal: people, and a change in each state there is, each brought there as it comes there."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import timedelta
from itertools import islice
from typing import Any
from unittest import mock

from django.db import connection as database
from django.utils import timezone

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.exports import progress
from portal.audit.exports.log_export import LogExport, record_export
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.sealing import sealer
from portal.audit.verification import recorded
from portal.catalog import connection_check, details, directory, segura_client, sync
from portal.changes.delivery import claims, sweep, worker
from portal.changes.domain import secret_encryption
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status
from portal.changes.workflow import comments, drafts, review, submission, templates
from portal.governance import people as governance
from portal.notifications import dispatch
from portal.sandbox import Sandbox
from portal.sandbox.faults import FaultStep
from portal.vault import SecretStr
from portal.web.models import SavedFilter
from tests.vouching import LOOKED, PRESENT

PEOPLE = {
    "requester": ("Rita", "Requester", Role.REQUESTER),
    "requester2": ("Remy", "Requester", Role.REQUESTER),
    "newcomer": ("Nina", "Newcomer", Role.REQUESTER),
    "approver": ("Ana", "Approver", Role.APPROVER),
    "approver2": ("Abel", "Approver", Role.APPROVER),
    "auditor": ("Aura", "Auditor", Role.AUDITOR),
    "admin": ("Adam", "Administrator", Role.ADMINISTRATOR),
    "admin2": ("Alba", "Administrator", Role.ADMINISTRATOR),
    "nobody": ("Noa", "Newhire", None),
}
LONG_NAME = "a-name-of-a-few-hundred-letters-" + "x" * 300
MARKUP = "<b>bold</b> <script>alert(1)</script> & {{ 7 }}"
NEW_VALUE = "a-new-value-of-the-morning-7F"
CROWD = {f"user-{number}": number % 2 == 0 for number in range(60)}


def people() -> None:
    """Everybody, and nothing else."""
    for username, (first_name, last_name, role) in PEOPLE.items():
        user = User.objects.create(username=username, first_name=first_name, last_name=last_name)
        if role is not None:
            roles.add_to_role(user, role)


def morning(segura: Sandbox) -> dict[str, int]:
    """The numbers of the changes, by what became of them."""
    segura.items.edit(34, {"name": LONG_NAME, "notes": "A line of a long note.\n" * 40, "users_allowed": CROWD})
    sync.sync_catalog()
    directory.sync_directory()
    made = {**_ended(segura), **_stuck(segura), **_waiting(segura)}
    _talk(made["pending"])
    drafts.save_draft(
        by=_who("requester"),
        secret=22,
        name="salesforce-sync",
        patch={"notes": "Nightly, and at noon."},
        base=_seen(22).fields,
        words={"reason": "Customers are stale by lunch", "ticket": "CRM-77"},
    )
    for name, by, shared in (("x" * 60, "requester", False), ("Noted for the audit", "admin", True)):
        templates.save_template(by=_who(by), name=name, shared=shared, patch={"notes": "Audited."}, base=None, words={})
    for name, page, query in (
        ("Refused by Segura", "audit:events", "code=400"),
        ("Open", "changes:all", "status=open"),
    ):
        SavedFilter.objects.create(person=_who("auditor"), page=page, name=name, query=query)
    connection_check.run_connection_test(by="admin")
    _exports()
    sealer.seal_pending_events()
    recorded.verify_and_record()
    while dispatch.dispatch_events():
        pass
    return {**made, **_proposed()}


def _proposed() -> dict[str, int]:
    """A person with a role that an administrator proposes, and the proposal."""
    newcomer = _who("newcomer")
    filed = governance.propose_roles(
        newcomer.pk, ["approver"], by=_who("admin2"), reason="Covers for Ana in July", recent_auth=PRESENT
    )
    return {"person": newcomer.pk, "proposal": filed.pk}


def _exports() -> None:
    """One that left whole, one whose reader hung up, one under way for as long as anybody looks."""
    everything = Event.objects.all()
    list(record_export(LogExport(everything, "csv"), _begun({}), by="auditor"))
    list(islice(record_export(LogExport(everything, "csv"), _begun({"person": "requester"}), by="auditor"), 2))
    with mock.patch.object(progress, "SILENT_S", 24 * 3600):
        progress.ProgressReporter(_begun({"code": "504"}), 20_000).beat(6_000)


def _begun(filters: dict[str, str]) -> int:
    return record_event("audit.exported", by="auditor", data={"format": "csv", "filters": filters})


def _ended(segura: Sandbox) -> dict[str, int]:
    """What is over."""
    applied = _submit(14, value=NEW_VALUE, url="https://sap-eu.example/odata", reason="The connector moves to the EU")
    _fault(segura, "504_before_apply", 14)
    _deliver(applied, rounds=3)
    plain = _submit(31, by="requester2", tags="jira, automation, eu", reason="Tag it for the EU move")
    _deliver(plain)
    failed = _submit(15, value="a-value-that-fails", notes=MARKUP, reason=MARKUP)
    _fault(segura, "refuse:1005:Api secret not found", 15)
    _deliver(failed)
    rejected = _submit(17, tags="ci\u200d, deploy", reason="Group it with the deploys")
    review.reject_change(
        **_ballot(rejected), by=_who("approver"), reason="Not before the audit.\nSee OPS-12.", recent_auth=PRESENT
    )
    withdrawn = _submit(21, by="requester2", notes="Expires every 90 days.")
    submission.withdraw_change(withdrawn.pk, by=withdrawn.requester)
    expired = _submit(29, tags="cloud, backup, eu")
    Change.objects.filter(pk=expired.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    sweep.run_sweep()
    made = {"applied": applied, "plain": plain, "failed": failed, "rejected": rejected}
    return _numbers(made, withdrawn=withdrawn, expired=expired)


def _stuck(segura: Sandbox) -> dict[str, int]:
    """What the machine has in hand, or cannot settle."""
    doubted = _submit(21, url="http://graph.example/v2", reason="Version 2 answers faster")
    _fault(segura, "504_before_apply", 21)
    _fault(segura, "503", 21, endpoint="get", after=1)
    _deliver(doubted, rounds=2)
    lost = _submit(22, notes="The proposed notes.", reason="The nightly run has a second window")
    _fault(segura, "504_before_apply", 22)
    _deliver(lost)
    segura.items.edit(22, {"notes": "Somebody else's notes."})
    worker.process_change(lost.pk)
    stale = _submit(26, tags="sms, login, eu", reason="Tag it for the EU move")
    segura.items.edit(26, {"tags": "sms, login, two-factor"})
    _deliver(stale)
    approved = _submit(18, value="intake-key-of-the-day", reason="Quarterly rotation", ticket="OPS-2231")
    review.approve_change(**_ballot(approved), by=_who("approver"), recent_auth=PRESENT, review_proof=LOOKED)
    sending = _submit(35, by="requester2", tags="maps, restricted")
    review.approve_change(**_ballot(sending), by=_who("approver2"), recent_auth=PRESENT, review_proof=LOOKED)
    claims.claim_change(sending.pk)
    Change.objects.filter(pk=sending.pk).update(lease_until=timezone.now() + timedelta(days=1))
    return _numbers(
        {"in_doubt": doubted, "needs_attention": lost, "stale": stale, "approved": approved, "sending": sending}
    )


def _waiting(segura: Sandbox) -> dict[str, int]:
    """What waits for a decision: small, risky, unseen, enormous, sent back, revised."""
    shared = [*_seen(12).fields["users_allowed"], ["rcosta", True]]
    made = {
        "unseen": _submit(51, base=None, notes="nobody can see what this replaces", value="a-value-for-the-treasury"),
        "asked": _submit(25, notes="Client of the instant payment API, version 2.", reason="The bank renamed it"),
        "pending": _submit(
            12,
            value=NEW_VALUE + "b",
            url="https://hooks.payments-eu.example/v2",
            users_allowed=sorted(shared),
            reason="Payments move to the EU endpoint; Rui looks after it from now on",
            ticket="PAY-118",
        ),
        "small": _submit(29, by="requester2", tags="cloud, backup, nightly", reason="So that the report finds it"),
        "revised": _submit(43, notes="Access details of the project.", reason="Say whose they are"),
        "long": _submit(34, by="requester2", notes="short", url="https://x.example/" + "y" * 300, reason="Why " * 80),
    }
    ask = "Name the version in the notes, please."
    review.request_changes(**_ballot(made["asked"]), by=_who("approver2"), reason=ask, recent_auth=PRESENT)
    again = _proposal(43, notes="Access details of the data project.", reason="Say whose they are")
    made["revised"] = submission.revise_change(made["revised"].pk, again, by=_who("requester"))
    _age(made.values())
    return _numbers(made)


def _age(waiting: Iterable[Change]) -> None:
    """As if they had been waiting for minutes and for days, which triggers let nobody say."""
    with database.cursor() as cursor:
        for table in ("changes_change", "changes_revision"):
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for number, change in enumerate(waiting):
        then = timezone.now() - timedelta(hours=26 - 5 * number, minutes=9)
        Change.objects.filter(pk=change.pk).update(created_at=then)
        Revision.objects.filter(change=change).update(created_at=then)


def _talk(change: int) -> None:
    """A conversation with a field's thread and somebody named."""

    def say(by: str, text: str, **about: Any) -> int:
        return comments.post_comment(change, comments.NewComment(uuid.uuid4(), text, **about), by=_who(by)).pk

    asked = say("approver2", "Is the certificate of the EU host known to the shop?", field="url")
    say("requester", "Yes, since Monday: @approver2 can see it in OPS-118.", answers=asked)
    say("auditor", "Keep the ticket's number, please.")


def _submit(secret: int, *, by: str = "requester", **patch: Any) -> Change:
    return submission.submit_change(_proposal(secret, **patch), by=_who(by))


def _proposal(
    secret: int,
    *,
    value: str = "",
    reason: str = "It is on the list of the quarter",
    ticket: str = "",
    base: Snapshot | str | None = "live",
    **patch: Any,
) -> Proposal:
    revision_id = uuid.uuid4()
    return Proposal(
        secret=secret,
        patch=patch,
        base=_seen(secret) if isinstance(base, str) else base,
        sealed=secret_encryption.encrypt_secret(SecretStr(value), revision_id) if value else None,
        reason=reason,
        ticket=ticket,
        revision_id=revision_id,
    )


def _seen(secret: int) -> Snapshot:
    seen = details.fetch_details(segura_client.build_client(secret=secret), secret)
    return Snapshot(dict(seen.fields), seen.secret_fingerprint)


def _deliver(change: Change, rounds: int = 1) -> None:
    review.approve_change(
        **_ballot(change), by=_who("approver"), reason="Agreed with the team.", recent_auth=PRESENT, review_proof=LOOKED
    )
    for _ in range(rounds):
        worker.process_change(change.pk)


def _ballot(change: Change) -> dict[str, Any]:
    return {"change_id": change.pk, "revision": change.revision, "digest": change.get_current_revision().digest}


def _fault(segura: Sandbox, fault: str, secret: int, endpoint: str = "update", after: int = 0) -> None:
    for _ in range(after):
        segura.plan.add(FaultStep(endpoint=endpoint, identifier=str(secret)))
    segura.plan.add(FaultStep(fault=fault, endpoint=endpoint, identifier=str(secret)))


def _who(username: str) -> User:
    return User.objects.get(username=username)


def _numbers(made: dict[str, Change], **more: Change) -> dict[str, int]:
    return {name: change.pk for name, change in {**made, **more}.items()}


def statuses() -> set[str]:
    """What there is of `Status` by now."""
    return set(Change.objects.values_list("status", flat=True)) & set(Status.values)
