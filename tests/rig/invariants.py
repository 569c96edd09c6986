"""The invariants of docs/reliability.md, each a question to the truth whose answers are sentences of what is wrong."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from django.conf import settings
from django.test import override_settings

from portal.audit.models import Checkpoint
from portal.audit.sealing import sealer
from portal.audit.verification.verifier import verify_events
from portal.changes.delivery import verified_patch
from portal.changes.domain import patch, policy, secret_encryption
from portal.changes.models import LANE, Attempt, Revision, Status, StatusCause, Verdict, Vote
from portal.changes.transitions import CLOSED
from portal.sandbox.store import SHARES, sha256_hex
from portal.vault import SecretStr
from portal.vault.entities import SECRET_FIELD, encode_patch
from tests.rig.ground_truth import Row, Truth
from tests.rig.markers import Marker, search
from tests.rig.residue import residue

_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_WAITING = (Status.APPROVED, Status.SENDING)
_SURELY_NOT_APPLIED = ("refused", "not_sent", "not_applied")
_SAID_BY_A_USER = (StatusCause.CLOSED, StatusCause.CLOSED_IN_PART)
_SEEN_NOT_TO_BE_THERE = (StatusCause.NONE_TAKEN, StatusCause.REFUSED_SEEN)
Complaints = Iterator[str]


def no_approved_change_is_lost(truth: Truth, *, settled: bool = True) -> Complaints:
    """I1: applied, refused, given back or visibly in doubt, and the row says what the log said last."""
    for change, moves in truth.statuses.items():
        row, said = truth.changes.get(change), moves[-1][1]
        if row is None:
            yield f"CR-{change} is in the log and not in the database"
        elif row.status != said:
            yield f"CR-{change} is {row.status}, the log's last word is {said}"
        elif settled and row.status in _WAITING:
            yield f"CR-{change} was approved and is still {row.status}"
    for change in truth.changes.keys() - truth.statuses.keys():
        yield f"CR-{change} is in the database and not in the log"


def every_arrival_was_written_down_before(truth: Truth) -> Complaints:
    """I2: an attempt and its event were there before the call, and an attempt is one call."""
    intended = Counter(event["data"]["attempt"] for event in truth.events("delivery.intended"))
    for arrival in truth.arrivals:
        key = arrival["attempt_id"]
        attempt = truth.attempts.get(key)
        if attempt is None:
            yield f"arrival {arrival['seq']} has no attempt"
        elif attempt.started_at.timestamp() > arrival["at"]:
            yield f"attempt {key} was written down after it arrived"
        elif truth.changes[attempt.change_id].secret != int(arrival["identifier"]):
            yield f"attempt {key} arrived for another secret than its change's"
    for key in truth.attempts:
        if intended[key] != 1:
            yield f"attempt {key} is announced {intended[key]} times in the log"
    for key, calls in _by_attempt(truth).items():
        if len([status for status in calls if status not in (401, 404)]) > 1:  # a token not taken: once more, unread
            yield f"attempt {key} arrived {len(calls)} times"


def applications_follow_the_fences(truth: Truth) -> Complaints:
    """I3: fences rise with time, and nothing is applied after something newer unless both are the same bytes."""
    ranks = {key: rank for rank, key in enumerate(truth.attempts)}
    fences: dict[int, int] = {}
    for key, attempt in truth.attempts.items():
        if attempt.fence <= fences.get(attempt.change_id, 0):
            yield f"attempt {key} of CR-{attempt.change_id} began later under an older fence"
        fences[attempt.change_id] = attempt.fence
    newest: dict[int, str] = {}
    for application in truth.applications:
        key, secret = application["attempt_id"], application["identifier"]
        if key not in ranks:
            continue  # I2 names it
        before = newest.setdefault(secret, key)
        if ranks[key] >= ranks[before]:
            newest[secret] = key
        elif truth.attempts[key].digest != truth.attempts[before].digest:
            yield f"secret {secret}: attempt {key} was applied after the newer {before}"


def the_vault_holds_what_was_applied_last(
    truth: Truth, values: Iterable[str] = (), by_hand: Collection[int] = ()
) -> Complaints:
    """I3: field by field the newest change called applied, unless a newer call may have been executed as well.

    Entries of a share list that a change names as not taken are not there, and all others are.
    """
    known = _by_fingerprint(values)
    expected: dict[int, dict[str, object]] = defaultdict(dict)
    for attempt in truth.attempts.values():
        change, revision = truth.changes[attempt.change_id], truth.revision_of(attempt)
        target: dict[str, object] = _taken(revision.patch, change.cause_details.get("untaken", ()))
        if revision.secret_fingerprint:
            value = known.get(revision.secret_fingerprint)
            target[SECRET_FIELD] = value and sha256_hex(value)
        if change.status == Status.APPLIED and change.cause not in _SAID_BY_A_USER:
            expected[change.secret] |= target
        elif change.status == Status.FAILED and change.cause in _SEEN_NOT_TO_BE_THERE:
            continue
        elif attempt.outcome not in _SURELY_NOT_APPLIED:
            expected[change.secret] |= dict.fromkeys(target)
    for secret in expected.keys() - set(by_hand):
        for name, value in expected[secret].items():
            if value is not None and value != _held(truth.vault[secret], name):
                yield f"secret {secret}: the vault's {name} is not that of the last change called applied"


def one_change_of_a_secret_is_on_its_way(truth: Truth) -> Complaints:
    """I4: now, and at every moment of the log."""
    now = Counter(change.secret for change in truth.changes.values() if change.status in LANE)
    yield from (f"secret {secret} has {count} changes on their way" for secret, count in now.items() if count > 1)
    moves = sorted((place, change, status) for change, all_of in truth.statuses.items() for place, status in all_of)
    on_the_way: dict[int, set[int]] = defaultdict(set)
    for _, change, status in moves:
        row = truth.changes.get(change)
        lane = on_the_way[row.secret if row else 0]
        lane.discard(change)
        if row and status in LANE:
            if lane:
                yield f"CR-{change} became {status} while CR-{min(lane)} was on its way for the same secret"
            lane.add(change)


def what_arrived_is_what_was_approved(truth: Truth, values: Iterable[str] = ()) -> Complaints:
    """I5: digests made anew, enough votes over each digest that was sent, and its very bytes on the wire."""
    for (change, number), revision in truth.revisions.items():
        if _digest(truth.changes[change].secret, revision) != revision.digest:
            yield f"CR-{change}, revision {number}: its digest is not that of what it holds"
    voters: dict[tuple[int, int, str], list[int]] = defaultdict(list)
    for vote in filter(_approves, truth.votes):
        voters[_key(vote)].append(vote.voter_id)
    for key, attempt in truth.attempts.items():
        revision = truth.revision_of(attempt)
        required = policy.Policy.from_data(revision.policy)
        if attempt.digest != revision.digest or len(set(voters[_key(attempt)])) < required.required:
            yield f"attempt {key} of CR-{attempt.change_id} was not approved as it was sent"
    known = _by_fingerprint(values)
    first_of: dict[str, str] = {}
    for arrival in truth.arrivals:
        found = truth.attempts.get(arrival["attempt_id"])
        if found is None or arrival["fault"] == "reset_before":  # I2 names it; nobody read it
            continue
        revision, sent = truth.revision_of(found), arrival["body_sha256"]
        value = known.get(revision.secret_fingerprint, "")
        if bool(value) == bool(revision.secret_fingerprint):
            wire = encode_patch(patch.build_patch(revision.patch, SecretStr(value) if value else None))
            right = hashlib.sha256(wire).hexdigest() == sent
        else:  # a value that this check was not told: at least always the same one
            right = first_of.setdefault(found.digest, sent) == sent
        fields = patch.changed_field_names(revision.patch, new_secret=bool(revision.secret_fingerprint))
        if not right or sorted(fields) != arrival["keys"]:
            yield f"attempt {found.pk} of CR-{found.change_id} carried other bytes than were approved"


def nobody_decided_on_their_own(truth: Truth) -> Complaints:
    """I6: no vote by requester or editor, rows and log agree, one decision for each revision."""
    editors: dict[int, set[int]] = defaultdict(set)
    for (change, _), each in truth.revisions.items():
        editors[change].add(each.editor_id)
    for vote in truth.votes:
        if vote.voter_id in {truth.changes[vote.change_id].requester_id, *editors[vote.change_id]}:
            yield f"CR-{vote.change_id}: a vote on revision {vote.revision} is by its requester or an editor"
    cast = Counter((event["change"], event["data"]["revision"]) for event in truth.events("vote.cast"))
    rows = Counter((vote.change_id, vote.revision) for vote in truth.votes)
    for change, revision in cast.keys() | rows.keys():
        if cast[change, revision] != rows[change, revision]:
            yield f"CR-{change}, revision {revision}: votes in the log are not those in the database"
    decisions = ("change.approved", "change.rejected")
    decided = Counter((event["change"], event["data"]["revision"]) for event in truth.events(*decisions))
    for (change, revision), count in decided.items():
        if count > 1:
            yield f"CR-{change}, revision {revision} was decided {count} times"
    authors = {(each["change"], each["actor"]) for each in truth.events("change.submitted", "change.revised")}
    for event in truth.events("vote.cast", *decisions):
        if (event["change"], event["actor"]) in authors:
            yield f"CR-{event['change']}: the log has a decision by somebody who proposed it"


def every_answer_is_in_the_log(truth: Truth) -> Complaints:
    """I7: each answer to an update with its code, each missing one, each attempt's end; nothing that never was."""
    concluded = {event["data"]["attempt"]: event for event in truth.events("delivery.answered")}
    arrived = _by_attempt(truth)
    for key, codes in truth.answers.items():
        if Counter(code for code in codes if code is not None) - Counter(arrived[key]):
            yield f"attempt {key}: the log has an answer that the vault did not give"
    for key, attempt in truth.attempts.items():
        lost = (attempt.change_id, attempt.fence) in truth.lost
        if len(arrived[key]) > len(truth.answers.get(key, [])) + lost:
            yield f"attempt {key} of CR-{attempt.change_id} arrived, and the log has neither answer nor loss"
        under_way = truth.changes[attempt.change_id].status == Status.SENDING
        if not under_way and key not in concluded and not lost:
            yield f"attempt {key} of CR-{attempt.change_id} has no end in the log"
        if key in concluded and concluded[key]["http_status"] != attempt.http_status:
            yield f"attempt {key} of CR-{attempt.change_id} has another code in the log than in the database"
    for key, count in Counter(each["data"]["attempt"] for each in truth.events("delivery.answered")).items():
        if count > 1:
            yield f"attempt {key} has {count} outcomes in the log"


def the_log_verifies() -> Complaints:
    """I8: sealed, and then verified with the key and with the newest checkpoint as one kept outside."""
    with override_settings(AUDIT_SIGNING_KEY=settings.AUDIT_SIGNING_KEY or _KEY):
        sealer.seal_pending_events()
        report = verify_events(
            key=sealer.get_signing_public_key(), outside=[note.note for note in Checkpoint.objects.all()[:1]]
        )
    yield from report.findings


def no_marker_is_left(markers: Sequence[Marker], log: Path | None = None) -> Complaints:
    """I9: neither in the database, nor in Redis, nor in what was printed."""
    for finding in search(residue(log), markers) if markers else ():
        yield f"{finding.source} holds {finding.way} ({finding.spelling}) at {finding.offset}"


def ended_changes_hold_no_ciphertext(truth: Truth) -> Complaints:
    """I10: and of an open change only the revision that counts has one."""
    for (change, number), revision in truth.revisions.items():
        row = truth.changes[change]
        if revision.encrypted_secret is not None and (row.status in CLOSED or number != row.revision):
            yield f"CR-{change} is {row.status}, and its revision {number} still holds a ciphertext"


def _by_attempt(truth: Truth) -> dict[str, list[int | None]]:
    calls: dict[str, list[int | None]] = defaultdict(list)
    for arrival in truth.arrivals:
        calls[arrival["attempt_id"]].append(arrival["status"])
    return calls


def _by_fingerprint(values: Iterable[str]) -> dict[str, str]:
    return {secret_encryption.fingerprint_secret(SecretStr(value)): str(value) for value in values}


def _taken(patch: Row, untaken: Iterable[Sequence[str]]) -> dict[str, object]:
    """The patch without the entries of its share lists, as (field, name), that the vault did not take."""
    left_out = {(field, name) for field, name in untaken}
    return {
        field: [entry for entry in value if (field, entry[0]) not in left_out] if field in SHARES else value
        for field, value in patch.items()
    }


def _held(item: Row, name: str) -> object:
    """A field of the vault in the shape of a patch; of the secret value its SHA-256."""
    if name == SECRET_FIELD:
        return item["client_secret_sha256"]
    return sorted([*each] for each in item[name].items()) if name in SHARES else item[name]


def _key(row: Attempt | Vote) -> tuple[int, int, str]:
    return row.change_id, row.revision, row.digest


def _approves(vote: Vote) -> bool:
    return vote.verdict == Verdict.APPROVE and vote.voter_id != vote.requester_id


def _digest(secret: int, revision: Revision) -> str:
    return patch.compute_digest(
        secret=secret,
        patch=revision.patch,
        secret_fingerprint=revision.secret_fingerprint,
        base=verified_patch.base_snapshot(revision),
        policy=revision.policy,
        traits=revision.secret_strength,
    )
