"""Defences of accounts, sign-in and limits per person."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ACCOUNTS = (
    Mutant(
        "user names are unique in every spelling (constraint)",
        "portal/accounts/migrations/0004_username_key.py",
        """        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(fields=("username_key",), name="user_one_spelling_per_name"),
        ),
""",
        "",
        ("tests/accounts/test_usernames.py::test_database_takes_no_second_account_past_the_model",),
    ),
    Mutant(
        "user names are unique in every spelling (model)",
        "portal/accounts/models.py",
        "if other is not None and other.pk != self.pk:",
        "if False:",
        ("tests/accounts/test_usernames.py::test_second_account_of_one_name_is_refused_wherever_it_is_made",),
    ),
    Mutant(
        "sign-in looks names up as the model does",
        "portal/accounts/backend.py",
        "if known is not None:",
        "if False:",
        ("tests/accounts/test_usernames.py::test_person_signs_in_under_every_spelling_of_the_name",),
    ),
)
