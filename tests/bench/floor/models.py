"""The tables of the minimal site."""

from __future__ import annotations

from django.db import models


class Request(models.Model):
    created = models.DateTimeField()
    status = models.CharField(max_length=12)
    system = models.CharField(max_length=60)
    account = models.CharField(max_length=60)
    requester = models.CharField(max_length=60)
    reason = models.CharField(max_length=200)

    class Meta:
        app_label = "floor"
        indexes = [models.Index(fields=["status", "id"], name="floor_queue")]


class Entry(models.Model):
    at = models.DateTimeField()
    actor = models.CharField(max_length=60)
    event = models.CharField(max_length=30)
    request_id = models.BigIntegerField()
    object = models.CharField(max_length=120)
    detail = models.JSONField()

    class Meta:
        app_label = "floor"
        indexes = [models.Index(fields=["request_id", "id"], name="floor_entry_of")]


class Part(models.Model):
    id = models.UUIDField(primary_key=True)
    request = models.ForeignKey(Request, on_delete=models.CASCADE)
    patch = models.JSONField()

    class Meta:
        app_label = "floor"
