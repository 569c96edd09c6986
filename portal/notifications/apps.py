from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "portal.notifications"

    def ready(self) -> None:
        from portal.notifications import receivers  # noqa: F401, PLC0415 - listens; models load after apps
