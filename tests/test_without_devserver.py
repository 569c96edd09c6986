"""An installation for production runs without the packages that only `make run` and the tests need."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal.devserver.checks import PRODUCTION
from tests.rig.portal import ROOT


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree without the development server and the Segura sandbox."""
    folder = tmp_path_factory.mktemp("installation")
    ignored = shutil.ignore_patterns("devserver", "sandbox", "__pycache__")
    shutil.copytree(ROOT / "portal", folder / "portal", ignore=ignored)
    for name in ("templates", "static"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


@pytest.mark.parametrize(
    "command",
    [
        ["manage.py", "check"],
        ["-c", "import portal.wsgi"],
        ["-c", "import portal.celery; portal.celery.app.loader.import_default_modules()"],
    ],
    ids=["check", "web", "worker"],
)
def test_portal_loads_without_development_server_and_sandbox(installation: Path, command: list[str]) -> None:
    env = {**os.environ, **PRODUCTION, "PYTHONPATH": "", "DJANGO_SETTINGS_MODULE": "portal.settings"}
    ended = subprocess.run(
        [sys.executable, *command], cwd=installation, env=env, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
