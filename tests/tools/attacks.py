"""Write docs/attacks.md: every attack that a test shows to fail, by the number of the rule that stops it.

The list is read from the tests themselves (`@pytest.mark.threat("T7")` and the docstring's first paragraph),
so that it can claim nothing that is not run. Fails where a rule that this version holds has no test.

    .venv/bin/python tests/tools/attacks.py            rewrite the page
    .venv/bin/python tests/tools/attacks.py --check    fail where it is stale, or a rule has no test
"""

from __future__ import annotations

import ast
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "attacks.md"

RULES: dict[int, str] = {
    1: "Shared uid: what file modes cannot protect is called advisory",
    2: "The executor is not the agent",
    3: "Tokens are short-lived, never in argv, and tied to one peer",
    4: "Nobody's word about himself counts: origin, model, outcome",
    5: "New operators, keys and executors need an operator's signature",
    6: "Sub-agents spend from their root principal",
    7: "What was approved is what runs",
    8: "Nothing matches means held",
    9: "Caps hold by day, by rolling window, by agent and by principal",
    10: "A denied action does not come back in other clothes",
    11: "A looser policy needs a signature, a tighter one does not",
    12: "Votes sign what was rendered, with a key that govd never holds",
    13: "A log that went back in time stops govd",
    14: "Time steps hold approvals and raise an alarm",
    15: "Several nodes decide as one",
    16: "Commitments are salted",
    17: "Hostile text becomes visible text at every outlet",
    18: "Floods, and bodies made to hurt",
    19: "One guarded way out to the network",
    20: "Secrets name the action that they are for",
    21: "Sandboxes start empty",
    22: "Gates cannot be unconfigured by the agent that they guard",
    23: "A voice over chat proves little",
    24: "Samples of an admin's voice are added in person",
    25: "A model file is code until proven otherwise",
}
HELD = (1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 14, 16, 17, 18, 23, 24, 25)

LATER: dict[int, str] = {
    1: "who owns the file of a token is not looked at: the kernel's word on who connects is what counts",
    2: "whether an executor of another Unix user serves an agent is listed; tool by tool comes with coverage",
    5: "there is no way past the signatures in an emergency yet",
    18: "of floods, the limits on what comes in and on what waits: bodies, headers, connections, jobs",
}
"""What of a rule this version leaves out, or how far it goes."""

HEADER = """\
# Attacks, and the tests that show them to fail

Written by `make docs` from the tests: each line is the attack as the test that tries it names it. A rule
that this version does not hold yet says so. Run one with `make test ARGS=PATH`.
"""


@dataclass(frozen=True, order=True)
class Attack:
    """One test against one rule."""

    rule: int
    path: str
    test: str
    said: str


def numbers(node: ast.expr) -> list[int]:
    """The rules that a decorator names: the argument of `pytest.mark.threat`, as in "T7"."""
    if not (isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.threat"):
        return []
    return [int(str(item.value).lstrip("T")) for item in node.args if isinstance(item, ast.Constant)]


def attacks_in(path: Path) -> tuple[list[Attack], list[str]]:
    """The attacks of one file, and what is wrong with how they are marked."""
    found: list[Attack] = []
    wrong: list[str] = []
    name = path.relative_to(ROOT).as_posix()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    whole_file = [
        rule
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark"
        for item in (node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value])
        for rule in numbers(item)
    ]
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        rules = [rule for item in node.decorator_list for rule in numbers(item)] or whole_file
        said = " ".join((ast.get_docstring(node) or "").strip().split("\n\n")[0].split())
        for rule in rules:
            if rule not in RULES:
                wrong.append(f"{name}:{node.lineno}: there is no rule T{rule}")
            elif not said:
                wrong.append(f"{name}:{node.lineno}: {node.name} names T{rule} and no attack (a docstring)")
            else:
                found.append(Attack(rule, name, node.name, said))
    return found, wrong


def page(attacks: list[Attack]) -> str:
    """The page's text."""
    by_rule: dict[int, list[Attack]] = defaultdict(list)
    for attack in sorted(attacks):
        by_rule[attack.rule].append(attack)
    parts = [HEADER]
    for rule, headline in RULES.items():
        parts.append(f"\n## T{rule}. {headline}\n\n")
        if rule in LATER:
            parts.append(f"So far: {LATER[rule]}.\n\n")
        if rule not in by_rule:
            parts.append("Not held by this version yet.\n")
        for attack in by_rule[rule]:
            test = f"{attack.path}::{attack.test}"
            parts.append(f"- {attack.said}\n  [`{test}`](../{attack.path})\n")
    return "".join(parts)


def main() -> int:
    """Rewrite or check."""
    attacks: list[Attack] = []
    wrong: list[str] = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        found, problems = attacks_in(path)
        attacks += found
        wrong += problems
    shown = {attack.rule for attack in attacks}
    wrong += [f"T{rule} ({RULES[rule]}) is shown by no test" for rule in HELD if rule not in shown]
    text = page(attacks)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"docs/attacks.md: {len(attacks)} attacks\n")
    elif not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text:
        wrong.append("docs/attacks.md is stale: make docs")
    for sentence in wrong:
        sys.stderr.write(sentence + "\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
