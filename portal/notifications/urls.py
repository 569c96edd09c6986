"""URLs of notifications and preferences."""

from django.urls import path

from portal.notifications import views

app_name = "notices"
urlpatterns = [
    path("notices/", views.inbox, name="inbox"),
    path("notices/count/", views.count, name="count"),
    path("notices/read/", views.read, name="read"),
    path("accounts/preferences/", views.preferences, name="preferences"),
]
