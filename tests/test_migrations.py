"""Migrations while the old release still runs: a linter reads their SQL, and what it finds has a written reason."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import AddField, CreateModel, Migration, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django.db.models import BigAutoField, Field, TextField
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import analyse_sql_statements

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

STYLE = {"RUNPYTHON_ARGS_NAMING_CONVENTION", "RUNPYTHON_MODEL_VARIABLE_NAME"}
"""How it wants arguments to be called: nothing that a running release could notice."""

EXCUSED: dict[tuple[str, str], dict[str, str]] = {}
"""The reasons, by migration and by what the linter calls its finding."""


def ours() -> dict[tuple[str, str], Migration]:
    labels = {config.label for config in apps.get_app_configs() if config.name.startswith("portal.")}
    return {key: found for key, found in MigrationLoader(connection).disk_migrations.items() if key[0] in labels}


@pytest.fixture(scope="module")
def linter(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[MigrationLinter]:
    with django_db_blocker.unblock():
        yield MigrationLinter(no_output=True)


def test_every_migration_passes_the_linter_or_says_why_not(linter: MigrationLinter) -> None:
    found = {}
    for (app, name), migration in ours().items():
        errors, _, warnings = analyse_sql_statements(linter.sql_analyser_class, linter.get_sql(app, name), [])
        issues = [*errors, *warnings, *(issue for kind in linter.analyse_data_migration(migration) for issue in kind)]
        if codes := {issue.code for issue in issues} - STYLE:
            found[app, name] = codes
    assert found == {key: set(reasons) for key, reasons in EXCUSED.items()}


def added_columns(migration: Migration) -> Iterator[AddField]:
    """Columns that a table gets which old code already writes to."""
    operations = [
        inner
        for each in migration.operations
        for inner in (each.state_operations if isinstance(each, SeparateDatabaseAndState) else [each])
    ]
    new = {each.name_lower for each in operations if isinstance(each, CreateModel)}
    for each in operations:
        if isinstance(each, AddField) and each.model_name_lower not in new:
            yield each


def unfilled_columns(migration: Migration) -> list[str]:
    """The added columns that nothing fills where old code writes a row."""
    fields = {each.name: each.field for each in added_columns(migration)}
    return [name for name, it in fields.items() if not (it.null or it.has_db_default() or it.many_to_many)]


def test_columns_that_old_code_does_not_know_fill_themselves() -> None:
    found = {key: unfilled_columns(migration) for key, migration in ours().items()}
    assert {key: names for key, names in found.items() if names} == {}


def test_added_column_without_a_default_is_found() -> None:
    columns: dict[str, Field[Any, Any]] = {
        "bare": TextField(),
        "python_default": TextField(default=""),
        "nullable": TextField(null=True),
        "database_default": TextField(db_default=""),
    }
    migration = Migration("a_release_later", "changes")
    migration.operations = [AddField("change", name, field) for name, field in columns.items()]
    assert unfilled_columns(migration) == ["bare", "python_default"]
    created = CreateModel("Change", fields=[("id", BigAutoField(primary_key=True))])
    migration.operations = [created, *migration.operations]
    assert unfilled_columns(migration) == []
