"""The executor's side of evidence: takes the objects of a held push in, tells govd what they would change.

Must never gather for an intent that is not held or not that agent's, nor reach an address that no approval
has named before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from govd.contract.errors import ConflictError, ForbiddenError, GovError, NotFoundError, RedeemRefusedError
from govd.contract.evidence import EvidenceSubmission
from govd.contract.intents import IntentState
from govd.contract.limits import MAX_EVIDENCE_WHY
from govd.contract.text import visible
from govgate import calls
from govgate.bounded import Bounds
from govgate.push import Staging, git_environment
from govgate.pushdiff import Comparison, Found, Known
from govgate.pushline import OBJECT, check_url

if TYPE_CHECKING:
    from pathlib import Path

    from govd.contract.actions import GitPush
    from govgate.client import Client
    from govgate.pushed import Pushed

GATHER_SECONDS: Final = 30.0
"""All of it for one push, in seconds."""

MAX_PACK_BYTES: Final = 1024 * 1024 * 1024
"""The objects of a push that evidence is gathered about, in bytes."""

_MEMORY: Final = 3 * 1024 * 1024 * 1024
_ASKING_SECONDS: Final = 8.0
_REMEMBERED: Final = 4096
_ATTEMPTS: Final = 3
_OTHERS: Final = {"HEAD"}


@dataclass(frozen=True)
class Git:
    """How this executor's git is called: HOME, and its own settings (credentials) or None."""

    home: str = "/"
    config: Path | None = None


class Gatherer:
    """Gathers for one executor.

    Args:
        client: With the executor's token.
        git: Its surroundings.
        pushed: What it has pushed where.
        seconds: For all of one push.
        most: Of a pack, in bytes.
    """

    def __init__(
        self,
        client: Client,
        git: Git,
        pushed: Pushed,
        *,
        seconds: float = GATHER_SECONDS,
        most: int = MAX_PACK_BYTES,
    ) -> None:
        self._client = client
        self._git = git
        self._pushed = pushed
        self._seconds = seconds
        self._most = most
        self._tried: OrderedDict[str, int] = OrderedDict()
        self._guard = threading.Lock()

    def gather(self, intent: str, agent: str, push: GitPush, pack: int) -> str:
        """Tell govd what the push would change.

        Returns:
            Why that could not be found out, which govd is told too; or nothing.

        Raises:
            GovError: it is not to be gathered, or govd does not take it.
        """
        with self._guard:
            self._check(intent)
        view = self._client.send(calls.intent(intent))
        if view.agent != agent:
            raise NotFoundError("there is no such intent of this agent")
        if view.state is not IntentState.HELD:
            raise ConflictError(f"the intent is {view.state.value}: evidence is gathered while it is held")
        self._count(intent)
        body = self._body(push, pack)
        self._client.send(calls.evidence(intent, body))
        if not body.missing:
            with self._guard:
                self._tried[intent] = _ATTEMPTS
        return body.missing

    def _check(self, intent: str) -> None:
        if self._tried.get(intent, 0) >= _ATTEMPTS:
            raise ConflictError("evidence about this intent was gathered before, or tried to be often enough")

    def _count(self, intent: str) -> None:
        """Before the work: what fails costs as much as what does not, and can be asked for again."""
        with self._guard:
            self._check(intent)
            self._tried[intent] = self._tried.pop(intent, 0) + 1
            while len(self._tried) > _REMEMBERED:
                self._tried.popitem(last=False)

    def _body(self, push: GitPush, pack: int) -> EvidenceSubmission:
        why = ""
        try:
            found = self._compared(push, pack)
            return EvidenceSubmission(
                kind="git_diff",
                push=push,
                changes=found.changes,
                text=found.text,
                truncated=found.truncated,
            )
        except GovError as error:
            why = error.detail
        except (OSError, ValidationError) as error:
            why = f"{type(error).__name__} while the objects were read"
        return EvidenceSubmission(kind="git_diff", push=push, missing=visible(why, MAX_EVIDENCE_WHY))

    def _compared(self, push: GitPush, pack: int) -> Found:
        check_url(push.url)
        bounds = Bounds.within(self._seconds, memory=_MEMORY)
        # Nothing here needs a credential: the executor's own settings stay out of it.
        with Staging(git_environment("/", None), most=self._most) as staging:
            staging.fill(push, pack, bounds)
            return Comparison(staging, self._other_side(push), bounds).of(push)

    def _other_side(self, push: GitPush) -> Known:
        remembered = self._pushed.at(push.url)
        if remembered is None:
            return Known(None)
        asked = self._asked(push)
        return Known(asked, "remote") if asked is not None else Known(remembered, "last_push")

    def _asked(self, push: GitPush) -> dict[str, str] | None:
        """The references of an address that was pushed to before, or None where it does not answer."""
        wanted = {update.ref for update in push.updates} | _OTHERS
        try:
            with Staging(git_environment(self._git.home, self._git.config)) as staging:
                bounds = Bounds.within(min(_ASKING_SECONDS, self._seconds), memory=_MEMORY)
                staging.make("sha1", bounds)
                done = staging.git(bounds, "ls-remote", "--", push.url, *sorted(wanted))
        except (RedeemRefusedError, ForbiddenError, OSError):
            return None
        if done.code or done.cut:
            return None
        found = {}
        for line in done.out.decode(errors="replace").splitlines():
            digest, _, ref = line.partition("\t")
            if ref in wanted and OBJECT.fullmatch(digest):
                found[ref] = digest
        return found
