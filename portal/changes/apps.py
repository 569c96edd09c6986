from django.apps import AppConfig
from django.conf import settings

from portal.common import keyring


class ChangesConfig(AppConfig):
    name = "portal.changes"
    label = "changes"

    def ready(self) -> None:
        from portal.changes.workflow import vote_reevaluation  # noqa: F401, PLC0415 - listens; models exist only once apps are ready

        if settings.HOLDS_KEYS:
            # a ring that cannot seal stops every process at its start, not the first person who submits
            keyring.get_keyring()
        if settings.APPROVAL_MAC_KEYS:
            keyring.mac_ring()
