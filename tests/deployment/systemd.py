"""python -m tests.deployment.systemd: docs/production.md on a Debian 12 that a real systemd has booted.

Boots a root folder with systemd-nspawn, follows the page block by block, delivers a change, and looks at what the
page promises: five units, host names in the workers' names, a sealed log, accounts that read no more than they need,
stopping and killing at any time, backup, retention, proxy, another certificate, an upgrade into a second folder. Needs
root, and Debian's systemd-container and mmdebstrap. The guest has a loopback network of its own.

MIRROR and OVERLAY as in build-base-images. HOST_ROOT: a tar of the root that is made once and used again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from portal.operations.secret_files import READERS
from tests.rig import documented
from tests.rig.portal import ROOT
from tests.rig.visitor import wait_until

PAGE = ROOT / "docs" / "production.md"
_PACKAGES = "systemd,systemd-sysv,dbus,python3-venv,postgresql,redis-server,openssl,git,ca-certificates,nginx-light"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_UNITS = ("web", "worker@1", "worker@2", "sealer", "scheduler")
_STORY = """
import sys
from tests.rig.visitor import Visitor, wait_until
url, ana, bruno, carla, secret, note = sys.argv[1:]
trust = "/etc/countersign/secrets/tls_certificate"
requester, approver = Visitor.sign_in(url, "ana", ana, trust), Visitor.sign_in(url, "bruno", bruno, trust)
change = requester.propose(int(secret), value="sesame " + secret, notes=note)
approver.decide(change, "Approve")
wait_until(lambda: "Segura confirmed the change" in requester.get(f"/changes/{change}/"), "it is applied", 120)
page = Visitor.sign_in(url, "carla", carla, trust).get("/operations/")
print(*(name for name in ("worker1@", "worker2@", "sealer@") if name in page))
"""


class Guest:
    """A host that systemd has booted."""

    def __init__(self, root: Path) -> None:
        self.root, self._leader = root, 0

    @contextmanager
    def booted(self) -> Iterator[None]:
        command = ["systemd-nspawn", "--quiet", "--directory", str(self.root), "--machine", "countersign-check"]
        command += ["--register=no", "--keep-unit", "--private-network", "--boot"]
        with Path(f"{self.root}.console").open("wb") as console:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            wait_until(lambda: self._find_leader(process.pid), "the guest starts", 30)
            wait_until(lambda: self.state() in {"running", "degraded"}, "systemd has booted", 180)
            yield
        finally:
            process.terminate()
            process.wait(60)

    def _find_leader(self, pid: int) -> bool:
        found = subprocess.run(["pgrep", "--parent", str(pid)], capture_output=True, text=True, check=False).stdout
        self._leader = int(found.split()[0]) if found else 0
        return bool(self._leader)

    def state(self) -> str:
        return self._enter("systemctl is-system-running", network=True).stdout.strip()

    def _enter(self, script: str, *, network: bool, **variables: str) -> subprocess.CompletedProcess[str]:
        command = ["nsenter", "--target", str(self._leader), "--mount", "--uts", "--ipc", "--pid"]
        # Without its own network a command reaches the package index as the real host does.
        command += ["--net"] if network else []
        command += ["/bin/bash", "-euo", "pipefail", "-c", script]
        environment = {"PATH": _PATH, "HOME": "/", **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def run(self, script: str, *, ends: int = 0, network: bool = True, **variables: str) -> str:
        """Run it as root in the guest; returns what it printed, and raises unless it ended as expected."""
        began = time.monotonic()
        done = self._enter(script, network=network, **variables)
        say(f"{time.monotonic() - began:6.1f} s  {' '.join(script.split())[:110]}")
        if done.returncode != ends:
            journal = self._enter("journalctl --no-pager --lines 60 --unit 'countersign-*'", network=True).stdout
            raise SystemExit(f"ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-4000:]}\n{journal}")
        return done.stdout

    def follow(self, heading: str, number: int = 0, *, language: str = "sh", network: bool = True, **names: str) -> str:
        """Run a block of the page."""
        page = ROOT / "docs" / names.pop("page", PAGE.name)
        block = documented.blocks(heading, page, language)[number]
        return self.run(block, network=network, **names)

    def states(self) -> list[str]:
        units = " ".join(f"countersign-{name}" for name in _UNITS)
        return self.run(f"systemctl is-active {units} || true").split()


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def make_root(folder: Path) -> Path:
    """A Debian 12 with the packages of the page, and a repository with two tags of the last commit."""
    kept = Path(os.environ.get("HOST_ROOT") or folder / "root.tar")
    if not kept.exists():
        overlay = os.environ.get("OVERLAY")
        hook = [f'--customize-hook=cp -a "{overlay}"/. "$1"/'] if overlay else []
        mirror = os.environ.get("MIRROR", "http://deb.debian.org/debian")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={_PACKAGES}", *hook]
        subprocess.run([*command, "bookworm", str(kept), mirror], check=True)
    root = folder / "root"
    root.mkdir()
    subprocess.run(["tar", "--extract", "--file", str(kept), "--directory", str(root)], check=True)
    repository = root / "srv" / "countersign.git"
    subprocess.run(["git", "clone", "--quiet", "--bare", str(ROOT), str(repository)], check=True)
    for tag in ("v0", "v1"):
        subprocess.run(["git", "-C", str(repository), "tag", "--force", tag, "HEAD"], check=True)
    return root


def set_up(guest: Guest) -> dict[str, str]:
    """The page, from its first block to running processes; returns the passwords of the three people."""
    repository = {"REPOSITORY": "/srv/countersign.git", "RELEASE": "v0"}
    guest.follow("What has to be there", language="bash", network=False, **repository)
    for heading in ("Keys, passwords, a certificate", "PostgreSQL", "Redis"):
        guest.follow(heading)
    guest.run(
        "sed -i 's|^SEGURA_URL=.*|SEGURA_URL=http://127.0.0.1:8544|; s|^SEGURA_CLIENT_ID=.*|SEGURA_CLIENT_ID=portal|'"
        " /etc/countersign/portal.env"
    )
    # The people of this check have passwords alone.
    guest.run("echo SECOND_FACTOR_ROLES= >> /etc/countersign/portal.env")
    sandbox = documented.blocks("A Segura to try it with", PAGE)[0]
    guest.run(f"systemd-run --quiet --unit=sandbox bash -euc {_quoted(sandbox)}")
    told = guest.follow("Tables, static files, the first accounts")
    passwords = [line.split()[-1] for line in told.splitlines() if "shown this once" in line]
    guest.follow("The processes", language="bash")
    wait_until(lambda: _is_ready(guest), "the pages are ready", 120)
    return dict(zip(("ana", "bruno", "carla"), passwords, strict=True))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _is_ready(guest: Guest) -> bool:
    script = (
        "import requests; "
        "r = requests.get('https://127.0.0.1:8443/health/ready', "
        "verify='/etc/countersign/secrets/tls_certificate', timeout=5); raise SystemExit(r.status_code != 200)"
    )
    return guest._enter(f'/opt/countersign/current/.venv/bin/python -c "{script}"', network=True).returncode == 0


def deliver(guest: Guest, people: dict[str, str], secret: int, note: str, url: str = "https://127.0.0.1:8443") -> None:
    """Propose, approve, applied; the page of the operators names the workers by number and host."""
    words = " ".join(_quoted(word) for word in (url, *people.values(), str(secret), note))
    told = guest.run(f"cd /opt/countersign/current && .venv/bin/python -c {_quoted(_STORY)} {words}")
    assert told.split() == ["worker1@", "worker2@", "sealer@"], told


def see_names_and_seal(guest: Guest) -> None:
    host = guest.run("hostname").strip()
    told = guest.follow("Is it well?")
    assert f"worker1@{host}" in told, told
    assert f"worker2@{host}" in told, told
    assert "\n0 problems" in told, told
    wait_until(lambda: "latest.txt" in guest.run("ls /var/lib/countersign-sealer/checkpoints"), "it is sealed", 60)
    guest.run("countersign-manage portal verify_audit")


def see_that_accounts_read_no_more_than_they_need(guest: Guest) -> None:
    """Each account against each file, by trying; and no account writes the code."""
    names = guest.run("ls /etc/countersign/secrets").split()
    for account in ("countersign", "countersign-sealer", "countersign-scheduler", "countersign-owner"):
        expected = {*READERS["countersign-all"], *READERS.get(account, ())} & set(names)
        tried = f"for each in {' '.join(names)}; do runuser -u {account} -- test -r /etc/countersign/secrets/$each"
        readable = set(guest.run(f"{tried} && echo $each || true; done").split())
        assert readable == expected, f"{account} reads {sorted(readable ^ expected)} otherwise than it should"
        guest.run(f"! runuser -u {account} -- touch /opt/countersign/current/portal/new 2>/dev/null")
    assert guest.run("find /opt/countersign/ ! -user root | head").strip() == ""


def see_that_units_stop_and_return(guest: Guest) -> None:
    for name in _UNITS:
        guest.run(f"systemctl restart countersign-{name}")
        began = time.monotonic()
        guest.run(f"systemctl stop countersign-{name}")
        assert time.monotonic() - began < 40, f"{name} does not stop"
        # Not `timeout`, which systemd's SIGKILL leaves, nor `exit-code`: a stop has to be the process's own.
        result = guest.run(f"systemctl show --property Result --value countersign-{name}").strip()
        assert result == "success", f"{name} ended with {result}"
        guest.run(f"systemctl start countersign-{name}")
    guest.run("systemctl kill --signal KILL --kill-who main countersign-worker@1")
    time.sleep(5)
    assert guest.states() == ["active"] * len(_UNITS)
    guest.run("systemctl stop countersign.target")
    wait_until(lambda: guest.states() == ["inactive"] * len(_UNITS), "all units have stopped", 60)
    guest.run("systemctl start countersign.target")
    wait_until(lambda: _is_ready(guest) and guest.states() == ["active"] * len(_UNITS), "all are back", 120)


def see_backup_and_retention(guest: Guest) -> None:
    guest.run("systemctl start countersign-backup countersign-prune")
    assert ".dump" in guest.run("ls /var/lib/countersign-owner/backups")
    assert guest.run("systemctl list-timers --no-pager").count("countersign-") == 4


def live(guest: Guest) -> None:
    people = set_up(guest)
    assert guest.states() == ["active"] * len(_UNITS)
    deliver(guest, people, 12, "the first change")
    see_names_and_seal(guest)
    see_that_accounts_read_no_more_than_they_need(guest)
    see_that_units_stop_and_return(guest)
    see_backup_and_retention(guest)
    guest.run(
        "cp /etc/countersign/secrets/tls_key /srv/key; cp /etc/countersign/secrets/tls_certificate /srv/certificate"
    )
    guest.follow("Another TLS certificate", language="bash", KEY="/srv/key", CERTIFICATE="/srv/certificate")
    guest.run("sed -i 's/^PORTAL_TRUSTED_PROXIES=.*/PORTAL_TRUSTED_PROXIES=1/' /etc/countersign/countersign.env")
    guest.run("sed -i 's|127.0.0.1:8443$|127.0.0.1|' /etc/countersign/countersign.env")
    guest.follow("A proxy in front", language="bash")
    guest.run("systemctl restart countersign-web")
    wait_until(lambda: _is_ready(guest), "the pages are back", 120)
    deliver(guest, people, 14, "through the proxy", "https://127.0.0.1")
    upgrade = {"page": "runbook.md", "REPOSITORY": "/srv/countersign.git", "RELEASE": "v1", "language": "bash"}
    guest.follow("Upgrade, without a pause", 1, network=False, **upgrade)
    guest.follow("Upgrade, without a pause", 2, **upgrade)
    wait_until(lambda: _is_ready(guest), "the pages are back", 120)
    assert guest.run("readlink /opt/countersign/current").strip() == "/opt/countersign/v1"
    deliver(guest, people, 43, "after the upgrade", "https://127.0.0.1")
    see_that_accounts_read_no_more_than_they_need(guest)


def main() -> None:
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        guest = Guest(make_root(Path(folder)))
        with guest.booted():
            say(guest.run("systemctl --version | head -1").strip())
            live(guest)
    say("1 passed, 0 failed: processes under systemd")


if __name__ == "__main__":
    main()
