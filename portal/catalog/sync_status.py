"""Sync status of the catalog, shown to users who read the list of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.catalog.models import CatalogSync


@dataclass(frozen=True)
class SyncStatus:
    """Sync status at one moment.

    `newest`: the synchronisation that ended last; `good`: the one that the stored list comes from; `under_way`: the one
    that waits or runs; `overdue`: `newest` was requested too long ago.
    """

    newest: CatalogSync | None
    good: CatalogSync | None
    under_way: CatalogSync | None
    overdue: bool

    @property
    def failed(self) -> bool:
        """Whether the newest synchronisation failed."""
        return self.newest is not None and not self.newest.ok

    @property
    def phase(self) -> str:
        """Phase that an open page compares: in another phase the page shows another panel."""
        if self.under_way is None:
            return "still"
        return "running" if self.under_way.started_at else "waiting"


def get_sync_status() -> SyncStatus:
    """Return the current sync status."""
    ended = CatalogSync.objects.exclude(finished_at=None)
    newest = ended.first()
    return SyncStatus(
        newest=newest,
        good=ended.filter(ok=True, kind="").first(),
        under_way=CatalogSync.objects.under_way().first(),
        overdue=newest is not None and _overdue(newest),
    )


def _overdue(newest: CatalogSync) -> bool:
    patience = timedelta(seconds=3 * settings.CATALOG_SYNC_EVERY_S + settings.SEGURA_DEADLINE_S)
    return newest.asked_at < timezone.now() - patience
