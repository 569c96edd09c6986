"""What no linter knows: rules of this house, each a look at the syntax tree, each proved on a line that breaks it."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.rig.portal import ROOT

pytestmark = pytest.mark.shows("W17")

MODULES = sorted(path for path in (ROOT / "portal").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
Breaks = Callable[[ast.AST], bool]


@dataclass(frozen=True)
class Rule:
    """What must not be, where it may be all the same (and there alone), and a line that breaks it."""

    name: str
    breaks: Breaks
    example: str
    allowed: frozenset[str] = frozenset()


def called(node: ast.AST) -> str:
    """`a.b.c` of a call `a.b.c(...)`; what is no name is left out."""
    return dotted(node.func) if isinstance(node, ast.Call) else ""


def dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def calls(*names: str) -> Breaks:
    """A call of a function or method of one of these names."""
    return lambda node: called(node).rpartition(".")[2] in names


def mentions(*names: str) -> Breaks:
    """One of these names, imported or used."""

    def breaks(node: ast.AST) -> bool:
        if isinstance(node, ast.ImportFrom | ast.Import):
            return any(alias.name.rpartition(".")[2] in names for alias in node.names)
        return dotted(node).rpartition(".")[2] in names

    return breaks


def without_timeout(node: ast.AST) -> bool:
    """The shortcuts of requests, which no deadline holds, and any opening of a URL without one."""
    name = called(node)
    if name.startswith("requests.") and name.count(".") == 1 and name != "requests.Session":
        return True
    asks = name.rpartition(".")[2] in ("urlopen", "create_connection", "HTTPConnection", "HTTPSConnection")
    return asks and not any(word.arg == "timeout" for word in node.keywords)  # type: ignore[attr-defined]


def publishes_before_the_commit(node: ast.AST) -> bool:
    """A message to the queue from within a transaction: a worker would look for a row that is not there yet."""
    if not isinstance(node, ast.With) or not any(called(item.context_expr).endswith("atomic") for item in node.items):
        return False
    return any(
        calls("enqueue_change", "enqueue_sync", "enqueue_verification", "delay", "apply_async", "send_task")(inner)
        for inner in ast.walk(node)
    )


def quotes_an_exception(node: ast.AST) -> bool:
    """A log line with the text of any exception, or its traceback: the text may be a request's, and hold a secret."""
    if isinstance(node, ast.ExceptHandler):
        return node.name is not None and any(
            isinstance(argument, ast.Name) and argument.id == node.name
            for inner in ast.walk(node)
            if isinstance(inner, ast.Call) and logs(inner)
            for argument in inner.args
        )
    told = isinstance(node, ast.Call) and logs(node)
    return told and (called(node).endswith(".exception") or any(word.arg == "exc_info" for word in node.keywords))


def logs(node: ast.Call) -> bool:
    return re.search(r"(^|\.)_?log\w*\.(debug|info|warning|error|critical|exception|log)$", called(node)) is not None


def hands_over_what_was_sent(node: ast.AST) -> bool:
    """A form or object filled from whatever fields the browser names: a form names each of its own."""
    if isinstance(node, ast.Call):
        return any(word.arg is None and ".POST" in ast.unparse(word.value) for word in node.keywords)
    return mentions("ModelForm", "modelform_factory", "UpdateView", "CreateView")(node)


_SHOWN = {"recent_auth": "RecentAuth", "review_proof": "ReviewProof"}
"""Arguments that say what a user showed or did before an act, and their types."""


def vouches_by_default(node: ast.AST) -> bool:
    """An argument or a field of these names or types that has a default: who forgets it must fail, not pass."""
    if isinstance(node, ast.arguments):
        named = [*node.posonlyargs, *node.args]
        optional = named[len(named) - len(node.defaults) :]
        optional += [
            argument for argument, default in zip(node.kwonlyargs, node.kw_defaults, strict=True) if default is not None
        ]
        return any(says_what_was_shown(argument.arg, argument.annotation) for argument in optional)
    if isinstance(node, ast.ClassDef):
        fields = [field for field in node.body if isinstance(field, ast.AnnAssign) and field.value is not None]
        return any(says_what_was_shown(dotted(field.target), field.annotation) for field in fields)
    return False


def says_what_was_shown(name: str, annotation: ast.AST | None) -> bool:
    words = set(re.findall(r"\w+", ast.unparse(annotation))) if annotation else set()
    return name in _SHOWN or not words.isdisjoint(_SHOWN.values())


def vouches_for_a_user(node: ast.AST) -> bool:
    """A value of these types that says yes without having asked."""
    if called(node).rpartition(".")[2] not in _SHOWN.values():
        return False
    assert isinstance(node, ast.Call)
    values = [*node.args, *(word.value for word in node.keywords)]
    return any(isinstance(value, ast.Constant) and value.value is True for value in values)


RULES = [
    Rule("HTML is made by templates and format_html", mentions("mark_safe", "SafeText"), "mark_safe(name)"),
    Rule(
        "every form is guarded",
        mentions("csrf_exempt"),
        "@csrf_exempt\ndef page(request): ...",
        frozenset({"portal/identity/backchannel_views.py"}),  # called by the provider, whose signed token is the proof
    ),
    Rule("every call has a deadline", without_timeout, "requests.get(url)"),
    Rule(
        "Celery's messages leave by one door each",
        calls("delay", "apply_async", "send_task"),
        "deliver.delay(change_id)",
        frozenset(
            {
                "portal/audit/tasks.py",
                "portal/catalog/tasks.py",
                "portal/changes/delivery/tasks.py",
                "portal/operations/tasks.py",
            }
        ),
    ),
    Rule(
        "a message comes after the commit",
        publishes_before_the_commit,
        "with transaction.atomic():\n    tasks.enqueue_change(change.pk)",
    ),
    Rule(
        "rows are claimed by compare-and-swap; these wait for each other and lean on nothing else",
        calls("select_for_update"),
        "Change.objects.select_for_update().get(pk=1)",
        frozenset(
            {
                "portal/catalog/directory.py",
                "portal/catalog/sync.py",
                "portal/changes/delivery/circuit_breaker.py",
                "portal/changes/delivery/claims.py",
                "portal/changes/models/observed_secret.py",
                "portal/changes/transitions.py",
                "portal/operations/management/commands/user.py",
            }
        ),
    ),
    Rule(
        "secrets are revealed to be sealed, fingerprinted or sent",
        calls("reveal"),
        "page(value.reveal())",
        frozenset(
            {
                "portal/catalog/details.py",
                "portal/changes/domain/secret_encryption.py",
                "portal/vault/responses.py",
                "portal/vault/config.py",
                "portal/vault/transport.py",
                "portal/vault/entities.py",
                "portal/vault/scrubbing.py",
                "portal/vault/tokens.py",
            }
        ),
    ),
    Rule(
        "logs name an exception by its type",
        quotes_an_exception,
        "try: send()\nexcept Exception as error:\n    _log.error('it failed: %s', error)",
        frozenset({"portal/audit/tasks.py"}),  # the sealer's own words, which hold numbers and file names
    ),
    Rule("a safety argument has no default", vouches_by_default, "def vote(*, recent_auth: RecentAuth = SHOWN): ..."),
    Rule("no code vouches for a user", vouches_for_a_user, "SHOWN = RecentAuth(fresh=True)"),
    Rule("a form names its fields", hands_over_what_was_sent, "Change(**request.POST.dict())"),
    Rule(
        "rights come with groups",
        mentions("has_perm", "has_perms", "is_superuser", "is_staff"),
        "if user.is_superuser: ...",
    ),
]


@cache
def parse(path: Path) -> ast.AST:
    """Once for all rules: they are many, and so are the modules."""
    return ast.parse(path.read_text(encoding="utf-8"))


def breaches(tree: ast.AST, rule: Rule) -> Iterator[int]:
    """The lines that break it."""
    return (getattr(node, "lineno", 0) for node in ast.walk(tree) if rule.breaks(node))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_rule_is_kept(rule: Rule) -> None:
    assert list(breaches(ast.parse(rule.example), rule)), "the rule does not see what breaks it"
    found = {
        path.relative_to(ROOT).as_posix(): lines for path in MODULES if (lines := list(breaches(parse(path), rule)))
    }
    assert {name: lines for name, lines in found.items() if name not in rule.allowed} == {}
    assert rule.allowed <= found.keys(), "an exception that nobody needs any more"


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
def test_template_escapes_everything(template: Path) -> None:
    text = template.read_text(encoding="utf-8")
    assert not re.search(r"\|\s*safe(seq)?\b|autoescape\s+off|{%\s*debug", text)


def reads_the_clock_in_a_name(node: ast.AST) -> bool:
    """The parameters of a test contain the present time, so that two workers of pytest-xdist collect other tests."""
    return called(node).endswith("mark.parametrize") and any(
        called(part).endswith((".time", ".now", ".monotonic")) for part in ast.walk(node)
    )


def test_no_name_of_a_test_contains_the_time() -> None:
    rule = Rule(
        "names are fixed", reads_the_clock_in_a_name, '@pytest.mark.parametrize("at", [time.time()])\ndef f(): ...'
    )
    assert list(breaches(ast.parse(rule.example), rule))
    assert [path.name for path in TESTS if list(breaches(parse(path), rule))] == []
