"""The road of one command on the executor's side: verify, pin, compare, redeem once, run what was pinned.

Nothing runs that differs from what was approved.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from govd.contract.actions import ProcessExec
from govd.contract.errors import RedeemRefusedError, UsageError
from govd.contract.intents import Input, OutcomeReport
from govd.contract.text import visible
from govgate.differences import differences
from govgate.pins import Pins
from govgate.programs import FIXED_PATH
from govgate.push import Staging, check, git_environment
from govgate.pushline import parse
from govgate.resolve import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from govd.contract.actions import GitPush
    from govgate.pushed import Pushed
    from govgate.redemption import Approval, Redeemer
    from govgate.resolve import Resolved


@dataclass(frozen=True)
class Request:
    """What an agent asks an executor to run. All of it is the agent's word until the hash says otherwise."""

    intent: str
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    git: GitPush | None = None
    pack: int | None = None


@dataclass(frozen=True)
class Launch:
    """A process to start, exactly as it was approved."""

    executable: str
    argv: Sequence[str]
    cwd: str
    env: Mapping[str, str]
    pass_fds: Sequence[int]
    assurance: str


@dataclass(frozen=True)
class Ran:
    """How it ended. `code`: as `subprocess` has it, negative for a signal. `reported`: whether govd knows."""

    code: int
    reported: bool


class Runner:
    """Runs commands for agents.

    Args:
        redeemer: The executor's identity.
        home: HOME of what is run.
        git_config: The executor's own git settings (credentials), or None.
        pushed: Where it is written down what was pushed where, or None.
    """

    def __init__(
        self,
        redeemer: Redeemer,
        *,
        home: str = "/",
        git_config: Path | None = None,
        pushed: Pushed | None = None,
    ) -> None:
        self._redeemer = redeemer
        self._home = home
        self._git_config = git_config
        self._pushed = pushed

    def recover(self) -> int:
        """See `Redeemer.recover`."""
        return self._redeemer.recover()

    def run(self, request: Request, agent: str | None, start: Callable[[Launch], int]) -> Ran:
        """Run what was approved, once.

        Args:
            request: What to run.
            agent: Whose intent it must be; None where the caller is whoever the intent names.
            start: Starts the process, waits for it, returns its code. An OSError means that it never ran.

        Raises:
            GovError: it was not run, with the reason.
        """
        approval = self._redeemer.approval(request.intent, agent)
        _compare_words(approval, request)
        with Pins(keep=True) as pins:
            resolved = resolve(request.argv, request.cwd, request.env, pins, request.git)
            _compare(approval, resolved)
            if request.git is None:
                return self._once(approval, self._plain(resolved, request, pins, approval), start)
            return self._push(request, request.git, approval, start)

    def _plain(self, resolved: Resolved, request: Request, pins: Pins, approval: Approval) -> Launch:
        # Names that were declared win: their values are part of what was approved.
        env = {"PATH": FIXED_PATH, "HOME": self._home, "LANG": "C.UTF-8", **request.env}
        assurance = approval.claims.assurance
        return Launch(resolved.executable, resolved.argv, resolved.cwd, env, pins.fds(), assurance)

    def _push(
        self, request: Request, push: GitPush, approval: Approval, start: Callable[[Launch], int]
    ) -> Ran:
        check(request.argv, push)
        if request.pack is None:
            raise UsageError("the objects of the push did not come along")
        environment = git_environment(self._home, self._git_config)
        with Staging(environment) as staging:
            staging.fill(push, request.pack)
            argv = staging.command(request.argv, push)
            where, assurance = str(staging.path), approval.claims.assurance
            launch = Launch(staging.program, argv, where, environment, (), assurance)
            ran = self._once(approval, launch, start)
            if ran.code == 0 and self._pushed is not None and not parse(request.argv).dry:
                self._pushed.remember(push)
            return ran

    def _once(self, approval: Approval, launch: Launch, start: Callable[[Launch], int]) -> Ran:
        with self._redeemer.begin(approval) as begun:
            try:
                code = start(launch)
            except OSError as error:
                begun.end(OutcomeReport(status="not_run"))
                raise UsageError(f"the command could not be started: {error.strerror}") from None
            status: Any = "succeeded" if code == 0 else "failed"
            return Ran(code, begun.end(OutcomeReport(status=status, exit_code=code)))


def _compare_words(approval: Approval, request: Request) -> None:
    """Spare the work of pinning what cannot be the approved command: the hash would say so later."""
    action = approval.minted.intent.action
    if isinstance(action, ProcessExec) and list(action.argv) != list(request.argv):
        raise RedeemRefusedError("not what was approved: the arguments differ", hint="declare it anew")


def _compare(approval: Approval, resolved: Resolved) -> None:
    """Hold what would run now against the hash that was approved (threats T7)."""
    intent = approval.minted.intent
    if approval.covers("process_exec", resolved.action, [_fresh(item) for item in intent.inputs]):
        return
    if not isinstance(intent.action, ProcessExec):
        raise RedeemRefusedError("what was approved is no command")
    changed = differences(intent.action, resolved.action, intent.inputs, _fresh)
    why = visible("; ".join(changed) or "its agent, job or origin differ", 1000)
    raise RedeemRefusedError(f"not what was approved: {why}", hint="declare it anew")


def _fresh(item: Input) -> Input:
    """The input as it is now."""
    with Pins(keep=False) as pins:
        return Input(path=item.path, sha256=pins.file(item.path).sha256)
