"""Rule that no change is approved whose base has changed in Segura since it was proposed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from portal.changes.domain.base_comparison import BaseChange, find_base_changes
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import Snapshot
from portal.changes.models import Change, ObservedSecret, Revision
from portal.changes.rules.violations import BaseChanged


def find_changes_since_proposal(revision: Revision, observed: Mapping[str, Any]) -> list[BaseChange]:
    """Return the fields that changed in Segura since the revision was proposed; [] without a base to compare."""
    if revision.base is None:
        return []
    base = Snapshot(revision.base, revision.base_secret_fingerprint)
    return find_base_changes(base, observed, read_at=revision.base_read_at or revision.created_at)


def load_changes_since_proposal(change: Change, revision: Revision) -> list[BaseChange]:
    """Return find_changes_since_proposal by what is stored of the secret now."""
    observed = ObservedSecret.objects.filter(pk=change.secret).first()
    return find_changes_since_proposal(revision, observed.values) if observed else []


def forbid_changed_base(change: Change, revision: Revision) -> None:
    """Raise BaseChanged, which names the fields, if the secret is known to have changed since the proposal."""
    found = load_changes_since_proposal(change, revision)
    if found:
        raise BaseChanged(base_changed_text(found))


def base_changed_text(found: list[BaseChange]) -> str:
    """Return the sentence that names the changed fields and says who can act."""
    names = ", ".join(str(FIELD_LABELS[each.field]) for each in found)
    return _(
        "The secret changed in Segura since the proposal: %(fields)s. It was not approved. Request changes, or let the"
        " requester revise it against the current values."
    ) % {"fields": names}
