"""Defences of the evidence book, and of the program that verifies it outside."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

EVIDENCE_BOOK = (
    Mutant(
        "a book is made of the events (outsider)",
        "portal/audit/offline/verify_countersign.py",
        "            if page.read(len(piece.encode())) != piece.encode():",
        "            if page.read(len(piece.encode())) is None:",
        ("tests/audit/test_evidence_book.py::test_verifier_says_no_to_a_book_with_a_changed_sentence_or_file_a5",),
    ),
    Mutant(
        "a book ends with its last word (outsider)",
        "portal/audit/offline/verify_countersign.py",
        "        if page.read(1):",
        "        if False:",
        ("tests/audit/test_evidence_book.py::test_verifier_says_no_to_a_book_with_a_changed_sentence_or_file_a5",),
    ),
    Mutant(
        "a book holds changes of its period alone (outsider)",
        "portal/audit/offline/verify_countersign.py",
        "            if not any(since <= at < until for at in times) or max(times) >= until:",
        "            if False:",
        ("tests/audit/test_evidence_book.py::test_verifier_says_no_to_a_book_with_a_changed_sentence_or_file_a5",),
    ),
    Mutant(
        "a book holds each change once (outsider)",
        "portal/audit/offline/verify_countersign.py",
        " and isinstance(stated, int) and stated > change:",
        ":",
        ("tests/audit/test_evidence_book.py::test_verifier_says_no_to_a_book_with_a_changed_sentence_or_file_a5",),
    ),
    Mutant(
        "a book ends with its period",
        "portal/audit/exports/evidence_book.py",
        "~Exists(same), ",
        "",
        ("tests/audit/test_evidence_book.py::test_change_is_told_up_to_the_end_of_the_period",),
    ),
    Mutant(
        "a book of what is not sealed yet is refused",
        "portal/audit/exports/evidence_book.py",
        "            raise evidence_pack.NotSealedYet\n",
        "            pass\n",
        ("tests/audit/test_evidence_book.py::test_book_is_refused_before_it_begins_and_the_reason_is_named",),
    ),
)
