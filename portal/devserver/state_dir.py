"""State folder of `manage.py run`: keys, lock, list of processes. Plain Python, usable before the settings.

Only its owner can read it: the folder has mode 0700, its files 0600.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).resolve().parent.parent.parent


class AlreadyRunning(Exception):
    """Another `run` has locked this state folder."""


class StateDirUnwritable(Exception):
    """The state folder cannot be created or written; the message says which and why."""


def state_folder() -> Path:
    """Return the state folder of `run`: PORTAL_STATE_DIR or `.state` beside manage.py, as in settings.py."""
    return Path(os.environ.get("PORTAL_STATE_DIR") or _ROOT / ".state").absolute()


def prepare_state_folder() -> Path:
    """Create the folder and add the portal's own keys that its file `env` lacks. Raises StateDirUnwritable."""
    state = state_folder()
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
        _complete(state / "env", _new_keys())
    except OSError as error:
        raise StateDirUnwritable(
            f"Cannot write to the state folder {state}: {error.strerror}. "
            "Name another one: PORTAL_STATE_DIR=/some/folder make run"
        ) from None
    return state


def _new_keys() -> dict[str, str]:
    return {
        "PORTAL_SECRET_KEY": secrets.token_urlsafe(48),
        "PORTAL_ENCRYPTION_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "PORTAL_APPROVAL_MAC_KEYS": base64.b64encode(secrets.token_bytes(32)).decode(),
        "PORTAL_METRICS_TOKEN": secrets.token_urlsafe(32),
        "AUDIT_SIGNING_KEY": base64.b64encode(secrets.token_bytes(32)).decode(),
    }


def _complete(path: Path, keys: dict[str, str]) -> None:
    """Add the lines that the file lacks: an older version of the portal made fewer keys."""
    present = path.read_text(encoding="utf-8") if path.exists() else ""
    names = {line.partition("=")[0] for line in present.splitlines()}
    missing = "".join(f"{name}='{key}'\n" for name, key in keys.items() if name not in names)
    if missing:
        write_private(path, present + missing)


def write_setting(state: Path, name: str, value: str) -> None:
    """Set a line of the file `env`, which the settings of every manage.py command with this state folder read."""
    path = state / "env"
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.partition("=")[0] != name]
    write_private(path, "".join(f"{line}\n" for line in (*lines, f"{name}='{value}'")))


def acquire_run_lock(state: Path) -> IO[str]:
    """Lock the state folder as long as the returned file is open. Raises AlreadyRunning.

    The kernel releases the lock when the process ends in any way.
    """
    handle = (state / "run.lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.close()
        raise AlreadyRunning(
            f"The portal is already running on {state}. Stop it first, "
            "or give this one a folder and port of its own: PORTAL_STATE_DIR=/some/folder PORT=9000 make run"
        ) from None
    return handle


def write_private(path: Path, text: str) -> None:
    """Replace a file in one step, readable only by its owner."""
    temporary = path.with_name(f"{path.name}.new")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def load_or_create_json(path: Path, make: dict[str, str]) -> dict[str, str]:
    """Return the values in the JSON file `path` for the names in `make`; add and save missing ones from `make`."""
    known: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    complete = {name: str(known.get(name, value)) for name, value in make.items()}
    if complete != known:
        write_private(path, json.dumps(complete, indent=2) + "\n")
    return complete
