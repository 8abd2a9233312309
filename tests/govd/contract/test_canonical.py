"""Strict JSON in, canonical JSON out, against any bytes and any value."""

from __future__ import annotations

import json
import math

import pytest
import rfc8785
from hypothesis import example, given
from hypothesis import strategies as st

from govd.contract.canonical import (
    canonical_bytes,
    check_value,
    commitment,
    parse_json,
    sha256_hex,
    sorted_json,
)
from govd.contract.errors import GovError, InvalidRequestError, MalformedBodyError
from govd.contract.limits import MAX_DEPTH, MAX_NODES, MAX_STRING

SAFE = 2**53 - 1
strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
keys = strings | st.sampled_from(["$int", "$$int", "$", "$a", "a"])
floats = st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | strings | floats | st.integers(-SAFE, SAFE)
big = st.integers(-(2**256) + 1, 2**256 - 1)


def trees(leaves, names):
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
        max_leaves=12,
    )


plain_values = trees(plain, strings.filter(lambda key: not key.startswith("$")))
values = trees(plain | big | big.map(str), keys)


def identity(value):
    """What makes a JSON value this one: Python alone takes True for 1, and JSON takes 1.0 for 1."""
    if isinstance(value, bool) or value is None:
        return ("const", value)
    if isinstance(value, float) and value.is_integer() and abs(value) <= SAFE:
        return ("number", int(value))
    if isinstance(value, int | float):
        return ("number" if isinstance(value, int) else "float", value)
    if isinstance(value, str):
        return ("string", value)
    if isinstance(value, list):
        return ("list", tuple(identity(item) for item in value))
    return ("object", frozenset((key, identity(item)) for key, item in value.items()))


@given(plain_values)
def test_what_rfc_8785_can_express_stands_as_its_reference_writes_it(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


ascii_names = st.text(st.characters(max_codepoint=127), max_size=6)
any_text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
without_floats = st.none() | st.booleans() | any_text | st.integers(-SAFE, SAFE)


@given(trees(without_floats, ascii_names.filter(lambda key: not key.startswith("$"))))
@example({"b": '\x00\x1f\x7f\u2028\U0001f600"\\/\b\f\n\r\t', "a": [], "": {}, "A": -0})
def test_the_short_way_for_values_without_floats_writes_what_the_reference_writes(value):
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.dictionaries(any_text, without_floats, min_size=1), st.sampled_from(["\ud800", "a\udfff"]))
def test_a_lone_surrogate_has_no_canonical_form(value, broken):
    with pytest.raises(InvalidRequestError):
        canonical_bytes({**value, "text": broken})


@given(values, strings)
@example(["\0"], "")
@example("x" * 100, "")
def test_a_text_that_is_taken_by_its_bytes_alone_breaks_no_limit(value, text):
    """The short look at the bytes lets nothing through that the walk over the values would refuse."""
    data = json.dumps([value, text], ensure_ascii=False).encode()
    try:
        found = parse_json(data, max_string=64)
    except GovError:
        return
    check_value(found, max_string=64)


@given(values, values)
@example({"$int": str(2**60)}, 2**60)
@example({"$$int": "1"}, {"$int": "1"})
@example([2**60], [str(2**60)])
@example(float(2**60), 2**60)
@example([True], [1])
@pytest.mark.threat("T7")
def test_two_values_share_a_form_only_when_they_are_the_same_value(one, other):
    """An action is swapped for another with the same hash, by a large integer or a made-up tag."""
    assert (canonical_bytes(one) == canonical_bytes(other)) == (identity(one) == identity(other))


@given(values)
def test_the_form_is_json_and_its_keys_do_not_depend_on_their_order(value):
    form = canonical_bytes(value)

    json.loads(form)
    if isinstance(value, dict):
        assert canonical_bytes(dict(reversed(value.items()))) == form


@given(values)
def test_what_was_parsed_hashes_like_what_was_sent(value):
    body = json.dumps(value).encode()
    try:
        parsed = parse_json(body)
    except InvalidRequestError:
        return  # a float of very many digits is refused, and says so
    assert sha256_hex(parsed) == sha256_hex(value)


@pytest.mark.threat("T18")
@given(
    st.binary(max_size=300)
    | st.text(st.sampled_from('[]{}",:\\u0123456789eE+-. tfnaN\n\x00\x1b\ud83d')).map(
        lambda text: text.encode("utf-8", "surrogatepass")
    )
)
def test_no_bytes_at_all_cause_more_than_a_clear_refusal(data):
    """A crafted body crashes the parser, and govd with it."""
    refusal = None
    try:
        canonical_bytes(parse_json(data))
    except GovError as error:
        refusal = error

    assert refusal is None or (refusal.status in {400, 422} and refusal.detail.isprintable())


@pytest.mark.threat("T18")
@pytest.mark.parametrize(
    ("body", "error"),
    [
        (b'{"a": 1, "a": 2}', MalformedBodyError),
        (b"\xff\xfe", MalformedBodyError),
        (b"\xef\xbb\xbf{}", MalformedBodyError),
        (b"NaN", MalformedBodyError),
        (b"-Infinity", MalformedBodyError),
        (b"{} {}", MalformedBodyError),
        (b'"\x1b"', MalformedBodyError),
        (b'["a\\u0000b"]', InvalidRequestError),
        (b'["\\ud83d"]', InvalidRequestError),
        (b'{"\\udc00": 1}', InvalidRequestError),
        (b"1e400", InvalidRequestError),
        (str(2**300).encode(), InvalidRequestError),
        (b"-" + str(2**256).encode(), InvalidRequestError),
        (b"1" * 100_000, InvalidRequestError),
        (b"0." + b"1" * 100_000, InvalidRequestError),
        (b"[" * 200_000, InvalidRequestError),
        (b"[" * (MAX_DEPTH + 2) + b"]" * (MAX_DEPTH + 2), InvalidRequestError),
        (b'{"a":' * 50_000, InvalidRequestError),
        (b"[" + b"0," * MAX_NODES + b"0]", InvalidRequestError),
        (b'"' + b"a" * (MAX_STRING + 1) + b'"', InvalidRequestError),
    ],
    ids=lambda value: repr(value)[:24] if isinstance(value, bytes) else value.__name__,
)
def test_what_goes_beyond_a_limit_is_refused_by_name(body, error):
    """A body of huge numbers, deep nesting, NULs or doubled keys means one thing here and another there."""
    with pytest.raises(error) as caught:
        parse_json(body)

    assert caught.value.detail


@pytest.mark.parametrize("value", [math.nan, math.inf, {1: 2}, object(), {"a": b"bytes"}])
def test_what_has_no_canonical_form_is_refused(value):
    with pytest.raises(GovError):
        canonical_bytes(value)


@pytest.mark.threat("T16")
@given(st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40), st.binary(max_size=40))
def test_a_commitment_opens_to_one_salt_and_text_alone(salt, text, other_salt, other_text):
    """Salt and text are shifted against each other, so that one commitment opens to two contents."""
    same = commitment(salt, text) == commitment(other_salt, other_text)

    assert same == ((salt, text) == (other_salt, other_text))


@given(values)
def test_sorted_json_is_the_same_for_the_same_value_however_its_keys_came(value):
    again = _reversed(value)

    assert sorted_json(again) == sorted_json(value)
    assert json.loads(sorted_json(value)) == value


def _reversed(value):
    if isinstance(value, dict):
        return {key: _reversed(inner) for key, inner in reversed(value.items())}
    if isinstance(value, list):
        return [_reversed(inner) for inner in value]
    return value
