"""URLs of the provider: sign-in, reauthentication, sign-out, and the endpoints of OpenID Connect."""

from allauth.account import views
from django.urls import include, path

urlpatterns = [
    path("accounts/login/", views.login, name="account_login"),
    path("accounts/logout/", views.logout, name="account_logout"),
    path("accounts/reauthenticate/", views.reauthenticate, name="account_reauthenticate"),
    path("accounts/inactive/", views.account_inactive, name="account_inactive"),
    path("", include("allauth.idp.urls")),
]
