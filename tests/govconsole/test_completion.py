"""What a shell is offered: verbs, options, choices, and the ids of jobs that wait."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from tests.govconsole.world import job

BIN = Path(sys.executable).parent
PROGRAMS = ("govconsole", "govd", "govgate")


def offered(program, *words, incomplete=""):
    command = importlib.import_module(f"{program}.cli").main
    shell = ShellComplete(command, {}, program, f"_{program.upper()}_COMPLETE")
    return shell.get_completions(list(words), incomplete)


def values(program, *words, incomplete=""):
    return [item.value for item in offered(program, *words, incomplete=incomplete)]


@pytest.mark.parametrize(
    ("program", "words", "incomplete", "expected"),
    [
        ("govconsole", [], "jo", ["jobs"]),
        ("govconsole", ["jobs"], "", ["content", "list", "show"]),
        ("govconsole", ["jobs", "list"], "--so", ["--sort"]),
        ("govconsole", ["jobs", "list", "--state"], "", ["held", "open", "settled", "all"]),
        ("govconsole", ["resolve", "--status"], "s", ["succeeded"]),
        ("govd", ["policy"], "ch", ["check"]),
        ("govd", ["serve"], "--emb", ["--embedded"]),
        ("govgate", [], "ex", ["exec", "executor"]),
        ("govgate", ["wait"], "--to", ["--token-file"]),
    ],
)
def test_verbs_options_and_choices_are_offered(program, words, incomplete, expected):
    assert values(program, *words, incomplete=incomplete) == expected


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_program_prints_what_each_shell_takes(program, shell):
    done = subprocess.run(
        [BIN / program, "completion", shell], capture_output=True, text=True, timeout=60, check=True
    )

    assert f"_{program.upper()}_COMPLETE={shell}_complete" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("program", "words", "expected"),
    [
        ("govconsole", "jobs sho", "show"),
        ("govconsole", "jobs list --state se", "settled"),
        ("govd", "oper", "operators"),
        ("govgate", "completion f", "fish"),
    ],
)
def test_bash_completes(program, words, expected):
    script = f"""\
eval "$({program} completion bash)"
COMP_WORDS=({program} {words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
_{program}_completion {program}
printf '%s ' "${{COMPREPLY[@]}}"
"""
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        check=True,
    )

    assert done.stdout.split() == [expected]


@pytest.fixture
def places(state, operator):
    return ["--state", str(state), "--operator-dir", str(operator.directory)]


@pytest.mark.parametrize("verb", [["approve"], ["deny"], ["jobs", "show"], ["jobs", "content"]])
def test_the_ids_of_held_jobs_are_offered(backend, places, verb):
    held = job("Push it", risk=61)
    backend.put(held, job("Another", job_id="ffffffff-0000-7000-8000-000000000000"))

    assert held.id in values("govconsole", *places, *verb)
    assert values("govconsole", *places, *verb, incomplete="ffff") == ["ffffffff-0000-7000-8000-000000000000"]


@pytest.mark.threat("T17")
def test_no_word_of_an_agent_reaches_the_shell(backend, places):
    """A job's title could speak to the shell that lists it: it is offered ids, checked names and figures."""
    backend.put(job("$(reboot) %F{red} \x1b[2J", risk=61))

    assert [item.help for item in offered("govconsole", *places, "approve")] == ["release-bot · risk 61"]


def test_nothing_is_offered_where_no_backend_answers(places):
    assert values("govconsole", *places, "approve") == []


def test_nothing_is_offered_to_somebody_who_is_no_operator(tmp_path):
    assert values("govconsole", "--operator-dir", str(tmp_path), "approve") == []
