"""WSGI application that granian serves."""

import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from portal.common import keyring

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")

if settings.TRACING:
    import_module("portal.common.tracing").start_tracing()  # imported by name, because its packages are optional
application = get_wsgi_application()
# Imported by name, because models load after the apps are ready.
import_module("portal.audit.sealing.log_origin").require_demo_mode_at_start()
keyring.mac_ring()  # a web process that could accept no vote must not start
