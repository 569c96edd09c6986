"""Migrations while the old release still runs: a linter reads their SQL, and what it finds has a written reason."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import connection
from django.db.migrations import AddField, CreateModel, Migration, SeparateDatabaseAndState
from django.db.migrations.loader import MigrationLoader
from django_migration_linter import MigrationLinter
from django_migration_linter.sql_analyser import analyse_sql_statements

pytestmark = [pytest.mark.django_db, pytest.mark.filterwarnings("ignore::DeprecationWarning")]

STYLE = {"RUNPYTHON_ARGS_NAMING_CONVENTION", "RUNPYTHON_MODEL_VARIABLE_NAME"}
"""How it wants arguments to be called: nothing that a running release could notice."""

_SMALL = "its table has one row, or one for each change: locked for less than a second at a million"
_GUARD = "what guards the rows is never taken off again: the way back is the release before, on the same tables"
_SHORT = "its table holds what has not been told yet: a few rows"
_UNRELEASED = "from before the first release: no log was large yet; later ones take AddIndexConcurrently"
EXCUSED: dict[tuple[str, str], dict[str, str]] = {
    ("accounts", "0004_username_key"): {"ADD_UNIQUE": "one row for each person; old code writes it by a trigger"},
    ("audit", "0005_counted_events"): {"CREATE_INDEX": _UNRELEASED},
    ("audit", "0006_retention"): {"RUNPYTHON_REVERSIBLE": _GUARD},
    ("audit", "0007_lists_at_any_size"): {"CREATE_INDEX": _UNRELEASED},
    ("catalog", "0003_lists_at_any_size"): {"CREATE_INDEX": _SMALL},
    ("changes", "0002_four_eyes"): {"RUNPYTHON_REVERSIBLE": _GUARD},
    ("changes", "0004_secret_traits"): {
        "CREATE_INDEX": _SMALL,
        "CREATE_INDEX_EXCLUSIVE": _SMALL,
        "RUNPYTHON_REVERSIBLE": _GUARD,
    },
    ("changes", "0005_change_risk"): {
        "CREATE_INDEX": _SMALL,
        "CREATE_INDEX_EXCLUSIVE": _SMALL,
    },
    ("changes", "0006_comments"): {"RUNPYTHON_REVERSIBLE": _GUARD},
    ("changes", "0007_request_changes"): {
        "ALTER_COLUMN": "varchar(8) becomes varchar(16): PostgreSQL rewrites nothing, and old code writes short words",
        "ADD_UNIQUE": "over rows of a verdict that old code never writes",
        "CREATE_INDEX": _SMALL,
        "CREATE_INDEX_EXCLUSIVE": _SMALL,
    },
    ("changes", "0008_hold"): {"CREATE_INDEX": _SMALL, "CREATE_INDEX_EXCLUSIVE": _SMALL},
    ("changes", "0009_drafts"): {"CREATE_INDEX": _SMALL, "CREATE_INDEX_EXCLUSIVE": _SMALL},
    ("changes", "0011_lists_at_any_size"): {"CREATE_INDEX": _SMALL},
    ("changes", "0015_proved_votes"): {
        "ADD_UNIQUE": "over fewer rows than the index that it replaces, and old code writes no voided vote",
        "CREATE_INDEX": _SMALL,
        "CREATE_INDEX_EXCLUSIVE": _SMALL,
        "DROP_INDEX": "its successor is made in the same transaction",
    },
    ("notices", "0004_grouped_and_put_off"): {"CREATE_INDEX": _SHORT, "CREATE_INDEX_EXCLUSIVE": _SHORT},
    ("changes", "0016_outcome_codes"): {
        "ALTER_COLUMN": "varchar(16) becomes varchar(24): PostgreSQL rewrites nothing, and old code writes short words"
    },
    ("changes", "0018_failed_changes"): {"CREATE_INDEX": _SHORT},
    ("changes", "0020_base_read_at"): {"RUNPYTHON_REVERSIBLE": _GUARD},
    ("changes", "0019_sweep_indexes"): {
        "CREATE_INDEX": _SMALL,
        "DROP_INDEX": "its successor is made in the same transaction",
    },
}


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


def test_columns_that_old_code_does_not_know_fill_themselves() -> None:
    added = [(key, column) for key, migration in ours().items() for column in added_columns(migration)]
    assert ("changes", "0005_change_risk") in [key for key, _ in added]
    for key, column in added:
        field = column.field
        assert field.null or field.has_db_default() or field.many_to_many, f"{key}: {column.name} has no default"
