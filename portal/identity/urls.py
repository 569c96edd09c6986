"""URLs of the sign-in with the OpenID provider."""

from django.urls import path

from portal.identity import backchannel_views, views

app_name = "identity"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("confirm/", views.confirm, name="confirm"),
    path("confirmed/", views.confirmed, name="confirmed"),
    path("backchannel-logout/", backchannel_views.backchannel_logout, name="backchannel_logout"),
    path("callback/", views.callback, name="callback"),
]
