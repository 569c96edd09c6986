"""The container files without an engine: schema, and every name in them exists."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tomllib
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
TOOLS_FILE = ROOT / "deploy" / "database-tools" / "Dockerfile"
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {
    name: service
    for name, service in SERVICES.items()
    if service["image"].startswith(("countersign:", "countersign-demo:"))
}
DATABASE_TOOLS = {name for name, service in SERVICES.items() if "database-tools" in service["image"]}
# Compose's own names beside the settings: digests of images, and where files of the host are.
OF_COMPOSE = {"PYTHON_DIGEST", "POSTGRES_DIGEST", "REDIS_DIGEST", "COUNTERSIGN_SECRETS", "COUNTERSIGN_BACKUPS"}


def known_names() -> set[str]:
    return settings_names.names() | {f"{name}_FILE" for name in settings_names.secret_names()}


def mounted(volume: str) -> list[str]:
    """The name of a volume, a network or a secret, and where the volume is mounted."""
    return re.sub(r"\$\{\w+:-(\w+)\}", r"\1", volume).split(":")


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


@pytest.mark.parametrize("file", ["Dockerfile", "deploy/database-tools/Dockerfile"])
def test_dockerfile_is_clean(file: str) -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    run = subprocess.run([str(hadolint), file], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout) == (0, "")


def test_production_starts_its_eight_services_and_no_sandbox() -> None:
    by_profile: dict[str, set[str]] = {}
    for name, service in SERVICES.items():
        by_profile.setdefault(*service.get("profiles", ["production"]), set()).add(name)
    assert by_profile == {
        "production": {"web", "worker", "sealer", "beat", "migrate", "roles", "postgres", "redis"},
        "demo": {"sandbox"},
        "tools": {"manage", "tools"},
    }


def test_each_image_is_built_by_one_service_alone() -> None:
    builders = [service["image"] for service in SERVICES.values() if "build" in service]
    assert len(builders) == len(set(builders))
    assert set(builders) == {service["image"] for service in SERVICES.values() if service["image"].startswith("count")}
    # A file that is mounted keeps the mode of the checkout, which the container's account may not be able to read.
    assert "configs" not in TEXT
    checkout = [volume for service in SERVICES.values() for volume in service.get("volumes", []) if volume[0] in "./"]
    assert checkout == []


def test_image_versions_are_the_projects_version() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    ours = {service["image"] for service in SERVICES.values() if service["image"].startswith("countersign")}
    assert ours == {f"{name}:{version}" for name in ("countersign", "countersign-demo", "countersign-database-tools")}
    assert f"org.opencontainers.image.version={version}" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert f"## {version}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_every_base_image_has_a_digest_that_may_be_pinned() -> None:
    files = [TEXT, *(path.read_text(encoding="utf-8") for path in (ROOT / "Dockerfile", TOOLS_FILE))]
    named = re.findall(r"(?:image: |FROM )((?:python|postgres|redis):\S+)", "\n".join(files))
    assert {name.partition(":")[0] for name in named} == {"python", "postgres", "redis"}
    for name in named:
        assert re.fullmatch(r"(\w+):\d+\.\d+\.?\d*-[a-z-]+\$\{\w+_DIGEST(:-)?\}", name), name
    # The client has to be as new as the server.
    assert len({name.partition("$")[0] for name in named if name.startswith("postgres")}) == 1


@pytest.mark.parametrize(("image", "fixed"), [("redis", (8, 2, 2)), ("postgres", (17, 7)), ("python", (3, 11, 14))])
def test_base_images_are_not_older_than_the_releases_that_closed_published_holes(
    image: str, fixed: tuple[int, ...]
) -> None:
    text = TEXT + (ROOT / "Dockerfile").read_text(encoding="utf-8")
    versions = re.findall(rf"(?:image: |FROM ){image}:([\d.]+)", text)
    assert versions
    for version in versions:
        assert tuple(map(int, version.split("."))) >= fixed


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_rotates_its_log_has_limits_and_stops_at_any_time(name: str) -> None:
    service = SERVICES[name]
    assert service["init"] is True
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["pids_limit"] > 0
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])


@pytest.mark.parametrize("name", ["SEGURA_URL", "SEGURA_CLIENT_ID", "PORTAL_BASE_URL"])
def test_production_starts_with_no_address_or_client_of_the_demo(name: str) -> None:
    given = re.findall(rf"\$\{{{name}(:.)(.*?)\}}", TEXT)
    assert given
    assert all(kind == ":?" and told for kind, told in given)
    demo = dict(re.findall(r"^(\w+)=(.+)$", secret_files._DEMO, re.MULTILINE))
    assert demo[name]
    assert not re.findall(r"\$\{\w+:-[^}]*(?:sandbox|portal|countersign)", TEXT)


def test_trial_keeps_a_settings_file_that_is_there(tmp_path: Path) -> None:
    assert secret_files.write_demo_settings(tmp_path / ".env") is True
    assert "SEGURA_URL=https://sandbox:8443" in (tmp_path / ".env").read_text()
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
    (tmp_path / ".env").write_text("SEGURA_URL=https://segura.example\n")
    assert secret_files.write_demo_settings(tmp_path / ".env") is False
    assert (tmp_path / ".env").read_text() == "SEGURA_URL=https://segura.example\n"


@pytest.mark.parametrize("kind", ["networks", "secrets"])
@pytest.mark.parametrize("name", SERVICES)
def test_what_a_service_uses_exists(name: str, kind: str) -> None:
    assert set(SERVICES[name].get(kind, [])) <= set(COMPOSE[kind])


@pytest.mark.parametrize("name", SERVICES)
def test_services_and_volumes_a_service_leans_on_exist(name: str) -> None:
    service = SERVICES[name]
    assert set(service.get("depends_on", {})) <= set(SERVICES)
    assert {mounted(volume)[0] for volume in service.get("volumes", [])} <= set(COMPOSE["volumes"])


def test_nothing_is_declared_that_no_service_uses() -> None:
    for kind in ("networks", "secrets", "volumes"):
        used = {mounted(one)[0] for service in SERVICES.values() for one in service.get(kind, [])}
        assert set(COMPOSE[kind]) == used


@pytest.mark.parametrize("name", OURS)
def test_environment_names_are_settings(name: str) -> None:
    assert set(OURS[name].get("environment", {})) <= known_names()


def test_variables_of_the_compose_file_are_settings() -> None:
    variables = set(re.findall(r"(?<!\$)\$\{(\w+)", TEXT))
    assert {"SEGURA_URL", "PORT"} <= variables
    assert variables <= known_names() | OF_COMPOSE


@pytest.mark.parametrize("name", OURS)
def test_files_in_the_environment_are_secrets_the_service_is_given(name: str) -> None:
    service = OURS[name]
    paths = re.findall(r"/run/secrets/(\w+)", f"{service.get('environment')} {command_words(service)}")
    assert set(paths) <= set(service["secrets"])
    # And none that it does not use, but for Redis's own address.
    assert set(service["secrets"]) == set(paths)


def test_secret_files_are_the_ones_the_command_makes(tmp_path: Path) -> None:
    made = secret_files.create_secret_files(tmp_path)
    files = {secret["file"] for secret in COMPOSE["secrets"].values()}
    assert {f"${{COUNTERSIGN_SECRETS:-.secrets}}/{name}" for name in made} == files
    before = (tmp_path / "secret_key").read_text()
    assert secret_files.create_secret_files(tmp_path) == []
    assert (tmp_path / "secret_key").read_text() == before
    assert tmp_path.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("name", OURS)
def test_modules_of_the_commands_can_be_found(name: str) -> None:
    service = OURS[name]
    words = " ".join([*service.get("entrypoint", []), command_words(service)])
    words += (ROOT / "Dockerfile").read_text() if name == "web" else ""
    modules = re.findall(r"-m\"?,? \"?([a-z_.]+)", words) + re.findall(r"(portal\.[a-z]+):\w+", words)
    folders = {"run": "devserver", "user": "operations"}
    for command in re.findall(r"manage\.py (run|user)", words):
        modules.append(f"portal.{folders[command]}.management.commands.{command}")
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
    one_off = name in {"migrate", "manage", "roles", "tools"}
    assert service["healthcheck"].get("disable", False) is one_off


def test_every_secret_belongs_to_the_services_that_use_it() -> None:
    holders = {
        secret: {name for name, service in SERVICES.items() if secret in service.get("secrets", [])}
        for secret in COMPOSE["secrets"]
    }
    console = {"migrate", "manage"}
    assert holders == {
        "secret_key": {"web", "worker"},
        "encryption_keys": {"web", "worker"},
        "approval_mac_keys": {"web", "worker"},
        "fingerprint_key": {"web", "worker"},
        "audit_signing_key": {"sealer"},
        "database_url": {"web", "worker", "roles"},
        "database_url_owner": {*console, *DATABASE_TOOLS},
        "database_url_sealer": {"sealer", "roles"},
        "redis_url": {"web", "worker", "sealer", "beat", *console},
        "redis_password": {"redis"},
        "email_url": {"web", "worker", "sealer"},
        "oidc_client_secret": {"web"},
        "first_vote_keys": {"web", "worker", "sealer"},
        "postgres_password": {"postgres", *DATABASE_TOOLS},
        "segura_client_secret": {"web", "worker", "sandbox"},
        "segura_scim_client_secret": {"web", "worker", "sandbox"},
        "segura_ca": {"web", "worker", "sandbox"},
        "metrics_token": {"web"},
        "sandbox_key": {"sandbox"},
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


def test_code_in_the_image_has_modes_of_its_own_and_belongs_to_root() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    build, *later = text.split("\nFROM ")[1:]
    assert "chmod -R u=rwX,go=rX /app /opt/venv" in build
    assert {option for stage in later for option in re.findall(r"^COPY (\S+)", stage, re.MULTILINE)} == {"--from=build"}
    copied = re.findall(r"^COPY (\S+)", TOOLS_FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert copied
    assert set(copied) == {"--chmod=0755"}


def test_image_of_production_has_neither_sandbox_nor_development_server() -> None:
    stages = (ROOT / "Dockerfile").read_text(encoding="utf-8").split("\nFROM ")[1:]
    assert "rm -r /production/app/portal/devserver /production/app/portal/sandbox" in stages[0]
    assert "runtime AS production\nCOPY --from=build /production/app /app" in stages[-1]
    assert [stage for stage in stages if "COPY --from=build /app " in stage] == [stages[-2]]
    assert "runtime AS demo" in stages[-2]
    targets = {
        service["image"].partition(":")[0]: service["build"].get("target")
        for service in SERVICES.values()
        if "build" in service
    }
    assert targets == {"countersign": "production", "countersign-demo": "demo", "countersign-database-tools": None}
    assert [name for name, service in SERVICES.items() if service["image"].startswith("countersign-demo")] == [
        "sandbox"
    ]


def test_health_checks_ask_for_what_others_use() -> None:
    checks = {name: service["healthcheck"].get("test", []) for name, service in SERVICES.items()}
    assert "--host" in checks["postgres"]  # the socket answers while the cluster is initialised
    assert "= PONG" in checks["redis"][1]  # redis-cli ends with 0 whatever the server says
    assert "/health/ready" in checks["web"][-1]


def test_queue_is_kept_and_never_evicted() -> None:
    assert "--appendonly yes" in command_words(SERVICES["redis"])
    assert "--maxmemory-policy noeviction" in command_words(SERVICES["redis"])


@pytest.mark.parametrize(("name", "folder"), [("worker", "DELIVERY_SPOOL_DIR"), ("sealer", "AUDIT_CHECKPOINT_DIR")])
def test_what_a_service_keeps_outlives_its_container(name: str, folder: str) -> None:
    (place,) = [mounted(volume)[1] for volume in SERVICES[name]["volumes"]]
    assert f"{SERVICES[name]['environment'][folder]}/".startswith(f"{place}/")
    owned = re.findall(r"install -d -o 10001 (?:-m 700 )?(/\w+)", (ROOT / "Dockerfile").read_text(encoding="utf-8"))
    assert place in owned


def test_worker_is_given_time_to_end_a_call() -> None:
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) >= 60
