"""URL of the demo."""

from django.urls import path

from portal.devserver.views import demo_sign_in

app_name = "devserver"
urlpatterns = [path("sign-in/", demo_sign_in, name="demo_sign_in")]
