"""Defences of signed votes: each condition of the signature check, and each link of the chain of vote keys."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_CHECK = "portal/common/vote_signatures.py"
_OTHER = "tests/vote_keys/test_signatures.py::test_genuine_signature_of_anything_else_is_no_vote"
_BYTES = "tests/vote_keys/test_signatures.py::test_every_flipped_byte_of_the_evidence_fails"
_VOTE = "tests/vote_keys/test_signatures.py::test_signature_counts_for_no_other_vote"
_CHAIN = "tests/vote_keys/test_chain.py::test_"
_WORKER = "tests/vote_keys/test_signed_votes.py::test_"
_ATTACK = (
    "tests/vote_keys/test_database_attack.py::"
    "test_what_is_forged_with_the_database_role_is_never_sent_and_named_by_verification"
)

VOTE_KEYS = (
    Mutant("signature: it is an assertion", _CHECK, 'client.get("type") == "webauthn.get"', "True", (_OTHER,)),
    Mutant(
        "signature: of this text",
        _CHECK,
        'decode_base64url(client["challenge"]) == challenge',
        'bool(client["challenge"])',
        (_OTHER,),
    ),
    Mutant("signature: on this site", _CHECK, 'client.get("origin") == facts["origin"] and ', "", (_OTHER,)),
    Mutant(
        "signature: for this site id",
        _CHECK,
        "data[:32] == site",
        "True",
        ("tests/vote_keys/test_signatures.py::test_signature_for_another_site_id_is_no_vote",),
    ),
    Mutant("signature: user present and verified", _CHECK, "data[32] & 5 == 5", "data[32] & 1 == 1", (_OTHER,)),
    Mutant(
        "signature: made with the key",
        _CHECK,
        "        check_signature(decode_base64url(facts",
        "        max(decode_base64url(facts",
        (_BYTES,),
    ),
    Mutant(
        "signature: of this change",
        _CHECK,
        "for item in items) != 1",
        "for item in items) < 0",
        (_VOTE,),
    ),
    Mutant(
        "signature: with the voter's own key",
        _CHECK,
        '!= (log, vote["voter"], vote["person"]):\n        raise NotSigned("made with the key of another person")',
        '== ():\n        raise NotSigned("made with the key of another person")',
        ("tests/vote_keys/test_signatures.py::test_signature_by_the_key_of_another_person_does_not_count",),
    ),
    Mutant(
        "chain: confirmed",
        _CHECK,
        "    if not key.confirmed_at:\n",
        "    if False:\n",
        ("tests/vote_keys/test_signatures.py::test_key_that_does_not_count_signs_no_vote",),
    ),
    Mutant(
        "chain: not revoked",
        _CHECK,
        "    if key.is_revoked_at(at):\n",
        "    if False:\n",
        ("tests/vote_keys/test_signatures.py::test_key_that_does_not_count_signs_no_vote",),
    ),
    Mutant(
        "chain: enrolment and confirmation sealed",
        _CHECK,
        "[event for event, is_sealed in read if is_sealed]",
        "[event for event, _ in read]",
        (
            f"{_CHAIN}enrolment_that_is_not_sealed_does_not_count",
            f"{_CHAIN}confirmation_that_is_not_sealed_does_not_count",
        ),
    ),
    Mutant(
        "chain: begins with the first keys",
        _CHECK,
        "by is None or not by.is_first",
        "by is None",
        (
            f"{_CHAIN}chain_that_was_forged_from_its_beginning_is_refused",
            f"{_CHAIN}key_that_counts_and_is_not_a_first_one_confirms_none",
        ),
    ),
    Mutant(
        "chain: no person confirms their own key",
        _CHECK,
        'by.facts["owner"] == key.facts["owner"] or by.facts["person"] == key.facts["person"]',
        "False",
        (f"{_CHAIN}no_person_confirms_their_own_second_key",),
    ),
    Mutant(
        "chain: the confirmation names the key",
        _CHECK,
        'text.get("key"), text.get("confirmer")',
        'key.fingerprint, text.get("confirmer")',
        (f"{_CHAIN}confirmation_of_anything_else_does_not_count",),
    ),
    Mutant(
        "chain: the confirmation is signed",
        _CHECK,
        "    check_assertion(signed, by.facts)\n    text",
        "    text",
        (f"{_CHAIN}confirmation_signed_with_another_key_than_it_names_does_not_count",),
    ),
    Mutant(
        "chain: not confirmed with a stolen key",
        _CHECK,
        "for said in (self.revoked_at, self.compromised_at)",
        "for said in (self.revoked_at,)",
        (f"{_CHAIN}revocation_that_names_an_earlier_theft_takes_the_confirmations_since_then",),
    ),
    Mutant(
        "unsigned votes are refused",
        "portal/changes/workflow/review.py",
        "    signature_rules.require_signature(current, is_signed=ballot.signed is not None)\n",
        "",
        (f"{_WORKER}unsigned_vote_is_refused_where_signatures_are_required",),
    ),
    Mutant(
        "the worker proves signatures",
        "portal/changes/approvals/approval_proof.py",
        "signed_votes.list_proved_votes(revision, standing, log)",
        "[vote for vote, _ in standing]",
        (_ATTACK,),
    ),
    Mutant(
        "a voided vote is not inserted once more",
        "portal/changes/approvals/signed_votes.py",
        'signed.get("text") in spent',
        "False",
        (_ATTACK,),
    ),
    Mutant(
        "a revoked key voids open approvals",
        "portal/changes/approvals/valid_votes.py",
        "if vote.verdict == Verdict.APPROVE and vote.is_key_revoked:",
        "if False:",
        (f"{_WORKER}revoking_a_key_voids_the_open_approval_made_with_it",),
    ),
)
