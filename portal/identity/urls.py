"""URLs of the sign-in with the OpenID provider."""

from django.urls import path

from portal.identity import views

app_name = "identity"
urlpatterns = [
    path("sign-in/", views.sign_in, name="sign_in"),
    path("callback/", views.callback, name="callback"),
]
