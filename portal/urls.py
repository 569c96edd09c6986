"""Every address of the portal."""

from django.urls import include, path

from portal.accounts.urls import signin_urlpatterns
from portal.accounts.views import home

urlpatterns = [
    path("", home, name="home"),
    path("audit/", include("portal.audit.urls")),
    path("accounts/", include("portal.accounts.urls")),
    path("accounts/", include(signin_urlpatterns)),
    path("secrets/", include("portal.catalog.urls")),
    path("", include("portal.changes.urls")),
]

handler400 = "portal.accounts.problems.bad_request"
handler500 = "portal.accounts.problems.failed"
