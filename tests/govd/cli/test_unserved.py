"""The verbs that need no running govd: init, serve's refusals, policy check, doctor, stop without anybody."""

from __future__ import annotations

import json
import socket
import stat
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.commands import command
from tests.support.govd_process import GovdProcess
from tests.support.upstream import Upstream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from click.testing import Result

DONE, REFUSED, USAGE, UNREACHABLE = 0, 1, 2, 3

GOOD_POLICY = "version: 1\nname: small\n"


def findings(done: Result) -> dict[str, list[dict[str, Any]]]:
    """What the doctor found, by subject."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in json.loads(done.stdout)["findings"]:
        found.setdefault(item["subject"], []).append(item)
    return found


# -- init --------------------------------------------------------------------------------------------------


def test_a_founded_state_is_open_to_its_owner_alone(founded: GovdProcess):
    for path in [
        founded.state,
        *founded.state.rglob("*"),
        founded.operator_dir,
        *founded.operator_dir.iterdir(),
    ]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_init_names_the_next_commands_with_the_folders_that_it_was_given(tmp_path: Path):
    govd = GovdProcess(tmp_path)
    govd.passphrase_file.write_bytes(b"x y z")
    state, mine = tmp_path / "a state", tmp_path / "mine"

    done = command(
        govd,
        *("init", "--operator", "ana", "--passphrase-file", govd.passphrase_file),
        *("--state", state, "--operator-dir", mine),
    )

    assert (
        f"next: govd serve --state '{state}', then govconsole --state '{state}' --operator-dir {mine}\n"
        in done.stderr
    )


def test_a_state_is_never_founded_twice(founded: GovdProcess):
    before = {path: path.read_bytes() for path in founded.state.rglob("*") if path.is_file()}

    done = command(founded, "init", "--operator", "ben", "--passphrase-file", founded.passphrase_file)

    assert done.exit_code == REFUSED
    assert "holds a state already" in done.stderr
    assert "try: choose another --state" in done.stderr
    assert before == {path: path.read_bytes() for path in founded.state.rglob("*") if path.is_file()}


@pytest.mark.threat("T3")
@pytest.mark.parametrize("url", ["postgresql://govd:sesame@db/govd", "postgresql://db/govd?password=sesame"])
def test_no_password_of_a_database_is_taken_from_an_argument(founded: GovdProcess, tmp_path: Path, url: str):
    """Everybody on the machine lists processes, and reads what stands behind --database."""
    options = ["--passphrase-file", founded.passphrase_file, "--database", url]

    done = command(founded, "init", "--state", tmp_path / "other", *options)

    assert done.exit_code == USAGE
    assert "passfile=" in done.stderr
    assert "sesame" not in done.stderr
    assert not (tmp_path / "other").exists()


def test_a_vote_key_is_never_overwritten(founded: GovdProcess, tmp_path: Path):
    options = ["--operator", "ana", "--passphrase-file", founded.passphrase_file]

    done = command(founded, "init", "--state", tmp_path / "other", *options)

    assert done.exit_code == REFUSED
    assert "--operator-dir" in done.stderr


@pytest.mark.parametrize("name", ["Ana", "a b", "-a", "a" * 65, "ana\x1b[2J", ""])
def test_an_operator_has_a_plain_name(tmp_path: Path, name: str):
    govd = GovdProcess(tmp_path)
    govd.passphrase_file.write_bytes(b"x")

    done = command(govd, "init", "--operator", name, "--passphrase-file", govd.passphrase_file)

    assert done.exit_code == USAGE
    assert not govd.state.exists()


@pytest.mark.threat("T1")
def test_a_vote_key_without_a_passphrase_is_refused(tmp_path: Path):
    """A key without a passphrase lets any process of the same user vote."""
    govd = GovdProcess(tmp_path)
    govd.passphrase_file.write_bytes(b"\n")

    done = command(govd, "init", "--operator", "ana", "--passphrase-file", govd.passphrase_file)

    assert done.exit_code == REFUSED
    assert "passphrase" in done.stderr


def test_with_nobody_at_a_terminal_the_passphrase_comes_from_a_file(tmp_path: Path):
    done = command(GovdProcess(tmp_path), "init", "--operator", "ana")

    assert done.exit_code == USAGE
    assert "try: --passphrase-file" in done.stderr


def test_a_broken_policy_founds_nothing(tmp_path: Path):
    govd = GovdProcess(tmp_path, policy="version: 1\nnmae: x\n")
    govd.passphrase_file.write_bytes(b"x")

    done = command(
        govd,
        "init",
        "--operator",
        "ana",
        "--passphrase-file",
        govd.passphrase_file,
        "--policy",
        str(govd.policy_file),
    )

    assert done.exit_code == REFUSED
    assert not govd.state.exists()


# -- policy check ------------------------------------------------------------------------------------------


def test_a_good_policy_is_called_good(founded: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD_POLICY, encoding="utf-8")

    said = command(founded, "policy", "check", file)
    told = command(founded, "policy", "check", file, "--json")

    assert (said.exit_code, told.exit_code) == (DONE, DONE)
    assert "good" in said.stdout
    assert {"valid": True, "name": "small"}.items() <= json.loads(told.stdout).items()


def test_a_broken_policy_names_line_and_column(founded: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD_POLICY + "tool_cals: {}\n", encoding="utf-8")

    done = command(founded, "policy", "check", file)

    assert done.exit_code == REFUSED
    assert "line 3, column 1" in done.stderr
    assert done.stdout == ""


def test_a_broken_policy_is_told_to_programs_on_stdout(founded: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD_POLICY + "tool_cals: {}\n", encoding="utf-8")

    done = command(founded, "policy", "check", file, "--json")
    told = json.loads(done.stdout)

    assert done.exit_code == REFUSED
    assert told["valid"] is False
    assert [(item["line"], item["column"]) for item in told["problems"]] == [(3, 1)]
    assert told["type"] == "urn:govconsole:error:policy-invalid"


def test_each_problem_and_its_hint_are_said_once(founded: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD_POLICY + "tool_cals: {}\ncustum: {}\n", encoding="utf-8")

    said = command(founded, "policy", "check", file).stderr

    assert said.count("tool_cals") == said.count("tool_calls") == said.count("custum") == 1
    assert "try:" not in said


def test_problems_that_are_not_listed_are_counted(founded: GovdProcess, tmp_path: Path):
    file = tmp_path / "p.yaml"
    file.write_text(GOOD_POLICY + "".join(f"key_{number}: {{}}\n" for number in range(60)), encoding="utf-8")

    assert "  and 10 more\n" in command(founded, "policy", "check", file).stderr


def test_a_policy_that_is_not_there_is_refused_by_name(founded: GovdProcess, tmp_path: Path):
    done = command(founded, "policy", "check", tmp_path / "none.yaml")

    assert done.exit_code == REFUSED
    assert "none.yaml" in done.stderr


# -- nobody runs -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "verb",
    [
        ("stop",),
        ("reload",),
        ("agents", "list"),
        ("agents", "suspend", "bot"),
        ("executors", "list"),
        ("operators", "list"),
        ("policy", "show"),
        ("policy", "versions"),
    ],
    ids=" ".join,
)
def test_a_verb_that_needs_govd_says_that_none_runs(founded: GovdProcess, verb: tuple[str, ...]):
    done = command(founded, *verb)

    assert done.exit_code == UNREACHABLE
    assert "no govd runs" in done.stderr
    assert "try: govd serve" in done.stderr


@pytest.mark.parametrize(
    "line", [("agents",), ("bogus",), ("agents", "add"), ("serve", "--agent-port", "99999")], ids=" ".join
)
def test_a_line_that_makes_no_sense_is_a_usage_error(founded: GovdProcess, line: tuple[str, ...]):
    assert command(founded, *line).exit_code == USAGE


def test_help_and_version_need_nothing(tmp_path: Path):
    for line in (("--help",), ("-h",), ("--version",), ("agents", "add", "--help")):
        done = command(GovdProcess(tmp_path), *line)
        assert done.exit_code == DONE
        assert done.stdout


# -- serve's refusals --------------------------------------------------------------------------------------


def refused(govd: GovdProcess, expect: int, *argv: str) -> str:
    """What `govd serve` says when it does not start."""
    done = govd.govd("serve", *argv, expect=expect)
    assert done.stdout == b""
    return done.stderr.decode()


def test_serve_without_a_state_names_init(tmp_path: Path):
    assert "try: govd init" in refused(GovdProcess(tmp_path), REFUSED)


@pytest.mark.threat("T3")
def test_beyond_loopback_the_agents_door_needs_TLS(copied: Callable[[], GovdProcess]):  # noqa: N802 - its name
    """Tokens cross a network in the clear because somebody opened the door to it."""
    govd = copied()
    with (govd.state / "govd.toml").open("a", encoding="utf-8") as file:
        file.write('agent_host = "0.0.0.0"\n')

    said = refused(govd, USAGE)

    assert "needs TLS" in said
    assert "tls_certificate" in said


def test_a_socket_path_that_the_kernel_cannot_take_is_refused(
    copied: Callable[[], GovdProcess], tmp_path: Path
):
    govd = copied()
    deep = tmp_path / ("d" * 60) / ("d" * 60)
    deep.parent.mkdir()
    govd.state.rename(deep)

    said = refused(govd, USAGE, "--state", str(deep))

    assert "longer than" in said
    assert "a shorter --state" in said


def test_a_port_in_use_is_refused_by_its_number(copied: Callable[[], GovdProcess]):
    govd = copied()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        said = refused(govd, REFUSED, "--agent-port", port)

    assert port in said
    assert "agent_port" in said


@pytest.mark.parametrize("line", ["agent_prot = 1", "agent_port = 'x'", "agent_port = 99999", "= broken"])
def test_a_setting_that_cannot_be_is_refused_by_name(copied: Callable[[], GovdProcess], line: str):
    govd = copied()
    with (govd.state / "govd.toml").open("a", encoding="utf-8") as file:
        file.write(line + "\n")

    assert "govd.toml" in refused(govd, REFUSED)


def change_the_log(govd: GovdProcess) -> None:
    """One word of one entry; a state that was founded around midnight has a file for each of two days."""
    changed = 0
    for day in (govd.state / "audit").glob("*.jsonl"):
        data = day.read_bytes()
        changed += data.count(b"operator.added")
        day.write_bytes(data.replace(b"operator.added", b"operator.addde"))
    assert changed == 1


# -- doctor ------------------------------------------------------------------------------------------------


def test_the_doctor_finds_nothing_bad_in_a_fresh_state(founded: GovdProcess):
    done = command(founded, "doctor", "--json")

    assert done.exit_code == DONE
    assert {item["level"] for items in findings(done).values() for item in items} <= {"ok", "warn"}
    assert findings(done)["service"][0]["mend"] == "govd serve"


def test_the_doctor_names_what_was_broken_and_the_command_that_mends_it(copied: Callable[[], GovdProcess]):
    govd = copied()
    govd.state.chmod(0o755)
    (govd.operator_dir / "ana.key").chmod(0o644)
    (govd.state / "policy.yaml").write_text("version: 7\n", encoding="utf-8")
    (govd.state / "keys" / "state.key").unlink()
    change_the_log(govd)

    done = command(govd, "doctor", "--json")
    found = findings(done)

    assert done.exit_code == REFUSED
    assert {item["mend"] for item in found["modes"]} >= {
        f"chmod go= {govd.state}",
        f"chmod go= {govd.operator_dir / 'ana.key'}",
    }
    assert "govd policy check" in found["policy"][0]["mend"]
    assert found["keys"][0]["level"] == "bad"
    assert "govd audit verify" in found["log"][0]["mend"]
    assert command(govd, "doctor").exit_code == REFUSED


def test_the_doctor_asks_the_transcription_upstream(copied: Callable[[], GovdProcess]):
    govd = copied()
    with Upstream() as upstream:
        settings = govd.state / "govd.toml"
        settings.write_text(f'{settings.read_text()}transcription_url = "{upstream.url}"\n', encoding="utf-8")
        upstream.says("")
        (well,) = findings(command(govd, "doctor", "--json"))["transcription"]
        upstream.answers(status=401)
        (badly,) = findings(command(govd, "doctor", "--json"))["transcription"]

    assert (well["level"], badly["level"]) == ("ok", "bad")
    assert "does not take the token" in badly["message"]
    assert "govd reload" in badly["mend"]


def test_the_doctor_tells_of_a_password_in_the_settings(copied: Callable[[], GovdProcess]):
    govd = copied()
    with (govd.state / "govd.toml").open("a", encoding="utf-8") as file:
        file.write('database = "postgresql://govd:sesame@127.0.0.1:1/govd"\n')

    done = command(govd, "doctor", "--json")

    found, answer = findings(done)["database"]
    assert (found["level"], "passfile=" in found["mend"]) == ("warn", True)
    assert (answer["level"], answer["message"]) == ("bad", "it cannot be read: OperationalError")
    assert "sesame" not in done.stdout


def test_the_doctor_without_a_state_names_init(tmp_path: Path):
    done = command(GovdProcess(tmp_path), "doctor", "--json")

    assert done.exit_code == REFUSED
    assert findings(done)["state"][0]["mend"] == "govd init"


def test_where_there_is_no_entry_nothing_was_verified(founded: GovdProcess, tmp_path: Path):
    done, told = (
        command(founded, "audit", "verify", tmp_path),
        command(founded, "audit", "verify", tmp_path, "--json"),
    )

    assert (done.exit_code, done.stdout) == (REFUSED, "no entries: nothing was verified\n")
    assert (told.exit_code, json.loads(told.stdout)["ok"]) == (REFUSED, False)


def test_a_copy_of_a_day_is_verified_under_any_name(founded: GovdProcess, tmp_path: Path):
    day = min((founded.state / "audit").glob("*.jsonl"))
    copy = tmp_path / "copy"
    copy.write_bytes(day.read_bytes())

    done = command(founded, "audit", "verify", copy)

    assert done.exit_code == DONE
    assert done.stderr.count("no day's name") == 1


def test_a_log_that_was_changed_is_no_good_log(copied: Callable[[], GovdProcess]):
    govd = copied()
    assert command(govd, "audit", "verify").exit_code == DONE
    change_the_log(govd)

    done = command(govd, "audit", "verify", "--json")

    assert done.exit_code == REFUSED
    assert json.loads(done.stdout)["faults"]
