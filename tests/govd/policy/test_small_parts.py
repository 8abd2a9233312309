"""Money, globs, places and the schema."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from decimal import ROUND_CEILING, Decimal
from pathlib import Path

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.contract.errors import InvalidRequestError, NotFoundError
from govd.contract.money import MAX_UNITS, decimal_text, micro_usd, pretty_usd
from govd.policy import places, schema
from govd.policy.globs import Patterns, covers, matches, overlaps
from govd.policy.loading import load
from tests.performance.policy_100 import build_100_rules, rule_count

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("text", "micro"),
    [("0", 0), ("1", 10**6), ("0.000001", 1), ("0.0000001", 1), ("50000", 5 * 10**10), ("1.10", 1_100_000)],
)
def test_money_is_rounded_up_to_a_micro_usd(text: str, micro: int) -> None:
    assert micro_usd(text) == micro


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.", ".5", "1e3", " 1", "1 ", "1,5", "٣", "1_000", "NaN", "9" * 30]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        micro_usd(text)


@given(st.decimals(0, 10**12, allow_nan=False, places=9))
def test_money_never_comes_out_lower(value: Decimal) -> None:
    exact = int((value * 10**6).to_integral_value(ROUND_CEILING))
    assert micro_usd(f"{value:f}") == exact
    assert micro_usd(decimal_text("usd", exact)) == exact


def test_the_largest_amount_fits_a_bigint() -> None:
    assert micro_usd(decimal_text("usd", MAX_UNITS)) == MAX_UNITS
    with pytest.raises(InvalidRequestError):
        micro_usd(decimal_text("usd", MAX_UNITS + 1))


def test_money_for_people() -> None:
    assert [pretty_usd(micro) for micro in (48_200_000_000, 1_500_000, 1)] == ["48,200", "1.50", "0.000001"]


_GLOB = st.text(alphabet="ab.*", min_size=1, max_size=6)
_NAME = st.text(alphabet="ab.", max_size=7)


def _by_regex(pattern: str, name: str) -> bool:
    return re.fullmatch(".*".join(re.escape(part) for part in pattern.split("*")), name) is not None


@settings(max_examples=500)
@given(_GLOB, _NAME)
def test_globs_match_as_regular_expressions_do(pattern: str, name: str) -> None:
    assert matches(pattern, name) is _by_regex(pattern, name)


@settings(max_examples=300)
@given(_GLOB, _GLOB, st.lists(_NAME, max_size=30))
def test_what_is_covered_is_matched_and_what_both_match_overlaps(
    one: str, other: str, names: list[str]
) -> None:
    samples = [
        *names,
        one.replace("*", ""),
        other.replace("*", "ab"),
        one.replace("*", "."),
        other.replace("*", ""),
    ]
    for name in samples:
        if covers(one, other) and matches(other, name):
            assert matches(one, name)
        if matches(one, name) and matches(other, name):
            assert overlaps(one, other)
    assert overlaps(one, other) is overlaps(other, one)


def _some_name(one: str, other: str) -> bool:
    """Whether a short name matches both, by trying them all."""
    import itertools

    return any(
        _by_regex(one, "".join(name)) and _by_regex(other, "".join(name))
        for length in range(9)
        for name in itertools.product("ab", repeat=length)
    )


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab*", min_size=1, max_size=4), st.text(alphabet="ab*", min_size=1, max_size=4))
def test_overlap_is_exact(one: str, other: str) -> None:
    assert overlaps(one, other) is _some_name(one, other)


@given(st.lists(_GLOB, max_size=8, unique=True), _NAME)
def test_prepared_patterns_find_the_same(patterns: list[str], name: str) -> None:
    prepared = Patterns(tuple(patterns))
    expected = {pattern for pattern in patterns if matches(pattern, name)}
    assert set(prepared.matching(name)) == expected
    assert (name in prepared) is bool(expected)


@pytest.mark.threat("T18")
def test_a_glob_of_many_stars_is_cheap_on_a_long_name() -> None:
    """No glob makes a hostile name expensive: this one would take a backtracking engine ages."""
    assert not matches("*a" * 30 + "b", "a" * 128)


# -- places ------------------------------------------------------------------------------------------


def test_an_editable_install_finds_the_repositorys_policies() -> None:
    assert places.default() == (ROOT / "policies" / "default.yaml").read_bytes()
    assert places.presets() == ["strict", "treasury"]


def test_an_installed_wheel_finds_the_copy_that_it_carries(tmp_path: Path) -> None:
    package = tmp_path / "site-packages" / "govd"
    (package / "policies").mkdir(parents=True)
    (package / "policies" / "default.yaml").write_text("packed")
    found = places.folder(package, package / "policy" / "places.py")
    assert found.joinpath("default.yaml").read_text() == "packed"


def test_a_wheel_that_carries_none_never_looks_around(tmp_path: Path) -> None:
    package = tmp_path / "a" / "b" / "site-packages" / "govd"
    package.mkdir(parents=True)
    (tmp_path / "a" / "b" / "policies").mkdir()
    (tmp_path / "a" / "b" / "policies" / "default.yaml").write_text("planted")
    with pytest.raises(NotFoundError):
        places.folder(package, package / "policy" / "places.py")


@pytest.mark.threat("T11")
def test_the_working_directory_is_never_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A `policies/` in an agent's checkout is not read because someone stands in it."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "default.yaml").write_text("planted")
    monkeypatch.chdir(tmp_path)
    assert places.default() != b"planted"


def test_a_built_wheel_finds_its_own_policies_and_not_the_repositorys(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    zipfile.ZipFile(wheel).extractall(installed)
    script = "from govd.policy import places; print(places.folder()); print(places.presets())"
    asked = [sys.executable, "-c", script]
    environment = {"PYTHONPATH": str(installed), "PATH": "/usr/bin:/bin"}
    told = subprocess.run(asked, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert told.stdout.splitlines() == [str(installed / "govd" / "policies"), "['strict', 'treasury']"]


def test_an_unknown_preset_names_the_known_ones() -> None:
    with pytest.raises(NotFoundError) as refused:
        places.preset("../default")
    assert refused.value.hint == "known are strict, treasury"


# -- what comes with the program ---------------------------------------------------------------------


@pytest.mark.parametrize("source", [places.default(), *(places.preset(name) for name in places.presets())])
def test_every_policy_that_comes_with_the_program_loads_and_fits_the_schema(source: bytes) -> None:
    load(source)
    jsonschema.Draft202012Validator(json.loads(schema.text())).validate(yaml.safe_load(source))


def test_the_schema_in_the_repository_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "govd.policy.schema", "--check"], check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_the_schema_refuses_what_the_models_refuse() -> None:
    validator = jsonschema.Draft202012Validator(json.loads(schema.text()))
    assert not validator.is_valid({"version": 1, "name": "x", "tols": []})
    assert not validator.is_valid({"version": 2, "name": "x"})
    assert validator.is_valid({"version": 1, "name": "x"})


def test_the_benchs_policy_has_ten_rules_in_cel_and_ninety_structured_ones() -> None:
    policy, intent, facts = build_100_rules()
    assert rule_count(policy) == (10, 90)
    assert intent.kind == "tool_call"
    assert facts.totals
