"""Defences of `make run`: its database and the roles of its processes."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

_RUN = "portal/devserver/management/commands/run.py"
DEVSERVER = (
    Mutant(
        "the embedded PostgreSQL asks for passwords",
        "portal/devserver/postgres_server.py",
        '"-A", "scram-sha-256"',
        '"-A", "trust"',
        ("tests/devserver/test_postgres_server.py::test_roles_are_made_once_and_each_needs_its_own_password",),
    ),
    Mutant(
        "errors of the embedded PostgreSQL quote no values",
        "portal/devserver/postgres_server.py",
        '"log_min_error_statement=panic"',
        '"log_min_error_statement=error"',
        ("tests/operations/test_run.py::test_database_reports_no_values",),
    ),
    Mutant(
        "make run gives the portal a role that only adds to the log",
        _RUN,
        'self.environment["DATABASE_URL"] = server.url(PORTAL)',
        'self.environment["DATABASE_URL"] = server.url(OWNER)',
        ("tests/operations/test_run.py::test_portal_may_only_add_to_the_log_and_cannot_seal",),
    ),
    Mutant(
        "make run gives the signing key to the sealer alone",
        _RUN,
        'self.environment |= {"AUDIT_SIGNING_KEY": "", "AUDIT_SIGNING_KEY_FILE": ""}',
        "pass",
        ("tests/operations/test_run.py::test_portal_may_only_add_to_the_log_and_cannot_seal",),
    ),
    Mutant(
        "make run tells the sealer that it holds no keys",
        "portal/devserver/processes.py",
        '_named("sealer", environment)',
        "environment",
        ("tests/operations/test_run.py::test_process_is_named_as_in_the_containers",),
    ),
)
