from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "portal.governance"
    label = "governance"

    def ready(self) -> None:
        from portal.governance import people  # noqa: F401, PLC0415 - registers its kinds of proposal
