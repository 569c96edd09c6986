"""docs/states.md is made from transitions.ALLOWED; `python -m tests.test_states_page` writes it anew."""

from __future__ import annotations

from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "states.md"
HEAD = """# States of a change

Made from `ALLOWED` in `portal/changes/transitions.py`, the only module that writes a status. Ended states erase the
sealed client secret in the transaction that reaches them; a failed change may be retried while its approvals count.

```mermaid
stateDiagram-v2
    [*] --> pending
"""


def page() -> str:
    """The page as it should be."""
    from portal.changes.transitions import ALLOWED, CLOSED

    arrows = [f"    {start} --> {end}\n" for start, ends in ALLOWED.items() for end in ends]
    ended = [f"    {status} --> [*]\n" for status in CLOSED]
    return HEAD + "".join(arrows) + "".join(ended) + "```\n"


def test_the_page_of_states_shows_what_is_allowed() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "write it anew: python -m tests.test_states_page"


if __name__ == "__main__":
    import django

    django.setup()
    PAGE.write_text(page(), encoding="utf-8")
