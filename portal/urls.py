"""Every address of the portal."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("secrets/", include("portal.catalog.urls")),
    path("", include("portal.changes.urls")),
]
