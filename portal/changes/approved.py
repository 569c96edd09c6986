"""What was approved, opened and proved right before it is sent (B8)."""

from __future__ import annotations

from django.db.models import Q

from portal.changes import patch as patches
from portal.changes import policy, sealed
from portal.changes.models import Change, Revision, Verdict, Vote
from portal.changes.patch import Sight
from portal.prepared import Given, Prepared
from portal.vault.entity import Patch, Secret, body


class Tampered(Exception):
    """What would be sent is not what was approved."""


_REVISION = Prepared(lambda: Revision.objects.filter(change=Given("change"), number=Given("number")))
_VOTES = Prepared(
    lambda: Vote.objects.filter(
        ~Q(voter=Given("requester")),
        change=Given("change"),
        revision=Given("revision"),
        digest=Given("digest"),
        verdict=Verdict.APPROVE,
    ).values_list("voter")
)


def revision(change: Change) -> Revision:
    """The revision that counts, as Change.current()."""
    found = _REVISION.one(change=change.pk, number=change.revision)
    if found is None:
        raise Revision.DoesNotExist
    return found


def base_of(revision: Revision) -> Sight | None:
    """What the requester saw and the approvers voted over; None where it could not be read."""
    return None if revision.base is None else Sight(revision.base, revision.base_secret_fingerprint)


def edit(change: Change, revision: Revision) -> Patch:
    """The edit to send, opened and proved to be what was voted for, and to have a body.

    Raises Tampered, keyring.CannotOpen, Malformed.
    """
    value = sealed.open(revision.sealed_secret, revision.pk) if revision.sealed_secret else None
    digest = patches.digest(
        secret=change.secret,
        patch=revision.patch,
        secret_fingerprint=revision.secret_fingerprint,
        base=base_of(revision),
        policy=revision.policy,
        traits=revision.secret_traits,
    )
    votes = _VOTES.rows(change=change.pk, revision=revision.number, digest=digest, requester=change.requester_id)
    voters = [voter for (voter,) in votes]
    if digest != revision.digest or not policy.Policy.from_data(revision.policy).met_by(voters):
        raise Tampered
    if not _is_as_told(revision, value):
        raise Tampered
    proved = patches.request(revision.patch, value)
    body(proved)  # what cannot be encoded has to show before the intent: after it, it would be a doubt without end
    return proved


def _is_as_told(revision: Revision, value: Secret | None) -> bool:
    """Whether what the votes were over, fingerprint and traits, is true of the value that would be sent."""
    if value is None:
        return not revision.secret_fingerprint
    told = (revision.secret_fingerprint, revision.secret_traits)
    return told in ((sealed.fingerprint(value), sealed.traits_of(value)), (sealed.fingerprint(value), None))
