"""Every address of the portal."""

from django.urls import include, path

from portal.changes.views.home import home
from portal.pages.views import theme

urlpatterns = [
    path("", home, name="home"),
    path("theme/", theme, name="theme"),
    path("audit/", include("portal.audit.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("secrets/", include("portal.catalog.urls")),
    path("", include("portal.changes.urls")),
]

handler400 = "portal.pages.problems.bad_request"
handler500 = "portal.pages.problems.failed"
