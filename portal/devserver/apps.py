"""App with the commands of `make run`. No models; a production installation may leave the package out."""

from django.apps import AppConfig


class DevserverConfig(AppConfig):
    name = "portal.devserver"
    label = "devserver"
