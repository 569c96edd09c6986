"""manage.py user gives rights while there are fewer than two administrators; after that it files a proposal."""

from __future__ import annotations

import os
import subprocess
import sys
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from portal.accounts.models import User
from portal.accounts.roles import Right, Role, rights_of
from portal.devserver import checks
from portal.governance import proposals
from portal.governance.models import GovernanceProposal
from tests.people import person
from tests.rig.portal import ROOT
from tests.segura import events
from tests.vouching import PRESENT

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_queue")]


def console(*arguments: str) -> str:
    out = StringIO()
    call_command("user", *arguments, stdout=out)
    return out.getvalue()


def rights(name: str) -> frozenset[Right]:
    return rights_of(User.objects.get(username=name))


@pytest.fixture
def admin2(db: None) -> User:
    return person("admin2", Role.ADMINISTRATOR)


def test_console_makes_the_first_two_administrators_and_then_proposes() -> None:
    for name in ("first", "second", "third"):
        said = console(name, "--role", "administrator")
    assert rights("first") == rights("second") == {Right.OPERATE}
    assert rights("third") == frozenset()
    proposal = GovernanceProposal.objects.get()
    assert f"{proposal.reference} was filed, and gives nothing yet" in said
    assert (proposal.proposed_by, proposal.console) == (None, f"console (uid {os.getuid()})")
    assert events("governance.proposed")[0]["actor"] == f"console (uid {os.getuid()})"


def test_disabled_and_demo_administrators_do_not_count(admin: User, admin2: User) -> None:
    User.objects.filter(pk=admin2.pk).update(is_demo=True)
    console("ana", "--role", "approver")
    assert rights("ana") == {Right.DECIDE}
    User.objects.filter(pk=admin2.pk).update(is_demo=False, is_active=False)
    console("ana", "--role", "auditor")
    assert rights("ana") == {Right.AUDIT}


def test_console_takes_at_once_what_it_does_not_name_and_proposes_the_rest(admin: User, admin2: User) -> None:
    person("ana", Role.REQUESTER, Role.APPROVER)
    console("ana", "--role", "requester", "--role", "auditor")
    assert rights("ana") == {Right.PROPOSE}
    proposal = GovernanceProposal.objects.get()
    assert (proposal.old["roles"], proposal.new["roles"]) == (["requester"], ["requester", "auditor"])
    proposals.adopt_proposal(proposal.pk, by=admin, recent_auth=PRESENT)
    proposals.approve_proposal(proposal.pk, by=admin2, recent_auth=PRESENT)
    assert rights("ana") == {Right.PROPOSE, Right.AUDIT}


def test_console_disables_at_once_and_proposes_to_enable(admin: User, admin2: User) -> None:
    person("ana", Role.APPROVER)
    console("ana", "--disable")
    assert rights("ana") == frozenset()
    assert "was filed" in console("ana", "--enable")
    assert rights("ana") == frozenset()
    with pytest.raises(CommandError, match="Nothing was done"):
        console("ana", "--enable")
    console("ana", "--no-role")
    assert GovernanceProposal.objects.get().verdict == "outdated"


def test_demo_that_says_so_gives_rights_by_the_console(settings: Settings, admin: User, admin2: User) -> None:
    settings.CONSOLE_GIVES_RIGHTS = True
    console("ana", "--role", "approver")
    assert rights("ana") == {Right.DECIDE}


@pytest.mark.parametrize(("demo", "starts"), [("0", False), ("1", True)])
def test_production_does_not_start_with_a_console_that_gives_rights(demo: str, starts: bool) -> None:
    environment = {**os.environ, **checks.PRODUCTION, "PORTAL_CONSOLE_GIVES_RIGHTS": "1", "PORTAL_DEMO": demo}
    command = [sys.executable, "-c", "import portal.settings"]
    run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (run.returncode == 0) is starts, run.stderr
    assert starts or "PORTAL_CONSOLE_GIVES_RIGHTS is for demos" in run.stderr
