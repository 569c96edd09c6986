"""The evidence pack of a change, and what else an auditor takes away: it proves itself to people outside."""

from __future__ import annotations

import hashlib
import html
import io
import re
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.test import Client

from portal.accounts.models import User
from portal.audit.exports.evidence_pack import VERIFIER, NotSealedYet, UnknownChange, build_evidence_pack
from portal.audit.ledger import canonical_json, record_event, to_storable_text
from portal.audit.models import Checkpoint, Event, TreeLeaf
from portal.audit.offline import verify_countersign
from portal.audit.sealing import inclusion_proofs, sealer
from portal.audit.sealing.leaves import SealedLogExport, format_leaf
from portal.audit.sealing.signed_note import Signer
from portal.audit.verification.verifier import verify_events
from tests.audit.conftest import OTHER_SEED
from tests.audit.outsider import Outsider
from tests.audit.tampering import insert, past_the_triggers

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signing_key")]

MARKUP = '<script>alert("1")</script>\u202e=1+1\x1b'
Edit = Callable[[list[str]], list[str]]


def a_change(change: int = 7) -> None:
    proposed = {
        "revision": 1,
        "digest": "d" * 64,
        "fields": ["url", "client_secret", "users_allowed"],
        "patch": {"url": "https://new.example", "users_allowed": [["alice", True]]},
        "base": {"url": "https://old.example", "users_allowed": []},
        "policy": {"required": 1},
        "reason": f"Move to the EU {MARKUP}",
        "ticket": "T-1",
        "secret_name": "GCP",
    }
    record_event("change.submitted", by="maria", change=change, secret=43, data=proposed)
    record_event("session.started", by="pedro")
    shown = {"signed_in_at": "2026-11-23T08:00:00+00:00", "presence_shown_at": "2026-11-23T08:31:07+00:00"}
    ballot = {"verdict": "approve", "revision": 1, "signed_in_with": ["password"], **shown}
    record_event("vote.cast", by="pedro", change=change, secret=43, data=ballot)
    record_event(
        "vault.unanswered", change=change, secret=43, data={"method": "PUT", "path": "/x", "duration_ms": 65000}
    )
    record_event("vault.responded", change=change, secret=43, http_status=201, data={"method": "PUT", "path": "/x"})
    record_event("change.applied", change=change, secret=43, http_status=201, data={"from": "sending", "to": "applied"})


def answered_change() -> list[dict[str, object]]:
    """Put a change that was sent once and answered into the log; return its events."""
    record_event(
        "change.submitted", by="maria", change=8, secret=43, data={"policy": {"required": 2}, "fields": ["url"]}
    )
    record_event("vote.cast", by="pedro", change=8, secret=43, data={"verdict": "approve", "revision": 1})
    record_event("delivery.intended", change=8, secret=43)
    record_event("delivery.answered", change=8, secret=43, http_status=201, data={"outcome": "applied"})
    texts = Event.objects.filter(change=8).order_by("seq").values_list("text", flat=True)
    return [verify_countersign.parse_event(text) for text in texts]


def test_summary_states_the_answer_of_segura_and_the_approvals_required() -> None:
    events = answered_change()
    assert "Countersign sent it once; Segura answered 201." in verify_countersign.change_sentences(events)
    assert "<td>201</td><td>Applied</td>" in verify_countersign.call_table(events)
    assert "Votes (2 approvals required)" in verify_countersign.vote_table(events)


def test_sentences_count_one_call_as_one_and_two_as_two() -> None:
    sent, answered = ({"action": f"delivery.{what}", "http_status": None} for what in ("intended", "answered"))
    again = {**answered, "http_status": 201}
    for events, words in (
        ([sent], "announced 1 call to change the secret; no answer is on record."),
        ([sent, answered, again], "announced 1 call to change the secret; the last answer is HTTP 201."),
        ([sent, sent, again], "announced 2 calls to change the secret; the last answer is HTTP 201."),
        ([sent, sent], "announced 2 calls to change the secret; no answer is on record."),
    ):
        text, values = verify_countersign.sent_sentence(events)
        assert text % values == f"Countersign {words}"
    text, values = verify_countersign.sent_sentence([sent], is_old=True)
    assert "announced 1 calls" in text % values


def test_pack_of_an_earlier_release_still_verifies(outsider: Outsider) -> None:
    """It says "announced 1 calls"; any other word is still compared."""
    record_event("change.submitted", by="maria", change=8, secret=43, data={"reason": "announced 1 calls"})
    record_event("delivery.intended", change=8, secret=43)
    sealer.seal_pending_events()
    files = opened(build_evidence_pack(8).content)
    texts = [*Event.objects.filter(change=8).order_by("seq").values_list("text", flat=True)]
    page = verify_countersign.print_summary(
        8, texts, files["checkpoint.txt"], files["public-key.txt"].strip(), is_old=True
    )
    assert page != files["summary.html"]
    for summary, code in ((files["summary.html"], 0), (page, 0), (page.replace("1 calls", "1 call", 1), 1)):
        outsider.takes("evidence.zip", zipped(files | {"summary.html": summary}))
        assert outsider.verify("evidence.zip")[0] == code


@pytest.fixture
def outsider(tmp_path: Path) -> Outsider:
    a_change(6)
    a_change()
    sealer.seal_pending_events()
    return Outsider(tmp_path / "outside")


def opened(content: bytes) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def zipped(files: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def test_pack_holds_all_of_the_change_and_what_proves_it(outsider: Outsider) -> None:
    made = build_evidence_pack(7)
    files = opened(made.content)
    assert set(files) == {
        "README.txt",
        "summary.html",
        "summary.css",
        "events.txt",
        "key-changes.txt",
        "checkpoint.txt",
        "public-key.txt",
        "verify_countersign.py",
    }
    lines = [line.split("\t") for line in files["events.txt"].split("\n")[:-1]]
    assert [text for *_, text in lines] == [event.text for event in Event.objects.filter(change=7).order_by("seq")]
    assert made.events == len(lines) == 5
    assert files["checkpoint.txt"] == Checkpoint.objects.latest().note
    assert files["public-key.txt"].strip() == str(sealer.get_signing_public_key())
    assert files["verify_countersign.py"] == VERIFIER.read_text()
    assert str(sealer.get_signing_public_key()) in files["README.txt"]
    assert "CR-7" in files["README.txt"]
    assert "&" not in files["README.txt"]


def test_summary_tells_people_what_happened_and_runs_nothing(outsider: Outsider) -> None:
    summary = opened(build_evidence_pack(7).content)["summary.html"]
    for part in (
        "https://old.example",
        "https://new.example",
        "new value set, not shown",
        "pedro",
        "T-1",
        "Vault unanswered",
        "201",
        "Change applied",
        "<dt>Signed in with</dt><dd>password",
        "<dt>Signed in at</dt><dd>2026-11-23T08:00:00+00:00",
        "<dt>Presence shown at</dt><dd>2026-11-23T08:31:07+00:00",
    ):
        assert part in summary
    assert "<script" not in summary
    assert "\u202e" not in summary
    assert "\x1b" not in summary
    assert re.findall(r"\son\w+=|src=\S+|href=\S+", summary) == ['href="summary.css">']


def test_outsider_says_yes_to_an_honest_pack(outsider: Outsider) -> None:
    outsider.takes("evidence.zip", build_evidence_pack(7).content)
    code, words = outsider.verify("evidence.zip")
    assert (code, words) == (
        0,
        "YES. The first 5 events of change 7, none left out, are in the log of 13 events.\n"
        "CR-7: approved by pedro: not signed\n",
    )


def at(place: int, change: Callable[[str], str]) -> Edit:
    return lambda lines: [change(line) if number == place else line for number, line in enumerate(lines)]


EDITS: dict[str, tuple[Edit, str]] = {
    "altered": (at(2, lambda line: line.replace("65000", "100")), "line 3, leaf 10: its text is not the one"),
    "left out": (lambda lines: lines[:2] + lines[3:], "line 3, leaf 11: event 3 of change 7 must stand here"),
    "first left out": (lambda lines: lines[1:], "line 1, leaf 9: event 1 of change 7 must stand here"),
    "swapped": (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1, leaf 9: event 1 of change 7"),
    "twice": (lambda lines: [lines[0], *lines], "line 2, leaf 7: event 2 of change 7"),
    "other leaf": (at(1, lambda line: "8" + line.removeprefix("9")), "line 2, leaf 8: not in the log"),
    "no proof": (at(0, lambda line: re.sub(r"\t[0-9a-f,]*\t\{", "\t\t{", line)), "line 1, leaf 7: not in the"),
    "no event": (lambda _: [], "events.txt: it holds no event"),
    "junk": (at(4, lambda _: "junk"), "line 5: not a line of a sealed log"),
}


@pytest.mark.parametrize("name", EDITS)
def test_outsider_says_no_to_a_pack_that_was_tampered_with_and_names_the_place(name: str, outsider: Outsider) -> None:
    edit, named = EDITS[name]
    files = opened(build_evidence_pack(7).content)
    files["events.txt"] = "".join(f"{line}\n" for line in edit(files["events.txt"].split("\n")[:-1]))
    outsider.takes("evidence.zip", zipped(files))
    code, words = outsider.verify("evidence.zip")
    assert code == 1
    assert words.startswith(f"NO. {named}")


def test_outsider_says_no_to_an_event_that_was_forged_with_its_hash(outsider: Outsider) -> None:
    with past_the_triggers():
        event = Event.objects.get(change=7, seq=3)
        forged = event.text.replace("65000", "100")
        Event.objects.filter(pk=event.pk).update(text=forged)
        TreeLeaf.objects.filter(event=event.pk).update(leaf_hash=inclusion_proofs.merkle.leaf_hash(forged.encode()))
    outsider.takes("evidence.zip", build_evidence_pack(7).content)
    # The proofs of its neighbours go through its hash, so the first of them is where it shows.
    assert outsider.verify("evidence.zip") == (1, "NO. line 1, leaf 7: not in the log that was signed.\n")


def test_outsider_says_no_to_another_key_and_to_a_forged_checkpoint(outsider: Outsider) -> None:
    files = opened(build_evidence_pack(7).content)
    other = Signer.parse("localhost/countersign-audit", OTHER_SEED).verifier
    outsider.takes("other.txt", str(other))
    outsider.takes("evidence.zip", build_evidence_pack(7).content)
    refusal = (1, "NO. checkpoint.txt: not a checkpoint that was signed with the key of this log.\n")
    assert outsider.verify("evidence.zip", key="other.txt") == refusal
    files["checkpoint.txt"] = files["checkpoint.txt"].replace("\n13\n", "\n14\n")
    outsider.takes("evidence.zip", zipped(files))
    assert outsider.verify("evidence.zip") == (1, "NO. checkpoint.txt: its signature is false.\n")


def test_verifier_is_one_file_and_needs_nothing_of_ours() -> None:
    text = VERIFIER.read_text()
    assert text.count("\n") < 1750
    imported = set(re.findall(r"^(?:from|import) (\w+)", text, re.MULTILINE))
    assert imported - {"cryptography"} <= sys.stdlib_module_names


def test_pack_waits_for_the_seal_of_the_newest_event(outsider: Outsider) -> None:
    record_event("change.retried", by="maria", change=7, secret=43)
    with pytest.raises(NotSealedYet):
        build_evidence_pack(7)
    with pytest.raises(UnknownChange):
        build_evidence_pack(99)
    sealer.seal_pending_events()
    assert build_evidence_pack(7).events == 6


AWKWARD = ("=1+1", "\u2028\u0085\x1c\x0b", "\r\n", "\t", "\x00\ud800", '"\\', MARKUP, "名 ação")


@pytest.mark.shows("A10")
def test_a10_equal_contents_are_exported_with_equal_leaf_hashes() -> None:
    """The text alone is hashed, as UTF-8: no column and no number has a part in it."""
    sealer.seal_pending_events()
    texts = [
        canonical_json({"action": "vault.responded", "data": {"message": to_storable_text(text)}, "v": 1})
        for text in AWKWARD
    ]
    for text in texts:
        insert(at="2026-01-01T00:00:00Z", action="vault.responded", text=text)
    sealer.seal_pending_events()
    exported = [line.split("\t") for line in "".join(SealedLogExport().parts()).split("\n")[1:-1]]
    assert [text for *_, text in exported] == texts
    hashes = "".join(hashed for _, hashed, *_ in exported)
    assert hashlib.sha256(hashes.encode()).hexdigest() == (
        "f57dc144870e71fbbbb64e5a928d17d764888a3d9a2e5ccb6becfd2c30ed10e6"
    )


@pytest.mark.shows("A10")
def test_a10_outsider_comes_to_the_same_verdict_over_awkward_contents(outsider: Outsider) -> None:
    for text in AWKWARD:
        record_event("change.submitted", by=text, change=8, secret=43, data={"reason": text, text: text})
    sealer.seal_pending_events()
    assert verify_events().findings == []
    outsider.takes_checkpoint()
    outsider.takes_log()
    assert outsider.verify("sealed-log.txt", "checkpoint.txt")[0] == 0
    outsider.takes("evidence.zip", build_evidence_pack(8).content)
    assert outsider.verify("evidence.zip")[0] == 0


def test_outsider_says_no_to_a_change_without_its_submission(outsider: Outsider) -> None:
    """Numbers begin anew where all before them went, so they alone do not tell that these events were the first."""
    record_event("change.commented", by="maria", change=9, secret=43)
    sealer.seal_pending_events()
    event = Event.objects.get(change=9)
    sealed = inclusion_proofs.prove_events([event.pk])[event.pk]
    files = opened(build_evidence_pack(7).content)
    files["events.txt"] = format_leaf(sealed.leaf, sealed.leaf_hash, event.text, sealed.proof)
    outsider.takes("evidence.zip", zipped(files))
    code, words = outsider.verify("evidence.zip")
    assert (code, words.startswith("NO. line 1, leaf 13: change 9 must begin with its submission")) == (1, True), words


Open = Callable[[User], Client]


@pytest.fixture
def browser(auditor: User, as_person: Open) -> Client:
    return as_person(auditor)


def test_auditor_takes_the_pack_and_it_is_on_record(outsider: Outsider, browser: Client) -> None:
    response = browser.get("/audit/changes/7/evidence.zip")
    assert response.status_code == 200
    assert response["Content-Disposition"] == 'attachment; filename="CR-7-evidence.zip"'
    assert "no-store" in response["Cache-Control"]
    outsider.takes("evidence.zip", response.content)
    assert outsider.verify("evidence.zip")[0] == 0
    taken = Event.objects.get(action="audit.evidence_exported")
    assert taken.actor == "auditor"
    assert taken.change is None  # taking the evidence must not change it
    assert taken.entry is not None
    assert taken.entry.data == {"subject": "CR-7", "rows": 5, "leaves": 13}
    assert browser.get("/audit/changes/99/evidence.zip").status_code == 404


def test_pack_that_cannot_be_made_yet_is_explained_on_the_page_of_the_change(
    outsider: Outsider, browser: Client
) -> None:
    record_event("change.retried", by="maria", change=7, secret=43)
    response = browser.get("/audit/changes/7/evidence.zip", follow=True)
    assert isinstance(response, HttpResponse)
    assert response.redirect_chain == [("/audit/changes/7/", 302)]
    assert "The newest events of CR-7 are not sealed yet" in response.content.decode()
    assert not Event.objects.filter(action="audit.evidence_exported").exists()
    record_event("change.commented", by="maria", change=9, secret=43)  # numbered anew, after all before it went
    response = browser.get("/audit/changes/9/evidence.zip", follow=True)
    assert "The first events of CR-9 are gone" in response.content.decode()
    sealer.seal_pending_events()
    with past_the_triggers():
        TreeLeaf.objects.filter(leaf=3).delete()
    response = browser.get("/audit/changes/7/evidence.zip", follow=True)
    assert "the kept tree is damaged" in response.content.decode()


def test_auditor_takes_log_checkpoint_key_and_verifier(outsider: Outsider, browser: Client) -> None:
    for name in ("checkpoint.txt", "public-key.txt", "verify_countersign.py", "sealed-log.txt"):
        response = browser.get(f"/audit/{name}")
        content = response.getvalue() if response.streaming else response.content
        assert "attachment" in response["Content-Disposition"]
        outsider.takes(name, content)
    code, words = outsider.verify("sealed-log.txt", "checkpoint.txt")
    assert (code, words[:4]) == (0, "YES.")
    newest = [row.entry for row in Event.objects.filter(actor="auditor")[:3]]
    told = [(entry.action, entry.data.get("rows"), entry.data.get("view")) for entry in newest if entry]
    assert told == [
        ("audit.export_ended", 13, None),
        ("audit.exported", None, None),
        ("audit.read", None, "checkpoint"),
    ]


def test_without_a_seal_there_is_nothing_to_take(browser: Client) -> None:
    assert browser.get("/audit/checkpoint.txt").status_code == 404
    assert browser.get("/audit/public-key.txt").status_code == 404
    assert "No event is sealed yet" in browser.get("/audit/").content.decode()


@pytest.mark.parametrize(
    "address",
    ["/audit/changes/7/evidence.zip", "/audit/sealed-log.txt", "/audit/checkpoint.txt", "/audit/verify/"],
)
def test_others_take_nothing(
    address: str, outsider: Outsider, as_person: Open, requester: User, approver: User, admin: User, client: Client
) -> None:
    for somebody in (requester, approver, admin):
        somebodys = as_person(somebody)
        assert (somebodys.post if "verify" in address else somebodys.get)(address).status_code == 403
    answer = client.post(address) if "verify" in address else client.get(address)
    assert answer.headers["Location"].startswith("/accounts/login/")


def test_summary_has_no_raw_json_outside_the_annex_e1(outsider: Outsider) -> None:
    summary = html.unescape(opened(build_evidence_pack(7).content)["summary.html"])
    reading, annex = summary.split("<details>")
    assert "[[" not in reading
    assert '{"' not in reading
    assert '{"' in annex
    assert "alice (can edit)" in reading
    assert "Votes (1 approval required)" in reading


def test_sentences_of_the_pack_are_those_of_the_portal_e2(
    outsider: Outsider, auditor: User, as_person: Callable[[User], Client]
) -> None:
    pack = opened(build_evidence_pack(7).content)["summary.html"]
    page = as_person(auditor).get("/audit/changes/7/").content.decode()

    def told(text: str) -> list[str]:
        sentences = text.split("<ol>")[1].split("</ol>")[0]
        return [html.unescape(one) for one in re.findall(r"<li>(.*?)</li>", sentences, re.DOTALL)]

    assert told(pack) == told(page)
    assert 5 <= len(told(pack)) <= 8
    assert any("pedro approved revision 1" in sentence for sentence in told(pack))
    assert "The secret was not read back." in told(pack)
