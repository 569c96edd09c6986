"""URLs of changes and of the secrets they are about."""

from django.urls import path

from portal.changes.views import (
    base_check,
    bulk,
    change,
    drafts,
    help_page,
    lists,
    propose,
    queue,
    search,
    secret,
    templates,
)

app_name = "changes"
urlpatterns = [
    path("search/", search.search, name="search"),
    path("help/", help_page.help_page, name="help"),
    path("queue/", queue.queue, name="queue"),
    path("queue/updates/", queue.queue_updates, name="queue_updates"),
    path("queue/next/", queue.next_change, name="next_change"),
    path("queue/decide/", bulk.decide, name="decide"),
    path("risk-rules/", queue.risk_rules, name="risk_rules"),
    path("changes/mine/", lists.mine, name="mine"),
    path("changes/", lists.all_changes, name="all"),
    path("changes/<int:change_id>/", change.change, name="change"),
    path("changes/<int:change_id>/status/", change.status, name="status"),
    path("changes/<int:change_id>/history/", change.history, name="history"),
    path("changes/<int:change_id>/new-comments/", change.new_comments, name="new_comments"),
    path("changes/<int:change_id>/base-check/", base_check.base_check, name="base_check"),
    path("changes/<int:change_id>/check-base/", base_check.check_base, name="check_base"),
    path("changes/<int:change_id>/approve/", change.approve, name="approve"),
    path("changes/<int:change_id>/reject/", change.reject, name="reject"),
    path("changes/<int:change_id>/request-changes/", change.request_changes, name="request_changes"),
    path("changes/<int:change_id>/withdraw/", change.withdraw, name="withdraw"),
    path("changes/<int:change_id>/comment/", change.comment, name="comment"),
    path("changes/<int:change_id>/retry/", change.retry, name="retry"),
    path("changes/<int:change_id>/recheck/", change.recheck, name="recheck"),
    path("changes/<int:change_id>/resolve/", change.resolve, name="resolve"),
    path("changes/<int:change_id>/template/", templates.save, name="save_template"),
    path("templates/", templates.templates, name="templates"),
    path("templates/<int:template_id>/delete/", templates.delete, name="delete_template"),
    path("changes/<int:change_id>/revise/", propose.revise, name="revise"),
    path("changes/<int:change_id>/revert/", propose.revert_change, name="revert"),
    path("secrets/<int:identifier>/", secret.secret, name="secret"),
    path("secrets/<int:identifier>/draft/", drafts.autosave, name="autosave"),
    path("secrets/<int:identifier>/draft/discard/", drafts.discard, name="discard"),
    path("secrets/<int:identifier>/propose/", propose.propose, name="propose"),
]
