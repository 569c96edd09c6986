"""python -m tests.deployment.compose [--umask 027]: the life of an installation in containers, with a real engine.

From a fresh clone of the last commit: build and start the demo, propose, approve, applied, more workers, stop at a bad
moment, every block for containers of docs/runbook.md with a backup and its restore, stop, start again, wipe. The first
change is made on PostgreSQL 15, from which the runbook then leads to the version of the last commit. Needs docker with
compose and buildx. The project and its volumes have a name of their own and are removed at the end.

BASE_IMAGE_BUILDER names a program that is given the tags of base images that the engine does not have, and makes them:
for a machine without a registry, `tests/deployment/build-base-images`.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from portal.devserver.redis_server import free_port
from tests.rig import documented
from tests.rig.portal import ROOT
from tests.rig.visitor import Visitor, wait_until

PROJECT = "countersign-check"
_FILES = ("Dockerfile", "docker-compose.yml", "deploy/database-tools/Dockerfile")
_OLD_POSTGRES = "15.14-bookworm"
_LONG_RUNNING = {"web", "worker", "sealer", "beat", "postgres", "redis", "sandbox"}


class Installation:
    """A clone with its containers, and the person who runs it."""

    def __init__(self, folder: Path, umask: int) -> None:
        self.folder, self.umask = folder, umask
        self.url = f"http://127.0.0.1:{free_port()}"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("PORTAL_", "SEGURA_"))},
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_PROFILES": "demo",
            "PORT": self.url.rpartition(":")[2],
            "PORTAL_BASE_URL": self.url,
            "SECOND_FACTOR_ROLES": "",  # the people of this check have passwords alone
        }

    def run(self, *command: str, ends: int = 0, **variables: str) -> str:
        """Run a command in the clone; returns what it printed, and raises unless it ended as expected."""
        began = time.monotonic()
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**self.environment, **variables},
            umask=self.umask,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        say(f"{time.monotonic() - began:6.1f} s  {' '.join(command)[:110]}".replace("\n", " "))
        if done.returncode != ends:
            raise SystemExit(f"ended with {done.returncode}, not {ends}:\n{done.stdout[-3000:]}{done.stderr[-6000:]}")
        return done.stdout

    def compose(self, *words: str, ends: int = 0) -> str:
        return self.run("docker", "compose", *words, ends=ends)

    def follow(self, heading: str, number: int = 0, *, language: str = "bash", ends: int = 0, **variables: str) -> str:
        """Run a block of the runbook, as a person would paste it into a shell that stops at the first error."""
        page = self.folder / "docs" / "runbook.md"
        block = documented.blocks(heading, page, language)[number]
        return self.run("bash", "-euo", "pipefail", "-c", block, ends=ends, **variables)

    def containers(self) -> dict[str, str]:
        """The containers that run, by id, with the time of their start."""
        found = self.compose("ps", "--quiet").split()
        lines = self.run("docker", "inspect", "--format", "{{.Id}} {{.State.StartedAt}}", *found).splitlines()
        return dict(line.split() for line in lines)

    def services(self) -> set[str]:
        return set(self.compose("ps", "--services", "--status", "running").split())


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def go_back_to_old_postgres(here: Installation) -> None:
    """Commit an older major version of PostgreSQL; the tag `release` is the commit that is checked."""
    here.run("git", "tag", "release")
    for name in ("docker-compose.yml", "deploy/database-tools/Dockerfile"):
        file = here.folder / name
        file.write_text(re.sub(r"(?<=postgres:)[\w.-]+", _OLD_POSTGRES, file.read_text(encoding="utf-8")), "utf-8")
    author = ("-c", "user.name=check", "-c", "user.email=check@corp.example")
    here.run("git", *author, "commit", "--quiet", "--all", "--message", "Start from an older PostgreSQL")


def have_base_images(here: Installation) -> None:
    """Let the named builder make the base images that the engine lacks; without one the build pulls them."""
    builder = os.environ.get("BASE_IMAGE_BUILDER")
    if not builder:
        return
    text = here.run("git", "show", *(f"{commit}:{name}" for commit in ("release", "HEAD") for name in _FILES))
    tags = sorted(set(re.findall(r"(?:FROM |image: )((?:python|postgres|redis):[^$\s]+)", text)))
    known = set(here.run("docker", "images", "--format", "{{.Repository}}:{{.Tag}}").split())
    missing = [tag for tag in tags if tag not in known]
    if missing:
        here.run(str(Path(builder).resolve()), *missing)


def wait_for_pages(here: Installation) -> None:
    def answers() -> bool:
        try:
            return requests.get(f"{here.url}/health/ready", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    wait_until(answers, "the pages are ready", 120)


def deliver(here: Installation, people: dict[str, str], secret: int, note: str) -> int:
    """Propose, approve and wait until the worker has delivered the change; returns its number."""
    requester, approver = (Visitor.sign_in(here.url, name, people[name]) for name in ("ana", "bruno"))
    change = requester.propose(secret, value=f"sesame {secret}", notes=note)
    approver.decide(change, "Approve")
    wait_until(lambda: "Segura confirmed the change" in requester.get(f"/changes/{change}/"), "it is applied", 120)
    say(f"          CR-{change} applied: {note}")
    return change


def hire(here: Installation) -> dict[str, str]:
    """The command of docs/production.md for each of three users; returns their passwords."""
    people = {}
    for name, roles in (("ana", ["requester"]), ("bruno", ["approver"]), ("carla", ["administrator", "auditor"])):
        words = [word for role in roles for word in ("--role", role)]
        people[name] = here.compose("run", "--rm", "manage", "user", name, *words).split()[-1]
    return people


def upgrade(here: Installation, people: dict[str, str], change: int) -> None:
    """Another major version of PostgreSQL keeps all data; then the usual way to a release, here to the same one."""
    version = ("exec", "postgres", "postgres", "--version")
    before = here.compose(*version)
    told = here.follow("A new major version of PostgreSQL", RELEASE="release")
    assert ": intact" in told, told
    assert before.split()[2].partition(".")[0] != here.compose(*version).split()[2].partition(".")[0]
    here.run("docker", "volume", "rm", f"{PROJECT}_database-before")
    wait_for_pages(here)
    assert "Segura confirmed" in Visitor.sign_in(here.url, "ana", people["ana"]).get(f"/changes/{change}/")
    told = here.follow("Upgrade, without a pause", RELEASE="release")
    assert ": intact" in told, told
    wait_for_pages(here)
    deliver(here, people, 15, "after the upgrades")


def see_that_scaling_replaces_nothing(here: Installation) -> None:
    before = here.containers()
    here.follow("More workers, more web processes, more machines")
    after = here.containers()
    assert before.items() <= after.items(), "a container was replaced"
    assert len(after) == len(before) + 2
    here.compose("up", "--detach")
    assert len(here.containers().items() & before.items()) == len(before), "a second start replaced a container"


def see_that_containers_stop_at_any_time(here: Installation) -> None:
    for service in ("worker", "sealer", "beat", "web"):
        name = f"{PROJECT}-{service}-1"
        here.run("docker", "restart", name)
        # On a busy host the init process itself needs a moment before it takes signals; Python then still imports.
        time.sleep(1)
        began = time.monotonic()
        here.run("docker", "stop", name)
        took = time.monotonic() - began
        code = here.run("docker", "inspect", "--format", "{{.State.ExitCode}}", name).strip()
        assert took < 40, f"{service} took {took:.0f} s to stop"
        assert code in {"0", "143"}, f"{service} ended with {code}"
        here.run("docker", "start", name)
    wait_for_pages(here)


def change_the_keys(here: Installation, people: dict[str, str]) -> None:
    """The sections about keys: blocks of the host change the files, containers restart."""
    files = {"PORTAL_ENCRYPTION_KEYS_FILE": ".secrets/encryption_keys"}
    for number in (0, 1):
        here.follow("Another sealing key", number, language="sh", **files)
        here.follow("Rolling restart")
    here.follow("Another sealing key")
    here.follow("Another sealing key", 3, language="sh", **files)
    here.follow("Rolling restart")
    here.follow("Another key for the audit log")
    old = (here.folder / ".secrets" / "segura_client_secret").read_text()
    (here.folder / ".secrets" / "new").write_text(old + "\n")
    files = {"SEGURA_CLIENT_SECRET_FILE": ".secrets/segura_client_secret", "NEW_SECRET_FILE": ".secrets/new"}
    here.follow("Another client secret for Segura", 0, language="sh", **files)
    here.follow("Another client secret for Segura", 1, language="sh", **files)
    wait_for_pages(here)
    deliver(here, people, 12, "after a change of all keys")


def lose_redis(here: Installation, people: dict[str, str]) -> None:
    here.compose("rm", "--stop", "--force", "redis")
    here.follow("Redis is lost")
    deliver(here, people, 14, "after Redis was lost")


def back_up_and_restore(here: Installation, people: dict[str, str]) -> None:
    """A backup, a change after it, and the restore, which finds that the log ends early."""
    backup = here.follow("Backup").split()[-1]
    here.follow("Backup", 1, BACKUP=backup)
    assert (here.folder / "portal.dump").read_bytes()[:5] == b"PGDMP"
    lost = deliver(here, people, 43, "after the backup")
    time.sleep(5)  # the sealer publishes a checkpoint of it
    here.follow("Restore", 0, BACKUP=backup)
    told = here.follow("Restore", 1, ends=1)
    assert "cut" in told, told
    here.follow("Restore", 2, OPERATOR="carla")
    here.compose("up", "--detach")
    wait_for_pages(here)
    carla = Visitor.sign_in(here.url, "carla", people["carla"])
    assert carla._session.get(f"{here.url}/changes/{lost}/", timeout=10).status_code == 404
    carla.get("/operations/")
    carla.press("Resume")
    deliver(here, people, 17, "after the restore")


def follow_retention(here: Installation, change: int) -> None:
    here.follow("Retention and legal hold", 0)
    here.follow("Retention and legal hold", 1, CHANGE=str(change))


def stop_start_and_wipe(here: Installation, people: dict[str, str], change: int) -> None:
    here.compose("down")
    assert here.services() == set()
    assert here.run("docker", "network", "ls", "--quiet", "--filter", f"name={PROJECT}").split() == []
    here.compose("up", "--detach")
    wait_for_pages(here)
    assert "Segura confirmed" in Visitor.sign_in(here.url, "ana", people["ana"]).get(f"/changes/{change}/")
    assert here.services() == _LONG_RUNNING
    volumes = ("docker", "volume", "ls", "--quiet", "--filter", f"name={PROJECT}")
    here.compose("down", "--volumes")
    assert here.run(*volumes).split() == [f"{PROJECT}_backups"]
    here.compose("--profile", "tools", "down", "--volumes")
    assert here.run(*volumes).split() == []


def live(here: Installation) -> None:
    """The whole story, in order."""
    here.run(sys.executable, "-m", "portal.operations.secret_files", "--demo")
    go_back_to_old_postgres(here)
    have_base_images(here)
    here.compose("up", "--build", "--detach")
    wait_for_pages(here)
    people = hire(here)
    here.compose("exec", "worker", "python", "manage.py", "sync_catalog")
    change = deliver(here, people, 12, "the first change")
    upgrade(here, people, change)
    see_that_scaling_replaces_nothing(here)
    see_that_containers_stop_at_any_time(here)
    for service in ("web", "worker", "sealer", "beat"):
        here.compose("exec", service, "python", "manage.py", "doctor")
    follow_retention(here, change)
    change_the_keys(here, people)
    lose_redis(here, people)
    back_up_and_restore(here, people)
    stop_start_and_wipe(here, people, change)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.deployment.compose")
    parser.add_argument("--umask", default="022", help="of the shell that clones and starts, in octal")
    umask = int(parser.parse_args().umask, 8)
    with tempfile.TemporaryDirectory() as folder:
        here = Installation(Path(folder, "countersign"), umask)
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(here.folder)], umask=umask, check=True)
        try:
            live(here)
        finally:
            here.compose("--profile", "tools", "down", "--volumes", "--remove-orphans")
    say(f"1 passed, 0 failed: containers under umask {umask:03o}")


if __name__ == "__main__":
    main()
