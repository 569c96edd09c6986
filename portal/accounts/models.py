"""People."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person. What they may do comes from their groups alone (roles.py): a superuser flag gives no vote."""

    is_demo = models.BooleanField(default=False, help_text="Made by the demo; refused everywhere else.")
    language = models.CharField(max_length=10, blank=True, db_default="", help_text="'' is as the browser asks.")
    time_zone = models.CharField(max_length=64, blank=True, db_default="", help_text="As IANA names it; '' is UTC.")

    first_steps = models.TextField(
        blank=True, db_default="", help_text="The steps taken; «dismissed» where none are to be shown."
    )

    class Meta(AbstractUser.Meta):
        permissions = [
            ("propose", "Propose changes"),
            ("decide", "Decide changes of others"),
            ("audit", "Read and export the audit log"),
            ("operate", "Operate the portal"),
        ]

    @property
    def display_name(self) -> str:
        """The full name where there is one, else the sign-in name."""
        return self.get_full_name() or self.username
