"""URLs of the operators' pages."""

from django.urls import path

from portal.operations import views

app_name = "operations"
urlpatterns = [
    path("", views.delivery, name="delivery"),
    path("hold/", views.hold, name="hold"),
    path("release/", views.release, name="release"),
    path("connection/", views.connection, name="connection"),
    path("connection/test/", views.test_connection, name="test_connection"),
    path("people/", views.people, name="people"),
    path("keys/", views.keys, name="keys"),
]
