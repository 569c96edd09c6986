"""The evidence book of a period: every file of it proves itself to people outside, and it is made while it is sent."""

from __future__ import annotations

import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import date, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone, translation

from portal.accounts.models import User
from portal.audit import period
from portal.audit.exports import evidence_book
from portal.audit.exports.evidence_book import EvidenceBook, NoChange
from portal.audit.exports.evidence_pack import HistoryPruned, NotSealedYet
from portal.audit.ledger import record_event
from portal.audit.models import Event
from portal.audit.offline import verify_countersign
from portal.audit.sealing import sealer
from tests.audit.outsider import Outsider
from tests.audit.tampering import overwrite
from tests.audit.test_evidence import a_change, opened

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

Open = Callable[[User], Client]
BOOKS = Path(__file__).parent / "books"
ADDRESS = "/audit/evidence-book.zip?days=7"


def granted_access(change: int) -> None:
    """Put an approved and applied change of the access to a secret into the log."""
    patch, base = {"users_allowed": [["alice", True]]}, {"users_allowed": [["bob", False]]}
    proposed = {"revision": 1, "fields": ["users_allowed"], "patch": patch, "base": base, "reason": "Rota"}
    record_event("change.submitted", by="maria", change=change, secret=43, data=proposed)
    record_event("change.approved", by="pedro", change=change, secret=43)
    record_event("change.applied", change=change, secret=43, http_status=200, data={"cause": "read_back"})


def made(now: datetime | None = None, days: int = 7) -> bytes:
    return b"".join(EvidenceBook(period.last_days(days), now or timezone.now()).parts())


@pytest.fixture
def outsider(tmp_path: Path) -> Outsider:
    a_change(6)
    granted_access(7)
    granted_access(9)
    record_event("vote.refused", by="maria", change=9, secret=43, data={"code": "own_change"})
    record_event("session.started", by="pedro")
    sealer.seal_pending_events()
    return Outsider(tmp_path / "outside")


@pytest.fixture
def browser(auditor: User, as_person: Open) -> Client:
    return as_person(auditor)


def rezipped(content: bytes, edit: Callable[[dict[str, str]], dict[str, str]]) -> bytes:
    """Return the book with edited files, packed exactly as the portal packs them."""
    sink = evidence_book._Sink()
    with zipfile.ZipFile(sink, "w") as archive:
        for name, text in edit(opened(content)).items():
            with archive.open(zipfile.ZipInfo(name), "w") as file:
                file.write(text.encode())
    return sink.take_bytes()


def test_book_of_a_period_verifies_and_counts_the_approvals_of_the_overview_a3(
    outsider: Outsider, browser: Client
) -> None:
    response = browser.get(ADDRESS)
    outsider.takes("book.zip", response.getvalue())
    assert outsider.verify("book.zip") == (
        0,
        "YES. The first 12 events of 3 changes, none left out, are in the log of 15 events.\n",
    )
    page = opened((outsider.folder / "book.zip").read_bytes())["book.html"]
    approvals = re.search(r"<td>Changes approved</td><td>(\d+)</td>", page)
    overview = browser.get("/audit/overview/?days=7").content.decode()
    counted = re.search(r'kind=change.approved[^"]*">\s*(\d+)\s*</a>', overview)
    assert approvals
    assert counted
    assert approvals[1] == counted[1] == "2"


def test_book_says_what_happened_in_words_tables_and_limits(outsider: Outsider) -> None:
    files = opened(made())
    assert tuple(files) == verify_countersign.BOOK
    page = files["book.html"]
    for part in (
        "<h2>CR-6</h2>",
        "maria asked on ",
        "<td>Votes refused</td><td>1</td>",
        '<a href="#CR-9">CR-9</a></td>',
        "<td>43</td><td>alice</td><td>no access</td><td>can edit</td>",
        "<td>43</td><td>bob</td><td>can view</td><td>no access</td>",
        "What this book cannot show",
    ):
        assert part in page
    assert "session.started" not in files["events.txt"]
    assert "<script" not in page


def test_same_log_and_period_give_the_same_files_a4(outsider: Outsider) -> None:
    now = timezone.now()
    first = made(now)
    assert made(now) == first
    record_event("change.commented", by="maria", change=7, secret=43)  # after the end of the book
    sealer.seal_pending_events()
    later, before = opened(made(now)), opened(first)
    assert later["checkpoint.txt"] != before["checkpoint.txt"]
    for name in ("README.txt", "book.html", "period.txt", "summary.css", "verify_countersign.py"):
        assert later[name] == before[name]


def paused_and_pruned() -> None:
    """Put a pause of delivery, a removal of events and an outside edit into the log."""
    record_event("delivery.paused_by_operator", by="rui", data={"reason": "Segura <maintenance>"})
    record_event("delivery.resumed_by_operator", by="rui")
    record_event("audit.pruned", by="rui", data={"count": 17, "leaves": [[0, 16]]})
    record_event("change.stale", change=9, secret=43, data={"cause": "base_moved"})
    record_event("change.stale", change=7, secret=43, data={"cause": "moved_by_change"})
    record_event("delivery.paused", data={"reason": "HTTP 503"})
    sealer.seal_pending_events()


def test_book_shows_pauses_removed_events_and_outside_edits_and_verifies(outsider: Outsider) -> None:
    paused_and_pruned()
    outsider.takes("book.zip", made())
    assert outsider.verify("book.zip") == (
        0,
        "YES. The first 14 events of 3 changes, none left out, and 4 of delivery and of the log itself,"
        " are in the log of 21 events.\n",
    )
    page = opened(made())["book.html"]
    pauses, rest = page.split("<h2>Pauses of delivery</h2>")[1].split("<h2>Removed events</h2>")
    assert re.findall(r"<td>(.*?)</td>", pauses)[1::4] == [
        "Paused by an administrator",
        "Resumed by an administrator",
        "Paused after failed calls",
    ]
    assert "<td>rui</td><td>Segura &lt;maintenance&gt;</td>" in pauses
    removed, rest = rest.split("<h2>Signed times of the log</h2>")
    assert "<td>Events removed at the end of their retention</td><td>rui</td><td>17</td>" in removed
    edits = rest.split("<h2>Changes stopped by an edit outside Countersign</h2>")[1].split("<section")[0]
    assert re.findall(r"CR-\d+</a>", edits) == ["CR-9</a>"]
    assert "Whether a pause of delivery" in page


def test_book_names_the_longest_time_without_a_signed_time() -> None:
    events = [{"action": "audit.dated", "at": f"2026-11-{day}T06:00:00.000000+00:00"} for day in (24, 25, 28)]
    said = "".join(verify_countersign.print_gaps(events, "2026-11-23T09:00:00.000000", "2026-11-29T00:00:00.000000"))
    assert (
        "Signed times in this period: 3. The longest time without one: 72 h, from 2026-11-25 06:00 UTC to 2026-11-28"
        in said
    )


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda lines: lines[1:], "NO. book.html: "),
        (lambda lines: [lines[1], lines[0], *lines[2:]], "NO. log-events.txt, line 2, "),
        (lambda lines: [lines[0], *lines], "NO. log-events.txt, line 2, "),
        (lambda lines: [lines[0].replace("maintenance", "upgrade"), *lines[1:]], "NO. line 1, leaf "),
        (lambda _: ["junk\n"], "NO. line 1: "),
    ],
    ids=["left out", "out of order", "twice", "altered", "junk"],
)
def test_verifier_says_no_to_changed_events_of_the_log_itself(
    edit: Callable[[list[str]], list[str]], named: str, outsider: Outsider
) -> None:
    paused_and_pruned()

    def edited(files: dict[str, str]) -> dict[str, str]:
        lines = files["log-events.txt"].splitlines(keepends=True)
        return files | {"log-events.txt": "".join(edit(lines))}

    outsider.takes("book.zip", rezipped(made(), edited))
    code, words = outsider.verify("book.zip")
    assert (code, words[: len(named)]) == (1, named), words


def test_verifier_says_no_to_another_event_among_those_of_the_log_itself(outsider: Outsider) -> None:
    made_before = made()
    line = opened(made_before)["events.txt"].splitlines(keepends=True)[0]
    outsider.takes("book.zip", rezipped(made_before, lambda files: files | {"log-events.txt": line}))
    code, words = outsider.verify("book.zip")
    assert code == 1
    assert "not an event of delivery or of the log itself in the period" in words


def test_book_of_an_earlier_release_still_verifies(outsider: Outsider) -> None:
    """It has no events of the log itself, and says "announced 1 calls"."""
    book, key = BOOKS / "book-0.2.0.zip", BOOKS / "public-key.txt"
    outsider.takes("old.zip", book.read_bytes())
    outsider.takes("old-key.txt", key.read_bytes())
    assert "announced 1 calls" in opened(book.read_bytes())["book.html"]
    code, words = outsider.verify("old.zip", key="old-key.txt")
    assert (code, words[:40]) == (0, "YES. The first 13 events of 3 changes, n"), words
    changed = rezipped(
        book.read_bytes(), lambda files: files | {"book.html": files["book.html"].replace("1 calls", "1 call")}
    )
    outsider.takes("old.zip", changed)
    assert outsider.verify("old.zip", key="old-key.txt")[0] == 1


def test_book_waits_until_the_events_of_the_log_itself_are_sealed(outsider: Outsider) -> None:
    record_event("delivery.paused", data={"reason": "HTTP 503"})
    with pytest.raises(NotSealedYet):
        made()


EDITS: dict[str, tuple[str, Callable[[str], str], str]] = {
    "a changed sentence": ("book.html", lambda page: page.replace("pedro", "paulo", 1), "NO. book.html: "),
    "a changed number": ("book.html", lambda page: page.replace("<td>3</td>", "<td>4</td>", 1), "NO. book.html: "),
    "words after the end": ("book.html", lambda page: page + "<p>All is well.</p>", "NO. book.html: "),
    "a page that ends early": ("book.html", lambda page: page[:-9], "NO. book.html: "),
    "another period": ("period.txt", lambda text: text.replace(text[:10], "2020-01-01", 1), "NO. README.txt: "),
    "a period that ended before": ("period.txt", lambda _: "2020-01-01T00:00:00.000000\n2020-01-02T00:00:00.000000\n",
                                   "NO. events.txt: "),
    "no period": ("period.txt", lambda _: "soon\nlater\n", "NO. "),
    "an altered event": ("events.txt", lambda text: text.replace("Rota", "Root", 1), "NO. line 6, leaf "),
    "an event left out": ("events.txt", lambda text: "".join(text.splitlines(keepends=True)[:6]
                                                             + text.splitlines(keepends=True)[7:]), "NO. line 7, "),
    "a change twice": ("events.txt", lambda text: text + "".join(text.splitlines(keepends=True)[5:8]), "NO. line 13, "),
    "README altered": ("README.txt", lambda text: text + "All is well.\n", "NO. README.txt: "),
    "style altered": ("summary.css", lambda text: text + "td { display: none }", "NO. summary.css: "),
    "another key": ("public-key.txt", lambda _: "x+00000000+AAAA\n", "NO. public-key.txt: "),
    "key changes from elsewhere": ("key-changes.txt", lambda _: "junk\n", "NO. line 1: "),
}  # fmt: skip


@pytest.mark.parametrize("name", EDITS)
def test_verifier_says_no_to_a_book_with_a_changed_sentence_or_file_a5(name: str, outsider: Outsider) -> None:
    file, edit, named = EDITS[name]
    outsider.takes("book.zip", rezipped(made(), dict))
    assert outsider.verify("book.zip")[0] == 0
    outsider.takes("book.zip", rezipped(made(), lambda files: files | {file: edit(files[file])}))
    code, words = outsider.verify("book.zip")
    assert (code, words[: len(named)]) == (1, named), words


BYTES: dict[str, Callable[[bytes], bytes]] = {
    "one byte before": lambda book: b"\n" + book,
    "one byte after": lambda book: book + b"\n",
    "a comment": lambda book: book[:-2] + b"\x05\x00hello",
    "a local name differs": lambda book: book.replace(b"README.txt", b"Readme.txt", 1),
    "a size after a file differs": lambda book: book.replace(b"PK\7\10", b"PK\7\11", 1),
    "half of it": lambda book: book[: len(book) // 2],
}


@pytest.mark.parametrize("name", BYTES)
def test_verifier_says_no_to_a_book_that_two_programs_read_differently(name: str, outsider: Outsider) -> None:
    outsider.takes("book.zip", BYTES[name](made()))
    code, words = outsider.verify("book.zip")
    assert code in (1, 2), words
    assert "YES" not in words


def test_change_is_told_up_to_the_end_of_the_period(outsider: Outsider) -> None:
    """The book of a month does not change when its changes go on in the next month."""
    yesterday = timezone.now() - timedelta(days=1)
    for event in Event.objects.filter(change__isnull=False).exclude(change=9, seq__gte=2):
        overwrite(event.pk, at=yesterday)
    book = EvidenceBook(period.period_between(yesterday.date(), yesterday.date()), timezone.now())
    files = opened(b"".join(book.parts()))
    texts = [line.split("\t")[3] for line in files["events.txt"].splitlines()]
    assert [text for text in texts if '"change":9' in text] == [Event.objects.get(change=9, seq=1).text]
    assert book.rows == len(texts) == 9
    today = EvidenceBook(period.last_days(1), timezone.now())
    assert [change for change, _ in today._read_changes()] == [9]


def test_book_is_refused_before_it_begins_and_the_reason_is_named(outsider: Outsider, browser: Client) -> None:
    with pytest.raises(NoChange):
        EvidenceBook(period.period_between(date(2020, 1, 1), date(2020, 1, 2)), timezone.now())
    answer = browser.get("/audit/evidence-book.zip?since=2020-01-01&until=2020-01-02", follow=True)
    assert answer.redirect_chain == [("/audit/overview/?since=2020-01-01&until=2020-01-02", 302)]
    assert "No change has an event in this period" in answer.content.decode()
    record_event("change.commented", by="maria", change=11, secret=43)
    with pytest.raises(NotSealedYet):
        made()
    assert "The newest events are not sealed yet." in browser.get(ADDRESS, follow=True).content.decode()
    sealer.seal_pending_events()
    with pytest.raises(HistoryPruned):
        made()
    assert "The first events of CR-11 were removed" in browser.get(ADDRESS, follow=True).content.decode()
    assert browser.get("/audit/evidence-book.zip?days=8").status_code == 422
    assert not Event.objects.filter(action="audit.exported").exists()


def test_book_of_too_many_events_is_refused(
    outsider: Outsider, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence_book, "MOST_EVENTS", 11)
    assert "Choose a shorter period." in browser.get(ADDRESS, follow=True).content.decode()


def test_book_is_on_record_before_and_after(outsider: Outsider, browser: Client) -> None:
    response = browser.get(ADDRESS)
    assert re.fullmatch(
        r'attachment; filename="evidence-book-[0-9-]{10}-[0-9-]{10}.zip"', response["Content-Disposition"]
    )
    assert "no-store" in response["Cache-Control"]
    assert not Event.objects.filter(action="audit.export_ended").exists()
    response.getvalue()
    begun, ended = Event.objects.filter(action__startswith="audit.export").order_by("id")
    assert begun.entry
    assert ended.entry
    assert begun.entry.data == {"format": "book", "filters": {"days": "7"}, "leaves": 15}
    assert ended.entry.data == {"export": begun.pk, "format": "book", "rows": 12, "complete": True}


def test_memory_stays_flat_however_many_changes() -> None:
    for change in range(1, 801):
        record_event("change.submitted", by="maria", change=change, secret=43, data={"reason": "x" * 8000})
    sealer.seal_pending_events()
    book = EvidenceBook(period.last_days(1), timezone.now())
    tracemalloc.start()
    try:
        sent = sum(len(part) for part in book.parts())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert book.rows == 800
    assert sent > 100_000
    assert peak < 6_400_000  # all the texts together


@pytest.mark.parametrize("language", ["en", "pt-br"])
def test_outsider_knows_the_readme_of_a_book_in_each_language(language: str, outsider: Outsider) -> None:
    """Add the hash of a new wording to KNOWN, and leave the old ones: books of before must verify."""
    with translation.override(language):
        content = made()
    rest = opened(content)["README.txt"].partition("\n\n")[2]
    assert sha256(rest.encode()).hexdigest() in verify_countersign.KNOWN["README of a book"]
    outsider.takes("book.zip", content)
    assert outsider.verify("book.zip")[0] == 0
