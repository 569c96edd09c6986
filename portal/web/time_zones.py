"""Time zones that users choose from, and the search for one by what a user types."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from zoneinfo import TZPATH, ZoneInfo, available_timezones

_TABLE = "zone.tab"


@dataclass(frozen=True)
class TimeZone:
    """Time zone to choose. `label`: its name with spaces; `offset`: for example UTC-03:00, as of now."""

    name: str
    label: str
    offset: str


def list_time_zones() -> list[TimeZone]:
    """Return the time zones with their present offset from UTC, by name."""
    now = datetime.now(UTC)
    return [TimeZone(name, _label(name), _offset(now.astimezone(zone))) for name, zone in _load_zones().items()]


def find_time_zones(text: str) -> list[str]:
    """Return the names of the zones that match what a user typed, in any spelling: the zone itself, else all with it.

    Spaces stand for underscores, and accents do not count: «são paulo» finds America/Sao_Paulo.
    """
    wanted = _fold(text)
    exact = [name for name in _list_names() if wanted in (_fold(name), _fold(name).rpartition("/")[2])]
    return exact or [name for name in _list_names() if wanted in _fold(name)]


@cache
def _load_zones() -> dict[str, ZoneInfo]:
    """Load the zones once: zoneinfo itself keeps only a few of them."""
    return {name: ZoneInfo(name) for name in _list_names()}


@cache
def _list_names() -> tuple[str, ...]:
    """Return the zones of the table of countries, which has no alias such as US/Pacific.

    It has more names than zone1970.tab: also those of cities whose clocks agree since 1970, such as Europe/Stockholm,
    which people look for and browsers report. A host without the table offers all zones of a region.
    """
    known = available_timezones()
    for folder in TZPATH:
        table = Path(folder) / _TABLE
        if table.is_file():
            lines = table.read_text(encoding="utf-8").splitlines()
            return tuple(sorted({line.split("\t")[2] for line in lines if line and line[0] != "#"} & known))
    return tuple(sorted(name for name in known if "/" in name and not name.startswith("Etc/")))


def _offset(at: datetime) -> str:
    sign_and_hours, minutes = f"{at:%z}"[:3], f"{at:%z}"[3:5]
    return f"UTC{sign_and_hours}:{minutes}"


def _label(name: str) -> str:
    return name.replace("_", " ")


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", _label(text).strip().casefold())
    return "".join(char for char in plain if not unicodedata.combining(char))
