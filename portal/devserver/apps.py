"""`make run` and its commands. No models; an installation for production may leave the package out."""

from django.apps import AppConfig


class DevserverConfig(AppConfig):
    name = "portal.devserver"
    label = "devserver"
