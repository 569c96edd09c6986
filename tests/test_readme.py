"""The README says what is so."""

from __future__ import annotations

import re

from portal.devserver.bootstrap import main
from portal.devserver.demo_users import PEOPLE
from tests import settings_names
from tests.rig.portal import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([A-Z_]+)`( 🔑)? \|", README, re.MULTILINE))


def test_configuration_table_has_a_row_for_each_setting_and_no_other() -> None:
    assert set(ROWS) == settings_names.names()
    assert len(ROWS) > 30


def test_configuration_table_marks_the_settings_that_may_come_from_a_file() -> None:
    assert {name for name, key in ROWS.items() if key} == settings_names.secret_names()


def test_demo_accounts_are_the_ones_that_are_made() -> None:
    table = README.partition("| account | may |")[2].partition("\n\n")[0]
    assert re.findall(r"`(\w+)`", table) == list(PEOPLE)


def test_commands_exist_with_and_without_make(capsys) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[1].split())
    assert set(re.findall(r"`make ([\w-]+)", README)) <= targets
    assert main([]) == 2
    known = set(capsys.readouterr().err.split()[-1].split("|"))
    assert targets <= known
    assert set(re.findall(r"portal\.bootstrap (\w+)`", README)) <= known
