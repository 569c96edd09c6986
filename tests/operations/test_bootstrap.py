"""The bootstrap: what it does from nothing is tried by using it; here is how it fails and when it does nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from portal.devserver import bootstrap
from tests.rig.portal import ROOT


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The files the bootstrap needs, in a folder of their own."""
    shutil.copytree(ROOT / "portal" / "requirements", tmp_path / "portal" / "requirements")
    (tmp_path / "portal" / "devserver").mkdir()
    for name in ("__init__.py", "devserver/__init__.py", "devserver/bootstrap.py", "devserver/checks.py"):
        shutil.copy(ROOT / "portal" / name, tmp_path / "portal" / name)
    return tmp_path


def run(checkout: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [getattr(sys, "_base_executable", sys.executable), "-m", "portal.devserver.bootstrap", *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(checkout), **env}
    return subprocess.run(command, cwd=checkout, env=environment, capture_output=True, text=True, check=False)


def test_without_network_it_says_so_and_where_to_look(checkout: Path) -> None:
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "UV_INDEX_URL": "http://127.0.0.1:9/"}
    offline = {"PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1", "UV_NO_CACHE": "1"}
    ended = run(checkout, "run", **nowhere, **offline)
    assert ended.returncode == 1
    assert "Installing packages with pip failed" in ended.stderr
    assert "Is the network (or the package index that pip is configured for) within reach?" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert "Making a virtual environment" in ended.stdout
    assert not (checkout / ".venv" / "installed").exists()


def test_unknown_command_shows_the_known_ones(checkout: Path) -> None:
    ended = run(checkout, "rnu")
    assert ended.returncode == 2
    assert (
        "run|test|quick|faults|bench|lint|screenshots|reset|lock|compose-check|systemd-check|python313-check|check|image-pins"
        in ended.stderr
    )


def test_old_python_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (3, 99))
    assert bootstrap.main(["run"]) == 2
    assert "Python 3.99 or newer is needed" in capsys.readouterr().err


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An environment that works; anything the bootstrap would run in it fails the test."""
    (tmp_path / "requirements").mkdir()
    for name in ("devserver", "dev"):
        (tmp_path / "requirements" / f"{name}.txt").write_text(f"{name}==1")
    monkeypatch.setattr(bootstrap, "REQUIREMENTS", tmp_path / "requirements")
    monkeypatch.setattr(bootstrap, "VENV", tmp_path)
    monkeypatch.setattr(bootstrap, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(bootstrap, "try_to", lambda title, *_: pytest.fail(f"did something: {title}"))
    return tmp_path


def test_unchanged_requirements_install_nothing(installed: Path) -> None:
    (installed / "installed").write_text(bootstrap.fingerprint("devserver"))
    bootstrap.install("devserver")


def test_development_environment_also_serves_run(installed: Path) -> None:
    (installed / "installed").write_text(bootstrap.fingerprint("dev"))
    bootstrap.install("devserver")


def test_changed_requirements_are_installed_anew(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "installed").write_text(bootstrap.fingerprint("devserver"))
    (installed / "requirements" / "devserver.txt").write_text("devserver==2")
    done: list[str] = []
    monkeypatch.setattr(bootstrap, "try_to", lambda title, *_: done.append(title) or "")
    bootstrap.install("devserver")
    assert "Installing packages" in done
    assert (installed / "installed").read_text() == bootstrap.fingerprint("devserver")


def test_where_uv_fails_pip_installs(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (installed / "installed").write_text("base of an older release")
    done: list[str] = []

    def try_to(title: str, *_: object) -> str:
        done.append(title)
        return "no such index" if title == "Installing packages" else ""

    monkeypatch.setattr(bootstrap, "try_to", try_to)
    bootstrap.install("devserver")
    assert done[-1] == "Installing packages with pip"


STEPS = ("Making a virtual environment", "Fetching the installer (uv)", "Installing packages")


@pytest.mark.parametrize("interrupted", STEPS)
@pytest.mark.parametrize("halfway", [False, True])
def test_interrupted_run_goes_on_with_the_next_one(
    interrupted: str, halfway: bool, checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in each step, before it has done anything or in the midst of it: what is there then looks finished."""
    monkeypatch.setattr(bootstrap, "ROOT", checkout)
    monkeypatch.setattr(bootstrap, "VENV", checkout / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", checkout / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "REQUIREMENTS", checkout / "portal" / "requirements")
    (checkout / "portal" / "requirements" / "base.txt").write_text("")
    done: list[str] = []
    real = bootstrap.try_to

    def make_half(title: str) -> None:
        """What is on the disk when the step is stopped: a Python without pip, a package that cannot be imported."""
        if title == STEPS[0]:
            real(title, [sys.executable, "-m", "venv", "--without-pip", str(checkout / ".venv")])
        else:
            packages = next((checkout / ".venv" / "lib").glob("python*/site-packages"))
            (packages / "django").mkdir()
            (packages / "pip" / "__init__.py").write_text("raise ImportError\n")

    def stop_once(title: str, command: list[str], *_: object) -> str:
        if title == interrupted and title not in done:
            done.append(title)
            if halfway:
                make_half(title)
            raise KeyboardInterrupt
        return real(title, command) if title == STEPS[0] else ""

    monkeypatch.setattr(bootstrap, "try_to", stop_once)
    monkeypatch.setattr(bootstrap, "become", lambda *_: done.append("runs"))
    assert bootstrap.main(["run"]) == 1
    bootstrap.main(["run"])
    assert done == [interrupted, "runs"]
    assert bootstrap.works(checkout / ".venv" / "bin" / "python")
    assert list((checkout / ".venv").glob("lib/python*/site-packages/django")) == []


@pytest.mark.parametrize("broken", ["catalogue", "mutants", None])
def test_faults_fail_where_any_part_does_and_run_all(broken: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    ran: dict[str, list[str]] = {}
    monkeypatch.setenv("FAULTS", "")
    monkeypatch.setattr(bootstrap, "suite", lambda: ["-m", "pytest"])
    monkeypatch.setattr(bootstrap, "passes", lambda name, command: ran.update({name: command}) or name != broken)
    assert bootstrap.main(["faults", "-x"]) == (0 if broken is None else 1)
    catalogue = ["-m", "pytest", "-vv", "--durations=40", "-x"]
    assert [command[1:] for command in ran.values()] == [catalogue, ["-m", "tests.mutants"]]
    assert os.environ["FAULTS"] == "long"


def test_named_chromium_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHROMIUM", "/opt/browser")
    assert bootstrap.find_chromium() == "/opt/browser"


def test_no_chromium_and_no_way_to_get_one_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(bootstrap.Failed, match=r"no apt-get to install it with.*Install it by hand"):
        bootstrap.find_chromium()


def test_chromium_needs_root_or_sudo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    (tmp_path / "apt-get").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(bootstrap.Failed, match="only root may install it"):
        bootstrap.find_chromium()
