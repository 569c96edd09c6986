"""Every entry of the catalogue is shown by a test, or docs/reliability.md says why it cannot be."""

from __future__ import annotations

from tests.rig import catalogue


def test_every_entry_has_a_test_or_a_reason() -> None:
    assert not set(catalogue.entries()) - set(catalogue.shown()) - set(catalogue.not_here())


def test_no_test_claims_an_entry_that_is_not_there() -> None:
    assert not set(catalogue.shown()) - set(catalogue.entries())


def test_the_page_is_up_to_date() -> None:
    assert catalogue.PAGE.read_text(encoding="utf-8") == catalogue.page(), "run: python -m tests.rig.catalogue"
