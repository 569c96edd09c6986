"""Initial values of the form: an earlier proposal, a draft or a template, applied on top of today's values. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.changes.domain import reverting
from portal.changes.domain.patch import Snapshot
from portal.changes.forms import rebase
from portal.changes.forms.proposal import REPLACE
from portal.changes.forms.rebase import RevertSource
from portal.changes.models import Change, Revision
from portal.changes.models.draft import Draft
from portal.changes.models.template import ChangeTemplate
from portal.vault import SHARE_FIELDS

_OF_ONE_SECRET = ("name", "identifier_code")
"""Fields that could make one secret look like another, or that Segura refuses a second time (contract 1.7)."""
ANOTHER = 0
"""Number of no secret: stands for every secret but the change's own."""


@dataclass(frozen=True)
class Prefill:
    """A patch that was made on top of `earlier` values (None if they were unknown); never a client secret.

    `new_secret`: the patch came with a client secret, which must be entered again. The source is `origin`, `draft` or
    `template`.
    """

    patch: Mapping[str, Any]
    earlier: Mapping[str, Any] | None
    reason: str = ""
    ticket: str = ""
    new_secret: bool = False
    origin: Change | None = None
    draft: Draft | None = None
    template: ChangeTemplate | None = None

    def words(self) -> dict[str, str]:
        """Return the initial values of reason and ticket."""
        return {"reason": self.reason, "ticket": self.ticket}


def of_revision(revision: Revision | RevertSource) -> Prefill:
    """Return what this revision proposes, to be revised, or what reverts an applied change."""
    return Prefill(revision.patch, revision.base, revision.reason, revision.ticket)


def build_revert_source(revision: Revision) -> RevertSource | None:
    """Return what reverts an applied revision; None if the values before it are not known."""
    if revision.base is None:
        return None
    return RevertSource(
        reverting.earlier_values(revision.patch, revision.base),
        reverting.applied_values(revision.patch, revision.base),
        revision.secret_fingerprint or revision.base_secret_fingerprint,
        new_secret=bool(revision.secret_fingerprint),
    )


def of_change(change: Change, secret: int) -> Prefill:
    """Return what this change proposed, to be proposed again: for its own secret, or for another one.

    For another secret, fields that belong to one secret alone are left out.
    """
    revision = change.get_current_revision()
    same = change.secret == secret
    patch = revision.patch if same else _for_any(revision.patch)
    return Prefill(
        patch, revision.base, revision.reason, revision.ticket, bool(revision.secret_fingerprint) and same, change
    )


def of_draft(draft: Draft) -> Prefill:
    """Return what a user has saved as a draft."""
    return Prefill(draft.patch, draft.base, draft.reason, draft.ticket, draft=draft)


def of_template(template: ChangeTemplate) -> Prefill:
    """Return the edits of a template, without fields that belong to one secret alone."""
    return Prefill(_for_any(template.patch), template.base, template.reason, template.ticket, template=template)


def initial_values(base: Snapshot | None, over: Prefill) -> dict[str, Any]:
    """Return the form's initial values: the current ones in Segura, with the changes of the patch applied on top."""
    patch, earlier = over.patch, over.earlier
    if base is None:
        rows = {name: [rebase.share_row(*share) for share in patch.get(name, [])] for name in SHARE_FIELDS}
        return {**patch, **rows, **{REPLACE.format(name): name in patch for name in SHARE_FIELDS}}
    rows = {
        name: rebase.merge_share_rows(base.fields[name], patch[name], earlier[name] if earlier else base.fields[name])
        if name in patch
        else [rebase.share_row(*share) for share in base.fields[name]]
        for name in SHARE_FIELDS
    }
    return {**base.fields, **patch, **rows}


def join_share_rows(live: list[list[Any]], typed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return Segura's list with what was typed about its entries, followed by the rows that were added."""
    about = {row["name"]: row for row in typed if row["name"]}
    rows = [about.pop(name, rebase.share_row(name, can_edit)) for name, can_edit in live]
    return rows + list(about.values())


def _for_any(patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return the patch without fields that belong to one secret alone."""
    return {name: new for name, new in patch.items() if name not in _OF_ONE_SECRET}
