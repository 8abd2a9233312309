"""Reads the sources for every way out to a terminal, a log or a screen, and judges what is sent there.

What goes out must be a constant, or have gone through the sanitiser, or through a type or helper that does so
by itself (each listed here with its reason). A name counts as what it was assigned in its own function;
a parameter counts as nothing, unless the function puts something else in its place, whatever comes. An outlet
by another name of that function is that outlet. Wrong on the strict side: it may ask for a `visible()` that
was not needed.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("backend/govd", "backend/govgate", "backend/govdemo", "console/govconsole")

PRINTERS = {
    "print",
    "click.echo",
    "click.secho",
    "click.prompt",
    "click.confirm",
    "click.ClickException",
    "click.UsageError",
    "click.BadParameter",
    "warnings.warn",
}
STREAMS = {"stdout", "stderr", "terminal", "tty"}
"""What `.write` and `.writelines` go to a person by, with or without a `.buffer` in between."""
LOGGERS = {"log", "_log", "logger", "_logger", "logging", "LOG"}
LEVELS = {"debug", "info", "warning", "error", "critical", "exception", "log"}
WIDGETS = {"Static", "Label", "Button", "Checkbox", "RadioButton", "Input", "TextArea", "Option"}
SHOWN = {"title", "sub_title", "border_title", "border_subtitle", "placeholder", "tooltip"}
"""Members of a widget that are drawn: assigned, or given where it is made."""
WORDS = {
    None,
    "message",
    "msg",
    "text",
    "title",
    "label",
    "prompt",
    "content",
    "value",
    "values",
    "sep",
    "end",
}
"""Keywords that outlets take what they show by; None: `**`."""
SEGMENTS = {"Segment"}
LOGGED = {"code", "errno", "agent", "found", "done", "limit", "wanted"}
CONTENTS = {"Content", "Content.assemble", "Content.styled", "Text", "Text.assemble"}
MARKED_UP = {"Content.from_markup", "Text.from_markup", "from_markup"}
DRAWING = ("console/govconsole/screens", "console/govconsole/widgets", "console/govconsole/app")

CLEANERS: dict[str, str] = {
    "visible": "the sanitiser",
    "text.visible": "the sanitiser",
    "ascii_json": "printable ASCII",
    "tokens.ascii_json": "printable ASCII",
    "tokens.ascii_problem": "printable ASCII",
    "machine": "printable ASCII",
    "content": "draws spans, which sanitise themselves when they are built",
    "stacked": "rows of such spans",
    "visible_lines": "the sanitiser, line by line",
    "len": "a number",
    "int": "a number",
    "round": "a number",
    "key_label": "keys of the registry of actions, which is a constant",
    "amount": "digits",
}
CLEAN_ATTRIBUTES: dict[str, str] = {
    "code": "a constant of the class of an error",
    "__name__": "the name of a class",
    "label": "of an action of the registry, which is a constant",
    "status": "a number",
    "port": "a number",
    "pid": "a number",
}
EXEMPT: dict[tuple[str, str], str] = {
    ("backend/govd/contract/shells.py", "print_script"): "a script of click's over names of ours",
    ("console/govconsole/widgets/paint.py", "content"): "draws the text of spans, which sanitise themselves",
    ("console/govconsole/widgets/paint.py", "strip"): "the same, as cells",
    (
        "backend/govd/voice/intake/worker.py",
        "_write",
    ): "sound, into the pipe of the process that asked",
}


@dataclass
class Outlet:
    """One place where something leaves."""

    path: str
    line: int
    what: str
    source: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}: {self.source}"


@dataclass
class Function:
    """A function, with what its names were assigned."""

    node: ast.AST
    assigned: dict[str, list[ast.expr]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in _given(self.node):
            self.assigned.setdefault(name, []).append(ANYTHING)
        for node in ast.walk(self.node):
            targets: list[tuple[ast.expr, ast.expr | None]] = []
            if isinstance(node, ast.Assign):
                targets = [(target, node.value) for target in node.targets]
            elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
                targets = [(node.target, node.value)]
            elif isinstance(node, ast.For | ast.comprehension):
                targets = [(node.target, node.iter)]
            elif isinstance(node, ast.withitem) and node.optional_vars is not None:
                targets = [(node.optional_vars, ANYTHING)]
            for target, value in targets:
                for name in _names(target) if value is not None else ():
                    self.assigned.setdefault(name, []).append(value)

    def named(self, node: ast.expr) -> str:
        """The source of an expression; of another name of something, that something's."""
        values = self.assigned.get(node.id, []) if isinstance(node, ast.Name) else []
        return next((ast.unparse(value) for value in values if value is not ANYTHING), ast.unparse(node))


ANYTHING = ast.Name("anything")
"""What somebody else gives: it is never clean."""


def _names(target: ast.expr) -> Iterator[str]:
    """The names that an assignment gives its value, or a part of it."""
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, ast.Tuple | ast.List):
        for part in target.elts:
            yield from _names(part.value if isinstance(part, ast.Starred) else part)


def _given(node: ast.AST) -> set[str]:
    """The parameters that stay what they were in one case at least."""
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
        return set()
    arguments = node.args
    given = {
        one.arg
        for one in (
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            *(rest for rest in (arguments.vararg, arguments.kwarg) if rest is not None),
        )
    }
    body = [] if isinstance(node, ast.Lambda) else node.body
    return given - {
        name
        for step in body
        if isinstance(step, ast.Assign)
        for target in step.targets
        for name in _names(target)
    }


MADE_OF: dict[type[ast.expr], tuple[str, ...]] = {
    ast.Constant: (),
    ast.Compare: (),
    ast.JoinedStr: ("values",),
    ast.FormattedValue: ("value", "format_spec"),
    ast.List: ("elts",),
    ast.Tuple: ("elts",),
    ast.Dict: ("keys", "values"),
    ast.Starred: ("value",),
    ast.BinOp: ("left", "right"),
    ast.BoolOp: ("values",),
    ast.IfExp: ("body", "orelse"),
    ast.ListComp: ("elt",),
    ast.GeneratorExp: ("elt",),
    ast.Subscript: ("value",),
}
"""The parts that an expression's characters come from. What is not listed can carry anything."""

KEEPING = {"join", "get", "ljust", "rjust", "format", "strip", "rstrip", "replace", "encode", "decode"}
"""Methods of strings and tables that make nothing unclean of clean things."""


def clean(node: ast.expr, function: Function, seen: frozenset[str] = frozenset()) -> bool:
    """Whether the value can carry nothing that a sender chose."""
    if isinstance(node, ast.Attribute):
        return node.attr in CLEAN_ATTRIBUTES or node.attr.isupper()
    if isinstance(node, ast.Name):
        values = function.assigned.get(node.id, [])
        again = seen | {node.id}
        return node.id.isupper() or (
            node.id not in seen and bool(values) and all(clean(value, function, again) for value in values)
        )
    if isinstance(node, ast.Call):
        return _clean_call(node, function, seen)
    fields = MADE_OF.get(type(node))
    if fields is None:
        return False
    parts = [part for name in fields for part in _listed(getattr(node, name))]
    return all(clean(part, function, seen) for part in parts)


def _listed(value: ast.expr | list[ast.expr | None] | None) -> list[ast.expr]:
    return [part for part in (value if isinstance(value, list) else [value]) if part is not None]


def _clean_call(node: ast.Call, function: Function, seen: frozenset[str]) -> bool:
    name = ast.unparse(node.func)
    if name in CONTENTS or name.rsplit(".", 1)[-1] in drawn():
        return name not in CONTENTS or all(clean(part, function, seen) for part in node.args)
    if name in CLEANERS:
        return True
    if isinstance(node.func, ast.Attribute) and node.func.attr in KEEPING:
        given = [node.func.value, *node.args, *(keyword.value for keyword in node.keywords)]
        return all(clean(part, function, seen) for part in given)
    return False


def outlets_of(call: ast.Call, function: Function, path: str) -> Iterator[tuple[str, list[ast.expr]]]:
    """Which outlet a call is, with what it sends there; nothing for any other call."""
    name = function.named(call.func)
    words = _words(call)
    if name in PRINTERS:
        yield name, words
    elif name == "os.write" and ast.unparse(words[0]) in {"1", "2"}:
        yield "stream", words[1:]
    elif isinstance(call.func, ast.Attribute):
        yield from _by_verb(call, function.named(call.func.value), call.func.attr)
    if name in MARKED_UP:
        yield "markup", [ast.Name("anything")]
    if path.startswith(DRAWING):
        yield from _drawn(call, name)


def _words(call: ast.Call) -> list[ast.expr]:
    """What a call is given to show, also by keyword; `**` may hold any of them."""
    return [*call.args, *(item.value for item in call.keywords if item.arg in WORDS)]


def _by_verb(call: ast.Call, receiver: str, verb: str) -> Iterator[tuple[str, list[ast.expr]]]:
    words = _words(call)
    last = receiver.removesuffix(".buffer").rsplit(".", 1)[-1]
    if last in LOGGERS and verb in LEVELS:
        yield "log", [*words, *_extra(call)]
    elif last in STREAMS and verb in {"write", "writelines"}:
        yield "stream", words
    elif verb == "notify":
        yield "notify", words
    elif verb == "copy_to_clipboard":
        yield "clipboard", words


def _drawn(call: ast.Call, name: str) -> Iterator[tuple[str, list[ast.expr]]]:
    words = _words(call)
    if isinstance(call.func, ast.Attribute) and call.func.attr in {"update", "write_line"}:
        yield "draw", words
    if name in WIDGETS:
        yield "widget", words
    if name in CONTENTS:
        yield "content", words
    if name in SEGMENTS:
        yield "segment", words[:1]
    yield "shown", [keyword.value for keyword in call.keywords if keyword.arg in SHOWN - {"title"}]


def _extra(call: ast.Call) -> list[ast.expr]:
    """What is logged with a message: nothing to judge where every key is a listed one.

    The formatter of govd makes what it writes visible; the list keeps agents' words out of it altogether.
    """
    extra = next((keyword.value for keyword in call.keywords if keyword.arg == "extra"), None)
    if extra is None:
        return []
    keys = extra.keys if isinstance(extra, ast.Dict) else []
    known = keys and all(isinstance(key, ast.Constant) and key.value in LOGGED for key in keys)
    return [] if known else [extra]


def assigned_to_widgets(tree: ast.AST, path: str) -> Iterator[tuple[ast.stmt, ast.expr]]:
    """What is drawn because it is assigned: a border's title, the placeholder of a field."""
    if not path.startswith(DRAWING):
        return
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else []
        if isinstance(node, ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        if any(isinstance(target, ast.Attribute) and target.attr in SHOWN for target in targets):
            yield node, node.value  # type: ignore[attr-defined, misc]  # each of the three has one


def unfed(source: str, path: str) -> list[Outlet]:
    """The outlets of one file that are fed by neither the sanitiser nor constants."""
    tree = ast.parse(source)
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
    ]
    owner: dict[ast.AST, Function] = {}
    for node in [tree, *functions]:
        function = Function(node)
        for child in ast.walk(node):
            owner[child] = function
    assigned = [
        Outlet(path, node.lineno, "assigned", ast.unparse(node)[:160])
        for node, value in assigned_to_widgets(tree, path)
        if not clean(value, owner[node])
    ]
    return assigned + [
        Outlet(path, node.lineno, what, ast.unparse(node)[:160])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and (path, getattr(owner[node].node, "name", "")) not in EXEMPT
        for what, words in outlets_of(node, owner[node], path)
        if not all(clean(word, owner[node]) for word in words)
        or (what in {"notify", "widget"} and _marked_up(node, words))
    ]


def _marked_up(node: ast.Call, words: list[ast.expr]) -> bool:
    """Whether words that are no constant may be read as Textual markup."""
    if all(isinstance(word, ast.Constant) for word in words):
        return False
    return not any(
        keyword.arg == "markup" and ast.unparse(keyword.value) == "False" for keyword in node.keywords
    ) and not all(_drawn_content(word) for word in words)


def _drawn_content(word: ast.expr) -> bool:
    """Whether it is made by a function that returns Textual's Content, in which nothing is markup."""
    return isinstance(word, ast.Call) and ast.unparse(word.func).rsplit(".", 1)[-1] in drawn()


@functools.cache
def drawn() -> frozenset[str]:
    """Functions that say that they return Content; Content itself is judged where it is made."""
    return frozenset(
        node.name
        for path in files()
        if path.relative_to(ROOT).as_posix().startswith(DRAWING)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.returns is not None
        if ast.unparse(node.returns) == "Content"
    )


def files() -> Iterator[Path]:
    """Every source file of the three packages."""
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))
