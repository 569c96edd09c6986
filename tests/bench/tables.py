"""The tables a history fills, and rows on their way into them by COPY."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.backends.utils import CursorWrapper

from tests.bench.stories import BASE_TEXT, PATCH_TEXT, REASON_TEXT, REFUSED, STORIES, UPDATED, Story, uuid_of

NULL = "\\N"
_COLUMNS = {
    "catalog_apisecret": "identifier, name, folded, can_view, can_write, need_justify, need_approval, first_seen_at",
    "catalog_searchterm": "id, secret_id, kind, folded, shown",
    "catalog_catalogsync": "id, by, asked_at, started_at, finished_at, ok, listed, added, altered, returned, vanished,"
    " kind, message",
    "changes_change": "id, secret, secret_name, requester_id, status, revision, risk, created_at, updated_at,"
    " status_since, expires_at, approved_at, queued_at, closed_at, fence, backoff_count,"
    " unknown_outcomes, cause, last_http_status, last_message",
    "changes_revision": "id, change_id, number, editor_id, created_at, patch, base, base_secret_fingerprint,"
    " secret_fingerprint, policy, reason, ticket, digest",
    "changes_vote": "id, change_id, revision, digest, requester_id, voter_id, verdict, reason, voted_at",
    "changes_attempt": "id, change_id, revision, fence, digest, started_at, finished_at, outcome,"
    " http_status, segura_error_code, message",
    "changes_comment": "id, change_id, revision, field, author_id, text, mentions, key, at",
    "notifications_notification": "id, recipient_id, kind, change_id, event, by, at, shown, read_at, daily, mail_tries",
    "audit_event": "id, at, action, actor, change, seq, secret, http_status, text",
    "audit_treeleaf": "leaf, event, leaf_hash",
    "audit_subtree": 'level, "index", root',
    "audit_checkpoint": "size, root, note, key_id, at",
}
_WITH_SEQUENCE = ("catalog_searchterm", "catalog_catalogsync", "changes_change", "changes_vote", "changes_comment",
                  "notifications_notification", "audit_event")  # fmt: skip
_VERDICTS = {"approved": "approve", "applied": "approve", "failed": "approve", "rejected": "reject"}
_ENDED = {"applied": ("confirmed", "200", ""), "failed": ("refused", "400", REFUSED)}
_LIFE = timedelta(days=14)


class Tables:
    """Rows wait in memory until flush(); none of their values holds a tab, a line end or a backslash of its own."""

    def __init__(self, cursor: CursorWrapper) -> None:
        self._cursor = cursor
        self._waiting: dict[str, list[str]] = {name: [] for name in _COLUMNS}

    @staticmethod
    def names() -> list[str]:
        """All that are filled, those that are pointed at first."""
        return list(_COLUMNS)

    def secret(self, *values: object) -> None:
        self._add("catalog_apisecret", *values)

    def keyword(self, *values: object) -> None:
        self._add("catalog_searchterm", *values)

    def sync(self, *values: object) -> None:
        self._add("catalog_catalogsync", *values, 0, 0, 0, 0, "", "")

    def event(self, *values: object) -> None:
        self._add("audit_event", *values)

    def seal(self, *values: object) -> None:
        self._add("audit_treeleaf", *values)

    def subtree(self, *values: object) -> None:
        self._add("audit_subtree", *values)

    def checkpoint(self, *values: object) -> None:
        self._add("audit_checkpoint", *values)

    def story(self, story: Story, requester: int, voter: int, at: datetime) -> None:
        """A change with its revision, vote, attempt and notice, as its outcome has them."""
        words, outcome, change = story.words, story.outcome, story.words["change"]
        is_open = outcome in ("pending", "approved")
        began, moved = at.isoformat(), (at + timedelta(hours=3)).isoformat()
        ends = NULL if not is_open else (datetime.now(at.tzinfo) + _LIFE).isoformat()
        voted = outcome in _VERDICTS
        since = began if outcome == "pending" else moved
        approved = moved if voted and outcome != "rejected" else NULL
        sent = outcome in _ENDED
        cause, code, answer = _ENDED.get(outcome, ("", NULL, ""))
        self._add("changes_change", change, words["secret"], words["name"], requester, outcome, 1, 1, began,
                  since, since, ends, approved, approved, NULL if is_open else moved, int(sent), 0, 0, cause, code,
                  answer)  # fmt: skip
        self._add("changes_revision", uuid_of(story.number, 1), change, 1, requester, began, PATCH_TEXT % words,
                  BASE_TEXT % words, "", "", '{"required":1}', REASON_TEXT % words, f"OPS-{story.number}",
                  words["digest"])  # fmt: skip
        if voted:
            self._add("changes_vote", change, change, 1, words["digest"], requester, voter, _VERDICTS[outcome], "",
                      moved)  # fmt: skip
        if sent:
            taken = outcome == "applied"
            self._add("changes_attempt", words["attempt"], change, 1, 1, words["digest"], moved, moved,
                      "applied" if taken else "refused", code, NULL if taken else 1009,
                      UPDATED if taken else REFUSED)  # fmt: skip
        if not is_open:
            read = NULL if story.number % 50 == 0 else moved
            self._add("notifications_notification", change, requester, outcome, change,
                      change, "", moved, "t", read, "f", 0)  # fmt: skip
        if story.number % 10 == 0:
            self._add("changes_comment", change, change, 1, "", requester, "Is that all of it?", "[]",
                      uuid_of(story.number, 3), moved)  # fmt: skip

    def flush(self, more_than: int = 0) -> None:
        """Send what waits, if there is more of it than that."""
        if sum(map(len, self._waiting.values())) <= more_than:
            return
        for name, rows in self._waiting.items():
            if rows:
                with self._cursor.copy(f"COPY {name} ({_COLUMNS[name]}) FROM STDIN") as copy:
                    copy.write("".join(rows))
                rows.clear()

    def reset_sequences(self) -> None:
        """The next row of people's comes after the last one of these."""
        for name in _WITH_SEQUENCE:
            self._cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), COALESCE(MAX(id), 0) + 1, false) FROM {name}"
            )

    def _add(self, table: str, *values: object) -> None:
        self._waiting[table].append("\t".join(map(str, values)) + "\n")


assert not any("\\" in template.text for story in STORIES.values() for template in story)
