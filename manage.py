#!/usr/bin/env python
"""Command line of Django for this project."""

import os
import sys
from importlib import import_module

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError


def main() -> None:
    """Run a command; print configuration and database errors as one sentence instead of a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        if sys.argv[1:2] == ["run"]:
            # Imported by name: a production installation may leave the package out.
            import_module("portal.devserver.prepare").prepare_run()
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:
        sys.exit(f"{error}")
    except DatabaseError as error:
        if "--traceback" in sys.argv:
            raise
        # Only the first line: the others may quote values of the row.
        said = f"{error}".strip().partition("\n")[0]
        sys.exit(f"The database refused this command: {said}. Is DATABASE_URL that of the role that may run it?")


if __name__ == "__main__":
    main()
