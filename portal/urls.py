"""Every address of the portal."""

from django.urls import include, path

from portal.changes.views.home import home
from portal.pages.first_steps import dismiss
from portal.pages.saved import delete_filter, save_filter
from portal.pages.views import theme

urlpatterns = [
    path("", home, name="home"),
    path("theme/", theme, name="theme"),
    path("saved-filters/", save_filter, name="save_filter"),
    path("saved-filters/<int:saved>/delete/", delete_filter, name="forget_filter"),
    path("first-steps/dismiss/", dismiss, name="dismiss_first_steps"),
    path("audit/", include("portal.audit.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("operations/", include("portal.operations.urls")),
    path("secrets/", include("portal.catalog.urls")),
    path("", include("portal.changes.urls")),
    path("", include("portal.notices.urls")),
]

handler400 = "portal.pages.problems.bad_request"
handler500 = "portal.pages.problems.server_error"
