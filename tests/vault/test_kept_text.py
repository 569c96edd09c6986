"""What is kept of a text from outside: known words, and no part of a secret however it is spelled."""

import base64
import codecs
import html
import json
import quopri
import re
import string
import zlib
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.vault import Refused, SecretStr, Share, VaultError
from portal.vault.scrubbing import LONGEST, OMITTED, WITHHELD, clean_text, keep_number, make_scrubber
from portal.vault.vocabulary import WORDS

VALUE = "Zq7!vW kP0x<9rT&mY2/dN+5sJ\"8hL'c%ç"
UNKNOWN = SecretStr("another-value-that-is-known")


def _bytes(value):
    return value.encode("utf-8", "surrogatepass")


def _base64(value):
    return base64.b64encode(_bytes(value)).decode()


SPELLINGS = {
    "as it is": lambda v: v,
    "trimmed": lambda v: v.strip()[1:-1],
    "wrapped": lambda v: "\n".join(v[at : at + 9] for at in range(0, len(v), 9)),
    "wrapped in the middle": lambda v: v[: len(v) // 2] + "\r\n\t" + v[len(v) // 2 :],
    "cut at the end": lambda v: v[:20] + "...",
    "cut at the start": lambda v: "..." + v[-20:],
    "upper case": str.upper,
    "lower case": str.lower,
    "swapped case": str.swapcase,
    "reversed": lambda v: v[::-1],
    "doubled": lambda v: v + v,
    "letters apart": " ".join,
    "letters apart by hyphens": "-".join,
    "letters apart by zero width": "\u200b".join,
    "letters apart by soft hyphens": "\u00ad".join,
    "fours": lambda v: " ".join(v[at : at + 4] for at in range(0, len(v), 4)),
    "full width": lambda v: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in v),
    "rot13": lambda v: codecs.encode(v, "rot13"),
    "rot47": lambda v: "".join(chr(33 + (ord(c) + 14) % 94) if "!" <= c <= "~" else c for c in v),
    "html": html.escape,
    "html of PHP": lambda v: html.escape(v).replace("&#x27;", "&#039;"),
    "html by numbers": lambda v: "".join(f"&#{ord(c)};" for c in v),
    "html by hexadecimal numbers": lambda v: "".join(f"&#x{ord(c):04X}" for c in v),
    "url": lambda v: quote(v, safe=""),
    "url, twice": lambda v: quote(quote(v, safe=""), safe=""),
    "url, three times, lower case": lambda v: quote(quote(quote(v, safe=""), safe=""), safe="").lower(),
    "form": quote_plus,
    "url, every byte": lambda v: "".join(f"%{b:02x}" for b in _bytes(v)),
    "json": json.dumps,
    "json in json in json": lambda v: json.dumps(json.dumps(json.dumps(v))),
    "escapes": lambda v: "".join(f"\\u{ord(c):04x}" for c in v),
    "escapes with braces": lambda v: "".join(f"\\u{{{ord(c):x}}}" for c in v),
    "escapes by byte": lambda v: "".join(f"\\x{b:02x}" for b in _bytes(v)),
    "octal": lambda v: "".join(f"\\{b:03o}" for b in _bytes(v)),
    "hex": lambda v: _bytes(v).hex(),
    "hex with colons": lambda v: _bytes(v).hex(":"),
    "hex with spaces, upper case": lambda v: _bytes(v).hex(" ").upper(),
    "hex dump": lambda v: " ".join(f"0x{b:02x}," for b in _bytes(v)),
    "decimal": lambda v: " ".join(str(b) for b in _bytes(v)),
    "list": lambda v: str(list(_bytes(v))),
    "binary": lambda v: " ".join(f"{b:08b}" for b in _bytes(v)),
    "base64": _base64,
    "base64 twice": lambda v: _base64(_base64(v)),
    "base64 at offset one": lambda v: _base64("x:" + v),
    "base64 at offset two": lambda v: _base64("xy:" + v),
    "base64, unpadded, for URLs": lambda v: base64.urlsafe_b64encode(_bytes(v)).decode().rstrip("="),
    "base64, wrapped": lambda v: "\n".join(_base64(v)[at : at + 10] for at in range(0, 60, 10)),
    "base64 of UTF-16": lambda v: base64.b64encode(v.encode("utf-16", "surrogatepass")).decode(),
    "base64, compressed": lambda v: base64.b64encode(zlib.compress(_bytes(v))).decode(),
    "base32": lambda v: base64.b32encode(_bytes(v)).decode(),
    "base32, lower case": lambda v: base64.b32encode(_bytes(v)).decode().lower(),
    "base85": lambda v: base64.b85encode(_bytes(v)).decode(),
    "ascii85": lambda v: base64.a85encode(_bytes(v)).decode(),
    "quoted-printable": lambda v: quopri.encodestring(_bytes(v), quotetabs=True).decode(),
    "punycode": lambda v: v.encode("punycode", "replace").decode(),
    "repr": repr,
    "uuencoded": lambda v: codecs.encode(_bytes(v)[:45], "uu").decode(),
    "basic": lambda v: "Basic " + _base64("portal:" + v),
    "mojibake": lambda v: _bytes(v).decode("latin-1"),
    "every second letter": lambda v: v[::2] + " " + v[1::2],
    "morse": lambda v: " ".join(f"{ord(c):b}".replace("1", "-").replace("0", ".") for c in v),
}
LONG = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]), min_size=24, max_size=90)


def harmless(text):
    """Whether nothing is left but what could stand in any message: known words, a few numbers, one mark."""
    words = re.findall(r"[^\W_]+", text.replace(OMITTED, ""))
    numbers = [word for word in words if word.isdigit()]
    parts = {part for word in WORDS for part in word.split("_")}
    known = all(word.isdigit() or word.casefold() in parts for word in words)
    return text == WITHHELD or (known and len(numbers) <= 3 and all(len(number) <= 5 for number in numbers))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_text_keeps_no_part_of_a_secret_in_any_spelling(spelling):
    quoted = SPELLINGS[spelling](VALUE)
    for known in ([SecretStr(VALUE)], [UNKNOWN]):  # whether or not the portal has met the value
        kept = make_scrubber(known)(f"1007: invalid value {quoted} in field notes")
        assert harmless(kept)
        assert quoted not in kept
        assert kept == WITHHELD or kept.startswith("1007: invalid value […]") or "morse" in spelling


@given(value=LONG, spelling=st.sampled_from(sorted(SPELLINGS)), known=st.booleans())
def test_text_keeps_known_words_alone_whatever_the_secret_is(value, spelling, known):
    scrub = make_scrubber([SecretStr(value) if known else UNKNOWN])
    assert harmless(scrub(f"The value {SPELLINGS[spelling](value)} is not allowed"))


@pytest.mark.parametrize(
    "text",
    [
        "1005: Api secret not found",
        "1001: Parameter 'client_id' was not informed!",
        "1001: Identifier already found in another API key of this user",
        "1001: 'Identifier' already found in another API key of this user",
        "1001: Parameter note limited to 900 characters",
        "Unexpected error.",
        "no Route matched with those values",
        "The upstream server is timing out",
        "failure to get a peer from the ring-balancer",
        "The authorization grant type is not supported by the authorization server.",
        "You are not authorized to access this resource.",
        "Usuário não possui permissão",
        "",
    ],
)
def test_what_segura_and_its_gateway_are_known_to_say_is_kept_whole(text):
    assert make_scrubber([SecretStr(VALUE)])(text) == text


WORDY = "invalid parameter already expired"  # a passphrase of nothing but known words


@pytest.mark.parametrize("spell", [str, str.upper, str.title, lambda v: v[::-1], lambda v: v.replace(" ", "-")])
@pytest.mark.parametrize("part", [slice(None), slice(2, -2), slice(18), slice(10, None)])
def test_secret_of_known_words_withholds_the_text_that_quotes_a_run_of_it(spell, part):
    assert make_scrubber([SecretStr(WORDY)])(f"value: {spell(WORDY[part])}") == WITHHELD
    assert make_scrubber([SecretStr(WORDY)])("the url is invalid") == "the url is invalid"


@pytest.mark.parametrize("short", ["a", "key", "open", "4711", "secret", "12", "value"])
def test_short_secret_withholds_the_text_that_quotes_it_whole(short):
    scrub = make_scrubber([SecretStr(short)])
    for quoted in (short, f"'{short}'", f"({short}).", short.upper(), short[::-1]):
        assert scrub(f"it was {quoted} before") == WITHHELD
    assert scrub("it was wrong before") == "it was wrong before"


@pytest.mark.parametrize("value", ["90017", "778899001122", "3.14159", "-4471"])
def test_number_that_is_a_secret_is_neither_kept_as_text_nor_as_number(value):
    scrub = make_scrubber([SecretStr(value)])
    digits = value.strip("-")
    assert digits not in scrub(f"the value {value} is too long")
    assert keep_number(int(float(value)), scrub) is None or "." in value
    assert keep_number(1005, scrub) == 1005


def test_names_of_the_edit_are_kept_and_nothing_around_them():
    scrub = make_scrubber([SecretStr(VALUE)], public=["nobody.here", "Platform Team", "ana.souza@acme"])
    assert scrub("1005: nobody.here not found") == "1005: nobody.here not found"
    assert (
        scrub('{"name": "Platform Team", "message": "not found"}')
        == '{"name": "Platform Team", "message": "not found"}'
    )
    assert scrub("User xnobody.here7 and ana.souza@acme") == "User […] and ana.souza@acme"


def test_text_from_outside_is_one_clean_bounded_line():
    assert clean_text("a\x00b\r\nc\u202ed\ud800e\u2028f") == "a b c d e f"
    assert len(clean_text("x" * 10_000)) == LONGEST
    assert clean_text("Preço ✓") == "Preço ✓"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "odd",
    ["&#" + "9" * 5000 + ";", "&#x" + "f" * 5000 + ";", "\\ud800" * 4000, "%u%%" * 9000, "\ufdfa" * 90_000,
     "(" * 90_000, "a-" * 90_000, "\ud800" * 90, "&lt;%41\\u0042+\U0001f600-" * 200_000],
)  # fmt: skip
def test_no_text_is_too_odd_or_too_long_to_be_told(odd):
    scrub = make_scrubber([SecretStr(VALUE), SecretStr("x" * 4000)], public=["ana"])
    assert harmless(scrub(odd))
    assert harmless(scrub("not found " + VALUE + odd))


V = "q8Wz-stored-value-71kd"


def refused(number, text):
    return json.dumps(
        {
            "code": 400,
            "response": {"status": 400, "message": f"{number}: {text}", "error": True, "error_code": 1},
            "exception": {"code": number, "message": f"{number}: {text}"},
        }
    )


@pytest.mark.parametrize("quote_it", [str, str.upper, _base64, lambda v: v[:15] + "...", lambda v: " ".join(v)])
def test_refusal_of_an_update_quotes_neither_token_nor_stored_nor_proposed_value(quote_it, sandbox, client):
    sandbox.control.edit(43, client_secret=V)
    client.read_secret(43)
    (token,) = sandbox.grants._ends
    for value in (token[:40], V, VALUE, sandbox.client_secret):
        sandbox.control.plan(endpoint="update", status=400, body=refused(1077, f"Invalid call with {quote_it(value)}"))
        outcome = client.update_secret(43, {"notes": "n", "client_secret": SecretStr(VALUE)}, attempt_id="a")
        assert isinstance(outcome, Refused)
        for text in (outcome.message, client.exchanges[-1].message):
            assert harmless(text)
            assert text in (WITHHELD, "1077: Invalid call with […]")


def test_short_access_token_is_not_quoted_by_the_refusal_of_an_update(sandbox, connect):
    token = "value-in-use-now-19"
    sandbox.control.plan(endpoint="token", status=200, body=json.dumps({"access_token": token, "expires_in": 60}))
    sandbox.control.plan(endpoint="update", status=400, body=refused(1100, f"Invalid call with {token}"))
    outcome = connect().update_secret(43, {"notes": "n"}, attempt_id="a")
    assert outcome.message in (WITHHELD, "1100: Invalid call with […]")


@pytest.mark.parametrize("stored", ["4471", 4471, 900412345, 12.5, ["4471"], {"value": "4471"}])
def test_stored_value_that_is_no_text_is_not_quoted_by_a_later_answer(stored, sandbox, client):
    entity = {"identifier": "43", "name": "n", "client_secret": stored}
    body = {"code": 200, "response": {"status": 200, "message": "Success", "error": False}, "api_secret_entity": entity}
    sandbox.control.plan(endpoint="get", body=json.dumps(body))
    try:
        client.read_secret(43)
    except VaultError:
        assert isinstance(stored, list | dict)
    digits = re.search(r"[\d.]+", str(stored))[0]
    sandbox.control.plan(endpoint="update", status=400, body=refused(1077, f"the value {digits} is weak"))
    outcome = client.update_secret(43, {"notes": "n"}, attempt_id="a")
    assert digits not in outcome.message + client.exchanges[-1].message


def test_failed_read_quotes_no_value_that_the_portal_has_never_met(sandbox, client):
    for text in (f"cannot decrypt {V}", f"cannot decrypt {' '.join(V)}", f"row: {{'client_secret': '{V}'}}"):
        sandbox.control.plan(
            endpoint="get", status=500, body=json.dumps({"response": {"message": text, "error": True}})
        )
        with pytest.raises(VaultError) as raised:
            client.read_secret(43)
        assert harmless(client.exchanges[-1].message)
        assert V not in repr(vars(raised.value))


def test_code_of_an_answer_is_no_way_out_for_a_value_of_digits(sandbox, client):
    sandbox.control.edit(43, client_secret="900412345")
    client.read_secret(43)
    sandbox.control.plan(endpoint="update", status=500, body=json.dumps({"code": 900412345, "message": "no"}))
    client.update_secret(43, {"notes": "n"}, attempt_id="a")
    assert client.exchanges[-1].code is None


def test_names_that_could_not_be_shared_with_are_kept_and_values_beside_them_are_not(sandbox, client):
    sandbox.control.edit(43, client_secret=V)
    client.read_secret(43)
    sandbox.control.knobs(shared_error_style="message_strings")
    outcome = client.update_secret(43, {"users_allowed": (Share("nobody.here"),)}, attempt_id="a")
    assert outcome.shared_error == ("1005: nobody.here not found",)
    entity = {"identifier": "43", "users_allowed": [], "shared_error": [V, f"nobody.here {V.upper()}", {"x": [V]}]}
    body = {"code": 200, "response": {"status": 200, "message": "", "error": False}, "api_entity": entity}
    sandbox.control.plan(endpoint="update", body=json.dumps(body))
    outcome = client.update_secret(43, {"users_allowed": (Share("nobody.here"),)}, attempt_id="a")
    assert all(text == WITHHELD for text in outcome.shared_error)


def test_words_are_words_and_so_can_carry_no_value():
    assert {word for word in WORDS if set(word) - set(string.ascii_lowercase) - set("_áàãâçéêíóôõú")} == set()
    assert max(len(word) for word in WORDS) <= 16
