"""manage.py demo_history: play the history of the demo through the pages of a running portal."""

from __future__ import annotations

import os
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError, CommandParser

from portal.devserver.demo_history import DemoPlayer
from portal.devserver.demo_story import play_story
from portal.devserver.page_client import PageError


class Command(BaseCommand):
    help = "Plays 20 changes of the demo accounts through the pages of the running portal; `make run` starts it."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--url", required=True, help="address of the portal")
        parser.add_argument("--control-url", required=True, help="control address of the Segura sandbox")

    def handle(self, *_args: Any, url: str, control_url: str, **_options: Any) -> None:
        """Play the history. Raises CommandError, one sentence, if a page does not answer as expected."""
        os.nice(10)  # the portal's pages come first on a host with two processors
        player = DemoPlayer(url, control_url, settings.STATE_DIR)
        try:
            play_story(player)
        except (PageError, OSError, ValueError) as error:
            player.stop_history()
            raise CommandError(f"The demo history ends early: {error}") from None
        self.stdout.write("The demo history is complete.")
