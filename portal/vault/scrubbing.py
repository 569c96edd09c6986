"""Scrubbing of texts from outside, so that they can be stored: limited in length, on one line, known words only.

A list of the spellings in which a text may quote a secret is never complete. Therefore a text keeps only the words of
`vocabulary`, small numbers and public names; everything else becomes OMITTED. The text is also compared with the known
secrets.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable

from portal.common.invisible_characters import is_invisible
from portal.vault.entities import SecretStr
from portal.vault.vocabulary import NUMBERS, WORDS

LONGEST = 500
WITHHELD = "(withheld: the text may hold a secret)"
OMITTED = "[…]"
RUN = 8
"""Number of consecutive characters of a secret that a text must not quote; of a shorter secret, all of them."""
_HALF = 12
"""Number of characters of a long secret that a user does not type by chance."""
_READ = 20_000
"""Number of characters that are searched: several times as many as are stored, and few enough for a worker."""
_WIDEST = 3 * _READ
"""Limit after Unicode normalisation, where one character can become eighteen."""
_LONG = 32
"""Length of a secret value from which four given digits occur in it by chance."""
_MOST_NUMBERS = 3
_PARTS = re.compile(r"[-/_']")
_SIGNS = r"""[{}()\[\]<>"'.,:;!?]{0,3}"""
_AROUND = re.compile(_SIGNS)
_TOKEN = re.compile(f"({_SIGNS})(.*?)({_SIGNS})", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)

Scrubber = Callable[[str], str]


def clean_text(text: str) -> str:
    """Return the text on one line, at most LONGEST characters, without invisible or unpaired characters."""
    kept = "".join(" " if is_invisible(c) else c for c in text[:5000])
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def make_scrubber(secrets: Iterable[SecretStr], public: Iterable[str] = ()) -> Scrubber:
    """Return a function that reduces a text to what may be stored, or withholds all of it.

    `public`: further names that the text may quote, such as those of shares. The function never raises, however odd the
    text, and takes no longer for a long text, because every answer must get into the audit log.
    """
    values = [value for secret in secrets if (value := _squashed(secret.reveal()))]
    names = sorted({name for name in public if name.strip()}, key=len, reverse=True)

    def scrub(text: str) -> str:
        if _quotes_any(text[:_READ], values):
            return WITHHELD
        return _keep_known(clean_text(text), values, names)

    return scrub


def keep_number(number: int | None, scrub: Scrubber) -> int | None:
    """Return a number of an answer, or None if it may be a secret that consists of digits."""
    text = str(number)
    return number if text in NUMBERS or scrub(text) == text else None


def is_quoted(secret: SecretStr, text: str) -> bool:
    """Return whether a text typed by a user quotes a secret: all of it, or half of a long one, in either direction.

    Case, accents, separators and invisible characters are ignored. A short secret counts as quoted only if it stands in
    the text as separate words.
    """
    value, plain = _squashed(secret.reveal()), secret.reveal().strip()
    if len(plain) >= RUN // 2 and plain in text:
        return True
    if len(value) < RUN:
        return bool(value) and _stands_apart(value, re.findall(r"[^\W_]+", text))
    needed = min(len(value), max(_HALF, -(-len(value) // 2)))
    squashed = _squashed(text)
    return any(
        value[at : at + needed] in each for each in (squashed, squashed[::-1]) for at in range(len(value) - needed + 1)
    )


def _stands_apart(value: str, words: list[str]) -> bool:
    """Return whether consecutive words, without their separators, equal the value."""
    squashed = [_squashed(word) for word in words]
    for at in range(len(squashed)):
        joined = ""
        for word in squashed[at:]:
            joined += word
            if len(joined) >= len(value):
                break
        if value in (joined, joined[::-1]):
            return True
    return False


def _squashed(text: str) -> str:
    """Return only the letters and digits, without case, accents, widths and separators."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold()[:_WIDEST] if c.isalnum())


def _quotes_any(text: str, values: Collection[str]) -> bool:
    """Return whether the text contains a value, or RUN characters of it in a row, forwards or backwards."""
    if not values:
        return False
    squashed = _squashed(text)
    both = (squashed, squashed[::-1])
    runs = {each[at : at + RUN] for each in both for at in range(len(each) - RUN + 1)}
    words = {word for each in text.split() for word in (_squashed(each), _squashed(each)[::-1])}
    return any(_quotes(value, both, runs, words) for value in values)


def _quotes(value: str, both: Collection[str], runs: Collection[str], words: Collection[str]) -> bool:
    if len(value) >= RUN:
        return any(value[at : at + RUN] in runs for at in range(len(value) - RUN + 1))
    if len(value) > RUN // 2:
        return any(value in each for each in both)
    return value in words


def _keep_known(line: str, values: Collection[str], names: Collection[str]) -> str:
    pieces = re.split(rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)", line) if names else [line]
    kept = "".join(piece if at % 2 else _known_of(piece, values) for at, piece in enumerate(pieces))
    text = re.sub(rf"(?:{re.escape(OMITTED)}\s*)+(?={re.escape(OMITTED)})", "", kept)
    return text if not line or any(c.isalnum() for c in text) else WITHHELD


def _known_of(piece: str, values: Collection[str]) -> str:
    """Return the piece with OMITTED in place of unknown tokens and of numbers that are adjacent or too many."""
    tokens = re.split(r"(\s+)", piece)
    numeric = [any(c.isdigit() for c in token) for token in tokens]
    for at, token in enumerate(tokens):
        if token.strip() and not (at in (0, len(tokens) - 1) and _AROUND.fullmatch(token)):
            beside = numeric[max(0, at - 2) : at] + numeric[at + 1 : at + 3]
            crowded = numeric[at] and (any(beside) or sum(numeric[: at + 1]) > _MOST_NUMBERS)
            tokens[at] = token if _is_known(token, values) and not crowded else OMITTED
    return "".join(tokens)


def _is_known(token: str, values: Collection[str]) -> bool:
    """Return whether a token is made of known words or is a small number, with a little punctuation around it."""
    found = _TOKEN.fullmatch(token)
    core = found[2] if found else token
    if _NUMBER.fullmatch(core):
        near = (value for value in values if len(value) < _LONG or len(core) > 4)
        return len(core) < 3 or core in NUMBERS or not any(core in value for value in near)
    if core not in (core.lower(), core.upper(), core.capitalize()):
        return False
    word = core.casefold()
    return word in WORDS or all(part in WORDS for part in _PARTS.split(word))
