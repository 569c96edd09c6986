"""Addresses of changes and of the secrets they are about."""

from django.urls import path

from portal.changes.views import change, desk, propose, secret

app_name = "changes"
urlpatterns = [
    path("queue/", desk.queue, name="queue"),
    path("changes/mine/", desk.mine, name="mine"),
    path("changes/", desk.all_changes, name="all"),
    path("changes/<int:change_id>/", change.change, name="change"),
    path("changes/<int:change_id>/status/", change.status, name="status"),
    path("changes/<int:change_id>/approve/", change.approve, name="approve"),
    path("changes/<int:change_id>/reject/", change.reject, name="reject"),
    path("changes/<int:change_id>/withdraw/", change.withdraw, name="withdraw"),
    path("changes/<int:change_id>/retry/", change.retry, name="retry"),
    path("changes/<int:change_id>/recheck/", change.recheck, name="recheck"),
    path("changes/<int:change_id>/close/", change.close, name="close"),
    path("changes/<int:change_id>/revise/", propose.revise, name="revise"),
    path("secrets/<int:identifier>/", secret.secret, name="secret"),
    path("secrets/<int:identifier>/draft/discard/", propose.discard, name="discard"),
    path("secrets/<int:identifier>/propose/", propose.propose, name="propose"),
]
