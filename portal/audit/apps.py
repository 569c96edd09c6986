from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "portal.audit"
    label = "audit"

    def ready(self) -> None:
        from portal.audit import auth_events  # noqa: F401, PLC0415 - connects the receivers; models need ready apps
