"""A new sealing key while people propose and workers deliver: nothing fails, and the old key opens nothing any more."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection as database
from django.db import transaction

from portal.accounts.models import User
from portal.changes.domain import secret_encryption
from portal.changes.domain.proposal import InvalidProposalToken, Proposal, decode_proposal, encode_proposal
from portal.changes.models import Change, Revision, Status
from portal.changes.workflow import key_rotation, submission
from portal.common.keyring import CannotDecrypt, KeyRing, key_id_of
from portal.sandbox import Sandbox
from tests.changing import approve
from tests.people import mirrored
from tests.rig.rounds import rounds
from tests.rig.visitor import wait_until
from tests.rig.workers import workers
from tests.secrets.conftest import NEW, OLD
from tests.segura import events

OPEN = rounds(20, 200)
BY = "carol (command line)"
Turn = Callable[..., None]
Propose = Callable[..., Proposal]

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.shows("S05")]


def blobs() -> dict[object, bytes]:
    """What is sealed now, by its revision."""
    found = Revision.objects.exclude(encrypted_secret=None).values_list("pk", "encrypted_secret")
    return {pk: bytes(blob or b"") for pk, blob in found}


def keys_at_rest() -> set[str | None]:
    return {key_id_of(blob) for blob in blobs().values()}


@pytest.mark.processes
@pytest.mark.xdist_group("rotation")
@pytest.mark.timeout(rounds(180, 1200))
def test_key_is_rotated_during_traffic_without_a_failure(
    segura: Sandbox, turn: Turn, propose: Propose, requester: User, approver: User, tmp_path: Path
) -> None:
    """The documented way: new key last, new key first, rotate, old key off; each with processes side by side."""
    listed = [int(row["identifier"]) for row in segura.control.secrets() if row["active"] and not row["need_approval"]]
    secrets = cycle(listed[:8])
    for identifier in listed[:8]:
        mirrored(identifier, f"secret {identifier}")
    made: list[Change] = []

    def open_more(count: int) -> None:
        for identifier in islice(secrets, count):
            value = f"value number {len(made)}"
            made.append(submission.submit_change(propose(identifier=identifier, base=None, value=value), by=requester))

    def decide(changes: list[Change]) -> None:
        for change in changes:
            approve(change, approver)

    def traffic() -> None:
        open_more(OPEN // 4)
        decide(made[OPEN // 4 : OPEN // 2])
        database.close()

    log = tmp_path / "workers.log"
    with workers(log, {"PORTAL_ENCRYPTION_KEYS": f"{OLD},{NEW}"}) as first:
        turn(OLD)
        open_more(OPEN // 2)
        turn(OLD, NEW)
        first.start_beat()
        first.start(1)
        decide(made[: OPEN // 8])
        with workers(log, {"PORTAL_ENCRYPTION_KEYS": f"{NEW},{OLD}"}) as second:
            turn(NEW, OLD)
            second.start(1)
            decide(made[OPEN // 8 : OPEN // 4])
            with ThreadPoolExecutor(1) as pool:
                busy = pool.submit(traffic)
                while not busy.done():
                    key_rotation.rotate_encryption_key(by=BY)
                busy.result()
            open_more(OPEN - len(made))
            wait_until(_is_quiet, "what was approved is applied", rounds(60, 600))
            first.stop()
            call_command("rotate_encryption_keys")
            at_rest = blobs()
            assert at_rest
            assert {key_id_of(blob) for blob in at_rest.values()} == {"new"}
            for ring in (KeyRing.parse(OLD), KeyRing.parse(f"new:{OLD.partition(':')[2]}")):
                for pk, blob in at_rest.items():
                    with pytest.raises(CannotDecrypt):
                        ring.decrypt(blob, f"changes_revision|{pk}|client_secret".encode())
        turn(NEW)
        with workers(log, {"PORTAL_ENCRYPTION_KEYS": NEW}) as last:
            last.start_beat()
            last.start(1)
            decide(made[OPEN // 2 :])
            wait_until(
                lambda: Change.objects.filter(status=Status.APPLIED).count() == OPEN,
                "all changes are applied",
                rounds(60, 600),
            )
    assert len(made) == OPEN
    assert sorted({change.pk for change in made}) == sorted(Change.objects.values_list("pk", flat=True))
    assert events("change.escalated") == events("change.failed") == events("delivery.claim_lost") == []
    assert "Traceback" not in log.read_text(errors="replace")
    assert len(segura.control.journal()["applications"]) == OPEN
    rotated = events("encryption_key.rotated")
    assert {event["data"]["key"] for event in rotated} == {"new"}
    assert {name for event in rotated for name in event["data"]["old_keys"]} == {"old"}
    assert sum(event["data"]["rows"] for event in rotated) >= OPEN // 4


def _is_quiet() -> bool:
    """Nobody is killed in the middle of a delivery: that would be another test's fault."""
    return not Change.objects.exclude(status__in=(Status.PENDING, Status.APPLIED)).exists()


@pytest.fixture
def two_open(turn: Turn, propose: Propose, requester: User) -> list[Change]:
    """Under the old key, while the new one is first by now."""
    turn(OLD)
    changes = [submission.submit_change(propose(value=f"a value {number}"), by=requester) for number in range(2)]
    turn(NEW, OLD)
    return changes


def test_values_open_as_before_and_the_log_names_keys_and_no_key(
    two_open: list[Change], capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("rotate_encryption_keys")
    assert capsys.readouterr().out == "2 sealed anew with key new.\nNo open change needs another key.\n"
    for number, change in enumerate(two_open):
        kept = change.get_current_revision()
        assert kept.encrypted_secret is not None
        assert secret_encryption.decrypt_secret(kept.encrypted_secret, kept.pk).reveal() == f"a value {number}"
    (event,) = events("encryption_key.rotated")
    assert event["data"] == {"rows": 2, "key": "new", "old_keys": ["old"]}
    assert event["actor"].endswith("(command line)")
    call_command("rotate_encryption_keys")
    assert len(events("encryption_key.rotated")) == 1, "nothing moved, nothing to tell"


def test_a_value_that_no_key_opens_is_named_and_keeps_the_exit_code_at_one(
    two_open: list[Change], turn: Turn, capsys: pytest.CaptureFixture[str]
) -> None:
    turn(NEW)
    with pytest.raises(SystemExit) as ended:
        call_command("rotate_encryption_keys")
    assert ended.value.code == 1
    printed = capsys.readouterr().out
    assert "0 sealed anew" in printed
    assert "2 left on key old." in printed
    for change in two_open:
        assert f"{change} cannot be opened" in printed
    assert events("encryption_key.rotated") == []


def test_ended_changes_hold_nothing_to_rotate(two_open: list[Change], requester: User) -> None:
    submission.withdraw_change(two_open[0].pk, by=requester)
    assert key_rotation.rotate_encryption_key(by=BY).moved == 1


def test_a_value_erased_while_the_rotation_waits_stays_erased(two_open: list[Change], requester: User) -> None:
    """The row is held by whoever withdraws; the rotation comes to it afterwards."""

    def rotate() -> key_rotation.RotationResult:
        try:
            return key_rotation.rotate_encryption_key(by=BY)
        finally:
            database.close()

    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Change.objects.select_for_update().get(pk=two_open[0].pk)
            waiting = pool.submit(rotate)
            wait_until(_somebody_waits, "the rotation waits for the row")
            two_open[0].erase_encrypted_values()
        done = waiting.result(30)
    assert (done.moved, done.left.total()) == (1, 0)
    assert two_open[0].get_current_revision().encrypted_secret is None
    assert keys_at_rest() == {"new"}


def _somebody_waits() -> bool:
    with database.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_what_was_previewed_under_the_old_key_rests_under_the_new_one(
    turn: Turn, propose: Propose, requester: User
) -> None:
    turn(OLD)
    carried = encode_proposal(propose(value="a value"), requester)
    turn(NEW, OLD)
    submission.submit_change(decode_proposal(carried, requester), by=requester)
    assert keys_at_rest() == {"new"}


def test_what_was_previewed_under_a_key_that_is_gone_is_lost_with_a_sentence(
    turn: Turn, propose: Propose, requester: User
) -> None:
    turn(OLD)
    carried = encode_proposal(propose(value="a value"), requester)
    turn(NEW)
    with pytest.raises(InvalidProposalToken):
        decode_proposal(carried, requester)
