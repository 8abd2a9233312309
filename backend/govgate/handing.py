"""The gate's side of evidence: hands the objects of a held push to an executor, so that a reviewer sees them.

Must never keep a push from being decided: what goes wrong here is said, and the push waits all the same.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from govd.contract.errors import GovError, MalformedBodyError
from govd.contract.headmemory import HeadMemory
from govgate import calls
from govgate.client import Client
from govgate.evidence import GATHER_SECONDS, Gatherer, Git
from govgate.git import Repository
from govgate.protocol import EvidenceRequest, Lines, connect, send_request
from govgate.pushed import Pushed
from govgate.settings import heads_dir, state_dir, token_reader

if TYPE_CHECKING:
    from govd.contract.actions import GitPush
    from govd.contract.intents import IntentView
    from govgate.declare import Command
    from govgate.settings import Settings

_SECONDS: Final = 3 * GATHER_SECONDS
_CHUNK: Final = 65_536


def own_git() -> Git:
    """In place, a push goes with this user's own credentials: there are no others."""
    home = Path.home()
    config = home / ".gitconfig"
    return Git(str(home), config if config.is_file() else None)


def own_memory() -> Pushed:
    """What was pushed where, in place."""
    return Pushed(state_dir() / "pushed.json")


def evidence(
    settings: Settings, command: Command, view: IntentView, socket: Path | None, token: Path | None
) -> str:
    """Have it found out what the push would change.

    Args:
        settings: The way to the backend.
        command: The push.
        view: Its intent, which is held.
        socket: An executor's.
        token: Where there is no such socket: an executor's token, used here.

    Returns:
        Why a reviewer sees no diff; or nothing.
    """
    push = command.git
    if push is None:
        return "it is no push"
    try:
        pack = Repository(command.cwd).pack(push)
        try:
            if socket is not None:
                return _at_executor(socket, view, push, pack)
            return "no executor is named" if token is None else _here(settings, token, view, push, pack)
        finally:
            os.close(pack)
    except GovError as error:
        return error.detail
    except (OSError, subprocess.SubprocessError) as error:
        return f"its objects could not be handed over ({type(error).__name__})"


def _at_executor(path: Path, view: IntentView, push: GitPush, pack: int) -> str:
    lines = Lines()
    with connect(path) as connection:
        try:
            send_request(connection, EvidenceRequest(evidence=view.id, git=push), [pack])
            connection.settimeout(_SECONDS)
            while data := connection.recv(_CHUNK):
                for message in lines.feed(data):
                    if isinstance(message.get("refused"), dict):
                        return calls.from_problem(message["refused"]).detail
                    if isinstance(message.get("evidence"), str):
                        return str(message["evidence"])
        except (OSError, MalformedBodyError) as error:
            return f"the executor did not say what it found ({type(error).__name__})"
    return "the executor went away"


def _here(settings: Settings, token: Path, view: IntentView, push: GitPush, pack: int) -> str:
    with Client(settings.url, token_reader(token), HeadMemory(heads_dir())) as client:
        return Gatherer(client, own_git(), own_memory()).gather(view.id, view.agent, push, pack)
