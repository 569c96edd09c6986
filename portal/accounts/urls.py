"""Signing in and the choices that stay with the browser.

allauth's views one by one: what the portal does not offer (signing up, mail addresses, resets by mail) has no address.
"""

from allauth.account import views as allauth
from django.db import transaction
from django.urls import path

from portal.accounts import views

app_name = "accounts"

urlpatterns = [
    path("theme/", views.theme, name="theme"),
]

# allauth reverses these names without a namespace.
signin_urlpatterns = [
    path("login/", allauth.login, name="account_login"),
    path("logout/", allauth.logout, name="account_logout"),
    path("inactive/", allauth.account_inactive, name="account_inactive"),
    # With its event or not at all.
    path("reauthenticate/", transaction.atomic(allauth.reauthenticate), name="account_reauthenticate"),
    path("password/change/", transaction.atomic(allauth.password_change), name="account_change_password"),
]
