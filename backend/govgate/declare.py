"""From what an agent types to what it declares. Runs with the agent's rights, and decides nothing."""

from __future__ import annotations

import os
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from govd.contract.canonical import parse_json
from govd.contract.errors import InvalidRequestError, UsageError
from govd.contract.intents import Submission
from govd.contract.limits import MAX_BODY_BYTES
from govd.contract.text import visible
from govgate.git import Repository
from govgate.pins import Pins
from govgate.pushline import parse
from govgate.resolve import is_push, resolve, which

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from govd.contract.actions import GitPush, ProcessExec


@dataclass(frozen=True)
class Command:
    """A command with everything resolved, as it is declared and as it is handed to an executor."""

    argv: list[str]
    cwd: str
    env: dict[str, str]
    git: GitPush | None
    action: ProcessExec


@dataclass(frozen=True)
class Words:
    """What goes along with the command: the agent's own words and references."""

    job: str | None = None
    purpose: str = ""
    origin: str | None = None
    base: Mapping[str, Any] = field(default_factory=dict)


def command(argv: Sequence[str], cwd: str, names: Sequence[str]) -> Command:
    """Resolve a command in the agent's own surroundings.

    Args:
        argv: As it was typed.
        cwd: Where it is to run.
        names: The environment variables that are passed on.

    Raises:
        UsageError: it cannot be found or pinned, or a variable is not set.
    """
    words = _called(argv, cwd)
    env: dict[str, str] = {}
    for name in names:
        if name not in os.environ:
            raise UsageError(f"--env {visible(name, 100)}: there is no such variable here")
        env[name] = os.environ[name]
    git = Repository(cwd).resolve(parse(words)) if is_push(words) else None
    with Pins(keep=False) as pins:
        resolved = resolve(words, cwd, env, pins, git)
    return Command(words, resolved.action.cwd, env, git, resolved.action)


def _called(argv: Sequence[str], cwd: str) -> list[str]:
    """The command; the program by its path where the agent's own PATH means another than the fixed one."""
    words = list(argv)
    if words and words[0] and "/" not in words[0]:
        fixed, own = which(words[0]), which(words[0], os.environ.get("PATH", ""))
        if own is not None and (fixed is None or os.path.realpath(own) != os.path.realpath(fixed)):
            words[0] = os.path.normpath(os.path.join(cwd, own))  # noqa: PTH118 - a path may hold bytes that are no text
    return words


def submission(action: ProcessExec, words: Words) -> Submission:
    """The intent to declare. It has a key of its own, so that a lost answer can be asked for again.

    Raises:
        UsageError: the words do not fit the contract, or the file declares another action.
    """
    data: dict[str, Any] = {"idempotency_key": uuid.uuid4().hex, **words.base}
    body = action.model_dump(mode="json", by_alias=True)
    if data.get("kind", "process_exec") != "process_exec":
        raise UsageError("exec runs commands: the file declares another kind", hint="govgate intent FILE")
    if "action" in data and data["action"] != body:
        raise UsageError("the file declares another action than the command", hint="leave action out of it")
    data |= {"kind": "process_exec", "action": body}
    for name in ("job", "purpose", "origin"):
        if value := getattr(words, name):
            data[name] = value
    return validated(data)


def validated(data: Mapping[str, Any]) -> Submission:
    """A submission of these members.

    Raises:
        UsageError: the first of what is wrong, with its place.
    """
    try:
        return Submission.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        place = "/".join(str(part) for part in found["loc"])
        raise UsageError(f"{visible(place, 200)}: {visible(found['msg'], 300)}") from None


def read_file(path: Path) -> dict[str, Any]:
    """The members of an intent in a JSON file.

    Raises:
        UsageError: it cannot be read or is no JSON object.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BODY_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > MAX_BODY_BYTES:
        raise UsageError(f"{path} is more than {MAX_BODY_BYTES} bytes")
    try:
        data = parse_json(raw)
    except InvalidRequestError as error:
        raise UsageError(f"{path}: {error.detail}") from None
    if not isinstance(data, dict):
        raise UsageError(f"{path} holds no JSON object")
    return data
