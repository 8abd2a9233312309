"""Where pictures are taken: a govd that stands still, its people, and the console's clock beside it."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx

from govconsole.paths import Operator as Owner
from govconsole.session import Session
from govd.contract.plain import no_authorities
from govd.contract.votes import Enrolment, sign
from govd.identities.model import new_token, token_digest
from tests.support.govd_process import OPERATOR, PASSPHRASE, GovdProcess
from tests.support.programs import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.contract.votes import Verdict
    from tests.support.operator import Operator

ROOT: Final = Path(__file__).resolve().parents[3]
START: Final = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
ADDRESS: Final = "http://127.0.0.1:8200"
"""What govd says that its agents' door is. The port that really is open is whichever was free."""


@dataclass
class StillClock:
    """The console's clocks: the wall stands where govd's stands; seconds pass when a scene says so."""

    wall: datetime = START
    seconds: float = 1000.0

    def monotonic(self) -> float:
        """Seconds since some start."""
        return self.seconds

    def stamped(self, at: float) -> float:
        """What a scene presses, it presses now."""
        del at
        return self.seconds

    def now(self) -> datetime:
        """The wall clock, UTC."""
        return self.wall

    def pass_by(self, seconds: float) -> None:
        """Time passes for dialogs and idle keys, and not on the wall."""
        self.seconds += seconds


class StillGovd(GovdProcess):
    """A govd whose time a scene moves."""

    SHORT = False

    def init(self) -> None:
        """It founds its state itself, when it starts."""
        self.passphrase_file.touch(mode=0o600)
        self.passphrase_file.write_bytes(PASSPHRASE)

    def spawn(self, *argv: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start it. stderr goes to ROOT/govd.log."""
        line = [sys.executable, "-m", "tests.tools.pictures.still"]
        line += [str(self.state), str(self.operator_dir), OPERATOR, str(self.passphrase_file), *argv]
        with (self.root / "govd.log").open("ab") as log:
            self.process = subprocess.Popen(
                line,
                env=environment(env),
                cwd=ROOT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )
        return self.process

    def tell(self, command: str, argument: object) -> None:
        """Have a command of still.py done."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            raise AssertionError("govd is not running")
        self.process.stdin.write(json.dumps([command, str(argument)]).encode() + b"\n")
        self.process.stdin.flush()
        if self.process.stdout.readline() != b"done\n":
            raise AssertionError(f"govd did not obey: {self.log()[-2000:]}")

    def kill(self) -> None:
        """End it, and close what leads to it."""
        stdin = self.process.stdin if self.process is not None else None
        super().kill()
        if stdin is not None:
            stdin.close()


@dataclass
class Stage:
    """One govd with its people; everything that happens on it happens at its own time."""

    govd: StillGovd
    clock: StillClock = field(default_factory=StillClock)
    operator: Operator = field(init=False)
    jobs: dict[str, str] = field(default_factory=dict)
    _people: dict[str, httpx.Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.operator = self.govd.operator()
        self.govd.tell("address", ADDRESS)

    def close(self) -> None:
        """Hang up."""
        for client in self._people.values():
            client.close()

    def session(self) -> Session:
        """A session of the operator, with his key locked.

        The path of the socket can stand on the screen: it is the same from within the folder of the stage.
        """
        state = self.govd.state.relative_to(self.govd.root)
        return Session.open(Owner(OPERATOR, self.govd.operator_dir), state, self.clock)

    def go_on(self, **span: float) -> None:
        """Time passes for everybody."""
        passed = timedelta(**span)
        self.govd.tell("go_on", passed.total_seconds())
        self.clock.wall += passed

    def agent(self, name: str) -> httpx.Client:
        """An agent, added when it is first needed."""
        if name not in self._people:
            self._people[name] = self._door(self.operator.post("/v1/agents", {"name": name})["token"])
        return self._people[name]

    def executor(self, agent: str) -> httpx.Client:
        """The executor of an agent, added when it is first needed."""
        name = f"{agent}-runner"
        if name not in self._people:
            token = new_token("executor")
            enrolment = Enrolment(
                operation="add",
                kind="executor",
                name=name,
                token_sha256=token_digest(token),
                agents=[agent],
                advisory=True,
                signed_by=self.operator.name,
                signed_at=self.clock.now(),
            )
            signature = sign(enrolment, self.operator.key)
            body = {"enrolment": enrolment.model_dump(mode="json"), "signature": signature}
            self.operator.post("/v1/enrolments", body)
            self._people[name] = self._door(token)
        return self._people[name]

    def _door(self, token: str) -> httpx.Client:
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.govd.url, headers=headers, timeout=60, verify=no_authorities())

    def job(self, agent: str, title: str, purpose: str) -> str:
        """An agent opens a job."""
        body = {"title": title, "purpose": purpose}
        made = self.agent(agent).post("/v1/jobs", json=body).raise_for_status().json()
        self.jobs[title] = str(made["id"])
        return self.jobs[title]

    def declare(self, agent: str, job: str, kind: str, action: Mapping[str, Any], purpose: str) -> str:
        """An agent declares an intent in a job."""
        body = {"kind": kind, "action": action, "job": job, "purpose": purpose}
        made = self.agent(agent).post("/v1/intents", json=body).raise_for_status().json()
        return str(made["id"])

    def vote(self, job: str, verdict: Verdict, reason: str, guidance: str = "") -> None:
        """The operator votes, without a screen."""
        opened = self.operator.open(job)
        signed = self.operator.sign(
            opened, verdict, reason=reason, guidance=guidance, cast_at=self.clock.now()
        )
        self.operator.cast(signed)
