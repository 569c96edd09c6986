from django.apps import AppConfig


class IdentityConfig(AppConfig):
    name = "portal.identity"
    label = "identity"

    def ready(self) -> None:
        from portal.identity import provider_sessions  # noqa: F401, PLC0415 - listens, once the models are ready
