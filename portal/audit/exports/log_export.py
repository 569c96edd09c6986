"""The log as a file: CSV for spreadsheets, or JSON Lines with the canonical texts unchanged.

Rows are fetched by keyset, 2000 at a time, so that memory use does not depend on the length of the log.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol

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
    pgettext_lazy("exported column", "http_status"),
    pgettext_lazy("exported column", "data"),
)
_CHUNK = 2000
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001 - full width on purpose
Rows = list[tuple[int, str]]


@dataclass
class LogExport:
    """One export. `rows` counts the rows sent so far; `head` is in the language of the user who began it."""

    queryset: EventQuerySet
    format: str
    rows: int = 0
    head: str = field(init=False)

    def __post_init__(self) -> None:
        self.head = FORMATS[self.format].head()  # now: while the file is sent, no user's language is active

    @property
    def content_type(self) -> str:
        return FORMATS[self.format].content_type

    def parts(self) -> Iterator[str]:
        """Yield the file in pieces, oldest event first, up to the newest event at the start of the export."""
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
            self.rows += len(rows)  # before they are sent: the record may overstate, never understate
            yield form.write(rows)
            position = rows[-1][0]


class CountedFile(Protocol):
    """A file that is sent in pieces and counts its rows."""

    format: str
    rows: int

    def parts(self) -> Iterator[str] | Iterator[bytes]: ...


def record_export(
    file: CountedFile, begun: int, *, by: str, all_rows: int | None = None
) -> Iterator[str] | Iterator[bytes]:
    """Return the pieces of the file; at its end, or when the client disconnects, record how much was sent.

    `begun` is the event that announced the export, `all_rows` the number of its rows, if known. The context is copied
    at the start, because by the end the middleware has cleared the origin of the request.
    """
    origin, pulse = copy_context(), ProgressReporter(begun, all_rows)

    def parts() -> Iterator[Any]:
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
    r"""Return text that no spreadsheet takes for a formula (ASVS 1.2.10), with invisible characters escaped.

    A character that starts a formula gets an apostrophe before it. Many spreadsheets split at semicolons or tabs
    without regard to our quotes, so a formula could also start inside a cell. Line ends and semicolons are therefore
    written as JSON escapes (`\n`, `\u003b`), as tabs are: read as JSON, the cell `data` is unchanged.
    """
    shown = escape_invisible(text).replace("\n", "\\n").replace(";", "\\u003b")
    return _short("'" + shown if text.startswith(_FORMULA) else shown)


LONGEST_CELL = 32_767
"""Characters (UTF-16 units) in a cell at most: a spreadsheet drops the rest of a longer one without warning."""
CUT = "… [cut here: the whole text is in the JSON Lines export]"


def _short(cell: str) -> str:
    """Return the cell, cut to what a spreadsheet accepts; a cut cell ends with a note that says so."""
    if len(cell) <= LONGEST_CELL // 2:
        return cell
    units = cell.encode("utf-16-le", "surrogatepass")
    if len(units) <= 2 * LONGEST_CELL:
        return cell
    return units[: 2 * (LONGEST_CELL - len(CUT))].decode("utf-16-le", "ignore") + CUT


_ORDINARY = re.compile(
    r'\{"action":"([a-z_.]+)","actor":"((?:[A-Za-z0-9][\w.@+-]*)?)","address":"([0-9a-f:.]*)","at":"(\d[0-9T:.+-]*)"'
    r',"change":(?:null|(\d+)),"data":(\{[^\x00-\x1f\x7f]*\}),"http_status":(?:null|(\d+))'
    r',"request":"((?:[A-Za-z0-9][\w.-]*)?)","secret":(?:null|(\d+)),"seq":(?:null|(\d+)),"v":1\}',
    re.ASCII,
)
"""Pattern of an ordinary event: no cell can start a formula, and only `data` may need escapes."""


def _lines(rows: Rows) -> str:
    """Return the rows as CSV. The cells of an ordinary event are cut out of its text, ten times as fast as parsing."""
    return "".join([_line(number, text) for number, text in rows])


def _line(number: int, text: str) -> str:
    found = _ORDINARY.fullmatch(text)
    if found is None:
        return _csv([_cells(number, text)])
    action, actor, address, at, change, data, status, request, secret, seq = found.groups("")
    if ";" in data or not data.isascii() or len(data) > LONGEST_CELL:
        data = escape_formula(data)
    if data != "{}":
        data = '"' + data.replace('"', '""') + '"'
    return f"{number},{at},{action},{actor},{address},{request},{change},{seq},{secret},{status},{data}\r\n"


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
        entry.http_status,
        canonical_json(entry.data),
    )


@dataclass(frozen=True)
class _Format:
    content_type: str
    head: Callable[[], str]
    write: Callable[[Rows], str]


FORMATS = {
    # The byte order mark makes spreadsheets read UTF-8.
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
