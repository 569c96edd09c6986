"""Defences of votes: who casts them, what proves them, and until when they count."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

APPROVALS = (
    Mutant(
        "an approval says what its voter showed",
        "portal/changes/workflow.py",
        "    presence: Presence,\n    care: Care,\n",
        "    presence: Presence = Presence(True),\n    care: Care = Care(True, True),\n",
        ("tests/changes/test_required_arguments.py::test_act_without_what_its_user_showed_does_nothing",),
    ),
)
