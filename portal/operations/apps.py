"""Running the portal: its processes, its state folder, its demo. No models."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "portal.operations"
    label = "operations"
