"""URLs of vote keys."""

from django.urls import path

from portal.vote_keys import views

app_name = "vote_keys"
urlpatterns = [
    path("", views.keys, name="keys"),
    path("enrol/", views.enrol, name="enrol"),
    path("enrol/options/", views.enrol_options, name="enrol_options"),
    path("<int:key_id>/confirm/", views.confirm, name="confirm"),
    path("<int:key_id>/confirm/options/", views.confirm_options, name="confirm_options"),
    path("<int:key_id>/revoke/", views.revoke, name="revoke"),
]
