"""Values and bytes: an edit becomes the same bytes each time, and what must not be sent is refused."""

import json
import pickle
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.vault import ApiSecret, Malformed, SecretStr, Share, encode_patch, is_masked, parse_secret
from portal.vault.entities import FIELDS, TEXT_FIELDS


def test_body_holds_only_the_changed_fields_in_one_order():
    users, groups = (Share("alices", True), Share("bob")), ()
    patch = {"users_allowed": users, "client_secret": SecretStr("s3"), "name": "ç", "groups_allowed": groups}
    again = {name: patch[name] for name in reversed(patch)}
    assert encode_patch(patch) == encode_patch(again)
    document = json.loads(encode_patch(patch))
    assert list(document) == ["name", "client_secret", "users_allowed", "groups_allowed"]
    assert document["users_allowed"] == [
        {"username": "alices", "can_edit": True},
        {"username": "bob", "can_edit": False},
    ]
    assert json.loads(encode_patch({"groups_allowed": (Share("G", True),)})) == {
        "groups_allowed": [{"name": "G", "can_edit": True}]
    }


@pytest.mark.parametrize(
    "patch",
    [
        {}, {"identifier": "1"}, {"name": 5}, {"name": SecretStr("x")}, {"client_secret": "plain"},
        {"client_secret": SecretStr("")}, {"client_secret": SecretStr("hy746****t4tr")}, {"users_allowed": ["alices"]},
        {"users_allowed": "alices"}, {"notes": "\ud800"}, {"client_secret": SecretStr("canary-\udfff")},
        {"users_allowed": (Share("\ud800"),)},
    ],
)  # fmt: skip
def test_what_must_not_be_sent_is_refused_without_quoting_it(patch):
    with pytest.raises(Malformed) as raised:
        encode_patch(patch)
    assert "canary" not in str(raised.value)
    assert "hy746" not in str(raised.value)


def test_a_mask_is_three_stars_in_a_row():
    assert is_masked("hy746**********t4tr")
    assert is_masked("***")
    assert not is_masked("a**b*c")


@given(st.dictionaries(st.sampled_from(TEXT_FIELDS), st.text(st.characters(codec="utf-8")), min_size=1))
def test_any_text_arrives_as_it_was(patch):
    assert json.loads(encode_patch(patch)) == patch


def test_both_share_shapes_become_one():
    written = parse_secret({"identifier": "4", "users_allowed": [{"username": "a", "can_edit": True}]})
    read = parse_secret({"identifier": 4, "users_allowed": [{"name": "a", "can_edit": True}], "unknown": 1})
    assert written == read == ApiSecret(4, users_allowed=(Share("a", True),))


@pytest.mark.parametrize("value", [None, "", "****", "gf5464******g8fds"])
def test_hidden_values_are_none(value):
    assert parse_secret({"identifier": "4", "client_secret": value}).client_secret is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(("identifier", *FIELDS)), json_values))
def test_whatever_is_sent_is_an_entity_or_malformed(entity):
    with suppress(Malformed):
        assert parse_secret(entity).identifier > 0


def test_a_secret_shows_pickles_and_serialises_nothing():
    secret = SecretStr("canary")
    assert "canary" not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert secret == SecretStr("canary")
    assert secret != SecretStr("other")
