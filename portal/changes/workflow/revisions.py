"""Creation of revisions, their data in the log, and the count of recent submissions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings

from portal.accounts.models import User
from portal.audit.sharing import LISTS
from portal.catalog import directory
from portal.changes.delivery import verified_patch
from portal.changes.domain import patch as patches
from portal.changes.domain import policy
from portal.changes.domain.patch import DirectoryNames, Fields
from portal.changes.domain.proposal import Proposal
from portal.changes.models import Change, Revision

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class RecentSubmissions:
    """Submissions of a user within an hour: number of revisions, and of secrets, that of the proposal included."""

    revisions: int
    secrets: int


def create_revision(change: Change, proposal: Proposal, *, by: User, number: int, at: datetime) -> Revision:
    """Create the row of the proposal, with the current approval policy and the digest that votes are over."""
    required = policy.Policy(settings.APPROVALS_REQUIRED).as_data()
    base = proposal.base
    fingerprint = proposal.sealed.fingerprint if proposal.sealed else ""
    traits = dict(proposal.sealed.traits) if proposal.sealed else None
    names = find_directory_names(proposal.patch, base.fields if base else None)
    return Revision.objects.create(
        pk=proposal.revision_id,
        change=change,
        number=number,
        editor=by,
        created_at=at,
        patch=proposal.patch,
        base=dict(base.fields) if base else None,
        base_secret_fingerprint=base.secret_fingerprint if base else "",
        base_read_at=base.read_at if base else None,
        encrypted_secret=proposal.sealed.blob if proposal.sealed else None,
        secret_fingerprint=fingerprint,
        secret_strength=traits,
        # As listed now, so that neither pages nor evidence depend on a later directory.
        full_names=dict(names.full),
        unknown_names=dict(names.unknown),
        policy=required,
        reason=proposal.reason.strip(),
        ticket=proposal.ticket.strip(),
        digest=patches.compute_digest(
            secret=change.secret,
            patch=proposal.patch,
            secret_fingerprint=fingerprint,
            base=base,
            policy=required,
            traits=traits,
        ),
    )


def count_recent_submissions(proposal: Proposal, *, by: User, now: datetime) -> RecentSubmissions:
    """Return the user's submissions within the last hour; a secret counts by the first revision of a change."""
    submitted = Revision.objects.filter(editor=by, created_at__gt=now - _HOUR).values_list("number", "change__secret")
    return RecentSubmissions(
        len(submitted), len({proposal.secret} | {secret for number, secret in submitted if number == 1})
    )


def _in_utc(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="milliseconds")


def find_directory_names(patch: Fields, base: Fields | None) -> DirectoryNames:
    """Return what the directory says now of the names on the lists of shares; of new names also that it lacks them."""
    values = (base or {}, patch)
    listed = {field: {str(row[0]) for value in values for row in value.get(field) or ()} for field in LISTS}
    added = {
        field: [name for name, _can_edit in patch[field] if name not in dict((base or {}).get(field) or ())]
        for field in LISTS
        if field in patch
    }
    unknown = {field: directory.find_unknown_names(field, names) for field, names in added.items()}
    return DirectoryNames(
        directory.find_full_names(listed), {field: names for field, names in unknown.items() if names}
    )


def revision_audit_data(revision: Revision) -> dict[str, object]:
    """Return what the log stores of a revision: everything but the secret value."""
    return {
        "revision": revision.number,
        "digest": revision.digest,
        "fields": patches.changed_field_names(revision.patch, new_secret=bool(revision.secret_fingerprint)),
        "patch": revision.patch,
        "base": revision.base,
        **({"full_names": revision.full_names} if revision.full_names else {}),
        **({"unknown_names": revision.unknown_names} if revision.unknown_names else {}),
        "base_known": revision.base is not None,
        **({"base_read_at": _in_utc(revision.base_read_at)} if revision.base_read_at else {}),
        # These complete the fields of the digest's text, so that outsiders can compute the digest. Both are keyed.
        "base_fingerprint": base.fingerprint if (base := verified_patch.base_snapshot(revision)) else "",
        "value_fingerprint": revision.secret_fingerprint,
        "policy": revision.policy,
        **({"traits": revision.secret_strength} if revision.secret_strength else {}),
        "reason": revision.reason,
        "ticket": revision.ticket,
    }
