"""Facts about a new secret value that no user sees: its strength, and where the portal has met it before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from portal.accounts import roles
from portal.accounts.models import User
from portal.accounts.roles import Right
from portal.changes.models import Change, Revision
from portal.changes.rules import guards

_LONG, _HARD_TO_GUESS = 16, 80
_NAMED = 5
_LOOKED_AT = 200
_CLASSES = {
    "lower": gettext_lazy("small letters"),
    "upper": gettext_lazy("capital letters"),
    "digit": gettext_lazy("digits"),
    "space": gettext_lazy("spaces"),
    "line": gettext_lazy("line ends"),
    "sign": gettext_lazy("signs"),
    "other": gettext_lazy("other characters"),
}
_BLANK = {
    ("start",): gettext_lazy("begins with a space or a line end"),
    ("end",): gettext_lazy("ends with a space or a line end"),
    ("start", "end"): gettext_lazy("begins and ends with a space or a line end"),
}


@dataclass(frozen=True)
class StrengthFact:
    """A fact about the strength of a value; `doubt` is a short warning for approvers, '' if there is none."""

    name: str
    words: str
    doubt: str = ""


@dataclass(frozen=True)
class ReuseWarning:
    """A sentence on where the value was met; `is_warning` if it is one for approvers."""

    sentence: str
    is_warning: bool = True


def describe_strength(kept: Mapping[str, Any]) -> list[StrengthFact]:
    """Return the traits of a revision's secret value as text."""
    shortest, longest = kept["length"]
    least, most = kept["bits"]
    length = _("%(least)d characters or more") if longest is None else _("%(least)d to %(most)d characters")
    entropy = _("%(least)d bits or more") if most is None else _("%(least)d to %(most)d bits")
    classes = ", ".join(str(_CLASSES.get(name, name)) for name in kept["classes"])
    found = [
        StrengthFact(
            _("Length"), length % {"least": shortest, "most": longest}, _("short") if shortest < _LONG else ""
        ),
        StrengthFact(_("Made of"), classes, _("of one kind") if len(kept["classes"]) < 2 else ""),
        StrengthFact(
            _("Entropy"), entropy % {"least": least, "most": most}, _("guessable") if least < _HARD_TO_GUESS else ""
        ),
    ]
    if blank := kept.get("blank"):
        found.append(StrengthFact(_("Edges"), str(_BLANK[tuple(blank)]), _("space or line end")))
    if kept.get("placeholder"):
        found.append(StrengthFact(_("Shape"), _("that of a placeholder or a masked copy"), _("confirmed as the value")))
    return found


def find_reuse(change: Change, revision: Revision, *, reader: User) -> list[ReuseWarning]:
    """Return where the portal has met the new value; [] for users who could use the answer to test guesses.

    These are all who proposed or edited this change, and all who neither decide nor audit. Only what was known when the
    revision was created counts: the answer never changes.
    """
    if not revision.secret_fingerprint or not _may_compare(change, reader):
        return []
    known = _known(revision)
    elsewhere = _elsewhere({name for secret, name, _, _ in known if secret != change.secret})
    before = _before(change, revision, [(of, base) for secret, _, of, base in known if secret == change.secret])
    found = [each for each in (_as_today(revision), elsewhere, before) if each]
    if not any(each.is_warning for each in found):
        found.append(
            ReuseWarning(_("Countersign has not seen this value before, in this or another secret."), is_warning=False)
        )
    return found


def _may_compare(change: Change, reader: User) -> bool:
    sees = roles.rights_of(reader) & {Right.DECIDE, Right.AUDIT}
    return bool(sees) and not guards.is_own_change(change, reader)


def _as_today(revision: Revision) -> ReuseWarning | None:
    if not revision.base_secret_fingerprint:
        return ReuseWarning(
            _("Segura did not show Countersign the current value: whether the new one is the same is not known."),
            is_warning=False,
        )
    if revision.base_secret_fingerprint == revision.secret_fingerprint:
        return ReuseWarning(_("It is the value that the secret held already when this was proposed."))
    return None


def _elsewhere(secrets: set[str]) -> ReuseWarning | None:
    if not secrets:
        return None
    names = sorted(secrets)
    listed = ", ".join(names[:_NAMED])
    if len(names) > _NAMED:
        listed = _("%(names)s and %(count)d more") % {"names": listed, "count": len(names) - _NAMED}
    return ReuseWarning(_("Another API secret has, had or was to get the same value: %(names)s.") % {"names": listed})


def _before(change: Change, revision: Revision, known: list[tuple[int, str]]) -> ReuseWarning | None:
    """Return a warning if the secret had, or was to get, the value before.

    Revising a change with the same value does not count; a value that the secret had does.
    """
    value = revision.secret_fingerprint
    if value == revision.base_secret_fingerprint:
        return None
    if not any(of != change.pk or base == value for of, base in known):
        return None
    return ReuseWarning(_("This secret had, or was to get, this value before."))


def _known(revision: Revision) -> list[tuple[int, str, int, str]]:
    """Return earlier revisions that proposed or met the value: secret, its name, change, fingerprint of the base."""
    value = revision.secret_fingerprint
    met = Revision.objects.filter(Q(secret_fingerprint=value) | Q(base_secret_fingerprint=value))
    told = met.filter(created_at__lt=revision.created_at).order_by("-created_at")
    return list(
        told.values_list("change__secret", "change__secret_name", "change_id", "base_secret_fingerprint")[:_LOOKED_AT]
    )
