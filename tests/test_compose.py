"""The container files without an engine: schema, and every name in them exists."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings

from portal.operations import secret_files
from tests import settings_names
from tests.rig.portal import ROOT

TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}


def known_names() -> set[str]:
    return settings_names.names() | {f"{name}_FILE" for name in settings_names.secret_names()}


def command_words(service: dict[str, Any]) -> str:
    command = service.get("command", [])
    return " ".join(command if isinstance(command, list) else [command])


def test_compose_file_follows_the_schema() -> None:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        "docker-compose.yml",
    ]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_dockerfile_is_clean() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    run = subprocess.run([str(hadolint), "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_the_seven_services_of_production_are_there_and_the_stand_in_only_in_the_demo() -> None:
    always = {name for name, service in SERVICES.items() if "profiles" not in service}
    assert always == {"web", "worker", "sealer", "beat", "migrate", "postgres", "redis"}
    assert SERVICES["sandbox"]["profiles"] == ["demo"]


@pytest.mark.parametrize("kind", ["networks", "secrets"])
@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_uses_exists(name: str, kind: str) -> None:
    assert set(SERVICES[name].get(kind, [])) <= set(COMPOSE[kind])


@pytest.mark.parametrize("name", SERVICES)
def test_services_and_volumes_a_service_leans_on_exist(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert {volume.partition(":")[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_nothing_is_declared_that_no_service_uses() -> None:
    for kind in ("networks", "secrets", "volumes", "configs"):
        used = {
            one["source"] if isinstance(one, dict) else one.partition(":")[0]
            for service in SERVICES.values()
            for one in service.get(kind, [])
        }
        assert set(COMPOSE[kind]) == used


@pytest.mark.parametrize("name", OURS)
def test_environment_names_are_settings(name: str) -> None:
    assert set(OURS[name].get("environment", {})) <= known_names()


def test_variables_of_the_compose_file_are_settings() -> None:
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert {"SEGURA_URL", "PORT"} <= variables
    assert variables <= known_names()


@pytest.mark.parametrize("name", OURS)
def test_files_in_the_environment_are_secrets_the_service_is_given(name: str) -> None:
    service = OURS[name]
    paths = re.findall(r"/run/secrets/(\w+)", f"{service.get('environment')} {command_words(service)}")
    assert set(paths) <= set(service["secrets"])


def test_secret_files_are_the_ones_the_command_makes(tmp_path: Path) -> None:
    made = secret_files.make(tmp_path)
    assert {f".secrets/{name}" for name in made} == {secret["file"] for secret in COMPOSE["secrets"].values()}
    before = (tmp_path / "secret_key").read_text()
    assert secret_files.make(tmp_path) == []
    assert (tmp_path / "secret_key").read_text() == before
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", OURS)
def test_modules_of_the_commands_can_be_found(name: str) -> None:
    words = f"{command_words(OURS[name])} {(ROOT / 'Dockerfile').read_text() if name == 'web' else ''}"
    modules = re.findall(r"-m\"?,? \"?([a-z_.]+)", words) + re.findall(r"(portal\.[a-z]+):\w+", words)
    modules += [f"portal.operations.management.commands.{one}" for one in re.findall(r"manage\.py (run|person)", words)]
    assert modules or "manage.py" in words
    for module in modules:
        assert importlib.util.find_spec(module), module


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_is_unprivileged_read_only_and_pinned(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert re.search(r":\d+\.\d+", service["image"])
    # Ours get their account from the Dockerfile.
    assert service.get("user", "root") != "root" or name in OURS
    if name != "migrate":
        assert "healthcheck" in service


def test_signing_key_the_owners_account_and_the_mail_server_belong_to_those_who_use_them() -> None:
    holders = {
        secret: {name for name, service in SERVICES.items() if secret in service.get("secrets", [])}
        for secret in ("audit_signing_key", "database_url_owner", "database_url_sealer", "email_url")
    }
    assert holders == {
        "audit_signing_key": {"sealer"},
        "database_url_owner": {"migrate", "postgres"},
        "database_url_sealer": {"sealer", "postgres"},
        "email_url": {"web", "worker", "sealer"},
    }
    for name in holders["email_url"]:
        assert SERVICES[name]["environment"]["EMAIL_URL_FILE"] == "/run/secrets/email_url"


def test_every_queue_has_a_service_that_takes_it() -> None:
    taken = [re.findall(r"--queues (\S+)", command_words(service)) for service in OURS.values()]
    assert sorted(name for names in taken for name in names) == sorted(settings.CELERY_TASK_QUEUES)


def test_image_runs_as_an_account_of_its_own() -> None:
    users = re.findall(r"^USER (\S+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)
    assert users
    assert users[-1] not in {"root", "0"}


def test_queue_is_kept_and_never_evicted() -> None:
    assert "--appendonly yes" in command_words(SERVICES["redis"])
    assert "--maxmemory-policy noeviction" in command_words(SERVICES["redis"])


@pytest.mark.parametrize(("name", "folder"), [("worker", "DELIVERY_SPOOL_DIR"), ("sealer", "AUDIT_CHECKPOINT_DIR")])
def test_what_a_service_keeps_outlives_its_container(name: str, folder: str) -> None:
    (mounted,) = [volume.partition(":")[2] for volume in SERVICES[name]["volumes"]]
    assert f"{SERVICES[name]['environment'][folder]}/".startswith(f"{mounted}/")
    owned = re.findall(r"install -d -o 10001 (?:-m 700 )?(/\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert mounted in owned


def test_worker_is_given_time_to_end_a_call() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) >= 60
