"""Signing in.

allauth's views one by one: what the portal does not offer (signing up, mail addresses, resets by mail) has no address.
"""

from allauth.account import views as allauth
from django.db import transaction
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.views import language

# Theirs would take a PUT for a POST, and tell by OPTIONS what there is.
_page = require_http_methods(["GET", "HEAD", "POST"])

# No namespace: allauth reverses these names without one.
urlpatterns = [
    path("login/", _page(allauth.login), name="account_login"),
    path("logout/", _page(allauth.logout), name="account_logout"),
    path("inactive/", require_safe(allauth.account_inactive), name="account_inactive"),
    # With its event or not at all.
    path("reauthenticate/", _page(transaction.atomic(allauth.reauthenticate)), name="account_reauthenticate"),
    path("password/change/", _page(transaction.atomic(allauth.password_change)), name="account_change_password"),
    # The name that Django and its documentation know; by POST alone, where theirs answers a GET as well.
    path("language/", language, name="set_language"),
]
