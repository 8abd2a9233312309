"""govd init, serve, stop, reload, restore."""

from __future__ import annotations

import asyncio
import getpass
import os
import re
import select
import shlex
import signal
import sys
from pathlib import Path

import click

from govd.cli import frame
from govd.cli.client import Client, only_operator
from govd.cli.logs import set_up_logging
from govd.contract import votekey
from govd.contract.errors import IntegrityError, InvalidRequestError, UsageError
from govd.contract.startup import loading
from govd.lock import StateLock, running
from govd.settings import Layout, default_operator_dir, default_state, read_settings

_FILE = click.Path(path_type=Path, dir_okay=False)
_STOP_S = 30


def _login() -> str:
    name = re.sub(r"[^a-z0-9]+", "-", getpass.getuser().lower()).strip("-")
    return name if re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) else "operator"


def _with_the_demos_model(state: Path) -> None:
    from govd.voice.modelstore.card import DEMO
    from govd.voice.modelstore.store import ModelStore

    store = ModelStore(state)
    store.found_for_demo()
    store.use(DEMO)
    frame.say(f"voices are told apart by {DEMO}, which was trained on synthetic voices and verifies nobody")


def _refuse_password(database: str) -> None:
    from govd.storage.engine import parse_url, tells_password

    if tells_password(parse_url(database)):
        raise UsageError(
            "a password in the database's URL is there for everybody who lists processes",
            hint="leave it out, and add ?passfile=/PATH of a 0600 file in the form of .pgpass",
        )


def _next(state: Path, operator_dir: Path) -> str:
    """What to do once there is a state, with the folders that are not where they would be looked for."""
    where = f" --state {shlex.quote(str(state))}" if state != default_state() else ""
    mine = (
        f" --operator-dir {shlex.quote(str(operator_dir))}" if operator_dir != default_operator_dir() else ""
    )
    return f"next: govd serve{where}, then govconsole{where}{mine}"


@click.command()
@frame.state_option
@frame.operator_dir_option
@click.option(
    "--operator", default=_login, show_default="your login name", help="Name of the first operator."
)
@frame.passphrase_file_option
@frame.passphrase_fd_option
@click.option(
    "--policy", "policy_path", type=_FILE, help="Policy file to watch. Unset: a copy of the default in STATE."
)
@click.option("--preset", help="Start from this preset instead of the default policy.")
@click.option(
    "--agent-port",
    type=click.IntRange(0, 65535),
    default=8200,
    show_default=True,
    help="TCP port of the agents' door.",
)
@click.option("--database", help="SQLAlchemy URL without a password; unset: SQLite in STATE.")
@click.option(
    "--demo-voice",
    is_flag=True,
    help="Found it for a demo: voices are told apart by the demo's model, which verifies nobody.",
)
@frame.failing
def init(  # noqa: PLR0913, PLR0917 - its options
    state: Path,
    operator_dir: Path,
    operator: str,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    policy_path: Path | None,
    preset: str | None,
    agent_port: int,
    database: str | None,
    demo_voice: bool,  # noqa: FBT001 - a flag
) -> None:
    """Make a state directory, its keys, the first operator and the first policy."""
    from govd.founding import Founding, found
    from govd.policy import places

    if policy_path is not None and preset is not None:
        raise UsageError("--policy and --preset exclude one another")
    if database is not None:
        _refuse_password(database)
    if not re.fullmatch(r"[a-z][a-z0-9]*([._-][a-z0-9]+)*", operator) or len(operator) > 64:  # noqa: PLR2004 - Name
        raise UsageError(f"{operator} is no name for an operator: lower-case letters, digits, single . _ -")
    secret = frame.passphrase(
        passphrase_file, passphrase_fd, f"Passphrase for {operator}'s vote key", confirm=True
    )
    if policy_path is not None:
        try:
            source = policy_path.read_bytes()
        except OSError as error:
            raise InvalidRequestError(f"{policy_path}: {error.strerror}") from None
    else:
        source = places.preset(preset) if preset else places.default()
    found(
        Founding(
            state=state.absolute(),
            operator=operator,
            operator_dir=operator_dir.absolute(),
            passphrase=secret,
            policy=source,
            policy_path=None if policy_path is None else policy_path.absolute(),
            agent_port=agent_port,
            database=database,
        )
    )
    if demo_voice:
        _with_the_demos_model(state.absolute())
    frame.say(f"made {state}; the operator {operator} has a vote key and a token in {operator_dir}")
    frame.say(_next(state, operator_dir))


@click.command()
@frame.state_option
@click.option("--embedded", is_flag=True, help="Started by a console for itself.")
@click.option("--agent-port", type=click.IntRange(0, 65535), help="TCP port of the agents' door.")
@frame.failing
def serve(state: Path, embedded: bool, agent_port: int | None) -> None:  # noqa: FBT001 - a flag
    """Run until SIGTERM; SIGHUP reloads. Prints one JSON line when both doors are open."""
    with loading():
        import uvloop

        from govd.service import Govd
        from govd.serving import serve as run

    os.umask(0o077)
    set_up_logging()
    layout = Layout(state.absolute())
    if not layout.settings.exists():
        raise IntegrityError(f"there is no state in {state}", hint="govd init")
    settings = read_settings(layout.state, agent_port=agent_port)
    lock = StateLock(layout.lock)
    try:
        govd = Govd(layout.state, settings, embedded=embedded)
        if govd.ledger.halted is not None:
            frame.say(f"halted: {govd.ledger.halted}")

        async def go() -> None:
            await run(govd, lock)

        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(go())
        finally:
            govd.close()
    finally:
        lock.release()


@click.command()
@frame.state_option
@frame.failing
def stop(state: Path) -> None:
    """End the govd of a state directory gracefully, and wait until it has."""
    holder = running(Layout(state).lock)
    descriptor = os.pidfd_open(int(holder["pid"]))
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        ready, _, _ = select.select([descriptor], [], [], _STOP_S)
    finally:
        os.close(descriptor)
    if not ready:
        frame.say(f"pid {holder['pid']} has not ended within {_STOP_S} s")
        sys.exit(1)
    frame.say("stopped")


@click.command()
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.json_option
@frame.failing
def reload(state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Read settings and policy again; resume deciding after a disk was mended.

    Exit code 1 where the policy file is broken, or govd does not decide.
    """
    client = Client(state, operator_dir, operator)
    done = client.request("POST", "/v1/reload")
    if as_json:
        frame.show_json(done)
    else:
        frame.show(f"policy file: {done['policy']}")
        frame.show(f"took effect: {', '.join(done['taken']) or 'nothing'}")
        frame.show(f"needs a restart: {', '.join(done['restart']) or 'nothing'}")
        frame.show(f"deciding: {'yes' if done['deciding'] else 'no'}")
    broken = done["policy"] == "broken"
    if broken:
        for alarm in client.request("GET", "/v1/alarms")["alarms"]:
            if alarm["kind"] == "policy-broken":
                frame.say(f"error: {alarm['message']}")
                frame.say(f"  try: {alarm['mend']}")
    if not done["deciding"]:
        frame.say("error: govd does not decide")
        frame.say("  try: govd doctor")
    if broken or not done["deciding"]:
        sys.exit(1)


@click.command()
@frame.signing_options
@frame.failing
def restore(
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
) -> None:
    """Go on after the state went back in time: in a new epoch, all that is approved or held revoked."""
    from govd.anchor import Anchor
    from govd.clock import SystemClock
    from govd.restoring import restore as go_on
    from govd.storage.ledger import Ledger

    layout = Layout(state.absolute())
    settings = read_settings(layout.state)
    name = operator or only_operator(operator_dir)
    key = votekey.load(
        operator_dir / f"{name}.key",
        frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {name}"),
    )
    lock = StateLock(layout.lock)
    try:
        clock = SystemClock()
        ledger = Ledger.open(url=layout.database_url(settings), audit_dir=layout.audit, clock=clock)
        try:
            epoch, revoked = go_on(ledger, Anchor(layout.anchor(settings)), layout.keys, name, key)
        finally:
            ledger.close()
    finally:
        lock.release()
    frame.say(f"epoch {epoch} is open; {revoked} intents that were approved or held were revoked")
    frame.say("consoles and gates that remember a later head accept the new epoch")
