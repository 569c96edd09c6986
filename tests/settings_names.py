"""Which environment names settings.py reads, found in its source."""

from __future__ import annotations

import ast

from tests.rig.portal import ROOT

_READERS = {
    "get_secret",
    "get_https_url",
    "get_positive_number",
    "get_integer",
    "get_role_groups",
    "get_roles",
    "get_ticket_patterns",
    "get_hosts",
}


def names() -> set[str]:
    """Every name read, without the NAME_FILE variants."""
    return {name for call in _calls() if (name := _first_text(call))}


def secret_names() -> set[str]:
    """Those that may come from NAME_FILE."""
    return {name for call in _calls() if _called(call) == "get_secret" and (name := _first_text(call))}


def _calls() -> list[ast.Call]:
    tree = ast.parse((ROOT / "portal" / "settings.py").read_text(encoding="utf-8"))
    return [
        node for node in ast.walk(tree) if isinstance(node, ast.Call) and (_called(node) in _READERS or _of_env(node))
    ]


def _called(call: ast.Call) -> str:
    return call.func.id if isinstance(call.func, ast.Name) else ""


def _of_env(call: ast.Call) -> bool:
    function = call.func
    return (
        isinstance(function, ast.Attribute)
        and isinstance(function.value, ast.Name)
        and function.value.id == "env"
        and function.attr != "read_env"
    )


def _first_text(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
