"""People with vote keys: two administrators whose keys are the first ones, and approvers whose keys they confirm."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.utils import timezone
from pytest_django import Settings

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Role
from portal.audit.sealing import sealer, vote_key_chain
from portal.changes.models import Change
from portal.changes.workflow import review
from portal.vote_keys import commands
from portal.vote_keys.models import VoteKey
from portal.vote_keys.signed_text import SignedText, build_confirmation_text, build_vote_text
from tests.audit.conftest import SEED
from tests.people import person
from tests.signing_device import Device
from tests.vouching import LOOKED, PRESENT


class Ring:
    """The devices of people and their enrolled keys."""

    def __init__(self, settings: Settings, first_file: Path) -> None:
        self.settings, self.first_file = settings, first_file
        self.devices: dict[str, Device] = {}
        self.keys: dict[str, VoteKey] = {}

    def enrol(self, user: User) -> VoteKey:
        device = Device(origin=self.settings.BASE_URL)
        self.devices[user.username] = device
        key = commands.enrol_key(device.registered, by=user, name="Laptop", recent_auth=PRESENT)
        self.keys[user.username] = key
        sealer.seal_pending_events()
        return key

    def confirm(self, owner: User, by: User) -> None:
        key = self.keys[owner.username]
        log = vote_key_chain.get_log_name()
        text = build_confirmation_text(
            log=log, key=key.fingerprint, confirmer=by.pk, person=by.username, at=timezone.now()
        )
        commands.confirm_key(key.pk, by=by, signed=self.sign(text, by))
        sealer.seal_pending_events()

    def sign(self, text: str, by: User) -> SignedText:
        return self.devices[by.username].sign(text, key=self.keys[by.username].fingerprint)

    def sign_vote(self, change: Change, by: User, verdict: str = "approve", reason: str = "") -> SignedText:
        item = {
            "change": change.pk,
            "revision": change.revision,
            "digest": change.get_current_revision().digest,
            "requester": change.requester_id,
            "requested_by": change.requester.username,
        }
        text = build_vote_text(
            log=vote_key_chain.get_log_name(), voter=by.pk, person=by.username, verdict=verdict, reason=reason,
            items=[item], at=timezone.now(),
        )  # fmt: skip
        return self.sign(text, by)

    def approve(self, change: Change, by: User, signed: SignedText | None = None) -> Change:
        digest = change.get_current_revision().digest
        return review.approve_change(
            change.pk, by=by, revision=change.revision, digest=digest, recent_auth=PRESENT, review_proof=LOOKED,
            signed=signed or self.sign_vote(change, by),
        )  # fmt: skip

    def reject(self, change: Change, by: User, signed: SignedText | None) -> Change:
        digest = change.get_current_revision().digest
        return review.reject_change(
            change.pk, by=by, revision=change.revision, digest=digest, recent_auth=PRESENT, reason="no", signed=signed
        )


@pytest.fixture
def first_admins(db: None) -> tuple[User, User]:
    """Two administrators, who may also decide."""
    pair = person("root1", Role.ADMINISTRATOR), person("root2", Role.ADMINISTRATOR)
    for each in pair:
        roles.add_to_role(each, Role.APPROVER)
    return pair


@pytest.fixture
def ring(settings: Settings, tmp_path: Path, first_admins: tuple[User, User]) -> Ring:
    """Signed votes are required, and both first keys confirm each other."""
    settings.AUDIT_SIGNING_KEY = SEED
    settings.SIGNED_VOTES = "required"
    first_file = tmp_path / "first-keys.txt"
    settings.VOTE_KEYS_FIRST_FILE = str(first_file)
    ring = Ring(settings, first_file)
    one, two = first_admins
    lines = [f"{ring.enrol(each).fingerprint} {each.username}\n" for each in (one, two)]
    first_file.write_text("".join(lines), encoding="utf-8")
    ring.confirm(one, two)
    ring.confirm(two, one)
    return ring


@pytest.fixture
def keyed(ring: Ring, first_admins: tuple[User, User], approver: User) -> User:
    """The approver, with a key that counts."""
    ring.enrol(approver)
    ring.confirm(approver, first_admins[0])
    return approver
