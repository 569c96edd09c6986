"""Title of a change: one rule for headings, lists, browser tabs and notifications.

Examples: `CR-7 azure-graph: Client ID → azure-graph-client-2`, `CR-12 hr-directory: jsilva can edit`,
`CR-1 pix-gateway: 10 fields (URL, Client secret, +8)`, `CR-15 hr-directory: Revert CR-12: jsilva loses access`.
A title never holds a client secret.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import F
from django.utils.translation import gettext as _

from portal.changes.domain import patch as patches
from portal.changes.domain.fields import FIELD_LABELS
from portal.changes.domain.patch import FieldChange, ShareChange
from portal.changes.models import Change, Revision
from portal.common.invisible_characters import show_invisible
from portal.vault.entities import SECRET_FIELD

_VALUE_LENGTH, _NAME_LENGTH = 60, 120
_FIELDS_NAMED = 2
_BY_CONSEQUENCE = (
    "url",
    "client_secret",
    "users_allowed",
    "groups_allowed",
    "method",
    "name",
    "client_id",
    "identifier_code",
    "tags",
    "notes",
)
"""Fields in the order in which a title names them: first those that redirect callers or give access."""


@dataclass(frozen=True)
class ChangeTitle:
    """Title of a change in its parts; `str()` returns the whole title on one line.

    Invisible characters of names and values are shown as code points.
    """

    reference: str
    secret: str
    summary: str

    def __str__(self) -> str:
        return f"{self.reference} {self.secret}: {self.summary}"


def build_title(change: Change, revision: Revision) -> ChangeTitle:
    """Return the title of a change with this revision. That of a revert names the change that it reverts."""
    summary = summarize_revision(revision)
    if change.reverts_id is not None:
        summary = _("Revert %(number)s: %(summary)s") % {"number": f"CR-{change.reverts_id}", "summary": summary}
    return ChangeTitle(change.reference, _shorten(change.secret_name, _NAME_LENGTH), summary)


def load_titles(change_ids: Iterable[int]) -> dict[int, ChangeTitle]:
    """Return the titles of changes by id, each with its current revision, in one query; {} without a query for none."""
    wanted = set(change_ids)
    if not wanted:
        return {}
    current = Revision.objects.filter(change__in=wanted, number=F("change__revision")).select_related("change")
    needed = current.only("patch", "base", "secret_fingerprint", "change__secret_name", "change__reverts")
    return {revision.change_id: build_title(revision.change, revision) for revision in needed}


def summarize_revision(revision: Revision) -> str:
    """Return what a revision proposes: the new value of one field, or the number of fields and the first of them."""
    changes = patches.describe_changes(
        revision.patch, revision.base, new_secret=bool(revision.secret_fingerprint), traits=None
    )
    return summarize_fields(changes)


def summarize_fields(changes: Sequence[FieldChange]) -> str:
    """Return the changes of fields in a few words; a change of one field with its new value."""
    if len(changes) == 1:
        return _summarize_field(changes[0])
    names = sorted((change.field for change in changes), key=_BY_CONSEQUENCE.index)
    shown = [str(FIELD_LABELS[name]) for name in names[:_FIELDS_NAMED]]
    if len(names) > _FIELDS_NAMED:
        shown.append(f"+{len(names) - _FIELDS_NAMED}")
    return _("%(count)d fields (%(names)s)") % {"count": len(names), "names": ", ".join(shown)}


def _summarize_field(change: FieldChange) -> str:
    if change.field == SECRET_FIELD:
        return _("new client secret")
    if change.is_shares:
        return _summarize_access(change)
    value = _shorten(change.new or "", _VALUE_LENGTH) or _("(empty)")
    return f"{FIELD_LABELS[change.field]} → {value}"


def _summarize_access(change: FieldChange) -> str:
    """Return the change of access with the highest risk in words, and the number of the others."""
    moved = sorted((share for share in change.shares if share.old != share.new), key=_access_rank)
    if not moved:
        return f"{FIELD_LABELS[change.field]} → {_('(empty)')}"
    words = _describe_share(moved[0], group=change.field == "groups_allowed")
    return f"{words}, +{len(moved) - 1}" if len(moved) > 1 else words


def _access_rank(share: ShareChange) -> tuple[bool, bool, str]:
    return not share.gains_edit, share.new is None, share.name


def _describe_share(share: ShareChange, *, group: bool) -> str:
    words = {
        (False, True): _("%(name)s can edit"),
        (False, False): _("%(name)s can view"),
        (False, None): _("%(name)s loses access"),
        (True, True): _("group %(name)s can edit"),
        (True, False): _("group %(name)s can view"),
        (True, None): _("group %(name)s loses access"),
    }[group, share.new]
    return words % {"name": _shorten(share.name, _VALUE_LENGTH)}


def _shorten(text: str, length: int) -> str:
    """Return a text from outside on one line, of about this length, with invisible characters shown."""
    line = text.replace("\r\n", " ").replace("\n", " ")
    return show_invisible(line if len(line) <= length else f"{line[: length - 1]}…")
