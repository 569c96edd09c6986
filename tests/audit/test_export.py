"""The log as a file: complete, parsing back exactly, harmless in a spreadsheet, and never in memory as a whole."""

from __future__ import annotations

import csv
import datetime
import io
import json
import re
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.utils import translation

from portal.accounts.models import User
from portal.audit.exports import log_export
from portal.audit.exports.log_export import COLUMNS, LogExport, escape_formula
from portal.audit.ledger import canonical_json, record_event, to_storable_text
from portal.audit.models import Event
from tests.audit.tampering import beside_the_clock, overwrite

pytestmark = pytest.mark.django_db

Take = Callable[..., str]
AWKWARD = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\tx",
    "\rx",
    'a"b,c\r\nd',
    "a\u202eb\u200b",
    "\x1b[31m",
    "名 ação",
    "'=1",
    "\0=1",
    "a\0b",
    '"',
    "\r\n=1",
    "＝1",  # noqa: RUF001 - full width on purpose
    "\u2028=1",
    "\u3164=1",
    "x;=cmd|' /C calc'!A0;y",
    'x;"=1+1";\t=2\n=3\\;=4',
    "",
]


@pytest.fixture
def take(auditor: User, as_person: Callable[[User], Client]) -> Take:
    browser = as_person(auditor)

    def read(kind: str, query: str = "") -> str:
        response = browser.get(f"/audit/export.{kind}{query}", REMOTE_ADDR="10.1.2.3")
        assert isinstance(response, StreamingHttpResponse)
        assert response.status_code == 200
        assert "attachment" in response["Content-Disposition"]
        assert f'.{kind}"' in response["Content-Disposition"]
        assert "no-store" in response["Cache-Control"]
        return response.getvalue().decode()

    return read


def table(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    csv.field_size_limit(4_000_000)  # of Python's reader; a cell of the log can be longer than its usual one
    return list(csv.DictReader(io.StringIO(text[1:], newline=""), strict=True))


def fill(rows: int) -> None:
    """Many events at once, past the ledger's one by one."""
    at = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
    said = {"v": 1, "at": at.isoformat(), "action": "vault.responded", "actor": "", "address": "", "request": ""}
    text = canonical_json(
        {**said, "change": None, "seq": None, "secret": None, "http_status": 200, "data": {"message": "x" * 300}}
    )
    with beside_the_clock():
        Event.objects.bulk_create(
            (Event(at=at, action="vault.responded", http_status=200, text=text) for _ in range(rows)), batch_size=2000
        )


@pytest.mark.parametrize("text", ["x" * 40_000, "ã" * 32_768, "=" + "1;" * 20_000, "\N{GRINNING FACE}" * 20_000])
def test_cell_that_a_spreadsheet_would_cut_is_cut_with_a_mark(take: Take, text: str) -> None:
    record_event("vote.cast", by="maria", change=7, data={"reason": text})
    (row,) = table(take("csv", "?change=7"))
    assert len(row["data"].encode("utf-16-le")) // 2 <= 32_767
    assert row["data"].endswith(log_export.CUT)
    assert text in json.loads(take("jsonl", "?change=7"))["data"]["reason"]


@pytest.mark.parametrize("length", [32_767 - len('{"reason":""}'), 20_000, 0])
def test_cell_that_a_spreadsheet_takes_is_whole(take: Take, length: int) -> None:
    record_event("vote.cast", by="maria", change=7, data={"reason": "x" * length})
    (row,) = table(take("csv", "?change=7"))
    assert json.loads(row["data"]) == {"reason": "x" * length}


@pytest.mark.shows("A10")
@pytest.mark.shows("W14")
@pytest.mark.parametrize("awkward", [*AWKWARD, "=" + "1;\n" * 2_000], ids=lambda text: ascii(text[:20]))
def test_csv_parses_back_exactly(take: Take, awkward: str) -> None:
    number = record_event(
        "vote.cast", by=awkward[:10], change=7, secret=43, http_status=409, data={"reason": awkward, "n": 1}
    )
    event = Event.objects.get(pk=number)
    assert event.entry is not None
    (row,) = table(take("csv", "?change=7"))
    assert tuple(row) == COLUMNS
    assert (row["id"], row["action"], row["change"], row["seq"]) == (str(number), "vote.cast", "7", "1")
    assert (row["secret"], row["http_status"]) == ("43", "409")
    assert json.loads(row["data"]) == {"reason": to_storable_text(awkward), "n": 1}
    assert row["at"] == json.loads(event.text)["at"]


@pytest.mark.shows("A10")
@pytest.mark.shows("W14")
def test_csv_holds_no_formula_and_hides_nothing(take: Take) -> None:
    for awkward in AWKWARD:
        record_event("vote.cast", by=awkward, data={"reason": awkward, awkward: awkward})
    text = take("csv", "?kind=vote")
    cells = [cell for row in csv.reader(io.StringIO(text[1:], newline="")) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))]
    assert not set("\x1b\u202e\u200b\t") & set(text)
    assert "'=1+1" in cells


@pytest.mark.shows("W14")
@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_holds_no_formula_for_a_spreadsheet_that_splits_elsewhere(take: Take, separator: str) -> None:
    for awkward in AWKWARD:
        record_event("vote.cast", by=awkward, data={"reason": awkward, awkward: [awkward, awkward]})
    overwrite(record_event("vote.cast"), text="not JSON;=1\n=2\t=3")
    text = take("csv")
    lines = [*csv.reader(io.StringIO(text[1:], newline=""), delimiter=separator), *csv.reader(text.splitlines())]
    lines += [line.split(separator) for line in text.splitlines()]  # as where quotes mean nothing
    starts = {cell.lstrip(" \"'")[:1] for row in lines for cell in row[1:] if not cell.startswith("'")}
    assert not starts & set("=+-@\t\r\0＝＋－＠")  # noqa: RUF001 - full width on purpose


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("=1", "'=1"),
        ("\t=1", "'\\t=1"),
        ("\0x", "'\\u0000x"),
        ("＝1", "'＝1"),  # noqa: RUF001 - full width on purpose
        ("a=1", "a=1"),
        ("", ""),
        ("-", "'-"),
        ("a\u202eb", "a\\u202eb"),
        ("a;=1\n=2", "a\\u003b=1\\n=2"),
    ],
)
def test_formulas_are_disarmed_and_hidden_characters_shown(text: str, safe: str) -> None:
    assert escape_formula(text) == safe


def test_json_lines_are_the_canonical_texts_themselves(take: Take) -> None:
    for awkward in AWKWARD:
        record_event("vote.cast", by="maria", data={"reason": awkward})
    texts = list(Event.objects.filter(action="vote.cast").order_by("id").values_list("text", flat=True))
    assert take("jsonl", "?kind=vote.cast") == "".join(text + "\n" for text in texts)


def test_an_export_keeps_to_its_filters_and_ends_with_the_log_as_it_was(take: Take) -> None:
    for code in (200, 404, 500, 404):
        record_event("vault.responded", by="maria", http_status=code)
    assert [row["http_status"] for row in table(take("csv", "?code=4xx"))] == ["404", "404"]
    export = LogExport(Event.objects.all(), "jsonl")
    parts = export.parts()
    assert len(next(parts).splitlines()) == Event.objects.count()
    record_event("vault.responded", http_status=200)
    assert list(parts) == []


def test_an_unreadable_line_is_exported_as_it_is(take: Take) -> None:
    number = record_event("vault.responded", change=7)
    overwrite(number, text="=cmd|' /C calc'!A0")
    (row,) = table(take("csv", "?change=7"))
    assert row["data"] == "'=cmd|' /C calc'!A0"


def test_an_empty_export_is_a_file_too(take: Take) -> None:
    assert table(take("csv", "?change=999")) == []
    assert take("jsonl", "?change=999") == ""


def test_an_export_is_on_record_before_and_after(take: Take) -> None:
    for _ in range(3):
        record_event("vault.responded", http_status=404)
    take("csv", "?code=4xx&person=")
    begun, ended = Event.objects.filter(action__startswith="audit.").order_by("id")
    assert (begun.action, ended.action) == ("audit.exported", "audit.export_ended")
    assert begun.entry is not None
    assert ended.entry is not None
    assert begun.entry.data == {"format": "csv", "filters": {"code": "4xx"}}
    assert ended.entry.data == {"export": begun.pk, "format": "csv", "rows": 3, "complete": True}
    assert (ended.entry.actor, ended.entry.address) == ("auditor", "10.1.2.3")
    assert ended.entry.request == begun.entry.request != ""


def test_a_reader_who_hangs_up_leaves_how_far_they_got(as_person: Callable[[User], Client], auditor: User) -> None:
    fill(5000)
    response = as_person(auditor).get("/audit/export.jsonl")
    assert isinstance(response, StreamingHttpResponse)
    stream = response._iterator
    next(stream)
    stream.close()
    ended = Event.objects.get(action="audit.export_ended").entry
    assert ended is not None
    assert (ended.data["rows"], ended.data["complete"]) == (2000, False)


def test_nothing_leaves_while_the_export_cannot_be_recorded(as_person: Callable[[User], Client], auditor: User) -> None:
    record_event("vault.responded", http_status=200)
    browser = as_person(auditor)
    with connection.execute_wrapper(disk_full), pytest.raises(OperationalError):
        browser.get("/audit/export.jsonl")


def disk_full(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]) -> Any:
    """Reading goes on, writing does not."""
    if "audit_append(" in sql:
        raise OperationalError("disk full")
    return execute(sql, params, many, context)


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_memory_stays_flat_however_long_the_log(kind: str) -> None:
    fill(20_000)
    export = LogExport(Event.objects.all(), kind)
    tracemalloc.start()
    try:
        size = sum(len(part) for part in export.parts())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert export.rows == 20_000
    assert size > 7_000_000
    assert peak < 6_000_000


@pytest.mark.parametrize("text", ["maria", "m.silva@example.com", "m,s", "a b", *AWKWARD])
def test_a_line_cut_out_of_the_text_is_the_line_that_is_written_with_care(text: str) -> None:
    for data in ({}, {"reason": text}, {"list": [text, None, 1, True], "nested": {"v": 1}}, {text: '","v":1}'}):
        for change in (None, 7):
            number = record_event(
                "vote.cast", by=text[:150], change=change, secret=change, http_status=change, data=data
            )
            kept = Event.objects.get(pk=number).text
            assert log_export._line(number, kept) == log_export._csv([log_export._cells(number, kept)])


@pytest.mark.parametrize("field", ["\"data\":{,=cmd|' /C calc'!A0,}", '"at":"-1"', '"at":"+1"'])
def test_what_the_ledger_never_writes_is_no_formula_either(field: str) -> None:
    number = record_event("vote.cast", by="maria", data={})
    kept = Event.objects.get(pk=number).text
    name = field.partition(":")[0]
    forged = re.sub(name + r':("[^"]*"|\{\})', lambda _: field, kept)
    assert forged != kept
    (cells,) = csv.reader(io.StringIO(log_export._line(number, forged), newline=""))
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_an_ordinary_event_is_cut_out(auditor: User) -> None:
    number = record_event(
        "vault.responded", by="maria", change=7, secret=43, http_status=200, data={"message": "Updated, all"}
    )
    assert log_export._ORDINARY.fullmatch(Event.objects.get(pk=number).text)


def test_head_of_a_table_is_in_the_language_of_who_takes_it_and_codes_are_in_none(
    auditor: User, as_person: Callable[[User], Client]
) -> None:
    """Streamed after the request, so that what is active by then does not count."""
    record_event("session.started", by="maria")
    words = dict.fromkeys(("en", "pt-br"), "")
    for language in words:
        browser = as_person(auditor)
        taken = browser.get("/audit/export.csv", headers={"accept-language": language})
        with translation.override("en"):
            head, first, *_ = taken.getvalue().decode()[1:].split("\r\n")
        assert "session.started" in first
        words[language] = head
        lines = browser.get("/audit/export.jsonl", headers={"accept-language": language}).getvalue().decode()
        assert '"action":"session.started"' in lines
    assert words["en"] == "id,at,action,person,address,request,change,seq,secret,http_status,data"
    assert words["pt-br"] == "id,quando,ação,pessoa,endereço,requisição,mudança,seq,segredo,status_http,dados"
