"""Rows of the list of secrets: each with its newest open change and the last one that was applied."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from portal.accounts.models import User
from portal.catalog import secret_rows
from portal.catalog.models import ApiSecret, SecretQuerySet
from portal.catalog.secret_rows import SecretRow
from portal.changes.models import Change, Status
from portal.changes.presenters import change_rows
from portal.changes.presenters.change_rows import ChangeRow
from portal.common.db_expressions import CountSubquery


@dataclass(frozen=True)
class SecretListRow(SecretRow):
    """A secret with its newest open change and its last applied one, None if there is none.

    `more_open`: number of its other open changes.
    """

    open_change: ChangeRow | None
    last_change: ChangeRow | None
    more_open: int


def with_change_ids(secrets: SecretQuerySet) -> SecretQuerySet:
    """Return the queryset with what build_secret_list needs: ids of changes, each found by the index of its secret."""
    changes = Change.objects.filter(secret=OuterRef("pk")).order_by("-pk")
    return secrets.annotate(
        open_id=Subquery(changes.open().values("pk")[:1]),
        applied_id=Subquery(changes.filter(status=Status.APPLIED).values("pk")[:1]),
        open_count=CountSubquery(changes.open().values("pk")),
    )


def build_secret_list(secrets: Sequence[ApiSecret], *, reader: User) -> list[SecretListRow]:
    """Return the rows of with_change_ids secrets, with three queries for any number of them.

    Each open or applied change is linked if the reader may open it; its title is for those readers only.
    """
    wanted = {change_id for secret in secrets for change_id in _change_ids(secret)}
    found = change_rows.attach_votes(change_rows.with_row_data(Change.objects.filter(pk__in=wanted)) if wanted else [])
    changes = {change.pk: _row_of(change, reader) for change in found}
    rows = []
    for row in secret_rows.build_secret_rows(secrets):
        newest_open, last_applied = (changes.get(change_id) for change_id in _change_ids(row.secret))
        more = max(0, row.secret.open_count - 1)  # type: ignore[attr-defined]
        rows.append(SecretListRow(row.secret, row.host, row.tags, newest_open, last_applied, more))
    return rows


def _change_ids(secret: ApiSecret) -> tuple[int, int]:
    """Return the ids of the newest open change and of the last applied one, 0 if there is none."""
    return secret.open_id or 0, secret.applied_id or 0  # type: ignore[attr-defined]


def _row_of(change: Change, reader: User) -> ChangeRow:
    return ChangeRow(
        change,
        change.current_revision,  # type: ignore[attr-defined]
        change.current_votes,  # type: ignore[attr-defined]
        reader=reader.pk,
        linked=change_rows.can_view(change.requester_id, reader),
    )
