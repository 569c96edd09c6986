"""The files of deploy/systemd without systemd: what each unit is given, and what it can reach."""

from __future__ import annotations

import re
import shutil
import socket
from pathlib import Path

import pytest

from portal.operations import secret_files
from portal.operations.secret_files import READERS
from tests import settings_names
from tests.rig.portal import ROOT
from tests.rig.units import FOLDER, Unit

PROCESSES = ("web", "worker@1", "sealer", "scheduler")
ONE_OFF = ("backup", "prune")
ENV = FOLDER / "env"


def unit(name: str) -> Unit:
    return Unit.read(f"countersign-{name}.service")


def shipped(path: str) -> str:
    """The file of the repository that the page puts there."""
    return path.replace("/etc/countersign/", f"{ENV}/") if path.endswith(".env") else path


def settings_of(name: str) -> dict[str, str]:
    return unit(name).environment(shipped)


def test_target_starts_the_five_processes() -> None:
    target = (FOLDER / "countersign.target").read_text(encoding="utf-8")
    five = ("web", "worker@1", "worker@2", "sealer", "scheduler")
    assert f"Wants={' '.join(f'countersign-{name}.service' for name in five)}\n" in target
    for name in PROCESSES:
        assert unit(name).one("PartOf") == "countersign.target"
        assert unit(name).one("WantedBy") == "countersign.target"


@pytest.mark.parametrize("name", [*PROCESSES, *ONE_OFF])
def test_every_unit_has_what_a_hardened_unit_needs(name: str) -> None:
    has = unit(name)
    assert has.one("User") == has.one("Group") != "root"
    for directive in ("NoNewPrivileges", "PrivateTmp", "ProtectHome", "PrivateDevices"):
        assert has.one(directive) == "yes"
    assert has.one("ProtectSystem") == "strict"
    # After= alone orders; Wants= is what starts the network's target.
    assert has.one("Wants") == "network-online.target"
    assert "network-online.target" in has.one("After")
    assert has.one("MemoryMax")


@pytest.mark.parametrize("name", [*PROCESSES, *ONE_OFF])
def test_no_setting_of_a_unit_is_lost_to_one_of_its_files(name: str) -> None:
    has = unit(name)
    text = "\n".join(Path(shipped(file)).read_text(encoding="utf-8") for file in has.all("EnvironmentFile"))
    of_files = re.findall(r"^(\w+)=", text, re.MULTILINE)
    of_unit = [value.partition("=")[0] for value in has.all("Environment")]
    assert len(of_files + of_unit) == len({*of_files, *of_unit})


@pytest.mark.parametrize(
    ("name", "process", "role"),
    [
        ("web", "web", "database_url"),
        ("worker@1", "worker", "database_url"),
        ("sealer", "sealer", "database_url_sealer"),
        ("scheduler", "scheduler", None),
        ("backup", "owner", "database_url_owner"),
        ("prune", "owner", "database_url_owner"),
    ],
)
def test_each_process_has_its_own_role_of_the_database(name: str, process: str, role: str | None) -> None:
    given = settings_of(name)
    assert given["PORTAL_PROCESS"] == process
    assert given.get("DATABASE_URL_FILE", "").rpartition("/")[2] == (role or "")


@pytest.mark.parametrize("name", [*PROCESSES, *ONE_OFF])
def test_account_of_a_unit_may_read_the_files_that_it_names_and_those_alone(name: str) -> None:
    text = " ".join([*settings_of(name).values(), unit(name).one("ExecStart")])
    named = set(re.findall(r"/etc/countersign/secrets/(\w+)", text))
    mine = {*READERS["countersign-all"], *READERS.get(unit(name).one("User"), ())}
    assert named <= mine
    private = {file for group, files in READERS.items() for file in files if group != "countersign-all"} - mine
    assert not private & named


def test_no_two_accounts_share_a_file_but_those_of_all() -> None:
    files = [file for names in READERS.values() for file in names]
    assert len(files) == len(set(files))
    accounts = (FOLDER / "countersign.sysusers").read_text(encoding="utf-8")
    assert set(re.findall(r"^[ug] (\S+)", accounts, re.MULTILINE)) >= set(READERS)
    for name in (*PROCESSES, *ONE_OFF):
        assert f"m {unit(name).one('User')} countersign-all" in accounts


def test_every_secret_file_has_a_reader_or_is_roots_alone(tmp_path: Path) -> None:
    made = set(secret_files.create_secret_files(tmp_path / "secrets"))
    read = {file for names in READERS.values() for file in names}
    assert made - read == {"postgres_password", "redis_password"}


def test_files_are_given_to_their_readers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "secrets"
    given: dict[str, tuple[str, ...]] = {}
    secret_files.create_secret_files(folder)
    monkeypatch.setattr(shutil, "chown", lambda path, *owners: given.update({path.name: owners}))
    secret_files.restrict_permissions(folder)
    assert given["audit_signing_key"] == ("root", "countersign-sealer")
    assert given["database_url_owner"] == ("root", "countersign-owner")
    assert given["postgres_password"] == ("root", "root")
    assert (folder / "audit_signing_key").stat().st_mode & 0o777 == 0o640
    assert (folder / "postgres_password").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o711


@pytest.mark.parametrize("name", ["countersign", "portal", "sealer", "owner"])
def test_settings_files_say_the_same_to_systemd_and_to_a_shell(name: str) -> None:
    """Both take NAME=value as it stands only where the value has no quote, space, variable or backslash."""
    known = settings_names.names() | {f"{each}_FILE" for each in settings_names.secret_names()} | {"LISTEN_ON"}
    for line in (ENV / f"{name}.env").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            assert re.fullmatch(r"[A-Z_]+=[A-Za-z0-9_./:@-]*", line), line
            assert line.partition("=")[0] in known


def test_names_of_workers_tell_hosts_and_workers_apart() -> None:
    commands = [" ".join(unit(name).command({})) for name in ("worker@1", "worker@2", "sealer")]
    names = {command.split("--hostname ")[1].split()[0] for command in commands}
    assert names == {f"{name}@{socket.gethostname()}" for name in ("worker1", "worker2", "sealer")}
    for path in FOLDER.glob("*.service"):
        assert set(re.findall(r"%(.)", path.read_text(encoding="utf-8"))) <= {"H", "i"}, path


@pytest.mark.parametrize("name", PROCESSES)
def test_units_start_what_the_containers_start(name: str) -> None:
    """Modules and options are those of docker-compose.yml and Dockerfile, but for names, addresses and folders."""
    files = [(ROOT / file).read_text(encoding="utf-8") for file in ("docker-compose.yml", "Dockerfile")]
    known = set(re.findall(r"[\w.:=-]+", "\n".join(files))) | {"--hostname", "--ssl-certificate", "--ssl-keyfile"}
    words = unit(name).command({"LISTEN_ON": "127.0.0.1", "PORT": "8000"})[1:]
    unknown = [word for word in words if word not in known and not word.startswith("/") and "@" not in word]
    assert unknown == []
