from django.apps import AppConfig

from portal import keyring


class ChangesConfig(AppConfig):
    name = "portal.changes"
    label = "changes"

    def ready(self) -> None:
        keyring.ring()  # a ring that cannot seal stops every process at its start, not the first person who submits
