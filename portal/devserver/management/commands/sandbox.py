"""manage.py sandbox: run only the Segura sandbox, in the foreground."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management import BaseCommand


class Command(BaseCommand):
    help = "Runs the stand-in Segura alone; options are those of python -m portal.sandbox (see its --help)."
    requires_system_checks: list[str] = []

    def run_from_argv(self, argv: list[str]) -> None:
        """Replace this process by the sandbox, which parses its own options."""
        os.execv(sys.executable, [sys.executable, "-m", "portal.sandbox", *argv[2:]])  # noqa: S606

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Do the same when called from code."""
        self.run_from_argv(["manage.py", "sandbox"])
