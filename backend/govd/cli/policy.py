"""govd policy check, apply, show, versions."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from govd.cli import frame
from govd.cli.client import Client
from govd.contract.canonical import commitment
from govd.contract.errors import InvalidRequestError, PolicyInvalidError, UsageError
from govd.contract.verbs import Verbs
from govd.contract.votes import PolicyChange, sign
from govd.policy.loading import load
from govd.policy.tightening import changes

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group(cls=Verbs)
def policy() -> None:
    """The policy: check a file, see what is in force, put another one in force."""


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidRequestError(f"{path}: {error.strerror}") from None


@policy.command()
@click.argument("file", type=_FILE, help="A policy, in YAML or in Markdown with YAML in it.")
@frame.json_option
@frame.failing
def check(file: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Compile a policy file and say what is wrong with it. Needs no backend.

    With --json, a file that is not valid is told on stdout: "valid" is false, "problems" has each place.
    """
    try:
        found = load(_source(file))
    except PolicyInvalidError as error:
        error.extra["valid"] = False
        raise
    if as_json:
        frame.show_json({"sha256": found.sha256, "name": found.name, "valid": True})
    else:
        frame.show(f"{file}: good; {found.name}, {found.sha256[:12]}")


@policy.command()
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@click.option("--draft", is_flag=True, help="The draft that waits for a signature.")
@frame.json_option
@frame.failing
def show(state: Path, operator_dir: Path, operator: str | None, draft: bool, as_json: bool) -> None:  # noqa: FBT001 - flags
    """Print the policy in force."""
    found = Client(state, operator_dir, operator).request("GET", "/v1/policy")
    if as_json:
        frame.show_json(found)
        return
    source = found["draft_source" if draft else "source"]
    if source is None:
        raise InvalidRequestError("there is no draft")
    for line in source.splitlines():
        frame.show(line)


@policy.command()
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.json_option
@frame.failing
def versions(state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List every version, the latest first."""
    found = Client(state, operator_dir, operator).request("GET", "/v1/policy/versions")
    if as_json:
        frame.show_json(found)
        return
    frame.table(found["versions"], ["sha256", "name", "state", "found_at", "applied_by", "reason"])


@policy.command()
@click.argument("file", type=_FILE, required=False, help="The policy; otherwise the draft that waits.")
@frame.signing_options
@click.option("--reason", required=True, help="Why; it is kept with the version.")
@frame.json_option
@frame.failing
def apply(
    file: Path | None,
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    reason: str,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Put FILE in force (without it: the draft that waits), on your signature."""
    client = Client(state, operator_dir, operator)
    shown = client.request("GET", "/v1/policy")
    if file is None and shown["draft_source"] is None:
        raise UsageError("no draft waits: name the file")
    source = shown["draft_source"].encode() if file is None else _source(file)
    found = load(source)
    for change in changes(load(shown["source"].encode()), found):
        frame.say(f"{change.direction}: {change.text}")
    secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}")
    salt = os.urandom(16)
    statement = PolicyChange(
        sha256=found.sha256,
        base_sha256=shown["version"]["sha256"],
        reason_commitment=commitment(salt, reason.encode()),
        signed_by=client.operator,
        signed_at=datetime.now(UTC),
    )
    body = {
        "source": source.decode(),
        "change": statement.model_dump(mode="json"),
        "signature": sign(statement, client.key(secret)),
        "salt": salt.hex(),
        "reason": reason,
    }
    done = client.request("POST", "/v1/policy", body)
    if as_json:
        frame.show_json(done)
    else:
        frame.say(f"in force: {done['name']}, {done['sha256'][:12]}")
