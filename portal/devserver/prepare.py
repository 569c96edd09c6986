"""Preparation that `manage.py run` needs before Django reads the settings."""

from __future__ import annotations

import os
import sys

from portal.devserver import postgres_server, state_dir


def prepare_run() -> None:
    """Switch the demo on and create the keys that the settings require, unless the environment says otherwise.

    Ends the process with one sentence if the state folder cannot be written.
    """
    try:
        folder = state_dir.prepare_state_folder()
        if "PORTAL_DEMO" not in os.environ:
            state_dir.write_setting(folder, "PORTAL_DEMO", "1")
        if not any(os.environ.get(name) for name in ("DATABASE_URL", "DATABASE_URL_FILE")):
            server = postgres_server.plan_server(folder)
            state_dir.write_setting(folder, "DATABASE_URL", server.url(postgres_server.OWNER))
    except state_dir.StateDirUnwritable as error:
        sys.exit(f"{error}")
