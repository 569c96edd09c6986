"""URLs beside the list of secrets. The pages of secrets belong to the changes app, whose data they show."""

from django.urls import path

from portal.catalog import views

app_name = "catalog"
urlpatterns = [
    path("names/", views.names, name="names"),
    path("sync/", views.sync_state, name="sync"),
    path("synchronise/", views.synchronise, name="synchronise"),
]
