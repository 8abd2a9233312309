"""One small interface over the CEL implementation: typed variables per kind, `usd`, errors as errors.

Must never let an expression read a name that its kind does not have, nor compare money as floats. The
engine stops an expression after 10,000 iterations by itself and has no setting for it; a test holds it so.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from cel_expr_python import cel  # type: ignore[import-untyped] # it ships stubs without py.typed

from govd.contract.errors import GovError
from govd.contract.money import MAX_UNITS, MICRO, micro_usd

if TYPE_CHECKING:
    from collections.abc import Mapping

_STRING: Final = cel.Type.STRING
_STRINGS: Final = cel.Type.List(_STRING)
_INT: Final = cel.Type.INT
_BOOL: Final = cel.Type.BOOL
_JSON: Final = cel.Type.Map(_STRING, cel.Type.DYN)
_INT64: Final = 2**63

_COMMON: Final[dict[str, Any]] = {
    "now": cel.Type.TIMESTAMP,
    "tz": _STRING,
    # Opaque to everything but usd(): bytes have no members, so that a typo after the dot fails at load.
    "intent": cel.Type.BYTES,
    "intent.kind": _STRING,
    "intent.agent": _STRING,
    "intent.origin": _STRING,
    "intent.origin_verified": _BOOL,
    "intent.effect": _STRING,
    "intent.priced": _BOOL,
}
_BY_KIND: Final[dict[str, dict[str, Any]]] = {
    "model_call": {"model": _STRING, "tokens": _INT},
    "tool_call": {"tool": _STRING, "arguments": _JSON, "domains": _STRINGS},
    "evm_transaction": {"chain": _STRING, "from": _STRING, "to": _STRING, "value": _STRING, "data": _STRING},
    "http_request": {"method": _STRING, "url": _STRING, "host": _STRING},
    "file_write": {"path": _STRING, "size": _INT},
    "process_exec": {
        "argv": _STRINGS,
        "tools": _STRINGS,
        "cwd": _STRING,
        "binary": _STRING,
        "env": _STRINGS,
        "git.url": _STRING,
        "git.refs": _STRINGS,
    },
    "audio": {"use": _STRING, "host": _STRING, "seconds": _INT},
    "context_release": {"target_model": _STRING, "classes": _STRINGS},
    "secret_read": {"name": _STRING},
    "admin": {"operation": _STRING, "arguments": _JSON},
}


class ExpressionError(Exception):
    """An expression does not compile, or its evaluation failed. `column`: in the expression, from 1."""

    def __init__(self, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def variables(kind: str) -> dict[str, str]:
    """Every variable of a kind, and its type: what the reference lists and the hints choose from."""
    return {name: str(kind_type) for name, kind_type in _declared(kind).items() if name != "intent"}


def _declared(kind: str) -> dict[str, Any]:
    return _COMMON | {f"intent.{name}": of_type for name, of_type in _BY_KIND[kind].items()}


def _usd_of_text(text: str) -> int:
    try:
        return micro_usd(text)
    except GovError as error:
        # The engine hands on the text of what is raised; a plain error keeps it short.
        raise ValueError(error.detail) from None


def _usd_of_whole(number: int) -> int:
    if not 0 <= number <= MAX_UNITS // MICRO:
        raise ValueError("an amount below zero, or beyond 9.2 trillion USD")
    return number * MICRO


@lru_cache(maxsize=1)
def _functions() -> list[Any]:
    overloads = [
        cel.Overload("usd_string", return_type=_INT, parameters=[_STRING], impl=_usd_of_text),
        cel.Overload("usd_int", return_type=_INT, parameters=[_INT], impl=_usd_of_whole),
        cel.Overload("usd_intent", return_type=_INT, parameters=[cel.Type.BYTES], impl=int),
    ]
    return [cel.FunctionDecl("usd", overloads)]


@lru_cache(maxsize=32)
def _environment(kind: str) -> Any:  # noqa: ANN401 - the library's own type has no stubs that mypy finds
    return cel.NewEnv(variables=_declared(kind), functions=_functions())


_AT = re.compile(r"<input>:(\d+):(\d+): (.*)")
_LITERAL = re.compile(r"""[rRbB]{0,2}("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')""")
_BARE_INTENT = re.compile(r"(?<![\w.])intent\b(?!\s*\.)")
_USD_LITERAL = re.compile(r"(?<![\w.])usd\s*\(\s*" + _LITERAL.pattern + r"\s*\)|" + _LITERAL.pattern)
_USD_INTENT = re.compile(r"(?<![\w.])usd\s*\(\s*intent\s*\)")


@dataclass(frozen=True)
class Program:
    """An expression, compiled for one kind."""

    kind: str
    source: str
    _expression: Any = field(repr=False)

    def holds(self, scope: Scope) -> bool:
        """The expression's value.

        Raises:
            ExpressionError: the evaluation failed: a missing key, an unpriced amount, too many iterations.
        """
        return scope.evaluate(self._expression)


_LOCK = threading.Lock()


class Scope:
    """The values of one intent, bound once for all the programs of its kind.

    The engine's evaluations share an environment. They ran side by side in threads without one wrong
    answer (the test is kept), but its binding promises nothing, so that one lock stands around them.
    """

    def __init__(self, kind: str, values: Mapping[str, object]) -> None:
        try:
            with _LOCK:
                self._activation = _environment(kind).Activation(dict(values))
        except Exception as error:
            raise ExpressionError(_first_line(error)) from error

    def evaluate(self, expression: Any) -> bool:  # noqa: ANN401 - the library's own type
        """The boolean value of a compiled expression."""
        try:
            with _LOCK:
                value = expression.eval(self._activation).value()
        except Exception as error:
            raise ExpressionError(_first_line(error)) from error
        if value is True or value is False:
            return bool(value)
        raise ExpressionError(str(value))


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]


def compile_expression(source: str, kind: str) -> Program:
    """The expression, type-checked with the variables of one kind.

    Raises:
        ExpressionError: it does not parse, names what the kind does not have, or is no boolean.
    """
    bare = _USD_INTENT.sub("usd_", _LITERAL.sub('""', source))
    found = _BARE_INTENT.search(bare)
    if found is not None:
        raise ExpressionError("`intent` alone stands only in usd(intent)", 1, found.start() + 1)
    try:
        expression = _environment(kind).compile(source)
    except (RuntimeError, TypeError, ValueError) as error:
        text = str(error)
        at = _AT.search(text)
        if at is None:
            raise ExpressionError(text.splitlines()[0] if text else "it does not compile") from None
        raise ExpressionError(_plain(at[3], kind), max(int(at[1]), 1), max(int(at[2]), 1)) from None
    if str(expression.return_type()) != "BOOL":
        raise ExpressionError("the expression is not true or false")
    folded = _folded(source)
    if folded != source:
        expression = _environment(kind).compile(folded)
    return Program(kind, source, expression)


def _folded(source: str) -> str:
    """The expression with `usd("50000")` as its number: no call each time, and a typo fails at load."""
    if "//" in source or '"""' in source or "'''" in source:
        return source

    def number(found: re.Match[str]) -> str:
        if found[1] is None or "\\" in found[1] or not found[0].endswith(")"):
            return found[0]
        try:
            return str(micro_usd(found[1][1:-1]))
        except GovError as error:
            raise ExpressionError(f"usd({found[1]}): {error.detail}", 1, found.start() + 1) from None

    return _USD_LITERAL.sub(number, source)


def _plain(message: str, kind: str) -> str:
    if "cannot be the operand of a select" in message:
        return f"a {kind} has no such member of `intent`"
    return re.sub(r" \(in container ''\)| \[[A-Z_]+\]", "", message)


def json_value(value: object) -> object:
    """A JSON value as CEL takes it: integers beyond 64 bits become their digits."""
    if isinstance(value, dict):
        return {key: json_value(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [json_value(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool) and not -_INT64 <= value < _INT64:
        return str(value)
    return value


def literals_of(source: str, variable: str) -> list[tuple[str, bool]]:
    """String literals that `variable == "…"` compares with, and whether the whole is one chain of `&&`.

    For finding rules that can never match; an expression that this cannot read yields nothing.
    """
    shape = _LITERAL.sub(lambda found: '"' + "_" * (len(found[0]) - 2) + '"', source)
    chained = (
        "||" not in shape and "?" not in shape and "!" not in shape.replace("!=", "  ") and "(" not in shape
    )
    equal = re.compile(r"(?<![\w.])" + re.escape(variable) + r"\s*==\s*(?=[\"'])")
    found = []
    for match in equal.finditer(shape):
        literal = _LITERAL.match(source, match.end())
        if literal is not None and "\\" not in literal[0]:
            found.append((literal[1][1:-1], chained))
    return found


def names_in(source: str) -> list[str]:
    """The dotted names that an expression reads, string literals left out."""
    return re.findall(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*", _LITERAL.sub('""', source))
