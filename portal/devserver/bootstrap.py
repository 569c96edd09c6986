"""Commands of `make`, which need only a bare Python: python3 -m portal.devserver.bootstrap run|test|bench|lint|...

Standard library only, and the grammar of Python 3.7, so that an old Python prints a message instead of a syntax error.
Exit codes: 1 a command failed, 2 the command line or the Python version is wrong.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

from portal.devserver import checks

ROOT = Path(__file__).resolve().parent.parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = ROOT / "portal" / "requirements"
OLDEST = (3, 11)


class Failed(Exception):
    """A failure that the developer must fix; the exception's text is the whole message."""


def main(arguments: list[str]) -> int:
    """Run one command; return the exit code unless the process was replaced by another program."""
    named = (run, test, quick, faults, bench, lint, screenshots, reset, lock)
    commands: dict[str, Callable[[list[str]], int]] = {each.__name__: each for each in named}
    commands |= {f"{name}-check": partial(check_deployment, name) for name in ("compose", "systemd", "python313")}
    commands["check"] = lambda _extra: lint([]) or test([])
    commands["image-pins"] = lambda _extra: subprocess.call(["sh", str(ROOT / "deploy" / "pin-images")])
    if not arguments or arguments[0] not in commands:
        print("Usage: python3 -m portal.devserver.bootstrap " + "|".join(commands), file=sys.stderr)
        return 2
    if sys.version_info < OLDEST:
        print(f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; this is {sys.version.split()[0]}.", file=sys.stderr)
        return 2
    try:
        return commands[arguments[0]](arguments[1:])
    except Failed as failure:
        print(f"\n{failure}", file=sys.stderr)
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
    return 1


def run(extra: list[str]) -> int:
    """Install what the portal needs and replace this process by `manage.py run`."""
    install("devserver")
    become("manage.py", "run", *extra)


def test(extra: list[str]) -> int:
    """Install what the tests need and replace this process by pytest."""
    become(*suite(), *extra)


def quick(extra: list[str]) -> int:
    """Run the tests that need neither a browser nor processes of their own."""
    install("dev")
    become("-m", "pytest", "-m", "not browser and not processes", *extra)


def faults(extra: list[str]) -> int:
    """Run the fault tests in their long form (one hour), then each mutant once; raise Failed if any test failed."""
    arguments = suite()
    os.environ["FAULTS"] = "long"
    told = [*arguments, "-vv", "--durations=40"]  # name each test as it ends, not after an hour
    parts = (("catalogue", [*told, *extra]), ("mutants", ["-m", "tests.mutants"]))
    failed = [name for name, each in parts if not passes(name, [str(PYTHON), *each])]
    if failed:
        raise Failed("Not shown: " + ", ".join(failed) + ".")
    return 0


def bench(extra: list[str]) -> int:
    """Measure, each figure beside the least code that does the same; everything takes about an hour."""
    suite()
    become("-m", "tests.bench", *extra)


def screenshots(extra: list[str]) -> int:
    """Take a picture of every page in every state into screenshots/, and a selection into docs/screenshots."""
    return test(["tests/atlas/test_pictures.py", "-n", "2", "--screenshots", "screenshots", *extra])


def lint(extra: list[str]) -> int:
    """Run every static check, all of them even if one fails; raise Failed if any did."""
    install("dev")
    os.environ.update(checks.PRODUCTION)
    commands = [(name, [str(PYTHON), *arguments, *extra]) for name, arguments in checks.CHECKS]
    commands.append(("hadolint", [str(VENV / "bin" / "hadolint"), "Dockerfile"]))
    failed = [name for name, command in commands if not passes(name, command)]
    if failed:
        raise Failed("Not clean: " + ", ".join(failed) + ".")
    return 0


def reset(_extra: list[str]) -> int:
    """Remove the state folder of `run`. Raises Failed while the portal runs, and for a folder that is not one."""
    state = Path(os.environ.get("PORTAL_STATE_DIR") or ROOT / ".state")
    marker = state / "run.lock"
    if not state.exists():
        print(f"Nothing to remove: {state} does not exist.")
        return 0
    if not marker.exists():
        raise Failed(f"{state} was not made by `make run`; nothing was removed.")
    with marker.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Failed("The portal is running: stop it first (Ctrl-C), then reset.") from None
        for link in filter(Path.is_symlink, (state / "postgres" / "socket", state / "postgres")):
            shutil.rmtree(link.resolve(), ignore_errors=True)  # made by devserver/postgres_server.py
        shutil.rmtree(state)
    print(f"Removed {state}.")
    return 0


def lock(_extra: list[str]) -> int:
    """Compile the requirement files again. The options keep every URL out of them."""
    install("base")
    fetch_uv()
    for name, *pinned in (("uv",), ("base",), ("otel", "base"), ("devserver", "base"), ("dev", "otel", "devserver")):
        command = [str(VENV / "bin" / "uv"), "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
        command += ["--generate-hashes", "--no-header", f"{name}.in", f"-o{name}.txt", *(f"-c{c}.txt" for c in pinned)]
        attempt(f"Compiling {name}.txt", command, REQUIREMENTS)
    return 0


def check_deployment(name: str, extra: list[str]) -> NoReturn:
    """Run a check in containers, on a Debian booted by systemd, or under another Python: up to an hour."""
    install("dev")
    become("-m", f"tests.deployment.{name}", *extra)


def suite() -> list[str]:
    """Install what the tests need; return the arguments that make Python run them."""
    install("dev")
    os.environ["CHROMIUM"] = find_chromium()
    return ["-m", "pytest"]


def become(*arguments: str) -> NoReturn:
    """Replace this process by the virtual environment's Python."""
    os.chdir(ROOT)
    sys.stdout.flush()
    os.execv(str(PYTHON), [str(PYTHON), *arguments])  # noqa: S606 - runs our own Python


def passes(name: str, command: list[str]) -> bool:
    """Run a check in the foreground and return whether it passed."""
    print(f"-- {name}", flush=True)
    return subprocess.run(command, cwd=str(ROOT), check=False).returncode == 0


def install(name: str) -> None:
    """Install what requirements/`name`.txt pins into `.venv`; do nothing if it is installed."""
    stamp = VENV / "installed"
    wanted = fingerprint(name)
    present = stamp.read_text() if stamp.exists() else ""
    if works(PYTHON) and present in (wanted, fingerprint("dev")):
        return
    with only_one():
        stamp.unlink(missing_ok=True)
        # Without the stamp of a finished installation start again from nothing: half a package looks complete.
        if not present or not works(PYTHON):
            make_venv()
        requirements = ["-r", str(REQUIREMENTS / f"{name}.txt")]
        if not (fetch_uv() and install_with_uv(requirements)):
            print("   uv could not be used here; going on with pip, which takes a minute or two.", flush=True)
            command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", *requirements]
            attempt("Installing packages with pip", command)
        stamp.write_text(wanted)


def fingerprint(name: str) -> str:
    """Return a text that changes whenever the requirement file does."""
    return name + " " + hashlib.sha256((REQUIREMENTS / f"{name}.txt").read_bytes()).hexdigest()


def works(python: Path) -> bool:
    """Return whether this interpreter starts and has pip: an environment can be half made, or its Python removed."""
    probe = f"import sys, pip; sys.exit(sys.version_info < {OLDEST!r})"
    try:
        return subprocess.run([str(python), "-c", probe], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Lock the virtual environment, so that two bootstraps in one folder run one after the other."""
    try:
        VENV.mkdir(exist_ok=True)
        handle = (VENV / "bootstrap.lock").open("a")
    except OSError as error:
        raise Failed(f"Cannot write to {ROOT}: {error.strerror}. Clone to a folder of your own.") from None
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            print("   another bootstrap is at work in this folder; waiting for it", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def make_venv() -> None:
    """Create a virtual environment in which plain `pytest` finds the plugin in tests/rig."""
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info[0]}.{sys.version_info[1]}"
        install_debian(f"python{version}-venv", "Python's venv module is missing")
    for name in ("bin", "lib", "include"):
        shutil.rmtree(VENV / name, ignore_errors=True)
    attempt("Making a virtual environment", [sys.executable, "-m", "venv", str(VENV)])
    (next(VENV.glob("lib/python*/site-packages")) / "countersign.pth").write_text(f"{ROOT}\n")


def fetch_uv() -> bool:
    """Install uv into the environment if it is missing; return False if that fails."""
    command = [str(PYTHON), "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(REQUIREMENTS / "uv.txt")]
    return (VENV / "bin" / "uv").exists() or try_to("Fetching the installer (uv)", command) == ""


def install_with_uv(requirements: list[str]) -> bool:
    """Install with uv, which is fast; return False if it fails, for instance if only pip knows the package index."""
    command = [str(VENV / "bin" / "uv"), "pip", "install", "--quiet", "--python", str(PYTHON), "--require-hashes"]
    return try_to("Installing packages", [*command, *requirements]) == ""


def attempt(title: str, command: list[str], folder: Path = ROOT) -> None:
    """Run a step with its progress lines. Raises Failed with the last line of the step's output."""
    last_words = try_to(title, command, folder)
    if last_words:
        hint = "Is the network (or the package index that pip is configured for) within reach?"
        raise Failed(f"{title} failed: {last_words}\n{hint}")


def try_to(title: str, command: list[str], folder: Path = ROOT) -> str:
    """Run a step with a line before, after, and every 15 s; return '' or the last line of its output if it fails."""
    print(f"-> {title} ...", flush=True)
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            command, cwd=str(folder), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        return f"{command[0]}: {error.strerror}"
    while True:
        try:
            output = process.communicate(timeout=15)[0].decode(errors="replace")
            break
        except subprocess.TimeoutExpired:
            print(f"   still at it ({time.monotonic() - began:.0f} s)", flush=True)
    if process.returncode == 0:
        print(f"   done in {time.monotonic() - began:.1f} s", flush=True)
        return ""
    return output.strip().rpartition("\n")[2].strip() or f"exit code {process.returncode}"


def find_chromium() -> str:
    """Return the browser of the browser tests: $CHROMIUM, else one on PATH, else Debian's package, installed now."""
    if os.environ.get("CHROMIUM"):
        return os.environ["CHROMIUM"]
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        install_debian("chromium", "the browser tests need Chromium and none was found")
        found = shutil.which("chromium")
    if found is None:
        raise Failed("Debian's chromium package was installed, but there is no `chromium` on PATH.")
    return found


def install_debian(package: str, reason: str) -> None:
    """Install a Debian package, with sudo if needed. Raises Failed if neither root nor sudo is available."""
    by_hand = f"Install it by hand (apt-get install {package}) and start again."
    if shutil.which("apt-get") is None:
        raise Failed(f"Stopped: {reason}, and there is no apt-get to install it with. {by_hand}")
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if sudo and (shutil.which("sudo") is None or subprocess.run([*sudo, "true"], capture_output=True).returncode):
        raise Failed(f"Stopped: {reason}, and only root may install it (no sudo without a password). {by_hand}")
    print(f"-- {reason}: installing Debian's package {package}", flush=True)
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq"]
    attempt("Reading the package lists", [*sudo, *quiet, "update"])
    attempt(f"Installing {package}", [*sudo, *quiet, "install", "-y", "--no-install-recommends", package])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
