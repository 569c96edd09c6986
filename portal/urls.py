"""URL configuration of the portal."""

from importlib.util import find_spec

from django.urls import include, path

from portal.catalog.urls import app_name as catalog_name
from portal.catalog.urls import urlpatterns as catalog_urls
from portal.changes.views.home import home
from portal.changes.views.secrets import secrets
from portal.web.saved_filters import delete_filter, save_filter
from portal.web.undo import undo_deletion
from portal.web.views import set_theme

urlpatterns = [
    path("", home, name="home"),
    path("theme/", set_theme, name="set_theme"),
    path("saved-filters/", save_filter, name="save_filter"),
    path("saved-filters/<int:saved>/delete/", delete_filter, name="delete_filter"),
    path("undo/", undo_deletion, name="undo_deletion"),
    path("audit/", include("portal.audit.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("accounts/", include("portal.governance.urls")),
    path("identity/", include("portal.identity.urls")),
    path("vote-keys/", include("portal.vote_keys.urls")),
    path("operations/", include("portal.operations.urls")),
    # The list shows the changes of each secret, which the catalog must not import.
    path("secrets/", include(([path("", secrets, name="secrets"), *catalog_urls], catalog_name))),
    path("", include("portal.changes.urls")),
    path("", include("portal.notifications.urls")),
    *([path("demo/", include("portal.devserver.urls"))] if find_spec("portal.devserver") else []),
]

handler400 = "portal.web.error_views.bad_request"
handler500 = "portal.web.error_views.server_error"
