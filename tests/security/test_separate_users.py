"""A Unix user for govd, one for the executor, one for each agent: what an agent reaches, what govd says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.votes import Enrolment, sign
from govd.identities.model import new_token, token_digest
from tests.security.house import TRANSFER, House
from tests.security.people import knock, touch
from tests.support import needs
from tests.support.govd_process import CommandError, GovdProcess
from tests.support.programs import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

GOVD, EXECUTOR, BOT, OTHER = 61_001, 61_002, 61_003, 61_004
AS_USER = Path(__file__).with_name("as_user.py")


class GovdAsItself(GovdProcess):
    """govd and its commands under a user of their own."""

    SHORT = False

    def govd(self, *argv: str | Path, expect: int | None = 0, **_: Any) -> subprocess.CompletedProcess[bytes]:
        os.chown(self.passphrase_file, GOVD, GOVD)
        env = environment({"GOVD_STATE": str(self.state), "GOVCONSOLE_OPERATOR_DIR": str(self.operator_dir)})
        line = [sys.executable, str(AS_USER), str(GOVD), *(str(item) for item in argv)]
        done = subprocess.run(
            line, env=env, capture_output=True, timeout=60, check=False, stdin=subprocess.DEVNULL
        )
        if expect is not None and done.returncode != expect:
            raise CommandError(line, done)
        return done

    def spawn(self, *argv: str, **_: Any) -> subprocess.Popen[bytes]:
        with (self.root / "govd.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(AS_USER), str(GOVD), "serve", *argv],
                env=environment({"GOVD_STATE": str(self.state)}),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self.process


@dataclass(frozen=True)
class Town:
    """Everybody, each under a user of his own."""

    govd: GovdProcess
    bot: str
    other: str
    executor: str
    executors_token: Path

    def as_bot(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """A request as the agent's user, with the agent's token, at the agent's own socket."""
        heard = knock(BOT, self.bot, door=self.socket("bot"), path=path, method=method, body=body)
        assert heard.status in {200, 201}, heard
        return heard.body

    def socket(self, agent: str) -> Path:
        """An agent's socket."""
        return self.govd.state.with_name(self.govd.state.name + "-agents") / f"{agent}.sock"


@pytest.fixture(scope="module")
def town() -> Iterator[Town]:
    """A setup as docs/how-to tells to make it."""
    needs.root()
    root = Path(tempfile.mkdtemp(prefix="town", dir="/tmp"))
    try:
        root.chmod(0o711)
        os.chown(root, GOVD, GOVD)
        with GovdAsItself(root) as govd:
            ana = govd.operator()
            bot, other = (
                ana.post("/v1/agents", {"name": name, "uid": uid})["token"]
                for name, uid in (("bot", BOT), ("other", OTHER))
            )
            home = root / "executor"
            home.mkdir(mode=0o700)
            token = home / "runner.token"
            token.write_text(new_token("executor"), encoding="ascii")
            token.chmod(0o600)
            for path in (home, token):
                os.chown(path, EXECUTOR, EXECUTOR)
            enrolment = Enrolment(
                operation="add",
                kind="executor",
                name="runner",
                agents=["bot", "other"],
                uid=EXECUTOR,
                token_sha256=token_digest(token.read_text(encoding="ascii")),
                signed_by="ana",
                signed_at=datetime.now(UTC),
            )
            body = {"enrolment": enrolment.model_dump(mode="json"), "signature": sign(enrolment, ana.key)}
            ana.post("/v1/enrolments", body)
            yield Town(govd, bot, other, token.read_text(encoding="ascii").strip(), token)
    finally:
        shutil.rmtree(root, ignore_errors=True)


@pytest.mark.threat("T1", "T2")
def test_an_agent_of_its_own_user_reads_nothing_that_is_not_its_own(town: Town):
    """An agent looks for the state, the keys, the tokens and the sockets of the others in the file system."""
    govd = town.govd
    files = [path for path in govd.state.rglob("*") if not path.is_dir()]
    folders = [govd.state, govd.state / "audit", govd.state / "keys", govd.state / "run", govd.operator_dir]
    secrets = [*govd.operator_dir.glob("ana.*"), govd.passphrase_file, town.executors_token]
    anchor = govd.state.with_name("state.anchor")
    assert {path.name for path in secrets} >= {"ana.key", "ana.token", "passphrase", "runner.token"}

    found = touch(BOT, *files, *folders, *secrets, anchor, town.executors_token.parent)

    assert set(found.values()) == {"PermissionError"}
    assert touch(BOT, town.socket("bot").parent) == {str(town.socket("bot").parent): "PermissionError"}


@pytest.mark.threat("T1", "T2")
def test_an_agent_of_its_own_user_does_not_reach_the_operators_door(town: Town):
    """An agent that has an operator's token from somewhere walks to the operators' socket."""
    token = (town.govd.operator_dir / "ana.token").read_text(encoding="ascii").strip()

    heard = knock(BOT, token, door=town.govd.operators_socket, path="/v1/overview")

    assert (heard.status, heard.body) == (0, {"error": "PermissionError"})
    assert knock(BOT, token, port=town.govd.port, path="/v1/overview").status == 404


@pytest.mark.threat("T1", "T3")
def test_another_agents_socket_serves_no_other_user(town: Town):
    """An agent comes in by the socket of another agent."""
    heard = knock(BOT, town.bot, door=town.socket("other"))

    assert (heard.status, heard.body["type"]) == (403, "urn:govconsole:error:forbidden")
    assert knock(OTHER, town.other, door=town.socket("other")).status == 200


@pytest.mark.threat("T1", "T2")
def test_users_of_their_own_are_called_enforced_in_header_job_and_attestation(town: Town):
    """A setup that keeps its promise cannot be told from one that does not."""
    assert knock(OTHER, town.other, door=town.socket("other")).body["assurance"] == "enforced"
    intent = town.as_bot("POST", "/v1/intents", {"kind": "tool_call", "action": TRANSFER})
    held = {"kind": "tool_call", "action": {"tool": "email.send"}}
    town.as_bot("POST", "/v1/intents", held)
    minted = knock(
        EXECUTOR,
        town.executor,
        port=town.govd.port,
        path=f"/v1/intents/{intent['id']}/attestation",
        method="POST",
    )
    ana = town.govd.operator()

    assert town.as_bot("GET", "/v1/me")["assurance"] == "enforced"
    assert minted.body["claims"]["assurance"] == "enforced"
    assert {job.assurance for job in ana.queue("all").jobs} == {"enforced"}
    overview = ana.get("/v1/overview")
    assert (overview["assurance"], overview["assurance_why"]) == (
        "enforced",
        "every agent runs as a Unix user of its own",
    )
    listed = town.govd.govd_json("agents", "list")["agents"]
    assert {item["name"]: item["assurance"] for item in listed} == {"bot": "enforced", "other": "enforced"}


@pytest.mark.threat("T3")
def test_nobodys_token_stands_in_a_command_line(town: Town):
    """Another local user reads the arguments of every process."""
    seen = b"".join(filter(None, map(_read, Path("/proc").glob("[0-9]*/cmdline"))))

    for token in (town.bot, town.other, town.executor):
        assert token.encode() not in seen


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process has ended
        return b""


@pytest.mark.threat("T1")
def test_under_one_user_everything_says_advisory_and_why(house: House):
    """An agent shares govd's user, reads every key, and the console still shows it as enforced."""
    intent = house.bot.http.post("/v1/intents", json={"kind": "tool_call", "action": TRANSFER}).json()
    house.bot.http.post("/v1/intents", json={"kind": "tool_call", "action": {"tool": "email.send"}})
    minted = house.runner.http.post(f"/v1/intents/{intent['id']}/attestation").json()
    overview = house.ana.get("/v1/overview")

    assert house.bot.http.get("/v1/me").json()["assurance"] == "advisory"
    assert minted["claims"]["assurance"] == "advisory"
    assert {job.assurance for job in house.ana.queue("all").jobs} == {"advisory"}
    assert overview["assurance"] == "advisory"
    assert "agent" in overview["assurance_why"]
    assert "root" in overview["assurance_why"] or "shares" in overview["assurance_why"]


def test_a_policy_file_that_govd_may_not_read_any_more_leaves_the_last_good_one(town: Town):
    operator, file = town.govd.operator(), town.govd.state / "policy.yaml"
    before = operator.get("/v1/policy")["version"]
    os.chown(file, 0, 0)
    file.chmod(0o600)
    try:
        assert operator.post("/v1/reload")["policy"] == "broken"
        raised = {alarm["kind"]: alarm for alarm in operator.get("/v1/alarms")["alarms"]}
        assert "Permission denied" in raised["policy-broken"]["message"]
        assert operator.get("/v1/policy")["version"] == before
        assert town.as_bot("POST", "/v1/intents", {"kind": "tool_call", "action": TRANSFER})
    finally:
        os.chown(file, GOVD, GOVD)
    assert operator.post("/v1/reload")["policy"] == "unchanged"
    assert "policy-broken" not in {alarm["kind"] for alarm in operator.get("/v1/alarms")["alarms"]}
