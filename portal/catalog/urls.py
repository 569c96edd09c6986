"""Addresses of the list of secrets. One secret's page belongs to the changes, which it shows."""

from django.urls import path

from portal.catalog import views

app_name = "catalog"
urlpatterns = [
    path("", views.secrets, name="secrets"),
    path("names/", views.names, name="names"),
    path("sync/", views.sync_state, name="sync"),
    path("synchronise/", views.synchronise, name="synchronise"),
]
