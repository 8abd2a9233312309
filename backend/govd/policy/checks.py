"""What a policy says that cannot be meant: unknown tools, rules that never match, names that stand twice.

Pure but for the time zone's file. Every problem names its place and what was probably meant.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import islice
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo, available_timezones

from govd.contract.errors import InvalidRequestError
from govd.policy import cel, domains
from govd.policy.blocks import EFFECTS
from govd.policy.globs import covered, covers, matches, overlaps
from govd.policy.problems import Place, meant, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from govd.policy.blocks import CustomRule, PolicyDocument, SoftLimit
    from govd.policy.problems import Problems
    from govd.policy.reading import Node

_TOOL_KINDS: Final = frozenset({"tool_call", "process_exec"})
_EVERYTHING: Final = "*"
_MAX_ZONE: Final = 64


def check(document: PolicyDocument, root: Node, problems: Problems) -> None:
    """Note everything in a well-formed document that must keep it out of force."""
    _zone(document, root, problems)
    _names(document, root, problems)
    _lists(document, root, problems)
    _contradictions(document, root, problems)
    _effects(document, root, problems)
    _domains(document, root, problems)
    for at, rule in enumerate(document.custom):
        _custom(rule, root, ("custom", at), document, problems)
    for at, limit in enumerate(document.soft_limits):
        _soft_limit(limit, root, ("soft_limits", at), document, problems)
    if document.voice is not None:
        for name, patterns in document.voice.tools.items():
            for at, pattern in enumerate(patterns):
                _known(pattern, root.find(("voice", "tools", name, at)), document, problems)
    for pattern in document.amounts:
        _known(pattern, root.find(("amounts", pattern), key=True), document, problems)


def _zone(document: PolicyDocument, root: Node, problems: Problems) -> None:
    try:
        name = document.timezone
        if len(name) > _MAX_ZONE or not name.isascii() or "\0" in name:
            raise ValueError  # noqa: TRY301 - the same answer for every name that is none
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        hint = meant(document.timezone, available_timezones()) if document.timezone else ""
        place = root.find(("timezone",))
        problems.add(place, f"no time zone is called {shown(document.timezone)}", hint)


def _names(document: PolicyDocument, root: Node, problems: Problems) -> None:
    seen: dict[str, Place] = {}
    blocks: tuple[tuple[str, Sequence[CustomRule | SoftLimit]], ...] = (
        ("custom", document.custom),
        ("soft_limits", document.soft_limits),
    )
    for block, rules in blocks:
        for at, rule in enumerate(rules):
            place = root.find((block, at, "name"))
            if rule.name in seen:
                sentence = f"two rules are called {shown(rule.name)}"
                problems.add(place, sentence, f"the first is at line {seen[rule.name].line}")
            seen.setdefault(rule.name, place)


def _known(pattern: str, place: Place, document: PolicyDocument, problems: Problems) -> None:
    if not any(overlaps(pattern, tool) for tool in document.tools):
        hint = (
            meant(pattern, document.tools) if document.tools else "list the tools that there are in `tools:`"
        )
        what = "no known tool matches" if "*" in pattern else "no known tool is called"
        problems.add(place, f"{what} {shown(pattern)}, so that this never matches", hint)


def _lists(document: PolicyDocument, root: Node, problems: Problems) -> None:
    """The lists of globs: known tools only, and none that another one of the same list swallows."""
    tool_calls = document.tool_calls
    lists: list[tuple[tuple[str, ...], list[str]]] = [
        (("tools",), document.tools),
        (("origins",), document.origins or []),
        (("tool_calls", "allow"), tool_calls.allow),
        (("tool_calls", "deny"), tool_calls.deny),
        (("tool_calls", "hold"), tool_calls.hold),
    ]
    for path, patterns in lists:
        for at, pattern in enumerate(patterns):
            place = root.find((*path, at))
            if path[0] == "tool_calls":
                _known(pattern, place, document, problems)
            if pattern in patterns[:at]:
                problems.add(place, f"{shown(pattern)} stands twice in {'.'.join(path)}", "once is enough")
                continue
            others = (other for other in patterns if other != pattern and covers(other, pattern))
            for other in islice(others, 1):
                sentence = f"{shown(pattern)} is shadowed: {shown(other)} in the same list matches all of it"
                problems.add(place, sentence, f"take out {shown(pattern)}, or narrow {shown(other)}")


def _contradictions(document: PolicyDocument, root: Node, problems: Problems) -> None:
    """Allows and holds that a denial swallows. `deny: ["*"]` is the stop button, and contradicts nothing."""
    tool_calls = document.tool_calls
    denials = [pattern for pattern in tool_calls.deny if pattern != _EVERYTHING]
    for block, patterns in (("allow", tool_calls.allow), ("hold", tool_calls.hold)):
        for at, pattern in enumerate(patterns):
            for other in denials:
                if covers(other, pattern):
                    sentence = (
                        f"{shown(pattern)} never {block}s anything: {shown(other)} is denied, which wins"
                    )
                    problems.add(root.find(("tool_calls", block, at)), sentence, "take out one of the two")
                    break
    if document.default != "deny" or any(rule.allow_if for rule in document.custom):
        return
    for at, pattern in enumerate(tool_calls.hold):
        if not any(overlaps(pattern, other) for other in tool_calls.allow):
            problems.add(
                root.find(("tool_calls", "hold", at)),
                f"{shown(pattern)} never holds anything: what no rule allows is denied by `default: deny`",
                "put it into `allow` too: held is what is allowed and waits for a person",
            )


def _effects(document: PolicyDocument, root: Node, problems: Problems) -> None:
    effects = document.tool_calls.effects
    for pattern, effect in effects.items():
        place = root.find(("tool_calls", "effects", pattern), key=True)
        _known(pattern, place, document, problems)
        for other, graver in effects.items():
            if other != pattern and covers(other, pattern) and EFFECTS[graver] >= EFFECTS[effect]:
                sentence = f"{shown(pattern)} is never {effect}: {shown(other)} is {graver}, which counts"
                problems.add(place, sentence, "name the tools of the graver one more exactly")
                break


def _domains(document: PolicyDocument, root: Node, problems: Problems) -> None:
    block = document.tool_calls.domains
    if block is None:
        return
    read: dict[str, list[domains.Rule]] = defaultdict(list)
    for name, entries in (("deny", block.deny), ("allow", block.allow)):
        for at, text in enumerate(entries):
            place = root.find(("tool_calls", "domains", name, at))
            try:
                rule = domains.rule(text)
            except InvalidRequestError as error:
                hint = "write example.com, *.example.com, example.com:443 or an address"
                problems.add(place, f"{shown(text)}: {error.detail}", hint)
                continue
            for other in (*read["deny"], *read[name]):
                if other.covers(rule):
                    problems.add(
                        place, f"{shown(text)} is shadowed by {shown(other.text)}", "take out one of the two"
                    )
                    break
            read[name].append(rule)


def _custom(
    rule: CustomRule, root: Node, path: tuple[str | int, ...], document: PolicyDocument, problems: Problems
) -> None:
    """The expression compiles for each kind, and could be true for some intent."""
    where = root.find((*path, rule.verb))
    if len(set(rule.kinds)) != len(rule.kinds):
        problems.add(root.find((*path, "kinds")), "a kind stands twice", "once is enough")
    for kind in dict.fromkeys(rule.kinds):
        try:
            cel.compile_expression(rule.expression, kind)
        except cel.ExpressionError as error:
            place = Place(
                where.line + error.line - 1, where.column + (error.column - 1 if error.line == 1 else 0)
            )
            problems.add(
                place, f"{rule.name} ({kind}): {error}", _variable_hint(str(error), kind, rule.expression)
            )
    compared: dict[str, set[str]] = {}
    for variable, known in (("intent.tool", document.tools), ("intent.kind", rule.kinds)):
        literals = cel.literals_of(rule.expression, variable)
        for literal, _ in literals:
            if not any(matches(pattern, literal) for pattern in known):
                what = variable.removeprefix("intent.")
                sentence = (
                    f"{rule.name}: no known {what} is called {shown(literal)}, so that this never matches"
                )
                problems.add(where, sentence, meant(literal, known))
        compared[variable] = {literal for literal, chained in literals if chained}
    for variable, literals_found in compared.items():
        if len(literals_found) > 1:
            both = " and ".join(shown(literal) for literal in sorted(literals_found))
            problems.add(
                where, f"{rule.name} never matches: {variable} cannot be {both} at once", "use || or `in`"
            )


def _variable_hint(error: str, kind: str, expression: str) -> str:
    known = cel.variables(kind)
    if "undeclared" in error or "no such member" in error:
        quoted = error.partition("'")[2].partition("'")[0]
        if quoted in {"", "intent"}:
            words = [word for word in cel.names_in(expression) if word.startswith("intent.")]
            quoted = next((word for word in words if not _declared(word, known)), "intent")
        return meant(quoted, known)
    return 'amounts are compared as usd(intent) > usd("50000")' if "usd" in expression else ""


def _declared(word: str, known: dict[str, str]) -> bool:
    return any(word == name or word.startswith(name + ".") for name in known)


def _soft_limit(
    limit: SoftLimit, root: Node, path: tuple[str | int, ...], document: PolicyDocument, problems: Problems
) -> None:
    kinds, tools = limit.match.kinds, limit.match.tools
    for at, pattern in enumerate(tools or []):
        place = root.find((*path, "match", "tools", at))
        _known(pattern, place, document, problems)
        if (
            covered(pattern, [other for other in tools or [] if other != pattern])
            or pattern in (tools or [])[:at]
        ):
            problems.add(
                place, f"{shown(pattern)} is shadowed by another entry of this list", "once is enough"
            )
    name = root.find((*path, "name"))
    if kinds is not None and tools is not None and not _TOOL_KINDS & set(kinds):
        sentence = f"{limit.name} never matches: only tool_call and process_exec have tools"
        problems.add(name, sentence, "take out `tools`, or name one of these kinds")
    elif limit.metric == "usd":
        counted = [
            one for one in document.amounts if tools is None or any(overlaps(one, tool) for tool in tools)
        ]
        if kinds is not None and "tool_call" not in kinds:
            sentence = f"{limit.name} counts USD, and only tool calls have a price that can be read so far"
            problems.add(name, sentence, "count them (`metric: count`), or name tool_call among the kinds")
        elif not counted:
            sentence = f"{limit.name} counts USD, and no `amounts` say what its tools cost"
            problems.add(name, sentence, "add the tool to `amounts:`, as {usd: arguments.amount}")
