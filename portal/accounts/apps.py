from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "portal.accounts"
    label = "accounts"

    def ready(self) -> None:
        from allauth.account.signals import authentication_step_completed  # noqa: PLC0415 - as the next

        from portal.accounts import presence, roles  # noqa: PLC0415 - models exist only once apps are ready

        post_migrate.connect(roles.make_groups, sender=self, dispatch_uid="make_groups")
        authentication_step_completed.connect(presence.renew_session, dispatch_uid="renew_session")
