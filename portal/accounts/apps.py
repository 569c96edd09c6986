from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        from portal.accounts import (  # noqa: PLC0415 - models exist only once apps are ready
            carried_forms,  # noqa: F401 - listens
            devices,  # noqa: F401 - listens
            roles,
            sessions,  # noqa: F401 - listens
            signals,  # noqa: F401 - listens
        )

        post_migrate.connect(roles.ensure_role_groups, sender=self, dispatch_uid="make_groups")
