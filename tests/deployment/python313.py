"""python -m tests.deployment.python313: `manage.py check` and the quick tests under Python 3.13.

Installs what the requirement files pin into an environment of its own, beside the project's. PYTHON313 names the
interpreter if `python3.13` is not on the path. Arguments go to pytest, for instance a folder of tests.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from portal.devserver import checks
from tests.rig.portal import ROOT

_REQUIREMENTS = ROOT / "portal" / "requirements" / "dev.txt"
_QUICK = ("-m", "pytest", "-m", "not browser and not processes")


def make_environment(folder: Path) -> Path:
    """Return the Python of a new environment with all pinned packages. Raises SystemExit."""
    interpreter = os.environ.get("PYTHON313", "python3.13")
    try:
        said = subprocess.run([interpreter, "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        raise SystemExit(f"{interpreter} does not start: name a Python 3.13 in PYTHON313.") from None
    if not said.startswith("Python 3.13."):
        raise SystemExit(f"{interpreter} is {said.strip()}: name a Python 3.13 in PYTHON313.")
    subprocess.run([interpreter, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    install = ["-m", "pip", "install", "--quiet", "--require-hashes", "--requirement", str(_REQUIREMENTS)]
    subprocess.run([str(python), *install], check=True)
    (folder / "lib" / "python3.13" / "site-packages" / "countersign.pth").write_text(f"{ROOT}\n", encoding="utf-8")
    sys.stdout.write(f"{said.strip()} with {_REQUIREMENTS.name}\n")
    sys.stdout.flush()
    return python


def main() -> None:
    """Run both checks, the second also if the first fails."""
    with tempfile.TemporaryDirectory() as folder:
        python = str(make_environment(Path(folder, "python313")))
        check = [python, "manage.py", "check", "--fail-level", "WARNING"]
        checked = subprocess.run(check, cwd=ROOT, env={**os.environ, **checks.PRODUCTION}, check=False)
        tested = subprocess.run([python, *_QUICK, *sys.argv[1:]], cwd=ROOT, check=False)
    raise SystemExit(1 if checked.returncode or tested.returncode else 0)


if __name__ == "__main__":
    main()
