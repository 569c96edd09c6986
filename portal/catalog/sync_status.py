"""Sync status of the catalog, shown to users who read the list of secrets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

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
    def counts_line(self) -> str:
        """Sentence with what the stored list changed; counts of zero are left out."""
        if self.good is None:
            return ""
        done = self.good
        parts = [
            ngettext("%(count)d new", "%(count)d new", done.added) % {"count": done.added},
            ngettext("%(count)d updated", "%(count)d updated", done.altered) % {"count": done.altered},
            ngettext("%(count)d listed again", "%(count)d listed again", done.returned) % {"count": done.returned},
            ngettext("%(count)d no longer listed", "%(count)d no longer listed", done.vanished)
            % {"count": done.vanished},
        ]
        counts = (done.added, done.altered, done.returned, done.vanished)
        shown = ", ".join(part for part, count in zip(parts, counts, strict=True) if count)
        return f"{shown}." if shown else _("No differences.")

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
