"""docs/notifications.md is made from notices.kinds; `python -m tests.test_notifications_page` writes it anew."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "notifications.md"
HEAD = """# Who is told of what

Generated from `ROUTES` in `portal/notifications/routes.py` and `NOTIFICATION_TYPES` in `routing.py`. A notification
names the change and its secret, or the proposal and its person, and who acted, and contains no field value, reason or
comment. No user is notified of their own acts, or
asked to decide a change that they proposed or edited. Users who are disabled or lack the right of their part get none.
A user whom several rows of an event concern is notified once, by the first row. Each user chooses where and when; the
last column is the default.

| Event | Only if | Who | Needs the right to | Is told | By mail |
|---|---|---|---|---|---|
"""
FOOT = """
Once a day, at `DAILY_MAIL_HOUR` of their own time zone, people who decide are mailed what waits for their decision, the
oldest first, and everybody what they chose to hear of once a day; nothing to tell is no mail. What waits for a decision
is mailed only, as the queue counts it, and no longer once it is decided. Mails leave where `EMAIL_URL` names a mail
server, to people who have an address.

On the page of a change a user chooses **Watch**: what its requester is notified of is shown to them too, without mail,
and each comment as their preferences say. Or **Mute**: they are notified only if the change waits for them or a
comment mentions them.
"""
WHO = {
    "deciders": "those who may decide it and have not voted",
    "voters": "those who have voted on the revision",
    "voided": "those whose votes it voids",
    "requester": "who proposed it",
    "mentioned": "those it mentions who may see the change",
    "involved": "who proposed it, and those who voted or commented on it and may see it",
    "operators": "those who operate the portal",
    "administrators": "administrators who neither proposed it nor are its person, while it is open",
    "proposer": "who proposed it",
    "delayed": "those whose approved changes wait for delivery",
}


def any_of(rights: Collection[str]) -> str:
    """The right, or what any of them lets people do."""
    return next(iter(rights)) if len(rights) == 1 else "see the change"


def page() -> str:
    """The page as it should be."""
    from django.utils import translation

    from portal.notifications.routes import ROUTES
    from portal.notifications.routing import NOTIFICATION_TYPES, RIGHTS

    rows = []
    with translation.override("en"):
        for rule in ROUTES:
            kind = NOTIFICATION_TYPES[rule.kind]
            told = (
                f"`{rule.action}`",
                rule.only,
                WHO[kind.audience],
                any_of(RIGHTS[kind.audience]),
                kind.title,
                kind.mail.label.lower(),
            )
            rows.append("| " + " | ".join(map(str, told)) + " |\n")
    return HEAD + "".join(rows) + FOOT


def test_the_page_of_notices_shows_who_is_told_of_what() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.test_notifications_page"


if __name__ == "__main__":
    import os

    import django

    from portal.devserver.checks import PRODUCTION

    os.environ |= PRODUCTION | {"DJANGO_SETTINGS_MODULE": "portal.settings"}
    django.setup()
    PAGE.write_text(page(), encoding="utf-8")
