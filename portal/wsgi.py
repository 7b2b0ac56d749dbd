"""The WSGI entry point; only an application server imports it (deploy/gunicorn.conf.py)."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

from complaints.apps import freeze_loaded_objects
from portal.content_type import with_readable_type
from portal.postgresql.pool import share_connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
application = with_readable_type(get_wsgi_application())
share_connections()
# Django would load the addresses, and with them all views and admin pages, at the first request only.
import_module("portal.urls")
freeze_loaded_objects()
