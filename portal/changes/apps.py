from django.apps import AppConfig
from django.conf import settings

from portal.common import keyring


class ChangesConfig(AppConfig):
    name = "portal.changes"
    label = "changes"

    def ready(self) -> None:
        from portal.changes.workflow import vote_reevaluation  # noqa: F401, PLC0415 - connects its signal receiver; models load after apps

        if settings.HOLDS_KEYS:
            # A keyring that cannot encrypt stops every process at its start, not the first submission.
            keyring.get_keyring()
        if settings.APPROVAL_MAC_KEYS:
            keyring.mac_ring()
