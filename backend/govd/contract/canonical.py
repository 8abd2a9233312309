"""Strict JSON in, canonical JSON out: the one form that is hashed and signed.

Must never accept two different bodies as the same value, nor hash two different values alike.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from typing import Any, Final

import orjson
import rfc8785

from govd.contract.errors import InvalidRequestError, MalformedBodyError
from govd.contract.limits import MAX_DEPTH, MAX_FLOAT_DIGITS, MAX_INTEGER_BITS, MAX_NODES, MAX_STRING

type_names: Final = {dict: "object", list: "array", str: "string", int: "integer", float: "number"}

_SAFE_INTEGER: Final = 2**53 - 1
_INTEGER_LIMIT: Final = 2**MAX_INTEGER_BITS
_MAX_INTEGER_CHARS: Final = len(str(_INTEGER_LIMIT)) + 1


def _pointer(path: tuple[str | int, ...]) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def _refuse(path: tuple[str | int, ...], why: str) -> InvalidRequestError:
    return InvalidRequestError(why, pointer=_pointer(path))


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise MalformedBodyError(f"the key {key[:64]!r} stands twice in one object")
            seen.add(key)
    return found


def _integer(text: str) -> int:
    if len(text) > _MAX_INTEGER_CHARS or abs(value := int(text)) >= _INTEGER_LIMIT:
        raise InvalidRequestError(
            f"an integer of {len(text)} digits: at most {MAX_INTEGER_BITS} bits are taken"
        )
    return value


def _float(text: str) -> float:
    if len(text) > MAX_FLOAT_DIGITS or not math.isfinite(value := float(text)):
        raise InvalidRequestError("a number that is too long or too large: send it as a string")
    return value


def _constant(text: str) -> Any:  # noqa: ANN401 - the signature is json.loads'
    raise MalformedBodyError(f"{text} is not JSON")


_decode: Final = json.JSONDecoder(
    object_pairs_hook=_pairs, parse_int=_integer, parse_float=_float, parse_constant=_constant
).decode


def parse_json(data: bytes, max_string: int = MAX_STRING) -> Any:  # noqa: ANN401 - any JSON value
    """The value of a JSON text, or an error that names the place.

    Raises:
        MalformedBodyError: not UTF-8, not JSON, a key twice, nested beyond what a parser should follow.
        InvalidRequestError: NUL or lone surrogates in a string, too deep, too many values, numbers
            beyond 256 bits; `pointer` names the place.
    """
    try:
        value = _decode(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"the body is not UTF-8 (byte {error.start})") from None
    except RecursionError:
        raise InvalidRequestError(f"nested deeper than {MAX_DEPTH}") from None
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"the body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}"
        ) from None
    if not _is_harmless(data, max_string):
        check_value(value, max_string)
    return value


def _is_harmless(data: bytes, max_string: int) -> bool:
    """Whether a text that parsed cannot break a limit, however it is nested: 0.3 µs instead of a walk.

    Each string is no longer than the text; without escapes by code it holds no NUL and no surrogate; and
    there are no more levels than brackets, no more values than half the bytes. Numbers are checked as
    they are read.
    """
    return (
        len(data) <= min(max_string, MAX_NODES)
        and data.isascii()
        and b"\\u" not in data
        and data.count(b"{") + data.count(b"[") <= MAX_DEPTH
    )


def check_value(value: object, max_string: int = MAX_STRING) -> None:
    """Refuse what cannot be canonical or should not travel: see `parse_json`."""
    count = 0
    waiting: list[tuple[tuple[str | int, ...], object]] = [((), value)]
    while waiting:
        path, item = waiting.pop()
        count += 1
        if count > MAX_NODES:
            raise InvalidRequestError(f"more than {MAX_NODES} values")
        if len(path) > MAX_DEPTH:
            raise _refuse(path[:4], f"nested deeper than {MAX_DEPTH}")
        if isinstance(item, str):
            _check_string(path, item, max_string)
        elif isinstance(item, dict):
            for key, inner in item.items():
                _check_string(path, key, max_string)
                waiting.append(((*path, key), inner))
        elif isinstance(item, list):
            waiting.extend(((*path, index), inner) for index, inner in enumerate(item))
        elif isinstance(item, float) and not math.isfinite(item):
            raise _refuse(path, "not a finite number")
        elif isinstance(item, int) and abs(item) >= _INTEGER_LIMIT:
            raise _refuse(path, f"an integer of more than {MAX_INTEGER_BITS} bits")


def _check_string(path: tuple[str | int, ...], text: str, max_string: int) -> None:
    if len(text) > max_string:
        raise _refuse(path, f"a string of {len(text)} characters: at most {max_string} are taken")
    if "\0" in text:
        raise _refuse(path, "a string that holds NUL")
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise _refuse(path, "a string that holds a lone surrogate")


def _hashable(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    """The value in a form that RFC 8785 takes: large integers tagged, and tags of the sender's escaped."""
    if isinstance(value, bool) or value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if -_SAFE_INTEGER <= value <= _SAFE_INTEGER else {"$int": str(value)}
    if isinstance(value, dict):
        if not all(isinstance(key, str) for key in value):
            raise InvalidRequestError("an object whose keys are not all strings has no canonical form")
        # A sender's own "$int" must not read as our tag: every key that begins with "$" gets one more.
        return {("$" + key if key.startswith("$") else key): _hashable(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hashable(inner) for inner in value]
    raise InvalidRequestError(f"a {type(value).__name__} has no canonical form")


def _is_plain(value: object) -> bool:
    """Whether orjson's sorted JSON is the canonical form of this value.

    It is where there are no floats, no large integers, no tags, and every key is ASCII (RFC 8785 sorts by
    UTF-16 units): a test holds the two equal.
    """
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return True
    if kind is dict:
        for key, inner in value.items():  # type: ignore[attr-defined]  # it is a dict
            if type(key) is not str or not key.isascii() or key.startswith("$"):
                return False
            # Most members are strings: asked here, they cost no call each.
            if type(inner) is not str and not _is_plain(inner):
                return False
        return True
    if kind is list:
        return all(map(_is_plain, value))  # type: ignore[call-overload]  # it is a list
    return kind is int and -_SAFE_INTEGER <= value <= _SAFE_INTEGER  # type: ignore[operator]  # it is an int


def canonical_bytes(value: object) -> bytes:
    """The RFC 8785 (JCS) form; integers beyond 2^53-1 stand as `{"$int": "…"}`.

    Raises:
        InvalidRequestError: the value holds what has no canonical form.
    """
    if _is_plain(value):
        with contextlib.suppress(orjson.JSONEncodeError):  # a lone surrogate: refused below, by its name
            return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)  # 1 µs where rfc8785 takes 24
    try:
        return rfc8785.dumps(_hashable(value))
    except rfc8785.CanonicalizationError as error:
        raise InvalidRequestError(f"no canonical form: {error}") from None


def sorted_json(value: object) -> bytes:
    """JSON with sorted keys, always the same for the same value: to be compared with itself alone.

    Cheaper than the canonical form, and a form of no standard: large integers keep their digits.
    """
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError:  # an integer beyond 64 bits
        return json.dumps(value, sort_keys=True, allow_nan=False).encode()


def sha256_hex(value: object) -> str:
    """SHA-256 of the canonical form, as 64 lower-case hex digits."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def commitment(salt: bytes, text: bytes) -> str:
    """SHA-256(len(salt) ‖ salt ‖ text) in hex. It opens only with the salt (threats T16)."""
    return hashlib.sha256(len(salt).to_bytes(2, "big") + salt + text).hexdigest()
