"""The log as a file: CSV for spreadsheets, JSON Lines with the canonical texts as they are.

Rows are fetched by keyset, a chunk at a time, so that memory stays flat however long the log is.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Protocol

from django.db.models import Max
from django.utils.translation import pgettext_lazy

from portal.audit.entry import UnreadableEntry, parse_entry
from portal.audit.exports.progress import ProgressReporter
from portal.audit.ledger import canonical_json, record_event
from portal.audit.models import Event, EventQuerySet
from portal.audit.visible import escape_invisible

COLUMNS = (
    pgettext_lazy("exported column", "id"),
    pgettext_lazy("exported column", "at"),
    pgettext_lazy("exported column", "action"),
    pgettext_lazy("exported column", "person"),
    pgettext_lazy("exported column", "address"),
    pgettext_lazy("exported column", "request"),
    pgettext_lazy("exported column", "change"),
    pgettext_lazy("exported column", "seq"),
    pgettext_lazy("exported column", "secret"),
    pgettext_lazy("exported column", "code"),
    pgettext_lazy("exported column", "data"),
)
_CHUNK = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width on purpose
Rows = list[tuple[int, str]]


@dataclass
class LogExport:
    """One export; `rows` tells how many have been handed over so far, `head` is in the language of who began it."""

    queryset: EventQuerySet
    format: str
    rows: int = 0
    head: str = field(init=False)

    def __post_init__(self) -> None:
        self.head = FORMATS[self.format].head()  # now: by the time it leaves, nobody's language is active

    @property
    def content_type(self) -> str:
        return FORMATS[self.format].content_type

    def parts(self) -> Iterator[str]:
        """The file in pieces, oldest event first, up to the newest event there was when it began."""
        form = FORMATS[self.format]
        if self.head:
            yield self.head
        newest = Event.objects.aggregate(newest=Max("id"))["newest"] or 0
        position = 0
        while True:
            chunk = self.queryset.filter(id__gt=position, id__lte=newest).order_by("id")
            rows: Rows = list(chunk.values_list("id", "text")[:_CHUNK])
            if not rows:
                return
            self.rows += len(rows)  # before they leave: the record may say too much, never too little
            yield form.write(rows)
            position = rows[-1][0]


class CountedFile(Protocol):
    """A file that is handed over in pieces, and counts its rows."""

    format: str
    rows: int

    def parts(self) -> Iterator[str]: ...


def record_export(file: CountedFile, begun: int, *, by: str, all_rows: int | None = None) -> Iterator[str]:
    """The file, and at its end, or where the reader hung up, a record of how much of it was handed over.

    `begun` is the event that announced it, `all_rows` how many there will be, where that is known. `origin` is taken
    along, because by then the middleware has forgotten where the request came from.
    """
    origin, pulse = copy_context(), ProgressReporter(begun, all_rows)

    def parts() -> Iterator[str]:
        complete = False
        try:
            for part in file.parts():
                pulse.beat(file.rows)
                yield part
            complete = True
        finally:
            data = {"export": begun, "format": file.format, "rows": file.rows, "complete": complete}
            origin.run(record_event, "audit.export_ended", by=by, data=data)
            pulse.end()

    return parts()


def escape_formula(text: str) -> str:
    r"""Text no spreadsheet takes for a formula: an apostrophe before what starts one (ASVS 1.2.10), nothing hidden.

    Many spreadsheets split at semicolons or tabs and know our quotes not as such, so a formula could start inside a
    cell too. Line ends and semicolons are therefore written as JSON writes what it must not hold (`\n`, `\u003b`), as
    tabs are: read as JSON, the cell `data` is what it was.
    """
    shown = escape_invisible(text).replace("\n", "\\n").replace(";", "\\u003b")
    return _short("'" + shown if text.startswith(_FORMULA) else shown)


LONGEST_CELL = 32_767
"""Characters (UTF-16 units): a spreadsheet drops the rest of a longer cell without a word."""
CUT = "… [cut here: the whole text is in the JSON Lines export]"


def _short(cell: str) -> str:
    """The cell, or as much of it as a spreadsheet takes, with a mark that says so."""
    if len(cell) <= LONGEST_CELL // 2:
        return cell
    units = cell.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * LONGEST_CELL:
        return cell
    return units[: 2 * (LONGEST_CELL - len(CUT))].decode("utf-16-le", "ignore") + CUT


_ORDINARY = re.compile(
    r'\{"action":"([a-z_.]+)","actor":"((?:[A-Za-z0-9][\w.@+-]*)?)","address":"([0-9a-f:.]*)","at":"(\d[0-9T:.+-]*)"'
    r',"change":(?:null|(\d+)),"code":(?:null|(\d+)),"data":(\{[^\x00-\x1f\x7f]*\})'
    r',"request":"((?:[A-Za-z0-9][\w.-]*)?)","secret":(?:null|(\d+)),"seq":(?:null|(\d+)),"v":1\}',
    re.ASCII,
)
"""An event as nearly all are: no cell of it can begin with what it must not, and only its data may have to be shown."""


def _lines(rows: Rows) -> str:
    """As CSV. Of an ordinary event the cells are cut out of its text, which is ten times as quick."""
    return "".join([_line(number, text) for number, text in rows])


def _line(number: int, text: str) -> str:
    found = _ORDINARY.fullmatch(text)
    if found is None:
        return _csv([_cells(number, text)])
    action, actor, address, at, change, code, data, request, secret, seq = found.groups("")
    if ";" in data or not data.isascii() or len(data) > LONGEST_CELL:
        data = escape_formula(data)
    if data != "{}":
        data = '"' + data.replace('"', '""') + '"'
    return f"{number},{at},{action},{actor},{address},{request},{change},{seq},{secret},{code},{data}\r\n"


def _csv(rows: Iterable[Iterable[object]]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerows([escape_formula("" if cell is None else str(cell)) for cell in row] for row in rows)
    return buffer.getvalue()


def _cells(number: int, text: str) -> tuple[object, ...]:
    try:
        entry = parse_entry(text)
    except UnreadableEntry:
        return (number, *[""] * (len(COLUMNS) - 2), text)
    return (
        number,
        entry.at.isoformat(timespec="microseconds"),
        entry.action,
        entry.actor,
        entry.address,
        entry.request,
        entry.change,
        entry.seq,
        entry.secret,
        entry.code,
        canonical_json(entry.data),
    )


@dataclass(frozen=True)
class _Format:
    content_type: str
    head: Callable[[], str]
    write: Callable[[Rows], str]


FORMATS = {
    # The mark at the start makes spreadsheets read UTF-8.
    "csv": _Format(
        "text/csv; charset=utf-8",
        lambda: "\N{ZERO WIDTH NO-BREAK SPACE}" + _csv([COLUMNS]),
        _lines,
    ),
    "jsonl": _Format(
        "application/jsonl; charset=utf-8",
        str,
        lambda rows: "".join(text + "\n" for _, text in rows),
    ),
}
