"""URLs of the list of secrets. The page of one secret belongs to the changes app, whose data it shows."""

from django.urls import path

from portal.catalog import views

app_name = "catalog"
urlpatterns = [
    path("", views.secrets, name="secrets"),
    path("names/", views.names, name="names"),
    path("sync/", views.sync_state, name="sync"),
    path("synchronise/", views.synchronise, name="synchronise"),
]
