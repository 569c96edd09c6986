#!/usr/bin/env python
"""Django's command line."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line

from portal.operations import state


def main() -> None:
    """Run a command; what is wrong with the environment is a sentence, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        if sys.argv[1:2] == ["run"]:
            state.prepare()  # the settings refuse to start without keys; a first run makes up its own
        execute_from_command_line(sys.argv)
    except (ImproperlyConfigured, state.Unwritable) as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
