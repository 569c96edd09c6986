"""Comparison of a pending change with what Segura holds now, as pages show it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from django.conf import settings
from django.db.models import OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _

from portal.catalog.models import ApiSecret
from portal.catalog.read_failure import FailureKind
from portal.changes.domain.base_comparison import BaseChange
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.models import Change, ChangeQuerySet, ObservedSecret, Revision, Status
from portal.changes.models.observed_secret import observed_json
from portal.changes.rules import base_checks
from portal.changes.workflow.base_checks import is_due
from portal.common.db_expressions import exists_by_index
from portal.vault import SECRET_FIELD, SHARE_FIELDS

_READ_TAKES = timedelta(seconds=20)
"""Time after which a page no longer waits for the result of a read."""


@dataclass(frozen=True)
class ThreeValues:
    """Texts of one field: when the change was proposed, as proposed, and in Segura now."""

    label: str
    then: str
    proposed: str
    now: str


@dataclass(frozen=True)
class BaseCheck:
    """Comparison of the base of a pending change, as far as it is known; the change comes from with_observation.

    `requested`: this request has just enqueued a read.
    """

    change: Change
    revision: Revision
    observed: ObservedSecret | None
    requested: bool = False

    @cached_property
    def changed(self) -> list[BaseChange]:
        """Fields that changed in Segura since the proposal."""
        return list_base_changes(self.change, self.revision, self.observed)

    @property
    def state(self) -> str:
        """One of changed, matches, checking, hidden, failed, unknown; '' if nothing can or may be compared."""
        if self.changed:
            return "changed"
        if self.change.status != Status.PENDING or self.revision.base is None:
            return ""
        if not self.viewable:
            return "hidden"
        if self.requested or self._awaits_read:
            return "checking"
        if self.observed and self.observed.failure:
            return "hidden" if self.observed.failure == FailureKind.REFUSED else "failed"
        if self.is_compared:
            return "matches"
        return "unknown" if settings.REVIEW_READS != "off" else ""

    @property
    def viewable(self) -> bool:
        """Whether Segura shows the secret without an approval or a justification."""
        return bool(self.change.secret_viewable)  # type: ignore[attr-defined]

    @property
    def is_compared(self) -> bool:
        """Whether the secret was read after the base of the proposal."""
        return self.checked_at is not None and self.checked_at > _read_at(self.revision)

    @property
    def checked_at(self) -> datetime | None:
        return self.observed.checked_at if self.observed else None

    @property
    def may_check(self) -> bool:
        """Whether the page offers to read the secret now."""
        readable = settings.REVIEW_READS != "off" and self.state not in ("", "hidden", "checking")
        requested = self.observed.requested_at if self.observed else None
        return readable and is_due(requested)

    @property
    def _awaits_read(self) -> bool:
        requested = self.observed.requested_at if self.observed else None
        if self.observed is None or requested is None or timezone.now() - requested > _READ_TAKES:
            return False
        return self.observed.updated_at is None or self.observed.updated_at < requested

    @property
    def field_names(self) -> str:
        """Labels of the changed fields."""
        return ", ".join(str(FIELD_LABELS[each.field]) for each in self.changed)

    @property
    def causes(self) -> list[str]:
        """References of the changes of Countersign that changed the base, oldest first."""
        return [f"CR-{number}" for number in sorted({each.change for each in self.changed if each.change})]

    @property
    def note(self) -> str:
        """Prepared comment of a request for changes."""
        return _(
            "Changed in Segura since the proposal: %(fields)s. Please revise this change against the current values."
        ) % {"fields": self.field_names}

    @property
    def rows(self) -> list[ThreeValues]:
        """The changed fields, each with its three texts."""
        return [_three_values(each, self.revision) for each in self.changed]


def list_base_changes(change: Change, revision: Revision, observed: ObservedSecret | None) -> list[BaseChange]:
    """Return the fields that changed in Segura since a change was proposed that is still to be decided."""
    if change.status != Status.PENDING or observed is None:
        return []
    return base_checks.find_changes_since_proposal(revision, observed.values)


def with_observation(changes: ChangeQuerySet) -> ChangeQuerySet:
    """Return the queryset with what the comparison needs: `observed`, and `secret_viewable`, whether it may be read."""
    viewable = exists_by_index(ApiSecret.objects.viewable().filter(pk=OuterRef("secret")))
    return changes.annotate(observed=observed_json(), secret_viewable=viewable)


def _read_at(revision: Revision) -> datetime:
    return revision.base_read_at or revision.created_at


def _three_values(changed: BaseChange, revision: Revision) -> ThreeValues:
    name, base = changed.field, revision.base or {}
    label = str(FIELD_LABELS[name])
    if name == SECRET_FIELD:
        proposed = _("new value") if revision.secret_fingerprint else _("unchanged")
        return ThreeValues(label, _("not shown"), proposed, _("another value"))
    proposed = _value_text(name, revision.patch[name]) if name in revision.patch else _("unchanged")
    return ThreeValues(label, _value_text(name, base.get(name)), proposed, _value_text(name, changed.value))


def _value_text(name: str, value: Any) -> str:
    if name not in SHARE_FIELDS:
        return str(value or "") or _("empty")
    shares = [_("%(name)s can edit") % {"name": who} if can_edit else str(who) for who, can_edit in value or []]
    return ", ".join(shares) or _("empty")
