"""Marks in the evidence summary: those of the portal's pages, made by the verifier alone."""

from __future__ import annotations

from pathlib import Path

from portal.audit.exports.evidence_pack import VERIFIER
from portal.audit.offline.verify_countersign import read_facts, shown_as
from portal.common import text_marks


def test_verifier_holds_the_same_difference_as_the_portal() -> None:
    portal = Path(text_marks.__file__).read_text().partition("Run = ")[2]
    copy = VERIFIER.read_text().partition("\nRun = ")[2].partition("\n\n\n# End of the copy")[0]
    assert copy == portal.rstrip()


def test_evidence_marks_what_the_pages_mark_d1_c2() -> None:
    base = {"client_id": "relay", "notes": "Call Ana <now>\nBy phone", "tags": ""}
    patch = {"client_id": "relay2", "notes": "Call Bia <now>\nBy phone", "tags": "new"}
    facts = {name: shown_as(value) for name, value in read_facts({"patch": patch, "base": base, "fields": [*patch]})}
    assert facts["Client id after"] == "relay<mark>2</mark>"
    assert facts["Notes before"] == "Call <mark>Ana</mark> &lt;now&gt;\nBy phone"
    assert (facts["Tags before"], facts["Tags after"]) == ("", "new")
