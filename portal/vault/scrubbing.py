"""Text from outside, made fit to keep: bounded, on one line, and of known words alone.

A list of spellings in which a text may quote a secret is never complete. So a text keeps the words of `vocabulary`,
small numbers and names that everybody may see; all else becomes OMITTED. What is left is compared with the secrets.
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
"""Characters of a secret that are too many; of a shorter one, all."""
_HALF = 12
"""Characters of a long secret that a person does not write by chance."""
_READ = 20_000
"""Characters that are searched: several times as many as are ever kept, and no more than a worker has time for."""
_WIDEST = 3 * _READ
"""Of what normalising makes of them: one character can become eighteen."""
_LONG = 32
"""Characters of a value in which four digits occur by chance."""
_MOST_NUMBERS = 3
_PARTS = re.compile(r"[-/_']")
_SIGNS = r"""[{}()\[\]<>"'.,:;!?]{0,3}"""
_AROUND = re.compile(_SIGNS)
_TOKEN = re.compile(f"({_SIGNS})(.*?)({_SIGNS})", re.DOTALL)
_NUMBER = re.compile(r"[0-9]{1,5}", re.ASCII)

Scrubber = Callable[[str], str]


def clean_text(text: str) -> str:
    """The text on one line, at most LONGEST characters, without unseen or unpaired characters."""
    kept = "".join(" " if is_invisible(c) else c for c in text[:5000])
    line = " ".join(kept.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def make_scrubber(secrets: Iterable[SecretStr], public: Iterable[str] = ()) -> Scrubber:
    """Return a function that reduces a text to what may be kept of it, or withholds all of it.

    `public`: names that the text may quote besides, such as those of a list of sharing. It never raises, however odd
    the text, and takes no longer for a long one: an answer must come to the log.
    """
    values = [value for secret in secrets if (value := _squashed(secret.reveal()))]
    names = sorted({name for name in public if name.strip()}, key=len, reverse=True)

    def scrub(text: str) -> str:
        if _quotes_any(text[:_READ], values):
            return WITHHELD
        return _keep_known(clean_text(text), values, names)

    return scrub


def keep_number(number: int | None, scrub: Scrubber) -> int | None:
    """Return a number of an answer unless it may be a secret that consists of digits."""
    text = str(number)
    return number if text in NUMBERS or scrub(text) == text else None


def is_quoted(secret: SecretStr, text: str) -> bool:
    """Whether a text that a person wrote quotes a secret: whole, or half of a long one, in either direction.

    Case, accents, separators and unseen characters do not count. A short secret is quoted where it stands as words of
    its own.
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
    """Whether some words in a row, without what separates them, are the value."""
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
    """Letters and digits alone, without case, accents, widths and separators."""
    return "".join(c for c in unicodedata.normalize("NFKD", text).casefold()[:_WIDEST] if c.isalnum())


def _quotes_any(text: str, values: Collection[str]) -> bool:
    """Whether the text holds a value, or RUN characters of it in a row, forwards or backwards."""
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
    """The piece with OMITTED in the place of what is not known, and of numbers that stand together or are many."""
    tokens = re.split(r"(\s+)", piece)
    numeric = [any(c.isdigit() for c in token) for token in tokens]
    for at, token in enumerate(tokens):
        if token.strip() and not (at in (0, len(tokens) - 1) and _AROUND.fullmatch(token)):
            beside = numeric[max(0, at - 2) : at] + numeric[at + 1 : at + 3]
            crowded = numeric[at] and (any(beside) or sum(numeric[: at + 1]) > _MOST_NUMBERS)
            tokens[at] = token if _is_known(token, values) and not crowded else OMITTED
    return "".join(tokens)


def _is_known(token: str, values: Collection[str]) -> bool:
    """Whether a token is known words or a small number, with at most a little punctuation around it."""
    found = _TOKEN.fullmatch(token)
    core = found[2] if found else token
    if _NUMBER.fullmatch(core):
        near = (value for value in values if len(value) < _LONG or len(core) > 4)
        return len(core) < 3 or core in NUMBERS or not any(core in value for value in near)
    if core not in (core.lower(), core.upper(), core.capitalize()):
        return False
    word = core.casefold()
    return word in WORDS or all(part in WORDS for part in _PARTS.split(word))
