"""Sentences that complete a cause: entries that Segura did not accept, changes that were applied before."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.models import LANE, Change, Status


def list_particulars(change: Change) -> list[str]:
    """Return the sentences that complete the sentence of the change's cause."""
    details = change.cause_details
    found = [_untaken(field, names) for field, names in _by_field(details.get("untaken", ()))]
    if details.get("hidden"):
        found.append(_("What Segura shows does not contain the new client secret, so that value is not verified."))
    if moved_by := details.get("moved_by"):
        found.append(_("It was changed by %(numbers)s.") % {"numbers": ", ".join(moved_by)})
    return found


def list_collisions(change: Change, others: Iterable[Change]) -> list[str]:
    """Return a warning for each approved change of the same secret that a pending change would come after."""
    first = [other for other in others if other.status in (Status.APPROVED, *LANE)]
    warning = _(
        "%(number)s of the same secret is approved and is sent first. After it is applied, this "
        "change is out of date and must be revised."
    )
    return [warning % {"number": other.reference} for other in first if other.pk != change.pk]


def _by_field(untaken: Iterable[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    fields: dict[str, list[str]] = {}
    for field, name in untaken:
        fields.setdefault(field, []).append(name)
    return list(fields.items())


def _untaken(field: str, names: list[str]) -> str:
    sentence = ngettext(
        "Segura did not take this entry of “%(field)s”: %(names)s.",
        "Segura did not take these entries of “%(field)s”: %(names)s.",
        len(names),
    )
    return sentence % {"field": FIELD_LABELS.get(field, field), "names": ", ".join(names)}
