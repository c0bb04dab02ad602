"""Masking: no form in which a secret travels is left in what comes back."""

from __future__ import annotations

import base64
import html
import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.adapters.masking import MASK, Masker

SECRET = 'p@ss/wörd "q&a" +1'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        json.dumps(SECRET)[1:-1].replace("/", "\\/"),
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        quote(SECRET, safe="").lower().replace("p%40ss", "p%40ss"),
        html.escape(SECRET),
        SECRET.encode().hex(),
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_each_form_is_masked(form: str) -> None:
    masked = Masker([SECRET]).text(f"before {form} after")
    assert masked == f"before {MASK} after"


@given(st.text(min_size=6, max_size=30), st.binary(max_size=20), st.binary(max_size=20), st.booleans())
def test_base64_around_a_secret_cannot_be_decoded_to_it(
    secret: str, before: bytes, after: bytes, url_safe: bool
) -> None:
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    token = encode(before + secret.encode("utf-8", "surrogatepass") + after).decode()
    masked = Masker([secret]).text(f"Basic {token}!")
    assert MASK in masked
    assert token not in masked


def test_values_are_masked_in_keys_texts_and_numbers() -> None:
    value: Any = {"key abcdef": ["abcdef", {"x": 1234567, "y": 8.5, "z": True, "n": None}]}
    assert Masker(["abcdef", "123456"]).value(value) == {
        f"key {MASK}": [MASK, {"x": MASK, "y": 8.5, "z": True, "n": None}]
    }


def test_the_longer_of_two_secrets_is_masked_first() -> None:
    assert Masker(["token", "token-and-more"]).text("token-and-more token") == f"{MASK} {MASK}"


def test_nothing_to_mask_changes_nothing() -> None:
    value = {"a": [1, "x"]}
    assert Masker([]).value(value) is value
    assert Masker([""]).text("x") == "x"
    assert not Masker([""]).active


LETTERS = st.text(alphabet="abc", min_size=1, max_size=10)
DIGITS = st.text(alphabet="0123", max_size=30)


@given(LETTERS, DIGITS, DIGITS)
def test_a_secret_of_any_length_is_masked_and_nothing_else(secret: str, before: str, after: str) -> None:
    assert Masker([secret]).text(before + secret + after) == f"{before}{MASK}{after}"
