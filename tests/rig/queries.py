"""What a page asks of the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def growing(queries: Iterable[Mapping[str, str]]) -> list[str]:
    """The statements that cost more the more rows there are: a COUNT without a limit, an OFFSET."""
    statements = [query["sql"] for query in queries]
    return [sql for sql in statements if "OFFSET" in sql or ("COUNT(" in sql and " LIMIT " not in sql)]
