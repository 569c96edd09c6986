"""URLs of the operators' pages."""

from django.urls import path

from portal.operations import views

app_name = "operations"
urlpatterns = [
    path("", views.delivery, name="delivery"),
    path("pause/", views.pause, name="pause"),
    path("resume/", views.resume, name="resume"),
    path("connection/", views.connection, name="connection"),
    path("connection/test/", views.test_connection, name="test_connection"),
    path("users/", views.users, name="users"),
    path("keys/", views.keys, name="keys"),
]
