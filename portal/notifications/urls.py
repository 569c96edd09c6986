"""URLs of notifications and preferences."""

from django.urls import path

from portal.notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.inbox, name="inbox"),
    path("notifications/count/", views.count, name="count"),
    path("notifications/read/", views.read, name="read"),
    path("changes/<int:change_id>/subscription/", views.subscribe, name="subscribe"),
    path("accounts/preferences/", views.preferences, name="preferences"),
]
