"""The executor as a real process: stdio, signals, who may speak to it, and what a crash leaves."""

from __future__ import annotations

import array
import json
import os
import select
import signal
import socket
import subprocess
from contextlib import suppress

import pytest

from govd.contract.headmemory import HeadMemory
from govgate import calls, declare
from govgate.client import Client
from tests.govgate.conftest import AGENT_UID, EXECUTOR_UID, said
from tests.govgate.fake_govd import AGENT_TOKEN, new_id
from tests.support import needs


def raw(path, data, fds=(0, 1, 2)):
    """Speak to the socket without any of our code in between; its last line."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(path))
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        try:
            connection.sendmsg([data], rights)
            connection.shutdown(socket.SHUT_WR)
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        except (BrokenPipeError, ConnectionResetError):
            return None
    return json.loads(answer.splitlines()[-1])


@pytest.fixture
def submitted(govd, work, tmp_path):
    """Declare a command as the agent, in this process; the request that an executor is sent."""

    def declared(*argv):
        command = declare.command(argv, str(work), [])
        with Client(govd.url, lambda: AGENT_TOKEN, HeadMemory(tmp_path / "h")) as client:
            view = client.send(calls.submit(declare.submission(command.action, declare.Words())))
        return {"intent_id": view.id, "argv": command.argv, "cwd": command.cwd, "env": {}}

    return declared


def line(request):
    return json.dumps(request).encode() + b"\n"


def test_a_command_has_the_gates_input_and_output_and_its_exit_code(processes, work):
    processes.executor()
    process = processes.start("exec", "--", "sh", "-c", "cat; echo no >&2; exit 9", cwd=work)
    out, err = process.communicate(b"from the agent", timeout=60)

    assert process.returncode == 9
    assert out == b"from the agent"
    assert err.decode().splitlines() == ["govgate: approved; running unsandboxed", "no"]


def test_a_signal_reaches_the_command(processes, work):
    processes.executor()
    process = processes.start(
        "exec", "--", "sh", "-c", "trap 'exit 42' TERM; echo ready; while :; do sleep 0.1; done", cwd=work
    )
    assert process.stdout.readline() == b"ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(60) == 42


def test_a_command_that_a_signal_ended_says_so_as_a_shell_would(processes, govd, work):
    processes.executor()

    assert processes.gate("exec", "--", "sh", "-c", "kill -9 $$", cwd=work).code == 137
    assert next(iter(govd.outcomes.values()))[0].exit_code == -9


def test_a_command_ends_when_its_gate_is_gone(processes, govd, work):
    processes.executor()
    process = processes.start("exec", "--", "sh", "-c", "echo $$; exec sleep 1000", cwd=work)
    pid = int(process.stdout.readline())
    process.kill()
    process.wait()

    govd.wait_for(lambda: govd.outcomes)
    (outcome,) = next(iter(govd.outcomes.values()))
    assert (outcome.status, outcome.exit_code) == ("failed", -signal.SIGTERM)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_a_command_leaves_behind_ends_with_it(processes, work):
    processes.executor()
    found = processes.gate("exec", "--", "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!", cwd=work)

    assert found.code == 0
    # It was sent its end before its command was said to have ended; when it comes is the kernel's affair.
    with suppress(ProcessLookupError):
        left = os.pidfd_open(int(found.out))
        ended, _, _ = select.select([left], [], [], 30)
        os.close(left)
        assert ended


@pytest.mark.threat("T7")
def test_a_command_gets_none_of_the_executors_variables_nor_its_token(processes, work):
    """The command looks for the executor's secrets in its environment and its descriptors."""
    processes.executor()
    found = processes.gate("exec", "--", "sh", "-c", "env; ls -l /proc/self/fd", cwd=work)

    assert "GOVGATE" not in found.out
    assert "token" not in found.out
    assert {row.partition("=")[0] for row in found.out.splitlines() if "=" in row} <= {
        "PATH", "HOME", "LANG", "PWD", "_", "OLDPWD", "SHLVL",
    }  # fmt: skip


def test_what_was_running_at_a_crash_is_reported_as_unknown(processes, govd, work):
    executor = processes.executor()
    process = processes.start("exec", "--", "sh", "-c", "echo $$; exec sleep 1000", cwd=work)
    orphan = int(process.stdout.readline())
    executor.send_signal(signal.SIGKILL)
    executor.wait()
    process.wait(60)
    os.kill(orphan, signal.SIGKILL)  # no executor is there to do it

    found = said(process)
    assert found.code == 69
    assert "how it ended is not known" in found.err
    assert not govd.outcomes

    processes.executor()
    assert [outcome.status for outcome in next(iter(govd.outcomes.values()))] == ["unknown"]
    assert not list(processes.journal.iterdir())


def test_a_graceful_stop_ends_what_runs_and_reports_it(processes, govd, work):
    executor = processes.executor()
    process = processes.start("exec", "--", "sh", "-c", "echo ready; exec sleep 1000", cwd=work)
    assert process.stdout.readline() == b"ready\n"
    executor.terminate()

    assert executor.wait(60) == 0
    assert said(process).code == 128 + signal.SIGTERM
    assert next(iter(govd.outcomes.values()))[0].status == "failed"
    assert not (processes.sockets / "bot.sock").exists()


@pytest.mark.threat("T2")
def test_an_intent_of_another_agent_is_refused_at_this_agents_socket(processes, govd, submitted):
    """An agent has learned the id of another agent's approved intent."""
    processes.executor(agent="other")

    answer = raw(processes.sockets / "other.sock", line(submitted("touch", "ran")))

    assert "another agent" in answer["refused"]["detail"]
    assert not govd.redeemed


def test_the_second_of_two_equal_requests_is_refused(processes, govd, submitted):
    processes.executor()
    request = line(submitted("true"))

    assert raw(processes.sockets / "bot.sock", request)["exit"] in {0, 128 + signal.SIGTERM}
    assert "refused" in raw(processes.sockets / "bot.sock", request)
    assert len(govd.redeemed) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"not json\n",
        b"[]\n",
        b"{}\n",
        b'{"intent_id": "x"}\n',
        b"\xff\xfe\n",
        b"[" * 50_000 + b"\n",
        b"x" * 300_000,
    ],
    ids=["nothing", "empty", "text", "list", "object", "short", "bytes", "deep", "long"],
)
def test_a_request_that_is_none_is_refused(processes, data):
    processes.executor()

    answer = raw(processes.sockets / "bot.sock", data)
    assert answer is None or "refused" in answer
    assert processes.gate("exec", "--", "true").code == 0


@pytest.mark.parametrize("fds", [(), (0,), (0, 1, 2, 2), (0,) * 30], ids=len)
def test_a_request_brings_exactly_its_descriptors(processes, submitted, govd, fds):
    processes.executor()

    answer = raw(processes.sockets / "bot.sock", line(submitted("true")), fds)
    assert answer is None or "descriptors" in answer["refused"]["detail"]
    assert not govd.redeemed


def test_more_commands_than_there_is_room_for_are_turned_away(processes, work):
    processes.executor("--at-once", "1")
    first = processes.start("exec", "--", "sh", "-c", "echo ready; read x", cwd=work)
    assert first.stdout.readline() == b"ready\n"

    second = processes.gate("exec", "--", "true")
    assert second.code == 69
    assert "at once" in second.err
    first.communicate(b"\n", timeout=60)
    assert first.returncode == 0


def test_a_second_executor_on_the_same_socket_is_refused(processes):
    processes.executor()

    found = processes.gate(
        "executor", "--agent", "bot", "--socket-dir", processes.sockets,
        "--token-file", processes.root / "executor.token", "--journal", processes.root / "other",
    )  # fmt: skip
    assert found.code == 77
    assert "another executor listens" in found.err


def test_an_agents_token_makes_no_executor(processes):
    found = processes.gate(
        "executor", "--agent", "bot", "--socket-dir", processes.sockets,
        "--token-file", processes.secret("agent2.token", AGENT_TOKEN), "--journal", processes.root / "other",
    )  # fmt: skip

    assert found.code == 77
    assert "no executor" in found.err


_STRANGER = """
import array, json, os, socket, sys
connection = socket.socket(socket.AF_UNIX)
try:
    connection.connect(sys.argv[1])
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))]
    try:
        connection.sendmsg([sys.argv[2].encode()], rights)
    except BrokenPipeError:
        pass
    print(connection.recv(65536).decode())
except PermissionError:
    print("permission denied")
"""


@pytest.mark.threat("T2")
@pytest.mark.parametrize("served", ["bot", f"bot={AGENT_UID}"])
def test_another_user_is_refused_by_the_kernels_word(processes, govd, submitted, served):
    """Another user of the machine, or another agent, connects to an agent's socket."""
    needs.root()
    processes.executor(agent=served)
    request = line(submitted("touch", "ran")).decode()

    done = subprocess.run(
        ["/usr/bin/python3", "-c", _STRANGER, str(processes.sockets / "bot.sock"), request],
        user=AGENT_UID + 7, group=AGENT_UID + 7, extra_groups=[], capture_output=True, timeout=60, check=True,
        cwd="/",
    )  # fmt: skip

    assert "permission denied" in done.stdout.decode() or "this socket is for user" in done.stdout.decode()
    assert not govd.redeemed


@pytest.mark.threat("T1")
def test_agent_and_executor_as_users_of_their_own(processes, place, work):
    """An agent under its own uid reads the executor's token, or its journal."""
    needs.root()
    work.chmod(0o755)
    processes.executor(agent=f"bot={AGENT_UID}", uid=EXECUTOR_UID)

    found = processes.gate("exec", "--", "id", "-u", cwd=work, uid=AGENT_UID)
    assert (found.code, found.out) == (0, f"{EXECUTOR_UID}\n")
    assert found.err == "govgate: approved; running unsandboxed\n"

    for secret in (place / "executor.token", place / "journal"):
        (place / "journal").chmod(0o700)
        done = subprocess.run(
            ["ls" if secret.is_dir() else "cat", str(secret)],
            user=AGENT_UID, group=AGENT_UID, extra_groups=[], capture_output=True, check=False, cwd="/",
        )  # fmt: skip
        assert b"Permission denied" in done.stderr


def test_an_intent_that_is_not_there_is_refused(processes):
    processes.executor()
    request = {"intent_id": new_id(), "argv": ["true"], "cwd": "/", "env": {}}

    assert raw(processes.sockets / "bot.sock", line(request))["refused"]["type"].endswith("not-found")
