"""Attack with the portal's own database role, its MAC keys and full knowledge of the code: nothing forged is delivered.

Each attack writes what the code would have written, as far as that role may. Signatures are all that it lacks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.utils import timezone

from portal.accounts.models import User
from portal.audit import ledger
from portal.audit.models import Event
from portal.audit.sealing import sealer, vote_key_chain
from portal.audit.verification.verifier import verify_events
from portal.changes.approvals import vote_mac
from portal.changes.domain.patch import Snapshot
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision, Status, Verdict, Vote
from portal.changes.workflow import submission
from portal.sandbox import Sandbox
from portal.vote_keys import commands
from portal.vote_keys.models import VoteKey, VoteKeyConfirmation
from portal.vote_keys.signed_text import SignedText, build_confirmation_text
from tests.audit.test_roles import acting_as
from tests.changes.test_proved_votes import insert_change, insert_submission
from tests.changing import work
from tests.signing_device import Device
from tests.vote_keys.conftest import Ring
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_queue", "secret")]


@dataclass
class Scene:
    """What the intruder finds: people, a change that waits, and a vote that is theirs to copy."""

    ring: Ring
    voter: User
    requester: User
    pending: Change
    confirmer: User

    def forge_key(self, owner: User, confirmed_by: User | None = None, device: Device | None = None) -> Device:
        """Enrol a passkey of the intruder in the name of `owner`, by rows and events; return it."""
        made = device or Device(origin=self.ring.settings.BASE_URL)
        facts = made.facts(owner.pk, owner.username, vote_key_chain.get_log_name())
        key = made.fingerprint(owner.pk, owner.username, facts["log"])
        ledger.record_event("vote_key.enrolled", by=owner.username, data={**facts, "fingerprint": key})
        row = VoteKey.objects.create(
            owner=owner, name="Laptop", fingerprint=key, aaguid="", is_synced=False,
            **{name: facts[name] for name in ("credential", "public_key", "rp_id", "origin")},
        )  # fmt: skip
        if confirmed_by is not None:
            used = self.ring.keys[confirmed_by.username]
            VoteKeyConfirmation.objects.create(key=row, owner=owner, confirmed_by=confirmed_by, confirmed_with=used)
        return made

    def forge_confirmation(self, key: str, by: User, device: Device, signed_with: str) -> None:
        """Confirm a key by an event in the name of `by`, signed with this passkey."""
        log = vote_key_chain.get_log_name()
        text = build_confirmation_text(log=log, key=key, confirmer=by.pk, person=by.username, at=timezone.now())
        data = {"fingerprint": key, "signature": device.sign(text, key=signed_with).as_data()}
        ledger.record_event("vote_key.confirmed", by=by.username, data=data)

    def forge_vote(self, change: Change, signed: SignedText | None, voter: User | None = None) -> None:
        """Approve by a row and an event with a valid MAC, and queue the change."""
        voter, revision = voter or self.voter, change.get_current_revision()
        vote = Vote(
            change=change, revision=revision.number, digest=revision.digest, requester=change.requester, voter=voter,
            verdict=Verdict.APPROVE, voted_at=timezone.now(), signed_with=signed.key if signed else "",
            is_high_risk=True,
        )  # fmt: skip
        vote.mac = vote_mac.compute_vote_mac(vote, voter.username)
        vote.save(force_insert=True)
        facts: dict[str, Any] = {**vote_mac.vote_facts(vote), "mac": vote.mac, "reason": "", "high_risk": True}
        if signed:
            facts["signature"] = signed.as_data()
        ledger.record_event("vote.cast", by=voter.username, change=change.pk, secret=change.secret, data=facts)
        now = timezone.now()
        Change.objects.filter(pk=change.pk).update(
            status=Status.APPROVED, approved_at=now, queued_at=now, expires_at=now + timedelta(days=7)
        )


@pytest.fixture
def scene(
    segura: Sandbox,
    ring: Ring,
    keyed: User,
    requester: User,
    first_admins: tuple[User, User],
    live_base: Snapshot,
    propose: Callable[..., Proposal],
) -> Scene:
    pending = submission.submit_change(propose(base=live_base), by=requester)
    return Scene(ring, keyed, requester, pending, first_admins[0])


def seal(scene: Scene) -> None:
    """The sealer goes on meanwhile, under its own role."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        (role,) = cursor.fetchone()
        cursor.execute("RESET ROLE")
        sealer.seal_pending_events()
        cursor.execute(f'SET ROLE "{role}"')


def unsigned_vote_on_a_pending_change(scene: Scene) -> Change:
    scene.forge_vote(scene.pending, None)
    return scene.pending


def forged_change_with_an_unsigned_vote(scene: Scene) -> Change:
    change = insert_change(scene.requester)
    insert_submission(change)
    scene.forge_vote(change, None)
    return change


def signature_without_content(scene: Scene) -> Change:
    key = scene.ring.keys["approver"].fingerprint
    scene.forge_vote(scene.pending, SignedText(key, "{}", "e30", "e30", "e30"))
    return scene.pending


def signature_by_another_passkey_in_the_name_of_the_key(scene: Scene) -> Change:
    genuine = scene.ring.devices["approver"]
    scene.ring.devices["approver"] = Device(origin=genuine.origin)
    scene.forge_vote(scene.pending, scene.ring.sign_vote(scene.pending, scene.voter))
    return scene.pending


def enrolled_key_with_forged_rows_of_its_confirmation(scene: Scene) -> Change:
    device = scene.forge_key(scene.voter, scene.confirmer)
    seal(scene)
    return _vote_with(scene, device)


def confirmation_in_the_name_of_an_administrator(scene: Scene) -> Change:
    device = scene.forge_key(scene.voter, scene.confirmer)
    key = device.fingerprint(scene.voter.pk, scene.voter.username, vote_key_chain.get_log_name())
    used = scene.ring.keys[scene.confirmer.username].fingerprint
    scene.forge_confirmation(key, scene.confirmer, Device(origin=device.origin), used)
    seal(scene)
    return _vote_with(scene, device)


def chain_that_is_forged_from_its_beginning(scene: Scene) -> Change:
    """Both the voter's and the administrator's key are the intruder's, and they confirm each other."""
    log = vote_key_chain.get_log_name()
    one, two = scene.forge_key(scene.voter), scene.forge_key(scene.confirmer)
    mine = one.fingerprint(scene.voter.pk, scene.voter.username, log)
    other = two.fingerprint(scene.confirmer.pk, scene.confirmer.username, log)
    scene.forge_confirmation(mine, scene.confirmer, two, other)
    scene.forge_confirmation(other, scene.voter, one, mine)
    seal(scene)
    return _vote_with(scene, one)


def genuine_confirmation_copied_to_another_key(scene: Scene) -> Change:
    device = scene.forge_key(scene.voter, scene.confirmer)
    key = device.fingerprint(scene.voter.pk, scene.voter.username, vote_key_chain.get_log_name())
    genuine = _data_of("vote_key.confirmed")[-1]
    ledger.record_event("vote_key.confirmed", by=scene.confirmer.username, data={**genuine, "fingerprint": key})
    seal(scene)
    return _vote_with(scene, device)


def own_confirmed_key_in_the_name_of_another_voter(scene: Scene) -> Change:
    """The intruder is the approver, whose key counts, and votes as an administrator."""
    signed = scene.ring.sign_vote(scene.pending, scene.voter)
    scene.forge_vote(scene.pending, signed, voter=scene.confirmer)
    return scene.pending


def genuine_signature_copied_to_a_forged_change(scene: Scene) -> Change:
    scene.ring.approve(scene.pending, scene.voter)
    Change.objects.filter(pk=scene.pending.pk).update(status=Status.WITHDRAWN)
    signed = SignedText(**_data_of("vote.cast")[-1]["signature"])
    change = insert_change(scene.requester)
    insert_submission(change)
    scene.forge_vote(change, signed)
    return change


def genuine_signature_over_values_that_were_exchanged(scene: Scene) -> Change:
    signed = scene.ring.sign_vote(scene.pending, scene.voter)
    old = scene.pending.get_current_revision()
    Revision.objects.create(
        pk="00000000-0000-4000-8000-000000000001", change=scene.pending, number=2, editor=scene.requester,
        created_at=timezone.now(), patch={"notes": "intruder"}, base=None, policy=old.policy, reason="x",
        digest=old.digest,
    )  # fmt: skip
    Change.objects.filter(pk=scene.pending.pk).update(revision=2)
    scene.pending = Change.objects.get(pk=scene.pending.pk)
    insert_submission(scene.pending)
    scene.forge_vote(scene.pending, signed)
    return scene.pending


def voided_vote_inserted_once_more(scene: Scene) -> Change:
    scene.ring.approve(scene.pending, scene.voter)
    scene.voter.groups.clear()  # the right is gone, the vote voided
    scene.voter.groups.set(scene.confirmer.groups.all())
    signed = SignedText(**_data_of("vote.cast")[-1]["signature"])
    scene.forge_vote(scene.pending, signed)
    return scene.pending


def vote_by_a_revoked_key(scene: Scene) -> Change:
    commands.revoke_key(scene.ring.keys["approver"].pk, by=scene.voter, reason="stolen", recent_auth=PRESENT)
    scene.forge_vote(scene.pending, scene.ring.sign_vote(scene.pending, scene.voter))
    return scene.pending


def _vote_with(scene: Scene, device: Device) -> Change:
    """Vote with a passkey of the intruder in the name of the voter."""
    log = vote_key_chain.get_log_name()
    key = device.fingerprint(scene.voter.pk, scene.voter.username, log)
    scene.ring.devices["approver"], scene.ring.keys["approver"] = device, VoteKey.objects.get(fingerprint=key)
    scene.forge_vote(scene.pending, scene.ring.sign_vote(scene.pending, scene.voter))
    return scene.pending


def _data_of(action: str) -> list[dict[str, Any]]:
    return [event.entry.data for event in Event.objects.filter(action=action).order_by("pk") if event.entry]


ATTACKS: list[tuple[Callable[[Scene], Change], str]] = [
    (unsigned_vote_on_a_pending_change, "not signed"),
    (forged_change_with_an_unsigned_vote, "not signed"),
    (signature_without_content, "false signature"),
    (signature_by_another_passkey_in_the_name_of_the_key, "false signature"),
    (enrolled_key_with_forged_rows_of_its_confirmation, "no other person has confirmed"),
    (confirmation_in_the_name_of_an_administrator, "vote_key.confirmed by root1"),
    (chain_that_is_forged_from_its_beginning, "a key that is not one of the first keys"),
    (genuine_confirmation_copied_to_another_key, "confirms another key"),
    (own_confirmed_key_in_the_name_of_another_voter, "signs another vote"),
    (genuine_signature_copied_to_a_forged_change, "signs another change"),
    (genuine_signature_over_values_that_were_exchanged, "signs another change"),
    (voided_vote_inserted_once_more, "used before"),
    (vote_by_a_revoked_key, "was revoked"),
]


@pytest.mark.parametrize(("attack", "found"), ATTACKS, ids=[attack.__name__ for attack, _ in ATTACKS])
def test_what_is_forged_with_the_database_role_is_never_sent_and_named_by_verification(
    attack: Callable[[Scene], Change], found: str, scene: Scene, segura: Sandbox
) -> None:
    with acting_as():
        change = attack(scene)
        work(change, rounds=2)
    assert segura.control.arrivals("update") == []
    assert change.status not in (Status.APPLIED, Status.SENDING)
    sealer.seal_pending_events()
    report = verify_events(key=sealer.get_signing_public_key())
    assert any(found in finding for finding in report.findings), report.findings


@pytest.mark.parametrize("table", ["vote_keys_votekey", "vote_keys_votekeyconfirmation", "vote_keys_votekeyrevocation"])
@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id", "DELETE FROM {0}", "TRUNCATE {0} CASCADE"])
def test_portals_role_may_only_add_to_the_tables_of_vote_keys(table: str, statement: str, scene: Scene) -> None:
    with acting_as(), pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


@pytest.mark.parametrize("table", ["vote_keys_votekey", "vote_keys_votekeyconfirmation", "vote_keys_votekeyrevocation"])
@pytest.mark.parametrize("statement", ["UPDATE {0} SET id = id", "DELETE FROM {0}"])
def test_triggers_keep_the_rows_of_vote_keys_from_their_owner_too(table: str, statement: str, scene: Scene) -> None:
    commands.revoke_key(scene.ring.keys["approver"].pk, by=scene.voter, reason="lost", recent_auth=PRESENT)
    with pytest.raises(DatabaseError, match="only added, confirmed and revoked"), transaction.atomic():
        connection.cursor().execute(statement.format(table))


def test_database_refuses_a_confirmation_by_the_owner_or_with_another_owner(scene: Scene) -> None:
    key = scene.ring.keys["approver"]
    other = scene.forge_key(scene.voter)
    row = VoteKey.objects.get(credential=other.credential)
    for owner, by in ((scene.voter, scene.voter), (scene.requester, scene.voter)):
        with pytest.raises(DatabaseError), transaction.atomic():
            VoteKeyConfirmation.objects.create(key=row, owner=owner, confirmed_by=by, confirmed_with=key)
