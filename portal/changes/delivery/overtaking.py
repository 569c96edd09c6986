"""Changes of one secret that overtake each other: which of the portal's own calls changed a base."""

from __future__ import annotations

from datetime import timedelta

from portal.catalog.details import SecretDetails
from portal.changes.delivery import readback
from portal.changes.models import Change, Revision, Status
from portal.vault import SECRET_FIELD

_MOST = 20
_PROPOSAL_LASTS = timedelta(hours=1)
"""Longest time before a revision at which its requester may have read the secret."""


def find_causing_changes(change: Change, revision: Revision, seen: SecretDetails) -> list[str]:
    """Return the references of applied changes that explain each field that differs from the base, oldest first.

    Returns an empty list if a field has a value that none of them proposed: then it was changed outside the portal.
    """
    now = {**seen.fields, SECRET_FIELD: seen.secret_fingerprint}
    open_fields = set(readback.find_moved_fields(revision, seen))
    found = []
    for other, values in _applied_since(change, revision):
        explained = {name for name in open_fields if values.get(name) == now[name]}
        if explained:
            found.append(other.reference)
            open_fields -= explained
    return [] if open_fields else found[::-1]


def _applied_since(change: Change, revision: Revision) -> list[tuple[Change, dict[str, object]]]:
    """Return the changes of the same secret that were applied since the revision, newest first, with their values.

    Those applied up to _PROPOSAL_LASTS before it are included, because the requester may have read the secret earlier.
    """
    others = Change.objects.of_secret(change.secret).exclude(pk=change.pk)
    applied = others.filter(status=Status.APPLIED, closed_at__gt=revision.created_at - _PROPOSAL_LASTS)
    newest = applied.order_by("-closed_at").prefetch_related("revisions")[:_MOST]
    return [
        (other, {**of.patch, SECRET_FIELD: of.secret_fingerprint})
        for other in newest
        for of in [other.get_current_revision()]
    ]
