"""The skill that agents read about voices says what the service does: its texts, commands and endpoints."""

from __future__ import annotations

import re
import shlex
from importlib import resources
from typing import Final

import click
import pytest
import yaml

from govd.contract.voice import Enrolled, SpeakerBriefs, Verification, VoiceSession, VoiceState
from govd.contract.voice_texts import MESSAGES
from govd.policy.blocks import CAPABILITIES
from govgate import exits
from govgate.cli import main

SKILL: Final = (resources.files("govgate") / "skills" / "voice-auth" / "SKILL.md").read_text("utf-8")
HEAD, BODY = SKILL.removeprefix("---\n").split("\n---\n", 1)


def commands() -> list[list[str]]:
    """Every command line in it."""
    blocks = re.findall(r"```bash\n(.*?)```", BODY, re.DOTALL)
    lines = [line.strip() for block in blocks for line in block.splitlines() if line.strip()]
    lines += re.findall(r"`(govgate voice [^`]+)`", BODY)
    return [shlex.split(line) for line in lines]


def test_its_front_matter_is_what_openclaw_reads() -> None:
    found = yaml.safe_load(HEAD)
    assert set(found) == {"name", "description", "always"}
    assert (found["name"], found["always"]) == ("voice-auth", True)
    assert found["description"]


def test_it_has_the_six_texts_word_for_word_and_no_others() -> None:
    said = re.findall(r'\| "(.+)" \|$', BODY, re.MULTILINE)
    assert sorted(said) == sorted(MESSAGES.values())


def test_every_command_in_it_is_one_that_govgate_takes() -> None:
    found = commands()
    assert {line[2] for line in found} == {"verify", "enroll", "session", "speakers", "phrase"}
    for line in found:
        assert line[:2] == ["govgate", "voice"]
        group = main.commands["voice"]
        assert isinstance(group, click.Group)
        group.commands[line[2]].make_context(line[2], line[3:])


def test_what_it_reads_in_answers_is_there() -> None:
    for name in (
        "verified",
        "speaker",
        "admin",
        "message",
        "low_confidence",
        "expires_at",
        "phrase",
        "job_state",
    ):
        assert f"`{name}`" in BODY or f'"{name}"' in BODY
        assert name in Verification.model_fields
    assert "state" in VoiceSession.model_fields
    assert "admin" in VoiceSession.model_fields
    assert "status" in Enrolled.model_fields
    assert "speakers" in SpeakerBriefs.model_fields
    for state in VoiceState:
        assert f"`{state.value}`" in BODY


def test_it_names_the_exit_codes_as_they_are() -> None:
    assert f"{exits.DENIED} anybody else's or nobody's, {exits.UNAVAILABLE} nobody can be verified" in BODY
    assert f"exit code {exits.HELD}" in BODY


@pytest.mark.parametrize("capability", CAPABILITIES)
def test_it_names_what_is_gated(capability: str) -> None:
    assert re.search(rf"^- \*\*{capability}", BODY, re.MULTILINE | re.IGNORECASE)


def test_it_never_sends_an_agent_past_the_gate() -> None:
    assert "curl" not in BODY
    assert "Authorization" not in BODY
