"""Placeholders in the place of a value: masks of other tools, and texts such as «put your key here». Pure.

They are recognised by their shape. A hit leads to a question to the user who typed the text and rejects nothing,
because a value may look like anything. Whether Segura masks a value is decided elsewhere, by a narrower test.
"""

# ruff: noqa: RUF001 - brackets and fillers of all scripts

from __future__ import annotations

import re
import unicodedata

_BRACKETS = {"<": ">", "[": "]", "(": ")", "{": "}", "«": "»", "‹": "›", "【": "】", "「": "」", "『": "』", "〈": "〉",
             "《": "》", "〔": "〕", "%": "%", "$": "$", "_": "_", "*": "*", '"': '"', "'": "'", "`": "`",
             "“": "”"}  # fmt: skip
_FILLERS = "•●∙·‧⋅◦○◯⚫⬤■█▪▮▓░★☆＊∗⁎✱✻*#?xX_."
_RUN = re.compile(rf"([{re.escape(_FILLERS)}])\1{{3,}}")
_ELLIPSIS = re.compile(r"…|‥|⋯|\.{3,}|\[\.+\]")
_SHORTENED_AT_MOST = 80
_SAID_AT_MOST = 60
_WORD = (
    r"redact(?:ed)?|hidden|masked|secret|your|my|key|token|password|passwd|pwd|value|placeholder|removed|omitted|"
    r"censored|filtered|insert|enter|replace|change|update|here|todo|tbd|fixme|example|sample|dummy|unset|"
    r"not[ _-]?set|credential|client|api|xxx+|oculto|omitido|removido|mascarado|sua|seu|segredo|senha|valor|chave|"
    r"trocar|alterar|preencher|inserir|aqui"
)
_SAYS = re.compile(rf"(?<![a-z])(?:{_WORD})(?:s|d|ed)?(?![a-z])")
_BRACKETED = re.compile(r"[<\[({«‹【「『〈《〔]+\s*([\w .-]{2,60}?)\s*[>\])}»›】」』〉》〕]+")
_ONLY_WORDS = re.compile(
    rf"(?:(?:{_WORD}|me|it|this|that|the|a|an|to|be|with|in|new|old|real|actual|the|o|a|de|me)[\W\d_]*)+"
)
_WHOLE = frozenset(
    ("null", "none", "nil", "undefined", "nan", "n/a", "na", "empty", "default", "unchanged", "same", "test",
     "testing", "foo", "bar", "foobar", "secret", "nulo", "nenhum", "vazio", "teste", "-", "--", "?")
)  # fmt: skip


def looks_like_placeholder(text: str) -> bool:
    """Return whether the text looks like a placeholder: one repeated character, a cut, or a typical word."""
    plain = unicodedata.normalize("NFKC", text).casefold().strip()
    return bool(plain) and (_is_one_character(text.strip()) or _is_cut(text, plain) or _is_a_word(plain))


def _is_one_character(text: str) -> bool:
    return len(text) > 2 and len(set(text)) == 1


def _is_cut(text: str, plain: str) -> bool:
    """Return whether the text is a shortened value: it has a run of filler characters or an ellipsis."""
    if "-----begin" in plain or len(text) > _SHORTENED_AT_MOST:
        return False
    return _RUN.search(text) is not None or _ELLIPSIS.search(text) is not None


def _is_a_word(plain: str) -> bool:
    if any(_SAYS.search(found[1]) for found in _BRACKETED.finditer(plain)):
        return True
    inner = _without_brackets(plain)
    if inner in _WHOLE or len(plain) > _SAID_AT_MOST:
        return inner in _WHOLE
    joined = re.sub(r"[\W\d_]+", "", inner)
    return bool(joined) and _ONLY_WORDS.fullmatch(inner) is not None


def _without_brackets(text: str) -> str:
    while len(text) > 2 and _BRACKETS.get(text[0]) == text[-1]:
        text = text[1:-1].strip()
    return text
