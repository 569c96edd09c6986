"""manage.py verify_audit: verify the whole log and name what is wrong with it."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from portal.audit.sealing.signed_note import InvalidNote, Verifier
from portal.audit.verification.recorded import verify_and_record
from portal.audit.verification.vote_checks import describe_approvals


class Command(BaseCommand):
    help = "Verifies the audit log. Exit code 1 where anything was altered, removed, reordered, inserted or cut."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--checkpoint",
            action="append",
            default=[],
            metavar="FILE",
            help="a checkpoint that was kept elsewhere, without which a cut tail cannot show; may be repeated",
        )
        parser.add_argument("--key", metavar="FILE", help="the public key that must have signed the newest checkpoint")
        parser.add_argument(
            "--approvals", action="store_true", help="print for each approval with which vote key it is signed"
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print a line for each finding, then the verdict; exit with 1 if the log is not intact."""
        try:
            outside = [Path(name).read_text(encoding="utf-8") for name in options["checkpoint"]]
            key = Verifier.parse(Path(options["key"]).read_text(encoding="utf-8")) if options["key"] else None
            by = f"{getpass.getuser()} (command line)"
            report = verify_and_record(by=by, outside=outside, key=key)
        except DatabaseError as error:
            raise CommandError(f"The database did not let this role verify: {str(error).strip()}") from None
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}") from None
        except (InvalidNote, UnicodeDecodeError, ImproperlyConfigured) as error:
            raise CommandError(str(error)) from None
        for line in describe_approvals() if options["approvals"] else ():
            self.stdout.write(line)
        for finding in report.findings:
            self.stdout.write(finding)
        if report.problems > len(report.findings):
            self.stdout.write(f"... and {report.problems - len(report.findings)} more")
        trust = "" if report.trusted else " (as the log itself says: bring the key along with --key)"
        signed = f"signed with key {report.key_id}{trust}" if report.key_id else "nothing is sealed"
        verdict = "intact" if report.intact else f"NOT intact, {report.problems} problems"
        pruned = f" ({report.pruned} of them removed at the end of their retention)" if report.pruned else ""
        self.stdout.write(f"{report.size} events{pruned}, {signed}: {verdict}. {report.seconds:.1f} s")
        if not report.intact:
            sys.exit(1)
