"""URLs of the audit log."""

from django.urls import path

from portal.audit.views import log, overview, proof, subjects

app_name = "audit"
urlpatterns = [
    path("", log.events, name="events"),
    path("overview/", overview.overview, name="overview"),
    path("find/", subjects.find, name="find"),
    path("people/<path:username>/", subjects.person, name="person"),
    path("access/users/<path:username>/", subjects.access, {"kind": "user"}, name="user_access"),
    path("access/groups/<path:username>/", subjects.access, {"kind": "group"}, name="group_access"),
    path("secrets/<int:identifier>/", subjects.secret, name="secret"),
    path("events/<int:number>/", log.event, name="event"),
    path("changes/<int:change>/", log.change_timeline, name="change_timeline"),
    path("changes/<int:change>/evidence.zip", proof.pack, name="evidence"),
    path("evidence-book.zip", proof.book, name="evidence_book"),
    path("exports/", log.exports, name="exports"),
    path("export.csv", log.export, {"kind": "csv"}, name="export_csv"),
    path("export.jsonl", log.export, {"kind": "jsonl"}, name="export_jsonl"),
    path("sealed-log.txt", proof.sealed_log, name="sealed_log"),
    path("checkpoint.txt", proof.checkpoint, name="checkpoint"),
    path("public-key.txt", proof.key, name="key"),
    path("verify_countersign.py", proof.verifier, name="verifier"),
    path("verify/", proof.verify, name="verify"),
]
