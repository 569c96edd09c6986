"""Command `manage.py sync_catalog`: update the catalog from Segura now, in this process, and print the result."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from portal.catalog import directory
from portal.catalog.sync import sync_catalog


class Command(BaseCommand):
    help = (
        "Mirror Segura's list of API secrets now, and its directory where SCIM is set up. Ends with 1 and a sentence "
        "where that fails."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--accept-empty",
            action="store_true",
            help="Believe an empty list: mark every secret as vanished.",
        )

        parser.add_argument(
            "--accept-vanished",
            action="store_true",
            help="Believe the list although many secrets are missing from it: mark them as vanished.",
        )

    def handle(self, *_args: Any, accept_empty: bool, accept_vanished: bool, **_options: Any) -> None:
        sync = sync_catalog(accept_empty=accept_empty, accept_vanished=accept_vanished)
        if not sync.ok:
            raise CommandError(sync.sentence)
        self.stdout.write(
            f"{sync.listed} listed: {sync.added} new, {sync.altered} altered, "
            f"{sync.returned} returned, {sync.vanished} vanished, {sync.left_out} left out. {sync.sentence}".strip()
        )
        names = directory.sync_directory(at_once=True)
        if names is not None and not names.ok:
            raise CommandError(names.sentence)
        if names is not None:
            self.stdout.write(f"{names.users} users and {names.groups} groups in the directory.")
