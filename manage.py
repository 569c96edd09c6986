#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.management import execute_from_command_line

from portal.operations import state

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    if sys.argv[1:2] == ["run"]:
        # The settings refuse to start without keys; a first run makes up its own.
        try:
            state.prepare()
        except state.Unwritable as error:
            sys.exit(str(error))
    execute_from_command_line(sys.argv)
