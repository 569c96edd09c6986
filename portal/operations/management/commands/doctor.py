"""manage.py doctor: check this deployment, and advise what to do about each finding."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management import BaseCommand, CommandParser

from portal.operations import doctor
from portal.operations.doctor.finding import Finding, Severity

_SIGNS = {Severity.OK: "ok     ", Severity.ADVICE: "advice ", Severity.PROBLEM: "PROBLEM"}


class Command(BaseCommand):
    help = (
        "Looks at settings, database, broker, clocks, keys, workers, the sign-in and the assumptions about Segura's"
        " gateway, changes nothing, and says what to do about each finding. Ends with 1 where there is a problem."
    )
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--segura", action="store_true", help="ask Segura for a token, its list and one secret")
        parser.add_argument("--json", action="store_true", help="for machines: every finding, and how many problems")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print each finding at once, since a broker that does not answer delays the next ones."""
        findings = doctor.run_checks(ask_segura=options["segura"])
        found = list(findings) if options["json"] else [self._told(finding) for finding in findings]
        problems = sum(finding.level is Severity.PROBLEM for finding in found)
        if options["json"]:
            told = {"problems": problems, "findings": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(told, indent=2))
        else:
            advice = sum(finding.level is Severity.ADVICE for finding in found)
            self.stdout.write(f"\n{problems} problems, {advice} pieces of advice, {len(found)} findings in all.")
        if problems:
            sys.exit(1)

    def _told(self, finding: Finding) -> Finding:
        self.stdout.write(f"{_SIGNS[finding.level]}  {finding.area:<10}{finding.found}")
        if finding.todo:
            self.stdout.write(f"{'':>9}{'':<10}-> {finding.todo}")
        return finding
