"""The mutation check of `make faults` still fits the tree; here it is only held against it, not run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.defences import MUTANTS
from tests.mutants.mutant import Misfit, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_mutant_fits_the_tree_and_names_tests_that_exist(mutant: Mutant) -> None:
    mutant.check()
    assert mutant.old != mutant.new
    assert mutant.tests


def test_names_of_mutants_are_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_a_mutant_that_does_not_fit_says_so(tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text("once\ntwice twice\n")
    (tmp_path / "test_code.py").write_text("def test_it(): ...\n")
    fits = Mutant("name", "code.py", "once", "", ("test_code.py::test_it",))
    fits.check(tmp_path)
    misfits = {
        "2 times": {"old": "twice"},
        "0 times": {"old": "never"},
        "no test": {"tests": ("test_code.py::test_me",)},
    }
    for complaint, parts in misfits.items():
        with pytest.raises(Misfit, match=complaint):
            replace(fits, **parts).apply(tmp_path)
    fits.apply(tmp_path)
    assert (tmp_path / "code.py").read_text() == "\ntwice twice\n"
