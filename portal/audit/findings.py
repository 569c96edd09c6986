"""Translation of the vault's own messages about a call into the language of the page.

The vault's messages are stored in English, like the messages from Segura, which are never translated.
"""

from __future__ import annotations

import re
from functools import cache

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

_KNOWN = (
    # No connection, or no complete response
    gettext_noop("the name of the server cannot be resolved"),
    gettext_noop("the server's certificate cannot be verified"),
    gettext_noop("the TLS connection failed"),
    gettext_noop("the connection was refused"),
    gettext_noop("the connection was closed without an answer"),
    gettext_noop("the connection was reset"),
    gettext_noop("the connection was closed while sending"),
    gettext_noop("the connection ended without a whole answer"),
    gettext_noop("the headers are too many or too long"),
    gettext_noop("the answer is not valid UTF-8"),
    gettext_noop("no connection in time"),
    gettext_noop("no answer in time"),
    gettext_noop("no answer"),
    gettext_noop("the total deadline passed"),
    gettext_noop("too late to send"),
    gettext_noop("Segura asked to wait: the next call is possible in %(seconds)s seconds"),
    gettext_noop("others waited for it just now without an answer, so this page did not"),
    gettext_noop("the answer is longer than %(bytes)s bytes"),
    gettext_noop("%(finding)s while reading the answer"),
    # Access token
    gettext_noop("no time was left to ask for a token"),
    gettext_noop("Segura's token endpoint did not answer: %(finding)s"),
    gettext_noop("Segura refused the client id or secret: check SEGURA_CLIENT_ID and SEGURA_CLIENT_SECRET"),
    gettext_noop("there is no token endpoint at this address: check SEGURA_TOKEN_URL and SEGURA_URL"),
    gettext_noop("Segura's token endpoint redirects elsewhere (not followed): check SEGURA_TOKEN_URL"),
    gettext_noop("Segura's token endpoint answered without a token: check SEGURA_TOKEN_URL"),
    gettext_noop("Segura's token endpoint answered %(status)s"),
    gettext_noop("Segura did not accept our access token: check the access key and SEGURA_URL"),
    gettext_noop(
        "the gateway has no route for %(route)s, or did not accept our access token: check both, and SEGURA_URL"
    ),
    # Reads
    gettext_noop("Segura has no such API secret, or does not show it to us"),
    gettext_noop("Segura does not let us read this API secret"),
    gettext_noop("this API secret is disabled in Segura"),
    gettext_noop("Segura declined to show this API secret"),
    gettext_noop("Segura answered 200, but not with what was asked for"),
    gettext_noop("Segura answered %(status)s"),
    gettext_noop("Segura's answer is not as agreed: %(finding)s"),
    gettext_noop("the answer is about another API secret"),
    gettext_noop("the answer holds no list"),
    gettext_noop("Segura did not let the SCIM client read its directory"),
    gettext_noop("the answer is not the page that was asked for"),
    gettext_noop("the directory holds more names than it says, or than can be taken over"),
    gettext_noop("an entry of the directory has no usable name"),
    gettext_noop("an entry of the directory is not as agreed"),
    gettext_noop("the pages of the directory end too early"),
    gettext_noop("the entity has no identifier"),
    gettext_noop("a row of the list has no identifier"),
    gettext_noop("another row has the same identifier"),
    gettext_noop("the identifier is too large"),
    gettext_noop("no row of the list can be read"),
    gettext_noop("no entry of the directory can be read"),
    gettext_noop("%(field)s is not text"),
    gettext_noop("%(field)s is not a list"),
    gettext_noop("%(field)s holds an entry without a name"),
    # Updates
    gettext_noop("Segura confirmed the change"),
    gettext_noop("Segura declined the change"),
    gettext_noop("the gateway is limiting our calls"),
    gettext_noop("the gateway has no Segura behind it"),
    gettext_noop("redirected: not followed, check SEGURA_URL"),
    gettext_noop("applied, but Segura's answer differs from what was sent"),
    gettext_noop("applied, but Segura's answer differs from what was sent (%(fields)s)"),
    gettext_noop("%(status)s, but the body is not valid UTF-8"),
    gettext_noop("%(status)s without a JSON object"),
    gettext_noop("%(status)s without Segura's response object"),
    gettext_noop("%(status)s, but the body gives another code"),
    gettext_noop("%(status)s, but the body is flagged as an error"),
    gettext_noop("%(status)s, but not for our identifier"),
    gettext_noop("%(status)s does not say whether the change was executed"),
    # Settings
    gettext_noop("%(settings)s is not set"),
    gettext_noop("%(settings)s are not set"),
    gettext_noop("%(setting)s is empty"),
    gettext_noop("%(setting)s is not an address"),
    gettext_noop("%(setting)s is not an http(s) address"),
    gettext_noop("%(setting)s must hold no user, password, query or fragment"),
    gettext_noop("%(setting)s is plain http: only https is accepted beyond this machine"),
    gettext_noop("SEGURA_CLIENT_AUTH is neither body nor basic"),
    gettext_noop("SEGURA_CA_BUNDLE: there is no file %(file)s"),
    gettext_noop("SEGURA_CA_BUNDLE: %(file)s holds no usable certificates"),
    gettext_noop("SEGURA_DEADLINE_S and the other limits must be above zero"),
)
_SHAPES = {"status": r"\d{3}", "bytes": r"\d+", "field": r"\w+", "setting": r"[A-Z_]+", "settings": r"[A-Z_, ]+"}


def error_text(text: str) -> str:
    """Return a message of the vault in the language of the page; any other text, above all Segura's, unchanged."""
    for known, pattern in _patterns():
        if found := pattern.fullmatch(text):
            parts = {name: error_text(part) if name == "finding" else part for name, part in found.groupdict().items()}
            return _(known) % parts if parts else _(known)
    return text


@cache
def _patterns() -> list[tuple[str, re.Pattern[str]]]:
    return [(known, _pattern(known)) for known in _KNOWN]


def _pattern(known: str) -> re.Pattern[str]:
    """Build the pattern that matches a known message with its placeholders filled."""
    pieces = re.split(r"%\((\w+)\)s", known)
    places = [rf"(?P<{name}>{_SHAPES.get(name, '.+')})" for name in pieces[1::2]]
    texts = [re.escape(piece) for piece in pieces[0::2]]
    return re.compile("".join(text + place for text, place in zip(texts, [*places, ""], strict=True)))
