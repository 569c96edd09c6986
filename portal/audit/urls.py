"""Addresses of the log."""

from django.urls import path

from portal.audit import views

app_name = "audit"
urlpatterns = [
    path("", views.events, name="events"),
    path("events/<int:number>/", views.event, name="event"),
    path("changes/<int:change>/", views.change_timeline, name="change_timeline"),
    path("export.csv", views.export, {"kind": "csv"}, name="export_csv"),
    path("export.jsonl", views.export, {"kind": "jsonl"}, name="export_jsonl"),
]
