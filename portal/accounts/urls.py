"""URLs of sign-in and account pages.

allauth's views are listed one by one: what the portal does not offer (sign-up, email addresses, a reset that anyone can
ask for) has no URL.
"""

from allauth.account import views as allauth
from django.db import transaction
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from portal.accounts.views import carried_form, language, sign_out_device

# allauth's views would treat a PUT as a POST, and answer OPTIONS.
_page = require_http_methods(["GET", "HEAD", "POST"])

# No namespace: allauth reverses these names without one.
urlpatterns = [
    path("login/", _page(allauth.login), name="account_login"),
    path("logout/", _page(allauth.logout), name="account_logout"),
    path("inactive/", require_safe(allauth.account_inactive), name="account_inactive"),
    # In one transaction, so that the event is recorded too, or nothing happens.
    path("reauthenticate/", _page(transaction.atomic(allauth.reauthenticate)), name="account_reauthenticate"),
    path("password/change/", _page(transaction.atomic(allauth.password_change)), name="account_change_password"),
    path("form/", carried_form, name="carried_form"),
    path("devices/sign-out/", sign_out_device, name="sign_out_device"),
    # The name that Django documents; POST only, while Django's view answers GET too.
    path("language/", language, name="set_language"),
]
