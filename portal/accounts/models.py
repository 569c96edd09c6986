"""User accounts, and rows that count what users do (limits.py, attempts.py)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser
from django.contrib.auth.models import UserManager as DjangoUserManager
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from portal.accounts.usernames import fold_username
from portal.common.invisible_characters import is_invisible


class UsernameKeyField(models.TextField):  # type: ignore[type-arg]  # generic in the stubs only
    """Folded user name, computed whenever the row is written, by `save` as by `bulk_create`."""

    def pre_save(self, model_instance: models.Model, add: bool) -> str:  # noqa: ARG002
        return fold_username(model_instance.get_username())  # type: ignore[attr-defined]


class UserManager(DjangoUserManager["User"]):
    """Manager that finds accounts by name in one way, for sign-in and everything else."""

    use_in_migrations = False

    def find_by_name(self, name: str) -> User | None:
        """Return the account of this name in any spelling, or None."""
        return self.find_by_names([name]).first()

    def find_by_names(self, names: Iterable[str]) -> models.QuerySet[User]:
        """Return the accounts of these names, each in any spelling."""
        return self.filter(username_key__in={fold_username(name) for name in names} - {""})

    def spell_as_account(self, name: str) -> str:
        """Return the name as its account spells it; a name without an account unchanged, as the log may contain it."""
        known = self.find_by_name(name)
        return known.username if known else name

    def get_by_natural_key(self, username: str | None) -> User:
        """Return the account for Django's own commands and backends, which must use the same rule for names."""
        return self.get(username_key=fold_username(username or ""))


class User(AbstractUser):
    """User account. Rights come from its groups only (roles.py): a superuser flag gives no vote."""

    is_demo = models.BooleanField(default=False, help_text="Made by the demo; refused everywhere else.")
    language = models.CharField(max_length=10, blank=True, db_default="", help_text="'' is as the browser asks.")
    time_zone = models.CharField(max_length=64, blank=True, db_default="", help_text="As IANA names it; '' is UTC.")
    username_key = UsernameKeyField(
        editable=False, blank=True, db_default="", help_text="The user name, folded: what it is found by."
    )

    objects: ClassVar[UserManager] = UserManager()

    class Meta(AbstractUser.Meta):
        permissions = [
            ("propose", "Propose changes"),
            ("decide", "Decide changes of others"),
            ("audit", "Read and export the audit log"),
            ("operate", "Operate the portal"),
        ]
        constraints = [models.UniqueConstraint(fields=["username_key"], name="user_one_spelling_per_name")]

    @property
    def display_name(self) -> str:
        """Full name, or the user name if there is none."""
        return self.get_full_name() or self.username

    def clean(self) -> None:
        """Normalise the fields and reject a name that looks like another. Raises ValidationError."""
        super().clean()
        self.require_own_name()

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save the account; reject a new one whose name exists. Two created at once meet the unique constraint.

        The check is here and not in forms only, so that `create_user` and scripts get the same message.
        """
        if self._state.adding:
            self.require_own_name()
        super().save(*args, **kwargs)

    def require_own_name(self) -> None:
        """Raise ValidationError if the name has spaces or invisible characters, or is another account's name."""
        if any(char.isspace() or is_invisible(char) for char in self.username):
            raise ValidationError({"username": _("A user name takes no spaces and no invisible characters.")})
        other = User.objects.find_by_name(self.username)
        if other is not None and other.pk != self.pk:
            raise ValidationError(
                {"username": _("The account %(name)s has this name already.") % {"name": other.username}}
            )


class CountedAct(models.Model):
    """Counted act: a password attempt that was wrong or is being checked, or a rate-limited act of a user.

    For sign-ins `subject` is a keyed hash, because users sometimes type their password into the name field, and
    `address` is the client's address.
    """

    subject = models.CharField(max_length=64)
    address = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(db_default=Now())

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["subject", "-at"], name="counted_by_subject"),
            models.Index(fields=["address", "-at"], name="counted_by_address"),
            models.Index(fields=["at"], name="counted_by_time"),
        ]


class KnownAddress(models.Model):
    """Address from which a user has signed in: wrong guesses by others do not lock the user out there."""

    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    address = models.CharField(max_length=64)
    at = models.DateTimeField(help_text="When they last signed in from it.")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["person", "address"], name="known_address_once")]
