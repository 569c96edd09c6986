"""How far the mirror can be trusted now: what people who read the list should know about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.utils import timezone

from portal.catalog.models import Sync


@dataclass(frozen=True)
class SyncStatus:
    """`newest` ended last, `good` is the one the list is from, `under_way` waits or runs; `overdue`: none comes."""

    newest: Sync | None
    good: Sync | None
    under_way: Sync | None
    overdue: bool

    @property
    def failed(self) -> bool:
        """Whether the newest one did not succeed."""
        return self.newest is not None and not self.newest.ok

    @property
    def phase(self) -> str:
        """What a page that watches has to compare: another phase is another picture."""
        if self.under_way is None:
            return "still"
        return "running" if self.under_way.started_at else "waiting"


def get_sync_status() -> SyncStatus:
    """As it is now."""
    ended = Sync.objects.exclude(finished_at=None)
    newest = ended.first()
    return SyncStatus(
        newest=newest,
        good=ended.filter(ok=True, kind="").first(),
        under_way=Sync.objects.under_way().first(),
        overdue=newest is not None and _overdue(newest),
    )


def _overdue(newest: Sync) -> bool:
    patience = timedelta(seconds=3 * settings.CATALOG_SYNC_EVERY_S + settings.SEGURA_DEADLINE_S)
    return newest.asked_at < timezone.now() - patience
