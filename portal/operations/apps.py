"""Operation of the portal: health, metrics, doctor, retention and the operators' pages."""

from django.apps import AppConfig


class OperationsConfig(AppConfig):
    name = "portal.operations"
    label = "operations"
