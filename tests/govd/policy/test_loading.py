"""A policy file is read with its lines, and nothing but a whole and meant policy gets through."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.contract.decisions import Outcome
from govd.contract.errors import PolicyInvalidError
from govd.contract.limits import MAX_POLICY_BYTES
from govd.policy.later import BLOCKS
from govd.policy.loading import load
from tests.govd.policy.builders import decide, document, problem_of, problems_of, tool


def refused_with_problems_or_loaded(source: bytes) -> bool:
    """Whether a file is taken, or refused as a policy is: any other error is the test's."""
    try:
        load(source)
    except PolicyInvalidError as error:
        return bool(error.extra["problems"])
    return True


MINIMAL = "version: 1\nname: small\n"


def test_a_minimal_policy_allows_nothing_and_knows_its_digest() -> None:
    compiled = load(MINIMAL.encode())
    assert compiled.name == "small"
    assert compiled.source == MINIMAL.encode()
    assert compiled.sha256 == hashlib.sha256(MINIMAL.encode()).hexdigest()
    assert compiled.document.default == "hold"
    assert compiled.hold_ttl.total_seconds() == 86_400
    assert compiled.attestation_ttl.total_seconds() == 300


def test_markdown_carries_the_policy_in_its_yaml_blocks() -> None:
    text = (
        "# Our policy\nprose: not yaml\n\n```yaml\nversion: 1\nname: prose\n```\n\n````text\n"
        "```yaml\nname: shown\n```\n"
        '````\n\nTools:\n\n~~~yml\ntools: ["fs.*"]\n~~~\n'
    )
    compiled = load(text.encode())
    assert compiled.name == "prose"
    assert compiled.document.tools == ["fs.*"]


def test_a_problem_in_markdown_has_the_line_of_the_file() -> None:
    problem = problem_of("prose\n\n```yaml\nversion: 1\nname: x\n```\nmore\n```yaml\ntols: []\n```\n")
    assert (problem["line"], problem["column"]) == (9, 1)
    assert problem["hint"] == "did you mean `tools`?"


def test_a_key_in_two_markdown_blocks_stands_twice() -> None:
    problem = problem_of("```yaml\nversion: 1\nname: x\n```\n\n```yaml\nname: y\n```\n")
    assert "`name` stands twice" in problem["message"]
    assert problem["hint"] == "first at line 3"


def test_a_fence_that_never_closes_is_refused() -> None:
    assert "never closed" in problem_of("```yaml\nversion: 1\nname: x\n")["message"]


def test_a_duplicate_key_is_refused_where_it_stands() -> None:
    problem = problem_of(MINIMAL + "tool_calls:\n  deny: []\n  allow: []\n  deny: []\n")
    assert (problem["line"], problem["column"]) == (6, 3)
    assert "`deny` stands twice" in problem["message"]


def test_an_unknown_key_names_its_place_and_what_was_meant() -> None:
    problem = problem_of('version: 1\nname: x\ntools: ["fs.*"]\ntool_calls:\n  alow: ["fs.*"]\n')
    assert (problem["line"], problem["column"]) == (5, 3)
    assert problem["hint"] == "did you mean `allow`?"


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    found = problems_of("version: 2\nname: X Y\ndefalt: hold\ndefault: perhaps\n")
    assert [problem["line"] for problem in found] == [1, 2, 3, 4]


def test_missing_keys_are_named() -> None:
    assert [problem["message"] for problem in problems_of("tools: []\n")] == [
        "`name` is missing",
        "`version` is missing",
    ]


@pytest.mark.parametrize("block", sorted(BLOCKS))
def test_a_block_of_a_later_feature_is_refused_by_name(block: str) -> None:
    problem = problem_of(MINIMAL + f"{block}: {{anything: [1, 2]}}\n")
    assert f"`{block}` comes later" in problem["message"]
    assert problem["line"] == 3


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("holds: {quorum: 2}", "quorum", 3),
        ("holds: {grace: 5s}", "grace", 3),
        ("holds: {separation_of_duties: true}", "separation_of_duties", 3),
        ("custom:\n  - {name: a, kinds: [tool_call], hold_if: 'true', quorum: 2}", "quorum", 4),
        ("policy_changes: {looser: {quorum: 2}}", "quorum", 3),
        ("soft_limits:\n  - {name: a, metric: count, cap: 1, quorum: 2}", "quorum", 4),
    ],
)
def test_a_key_of_a_later_feature_is_refused_by_name(text: str, key: str, line: int) -> None:
    problem = problem_of(MINIMAL + text + "\n")
    assert f"`{key}` comes later" in problem["message"]
    assert problem["line"] == line


def test_what_this_version_holds_of_those_keys_is_taken() -> None:
    compiled = load((MINIMAL + "holds: {quorum: 1, grace: 0s, separation_of_duties: false}\n").encode())

    assert compiled.document.holds.quorum == 1


def test_an_unknown_tool_gets_a_suggestion() -> None:
    problem = problem_of('version: 1\nname: x\ntools: ["email.send"]\ntool_calls: {allow: ["email.sent"]}\n')
    assert "no known tool is called `email.sent`" in problem["message"]
    assert problem["hint"] == "did you mean `email.send`?"
    assert (problem["line"], problem["column"]) == (4, 22)


@pytest.mark.parametrize(
    ("blocks", "says"),
    [
        ({"tool_calls": {"allow": ["mail.*"]}}, "no known tool matches `mail.*`"),
        ({"tool_calls": {"effects": {"mail.send": "read"}}}, "no known tool is called `mail.send`"),
        ({"tool_calls": {"allow": ["fs.read", "fs.*"]}}, "`fs.read` is shadowed: `fs.*`"),
        ({"tool_calls": {"deny": ["fs.x", "fs.x"]}}, "`fs.x` stands twice"),
        (
            {"tool_calls": {"allow": ["fs.x"], "deny": ["fs.*"]}},
            "`fs.x` never allows anything: `fs.*` is denied",
        ),
        ({"tool_calls": {"hold": ["fs.x"], "deny": ["fs.x"]}}, "`fs.x` never holds anything"),
        ({"tool_calls": {"hold": ["fs.x"]}, "default": "deny"}, "`fs.x` never holds anything"),
        ({"tool_calls": {"effects": {"fs.read": "read", "fs.*": "write"}}}, "`fs.read` is never read"),
        (
            {"tool_calls": {"domains": {"allow": ["a.b.c"], "deny": ["*.b.c"]}}},
            "`a.b.c` is shadowed by `*.b.c`",
        ),
        ({"tool_calls": {"domains": {"allow": ["http://a.b"]}}}, "not a domain"),
        ({"amounts": {"mail.send": {"usd": "arguments.x"}}}, "no known tool is called `mail.send`"),
        ({"amounts": {"bank.x": {"usd": "args.x"}}}, "arguments.NAME"),
        ({"soft_limits": [{"name": "a", "metric": "usd", "cap": 1}]}, "no `amounts` say"),
        (
            {
                "soft_limits": [
                    {"name": "a", "metric": "usd", "cap": 1, "match": {"kinds": ["evm_transaction"]}}
                ]
            },
            "only tool calls have a price",
        ),
        (
            {
                "soft_limits": [
                    {
                        "name": "a",
                        "metric": "count",
                        "cap": 1,
                        "match": {"kinds": ["admin"], "tools": ["fs.*"]},
                    }
                ]
            },
            "never matches: only tool_call",
        ),
        ({"soft_limits": [{"name": "a", "metric": "count", "cap": "1.5"}]}, "a count is a whole number"),
        ({"soft_limits": [{"name": "a", "metric": "count", "cap": 1.5}]}, "in quotes"),
        ({"soft_limits": [{"name": "a", "metric": "count", "cap": 1, "window": "24h"}]}, "cannot be `24h`"),
        (
            {"custom": [{"name": "a", "kinds": ["tool_call"], "hold_if": "true"}] * 2},
            "two rules are called `a`",
        ),
        ({"custom": [{"name": "a", "kinds": ["tool_cal"], "hold_if": "true"}]}, "cannot be `tool_cal`"),
        ({"custom": [{"name": "a", "kinds": ["tool_call"]}]}, "exactly one of deny_if"),
        ({"custom": [{"name": "a", "kinds": ["tool_call"], "hold_if": "1"}]}, "not true or false"),
        (
            {"custom": [{"name": "a", "kinds": ["tool_call"], "hold_if": 'intent.tool == "dploy"'}]},
            "no known tool is called `dploy`",
        ),
        (
            {
                "custom": [
                    {
                        "name": "a",
                        "kinds": ["tool_call"],
                        "hold_if": 'intent.tool == "deploy" && intent.tool == "fs.x"',
                    }
                ]
            },
            "never matches: intent.tool cannot be `deploy` and `fs.x` at once",
        ),
        ({"timezone": "Europe/Berln"}, "no time zone is called"),
        ({"timezone": "../../etc/passwd"}, "no time zone is called"),
        ({"holds": {"ttl": "90d"}}, "not between"),
        ({"holds": {"ttl": "soon"}}, "a duration is a number and a unit"),
        ({"origins": ["User"]}, "an origin is"),
    ],
)
def test_what_cannot_be_meant_is_refused(blocks: dict[str, object], says: str) -> None:
    found = problems_of(json.dumps(document(**blocks)))
    assert any(says in str(problem["message"]) for problem in found), found


def test_the_stop_button_is_no_contradiction() -> None:
    found = decide(tool("fs.read"), tool_calls={"allow": ["fs.read"], "deny": ["*"]})

    assert found.outcome is Outcome.DENIED


def test_yaml_surprises_are_text() -> None:
    compiled = load(b"version: 1\nname: no\ntools: [on, 'yes', 12:30, 010]\n")
    assert compiled.name == "no"
    assert compiled.document.tools == ["on", "yes", "12:30", "010"]


@pytest.mark.threat("T18")
@pytest.mark.parametrize(
    ("source", "says"),
    [
        (b"[" * 5_000, "nested deeper"),
        (b"{a: " * 5_000, "nested deeper"),
        (b"? " * 5_000, "not YAML|a key is plain text|nested"),
        (
            b"a: &a [x]\n"
            + b"".join(
                b"b%d: &b%d [%s]\n" % (n, n, b", ".join([b"*a" if n == 0 else b"*b%d" % (n - 1)] * 9))
                for n in range(9)
            ),
            "more than 20,000 values",
        ),
        (b"a: &a {b: *a}\n", "no anchor"),
        (b"x" * (MAX_POLICY_BYTES + 1), "a policy has at most"),
        (b"- a\n" * 30_000, "more than 20,000 values"),
        (b"a: !!python/object/apply:os.system [id]\n", "tag"),
        (b"a: {<<: {b: 1}}\n", "merge keys"),
        (b"\xff\xfe\x00", "UTF-8"),
        (b"a: \x00\n", "not YAML"),
        (b"a: 1\n---\nb: 2\n", "second document"),
        (b"1: x\n", "plain text"),
        (b"", "empty"),
        (b"just prose\n", "mapping"),
        (b"version: 1\nname: x\nholds: {grace: [5s], quorum: {}}\n", "`quorum` cannot be|`grace` cannot be"),
        (b'version: 1\nname: "\\ud800"\n', "name|not YAML"),
    ],
)
def test_hostile_files_are_refused(source: bytes, says: str) -> None:
    """A policy file that is a bomb (depth, aliases, size, tags) is refused by its limits, cheaply."""
    message = str(problems_of(source)[0]["message"])
    assert any(part in message for part in says.split("|")), message


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise_anything_else(source: bytes) -> None:
    assert refused_with_problems_or_loaded(source)


_WORDS = st.sampled_from(
    [
        *["version", "name", "tools", "tool_calls", "allow", "deny", "hold", "effects", "domains", "default"],
        *["custom", "kinds", "deny_if", "hold_if", "soft_limits", "match", "metric", "cap", "holds", "ttl"],
        *["amounts", "usd", "currency", "evm", "quorum", "1", "fs.*", "tool_call", "true", "usd(intent)>1"],
        *["x:", "-", "[", "]", "{", "}", ",", "&", "*", "|", ">", "'", '"', "#", "---", "```", "```yaml"],
        *["~~~", "?", "!", "%", "@", "\t", "\n"],
    ]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(_WORDS, st.sampled_from([" ", "\n", "\n  ", ": ", ""])), max_size=40))
def test_shreds_of_policies_never_raise_anything_else(parts: list[tuple[str, str]]) -> None:
    source = "version: 1\nname: x\n" + "".join(word + gap for word, gap in parts)
    assert refused_with_problems_or_loaded(source.encode())


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(
            ["tools", "origins", "timezone", "tool_calls", "amounts", "custom", "soft_limits", "holds"]
        ),
        _JSON,
        max_size=4,
    )
)
def test_wrong_types_anywhere_never_raise_anything_else(blocks: dict[str, object]) -> None:
    assert refused_with_problems_or_loaded(json.dumps(document(**blocks)).encode())


def test_control_characters_of_a_file_do_not_reach_the_message() -> None:
    problem = problem_of('version: 1\nname: x\n"a\\x1b[31m\\u202eb": 1\n')
    assert "\x1b" not in str(problem["message"])
    assert "\u202e" not in str(problem["message"])
