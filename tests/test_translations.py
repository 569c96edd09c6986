"""English and Brazilian Portuguese, whole: nothing said past gettext, nothing missing, nothing left over."""

from __future__ import annotations

import ast
import gettext
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from portal.accounts.decorators import RightMissing
from portal.accounts.roles import Right
from portal.audit import code_labels
from portal.audit.findings import error_text
from portal.changes.models import Status, StatusCause, Verdict
from portal.changes.presenters.next_steps import instant_text
from portal.changes.rules.guards import AlreadyVoted, NotAllowed, OwnChange, StaleRevision
from portal.changes.templatetags.change_ui import OUTCOMES
from portal.changes.transitions import WrongState
from tests import wording
from tests.rig.portal import ROOT

# Names, file formats, what people call their own language, and the prefix of a change's number.
UNTRANSLATED = {
    "Countersign",
    "· Countersign",
    "EN",
    "PT",
    "Ctrl K",
    "Ctrl",
    "– English",  # noqa: RUF001 - as the page writes it
    "– Português (Brasil)",  # noqa: RUF001
    "CSV",
    "JSON Lines",
    "UTC",
    "CR-",
    "PORTAL_ENCRYPTION_KEYS",
    "PORTAL_APPROVAL_MAC_KEYS",
    "PORTAL_FINGERPRINT_KEY",
    "PORTAL_SECRET_KEY",
    "AUDIT_SIGNING_KEY",
    "manage.py rotate_encryption_keys",
}
SAME_IN_BOTH = {
    "Token",
    "Workers",
    "%(number)s ms",
    "URL",
    "Client ID",
    "Client secret",
    "Menu",
    "Base",
    "Tags",
    "%d ms",
    "%s s",
    "%d min",
    "< 1 min",
    "%d h",
    "%d d",
    "%s h",
    "%s d",
    "%(day)s, UTC",
    "p90",
    "p90 %(duration)s",
    "Total",
    "Passkey",
    "passkey",
    "Passkey %(number)d",
    "Segura",
    "Status",
    "id",
    "seq",
}
PLACE = re.compile(r"%(?:\(\w+\))?[sd]")
MARKUP = re.compile(r"</?\w+|\w+=\"[^\"]*\"")
HEADER, ENTRIES, OBSOLETE = wording.catalogue()


def test_every_message_of_the_portal_is_in_the_catalogue_and_none_besides() -> None:
    used = {**wording.said_in_code(), **wording.said_in_templates()}
    plurals = {message.singular for message in used if message.plural}
    wanted = {message for message in used if message.plural or message.singular not in plurals}
    held = {entry.message for entry in ENTRIES}
    assert {message.singular: used[message] for message in wanted - held} == {}, (
        "missing: see CONTRIBUTING, Change a text in two languages"
    )
    assert {message.singular for message in held - wanted} == set(), (
        "nobody says this any more: see CONTRIBUTING, Change a text in two languages"
    )


def test_no_message_is_untranslated_fuzzy_or_obsolete() -> None:
    assert [entry.message for entry in ENTRIES if not all(entry.texts)] == []
    assert [entry.message for entry in ENTRIES if "fuzzy" in entry.flags] == []
    assert OBSOLETE == []


def test_each_message_has_as_many_texts_as_portuguese_has_plural_forms() -> None:
    assert HEADER["Plural-Forms"].startswith("nplurals=2;")
    wrong = [entry.message for entry in ENTRIES if len(entry.texts) != (2 if entry.message.plural else 1)]
    assert wrong == []


def test_no_text_is_still_english() -> None:
    same = [entry.message.singular for entry in ENTRIES if entry.message.singular in entry.texts]
    assert [text for text in same if text not in SAME_IN_BOTH] == []


def test_each_text_fills_the_same_places_and_carries_the_same_markup() -> None:
    for entry in ENTRIES:
        originals = [entry.message.singular, *([entry.message.plural] if entry.message.plural else [])]
        for original, text in zip(originals, entry.texts, strict=True):
            assert sorted(PLACE.findall(text)) == sorted(PLACE.findall(original)), original
            assert MARKUP.findall(text) == MARKUP.findall(original), original


def test_each_text_ends_as_its_original_does() -> None:
    for entry in ENTRIES:
        ends = [text[-1] if text[-1] in ".:…" else "" for text in (entry.message.singular, entry.texts[0])]
        assert ends[0] == ends[1], entry.message.singular


def test_compiled_catalogue_says_what_the_written_one_says() -> None:
    with wording.CATALOGUE.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    held = {key: text for key, text in compiled._catalog.items() if key}  # type: ignore[attr-defined]
    written: dict[str | tuple[str, int], str] = {}
    for entry in ENTRIES:
        if entry.message.plural:
            written.update({(entry.message.singular, form): text for form, text in enumerate(entry.texts)})
        else:
            context = f"{entry.message.context}\x04" if entry.message.context else ""
            written[context + entry.message.singular] = entry.texts[0]
    assert held == written, "compile it: see CONTRIBUTING, Change a text in two languages"


@pytest.mark.parametrize("path", wording.TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_template_speaks_past_its_translate_tags(path: Path) -> None:
    assert [text for text in wording.unspoken(path) if text not in UNTRANSLATED] == []


def test_a_template_that_speaks_past_its_tags_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '{% translate "Said" %}<p title="Heard" class="unheard">Read {{ value }}</p>{# Not seen #}'
        "{% blocktranslate %}Also said{% endblocktranslate %}<input type=submit value=Send>"
    )
    assert wording.unspoken(page) == ["Heard", "Read", "Send"]


def test_every_message_in_code_is_a_whole_literal() -> None:
    """A sentence put together before it is looked up is one that no catalogue holds."""
    glued = (ast.JoinedStr, ast.BinOp)
    found = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in wording.MODULES
        for _name, call in wording.calls(path)
        if isinstance(call.args[0], glued)
    ]
    assert found == []


def test_no_form_is_labelled_past_gettext() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{keyword.value.lineno}"
        for path in wording.MODULES
        if "forms" in path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg in ("label", "help_text") and isinstance(keyword.value, ast.Constant) and keyword.value.value
    ]
    assert found == []


def test_every_code_of_the_log_has_words() -> None:
    refused = {NotAllowed, OwnChange, AlreadyVoted, StaleRevision, WrongState, RightMissing}
    rules = {rule.__name__ for rule in refused}
    known = {*Status.values, *StatusCause.values, *Verdict.values, *OUTCOMES, *Right, *rules}
    assert known - {""} - code_labels.WORDS.keys() == set()


def test_every_finding_of_the_vault_is_known_to_the_pages() -> None:
    with translation.override("pt-br"):
        texts = findings_in_the_vault()
        unknown = [text for text in texts if error_text(text) == text]
    assert any("has no route for" in text for text in texts)
    assert unknown == []


def findings_in_the_vault() -> list[str]:
    """What portal.vault, or availability in its stead, may say in its own words, places filled with what fits one."""
    kinds = {"NoResponse", "Malformed", "InvalidResponse", "Unreachable", "Unauthorised", "ReadRefused", "ConfigError"}
    # Refused before anything is sent: a bug, no finding.
    outgoing = {"encode_patch", "_to_wire", "_secret_to_wire", "_sound"}
    found: list[ast.expr] = []
    functions: dict[str, ast.FunctionDef] = {}
    for path in [*sorted((ROOT / "portal" / "vault").glob("*.py")), ROOT / "portal" / "catalog" / "availability.py"]:
        tree = ast.parse(path.read_text())
        ours = [node for node in tree.body if getattr(node, "name", "") not in outgoing]
        functions |= {f"{path.stem}.{each.name}": each for each in ours if isinstance(each, ast.FunctionDef)}
        for node in (each for part in ours for each in ast.walk(part)):
            if isinstance(node, ast.Call) and _name(node.func) in kinds and node.args:
                found.append(node.args[0])
            elif isinstance(node, ast.keyword | ast.Assign) and _WORDS & _set_by(node):
                found.append(node.value)
            elif isinstance(node, ast.Assign | ast.AnnAssign) and "_REASONS" in ast.unparse(node).split(":")[0]:
                found += [
                    each.elts[1] for each in ast.walk(node) if isinstance(each, ast.Tuple) and len(each.elts) == 2
                ]
    asked = {_name(each.func) for node in found for each in ast.walk(node) if isinstance(each, ast.Call)}
    for name, function in functions.items():
        if name.partition(".")[2] in asked and function.returns and ast.unparse(function.returns) == "str":
            found += [each.value for each in ast.walk(function) if isinstance(each, ast.Return) and each.value]
    return sorted({text for node in found for text in _texts(node) if text})


_WORDS = {"reason", "doubt", "flaw"}
"""Variables of the vault that hold a finding."""


def _set_by(node: ast.keyword | ast.Assign) -> set[str]:
    return {node.arg or ""} if isinstance(node, ast.keyword) else {_name(target) for target in node.targets}


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _texts(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        return [*_texts(node.body), *_texts(node.orelse)]
    if isinstance(node, ast.BoolOp):
        return [text for value in node.values for text in _texts(value)]
    if not isinstance(node, ast.JoinedStr):
        return []
    whole = [str(part.value) if isinstance(part, ast.Constant) else "" for part in node.values]
    filled = ["".join(text or sample for text in whole) for sample in ("400", "url", "SEGURA_URL", "no answer")]
    return [next((text for text in filled if error_text(text) != text), filled[0])]


def test_dates_and_numbers_are_written_as_the_language_writes_them() -> None:
    instant = datetime(2026, 3, 9, 14, 5, 6, tzinfo=UTC)
    assert instant_text(instant) == "2026-03-09 14:05:06 UTC"
    with translation.override("pt-br"):
        assert instant_text(instant) == "09/03/2026 14:05:06 UTC"


def test_states_and_causes_are_looked_up_when_they_are_shown() -> None:
    with translation.override("pt-br"):
        assert str(Status.IN_DOUBT.label) == "Resultado desconhecido"
        assert str(StatusCause.RECHECKED.label).startswith("Um administrador pediu")
        assert (
            error_text("no answer in time while reading the answer")
            == "nenhuma resposta a tempo durante a leitura da resposta"
        )
        assert error_text("Api secret updated") == "Api secret updated"


@pytest.mark.django_db
def test_a_browser_that_asks_for_portuguese_signs_in_in_portuguese() -> None:
    page = Client(headers={"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.5"}).get("/accounts/login/").content.decode()
    assert '<html lang="pt-br"' in page
    for words in ("Nome de usuário", "Senha", "Entrar", "Sistema"):
        assert words in page


BANNED_ENGLISH = (
    r"somebody|nobody|whoever|shall|anew|by hand|put away|(?:laid|lay it) over|Well:|what became of|so long|stands|"
    r"from then on|has moved|overtaken|mend|past the portal|take away|under way|the portal"
)
BANNED_PORTUGUESE = r"teclas|guardar|à mão|sobrepost\w*|(?:ler|lê|lid[ao]s?) de volta|etiquetas?|(?:o|no|do|ao) portal"
"""Expressions for which the messages use everyday words; the product is called Countersign."""


def test_no_message_contains_a_banned_expression_g6() -> None:
    _, entries, _ = wording.catalogue()
    english = [text for entry in entries for text in (entry.message.singular, entry.message.plural)]
    portuguese = [text for entry in entries for text in entry.texts]
    assert [text for text in english if re.search(rf"\b(?:{BANNED_ENGLISH})\b", text, re.IGNORECASE)] == []
    assert [text for text in portuguese if re.search(rf"\b(?:{BANNED_PORTUGUESE})\b", text, re.IGNORECASE)] == []
