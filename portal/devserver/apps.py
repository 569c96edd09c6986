"""App of `make run` and of its demo. No models; a production installation may leave the package out."""

from django.apps import AppConfig


class DevserverConfig(AppConfig):
    name = "portal.devserver"
    label = "devserver"

    def ready(self) -> None:
        from portal.devserver.demo_deadline import connect_short_deadline  # noqa: PLC0415 - models load after apps

        connect_short_deadline()
