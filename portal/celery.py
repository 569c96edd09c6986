"""The Celery application: who beats when. Tasks live in the apps' tasks.py and are three lines each."""

import os
from typing import Any

from celery import Celery, signals

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

app = Celery("portal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@signals.setup_logging.connect
def leave_logging_to_settings(**_: Any) -> None:
    """Being listened to keeps Celery from setting levels of its own: PORTAL_LOG_LEVEL counts in each process."""
