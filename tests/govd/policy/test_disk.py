"""The policy file on disk: who could have written it, and what becomes of an edit between two versions."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from govd.policy import disk
from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.govd_process import GovdProcess

AGENT = 65_534
POLICY = """\
version: 1
name: first
tools: ["search", "post"]
tool_calls:
  allow: [{allow}]
"""


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A folder of the operators' with a policy in it."""
    needs.root()
    folder = tmp_path / "operators"
    folder.mkdir(mode=0o755)
    (folder / "policy.yaml").write_text("version: 1\n")
    return folder


def test_a_file_that_only_operators_can_write_is_trusted(house: Path):
    assert disk.why_not_trusted(house / "policy.yaml", {AGENT}) is None


@pytest.mark.threat("T11")
def test_a_link_in_an_agents_folder_is_no_trusted_file_though_its_target_is(house: Path, tmp_path: Path):
    """The file is named through a folder of the agent's, who points the name at another of root's."""
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    os.chown(theirs, AGENT, -1)
    (theirs / "policy.yaml").symlink_to(house / "policy.yaml")
    (house / "through").symlink_to(theirs)
    (house / "link.yaml").symlink_to("through/policy.yaml")

    for name in (theirs / "policy.yaml", house / "through" / "policy.yaml", house / "link.yaml"):
        assert "belongs to a Unix user that an agent runs as" in str(disk.why_not_trusted(name, {AGENT}))


@pytest.mark.threat("T11")
def test_a_folder_that_others_may_write_is_not_trusted_however_one_comes_through_it(house: Path):
    """The name goes through a folder that everybody may write, and out of it again."""
    (house / "open").mkdir()
    (house / "open").chmod(0o777)

    assert "may be written by others" in str(
        disk.why_not_trusted(house / "open" / ".." / "policy.yaml", {AGENT})
    )


def test_links_that_lead_in_a_circle_are_not_trusted(house: Path):
    (house / "a").symlink_to("b")
    (house / "b").symlink_to("a")
    assert "cannot be followed" in str(disk.why_not_trusted(house / "a", {AGENT}))


def test_after_a_reload_the_file_that_the_settings_name_now_is_watched(govd_at: Callable[..., GovdProcess]):
    govd = govd_at(policy=POLICY.format(allow="search, post"))
    other = govd.root / "elsewhere" / "policy.yaml"
    other.parent.mkdir()
    other.write_text(POLICY.format(allow="search, post"))
    settings = govd.state / "govd.toml"
    settings.write_text(settings.read_text().replace(str(govd.policy_file), str(other)))
    govd.govd("reload")

    operator = govd.operator()
    with operator.http.stream("GET", "/v1/events") as answer:
        lines = answer.iter_lines()
        assert next(lines) == ": govd"
        other.write_text(POLICY.format(allow="search"))
        assert "event: policy.applied" in lines
    assert operator.get("/v1/policy")["source"] == POLICY.format(allow="search")


def test_a_version_that_was_signed_stays_in_the_history_when_the_file_goes_back_to_it(
    govd_at: Callable[..., GovdProcess],
):
    govd = govd_at(policy=POLICY.format(allow="search, post"))
    assert govd.policy_file is not None
    operator = govd.operator()
    first = operator.get("/v1/policy")["version"]
    govd.policy_file.write_text(POLICY.format(allow="search"))
    assert operator.post("/v1/reload")["policy"] in {"tightened", "unchanged"}
    govd.policy_file.write_text(POLICY.format(allow="search, post"))
    assert operator.post("/v1/reload")["policy"] == "draft"
    govd.policy_file.write_text(POLICY.format(allow="search"))
    assert operator.post("/v1/reload")["policy"] == "unchanged"

    known = {item["sha256"]: item for item in operator.get("/v1/policy/versions")["versions"]}
    assert known[first["sha256"]]["applied_by"] == "ana"
    assert known[first["sha256"]]["state"] == "past"
