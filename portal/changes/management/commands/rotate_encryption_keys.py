"""Command `rotate_encryption_keys`: encrypt all stored values with the keyring's first key, and print what is left."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.core.management import BaseCommand

from portal.changes.models import Change
from portal.changes.workflow import key_rotation


class Command(BaseCommand):
    help = (
        "Seals the client secrets of all open changes with the first key of PORTAL_ENCRYPTION_KEYS, while the portal"
        " runs. Before: the new key last on the ring of every process, then first. After, with exit code 0 and an hour"
        " later: take the old key off. Exit code 1 while anything is left under another key."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Rotate the key; exit with 1 if an older key is still needed, or a value cannot be decrypted."""
        done = key_rotation.rotate_encryption_key(by=f"{getpass.getuser()} (command line)")
        self.stdout.write(f"{done.moved} sealed anew with key {done.to}.")
        for key, count in sorted(done.left.items()):
            self.stdout.write(f"{count} left on key {key}.")
        for change_id in done.unopened:
            self.stdout.write(
                f"{Change(pk=change_id)} cannot be opened: its key is not on the ring, or it was altered."
            )
        if done.left:
            sys.exit(1)
        self.stdout.write("No open change needs another key.")
