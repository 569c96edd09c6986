"""Checks of `make lint` and their environment. Standard library only, like bootstrap."""

from __future__ import annotations

CHECKS = (
    ("ruff check", ("-m", "ruff", "check", ".")),
    ("ruff format", ("-m", "ruff", "format", "--check", ".")),
    ("mypy", ("-m", "mypy")),
    ("bandit", ("-m", "bandit", "-q", "-c", "pyproject.toml", "-r", "portal", "manage.py")),
    ("deployment", ("manage.py", "check", "--deploy", "--fail-level", "WARNING")),
    ("djlint check", ("-m", "djlint", "--check", "templates", "portal/devserver/templates")),
    ("djlint lint", ("-m", "djlint", "--quiet", "--lint", "templates", "portal/devserver/templates")),
    ("import contracts", ("-c", "from importlinter.cli import lint_imports_command as lint; lint()")),
    ("compose schema", ("-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", "docker-compose.yml")),
)
"""Names, and arguments for the virtual environment's Python."""
PRODUCTION = {
    "PORTAL_SECRET_KEY": "made up for the checks: nothing is ever signed with it",
    "PORTAL_ENCRYPTION_KEYS": "0" * 64,
    "DATABASE_URL": "postgresql:///portal",
    "PORTAL_APPROVAL_MAC_KEYS": "1" * 64,
    "PORTAL_BASE_URL": "https://portal.example",
    "ALLOWED_HOSTS": "portal.example",
    "PORTAL_DEBUG": "0",
    "PORTAL_DEMO": "0",
}
"""Settings of a deployment, for the two checks that load settings.py: it fails without them, on any host."""
