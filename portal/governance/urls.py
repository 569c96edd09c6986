"""URL of the link that a person gets by mail to choose a password."""

from django.urls import path

from portal.governance.views import choose_password

app_name = "governance"
urlpatterns = [path("password/choose/<uidb64>/<token>/", choose_password, name="choose_password")]
