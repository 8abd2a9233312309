"""The verbs against a running govd: their exit codes, their JSON, and what their errors say to do."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest

from govd.attestations.keys import write_new
from tests.support.commands import command

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.govd_process import GovdProcess

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3


@pytest.mark.parametrize(
    ("verb", "key"),
    [
        (("agents", "list"), "agents"),
        (("executors", "list"), "executors"),
        (("operators", "list"), "operators"),
        (("policy", "versions"), "versions"),
        (("policy", "show"), "source"),
        (("audit", "verify"), "ok"),
        (("doctor",), "findings"),
        (("reload",), "deciding"),
        (("keys", "list"), "keys"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_each_listing_verb_speaks_JSON_and_words(  # noqa: N802 - its name
    served: GovdProcess, verb: tuple[str, ...], key: str
):
    told, said = command(served, *verb, "--json"), command(served, *verb)

    assert (told.exit_code, said.exit_code) == (DONE, DONE)
    assert key in json.loads(told.stdout)
    assert said.stdout.strip()


@pytest.mark.threat("T2")
def test_an_agent_whose_tools_no_executor_serves_is_listed_as_advisory(served: GovdProcess, tmp_path: Path):
    """An agent without an executor runs its tools by itself, and is listed like any other."""
    command(served, "agents", "add", "alone", "--token-file", tmp_path / "token", "--uid", "65000")

    def listed() -> dict[str, dict[str, Any]]:
        found = json.loads(command(served, "agents", "list", "--json").stdout)["agents"]
        return {item["name"]: item for item in found}

    no_executor = "no executor with a Unix user of its own serves this agent"
    assert (listed()["alone"]["assurance"], listed()["alone"]["assurance_why"]) == ("advisory", no_executor)
    said = command(served, "agents", "list")
    assert f"alone: all its tools are ADVISORY: {no_executor}" in said.stderr
    command(served, "agents", "remove", "alone")
    assert listed()["alone"]["assurance"] is None, "who is gone is neither"
    assert "alone:" not in command(served, "agents", "list").stderr


def test_an_agent_comes_is_suspended_resumed_rotated_and_goes(served: GovdProcess, tmp_path: Path):
    token = tmp_path / "new" / "token"

    def state() -> str:
        agents = json.loads(command(served, "agents", "list", "--json").stdout)["agents"]
        return next(str(item["state"]) for item in agents if item["name"] == "comer")

    added = command(served, "agents", "add", "comer", "--token-file", token, "--ttl", "1h")
    first = token.read_text(encoding="ascii")

    assert added.exit_code == DONE
    assert "ADVISORY" in added.stderr
    assert first.strip() not in added.output
    assert stat.S_IMODE(token.stat().st_mode) == 0o600
    for verb, following in (("suspend", "suspended"), ("resume", "active")):
        assert command(served, "agents", verb, "comer").exit_code == DONE
        assert state() == following
    assert command(served, "agents", "rotate", "comer", "--token-file", token).exit_code == DONE
    assert token.read_text(encoding="ascii") != first
    assert command(served, "agents", "remove", "comer").exit_code == DONE
    assert state() == "removed"


@pytest.mark.parametrize(
    ("argv", "code", "words"),
    [
        (("agents", "suspend", "nobody"), REFUSED, "there is no agent of that name"),
        (("agents", "suspend", "bot/../../operators"), REFUSED, "Not Found"),
        (("agents", "suspend", "bot?x=1"), REFUSED, "there is no agent of that name"),
        (("agents", "add", "bot", "--token-file", "T"), REFUSED, "names are never given twice"),
        (("agents", "add", "Bad Name", "--token-file", "T"), REFUSED, "name: is to be lower-case letters"),
        (("agents", "add", "x", "--token-file", "T", "--ttl", "soon"), USAGE, "ttl"),
        (("agents", "add", "x", "--token-file", "T", "--ttl", "1s"), REFUSED, "ttl_s: is at least 60"),
        (
            ("agents", "add", "x", "--token-file", "T", "--origin", "NO"),
            REFUSED,
            "origins: is to be",
        ),
        (("agents", "list", "--as", "zoe"), USAGE, "try: pass --operator-dir and --as"),
        (("executors", "add", "x", "--agent", "bot", "--token-file", "T"), USAGE, "try: --passphrase-file"),
        (("operators", "add", "ana", "--public-key", "k", "--token-sha256", "d"), USAGE, "another one"),
        (("operators", "remove", "ana", "--passphrase-file", "P"), REFUSED, "last operator"),
        (("policy", "apply", "--reason", "r"), USAGE, "no draft waits"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_refused_says_why_and_what_to_do(
    served: GovdProcess, tmp_path: Path, argv: tuple[str, ...], code: int, words: str
):
    places = {"T": str(tmp_path / "t"), "P": str(served.passphrase_file)}

    done = command(served, *(places.get(word, word) for word in argv))

    assert (done.exit_code, done.stdout) == (code, "")
    assert words in done.stderr
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize(
    ("argv", "code"),
    [(("agents", "list", "--as", "zoe"), "usage"), (("policy", "apply", "--reason", "r"), "usage")],
    ids=" ".join,
)
def test_a_program_is_told_on_stdout_what_was_refused(served: GovdProcess, argv: tuple[str, ...], code: str):
    done = command(served, *argv, "--json")

    assert done.exit_code == USAGE
    assert json.loads(done.stdout)["type"] == f"urn:govconsole:error:{code}"


@pytest.mark.threat("T5")
def test_an_executor_is_not_added_with_a_wrong_passphrase(served: GovdProcess, tmp_path: Path):
    """Somebody at an operator's terminal adds an executor without knowing the passphrase of the key."""
    wrong = tmp_path / "wrong"
    wrong.write_bytes(b"not it")

    done = command(
        served,
        *("executors", "add", "x", "--agent", "bot", "--token-file", tmp_path / "t"),
        *("--passphrase-file", wrong),
    )

    assert done.exit_code == REFUSED
    assert "wrong passphrase" in done.stderr
    assert not (tmp_path / "t").exists()


def test_a_reload_that_finds_a_broken_policy_file_fails_and_names_what_mends_it(served: GovdProcess):
    path = served.state / "policy.yaml"
    good = path.read_bytes()
    path.write_text("version: 7\n", encoding="utf-8")
    try:
        said, told = command(served, "reload"), command(served, "reload", "--json")
    finally:
        path.write_bytes(good)

    assert (said.exit_code, told.exit_code) == (REFUSED, REFUSED)
    assert f"try: govd policy check {path}" in said.stderr
    assert json.loads(told.stdout)["policy"] == "broken"
    assert command(served, "reload").exit_code == DONE


def test_a_policy_is_applied_and_shown(served: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(command(served, "policy", "show").stdout + "# once more\n", encoding="utf-8")

    applied = command(
        served, "policy", "apply", file, "--reason", "a try", "--passphrase-file", served.passphrase_file
    )
    versions = json.loads(command(served, "policy", "versions", "--json").stdout)["versions"]

    assert applied.exit_code == DONE
    assert (versions[0]["state"], versions[0]["reason"]) == ("in_force", "a try")


def test_a_second_govd_on_the_same_state_is_refused_and_names_the_first(served: GovdProcess):
    done = served.govd("serve", expect=REFUSED)

    assert served.process is not None
    assert str(served.process.pid) in done.stderr.decode()
    assert "govd stop" in done.stderr.decode()


def test_stop_ends_it_and_the_next_stop_finds_nobody(copied: Callable[[], GovdProcess]):
    govd = copied()
    govd.serve("--agent-port", "0")
    try:
        process = govd.process
        assert process is not None
        assert command(govd, "stop").exit_code == DONE
        assert process.wait(30) == 0
        assert command(govd, "stop").exit_code == UNREACHABLE
    finally:
        govd.kill()


def test_a_signing_key_is_rotated_while_govd_runs_and_while_it_does_not(copied: Callable[[], GovdProcess]):
    govd = copied()
    signed = ("keys", "rotate", "--passphrase-file", govd.passphrase_file)

    def states() -> list[str]:
        return [key["state"] for key in json.loads(command(govd, "keys", "list", "--json").stdout)["keys"]]

    assert states() == ["current"]
    assert "is taken up" not in command(govd, *signed).stderr
    write_new(govd.state / "keys")
    govd.serve("--agent-port", "0")
    try:
        rotated = command(govd, *signed, "--stolen")

        assert rotated.exit_code == DONE, rotated.stderr
        assert "signs from now on" in rotated.stderr
        assert "a key that was made before, and never put to use, is taken up" in rotated.stderr
        assert states() == ["listed", "stolen", "current"]
        first, _, used = json.loads(command(govd, "keys", "list", "--json").stdout)["keys"]
        stolen = ("keys", "stolen", "--passphrase-file", govd.passphrase_file)
        assert "rotate --stolen" in command(govd, *stolen, used["kid"]).stderr
        assert "no key has that id" in command(govd, *stolen, "nobodys").stderr
        given_up = command(govd, *stolen, first["kid"][:12])
        assert given_up.exit_code == DONE, given_up.stderr
        assert f"nothing that {first['kid']} signed counts any more" in given_up.stderr
    finally:
        govd.kill()
    assert states() == ["stolen", "stolen", "current"]
