"""govd agents, executors, operators."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from govd.cli import frame
from govd.cli.client import Client
from govd.contract import votekey
from govd.contract.errors import UsageError
from govd.contract.verbs import Verbs
from govd.contract.votes import Enrolment, sign
from govd.identities.model import new_token, token_digest

_FILE = click.Path(path_type=Path, dir_okay=False)
_AGENT_COLUMNS = ["name", "state", "uid", "origins", "token_expires_at", "added_by", "assurance"]
_EXECUTOR_COLUMNS = ["name", "state", "uid", "agents", "advisory", "added_by"]
_OPERATOR_COLUMNS = ["name", "state", "public_key", "added_by"]


class _Ttl(click.ParamType[int]):
    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # noqa: ANN401 - click's
        from govd.policy.blocks import duration

        try:
            return int(duration(str(value)).total_seconds())
        except ValueError as error:
            self.fail(str(error), param, ctx)


_TTL = click.option(
    "--ttl", type=_Ttl(), default="24h", show_default=True, help="How long the token is good for."
)
_TOKEN_FILE = click.option("--token-file", type=_FILE, required=True, help="Where to write the token (0600).")


def _list(client: Client, kind: str, columns: list[str], *, as_json: bool) -> None:
    found = client.request("GET", f"/v1/{kind}s")["identities"]
    if as_json:
        frame.show_json({f"{kind}s": found})
        return
    frame.table(
        [{**item, **{k: ",".join(item[k]) for k in ("agents", "origins")}} for item in found], columns
    )
    advised = [item for item in found if item.get("assurance") == "advisory"]
    for item in advised:
        frame.say(f"{item['name']}: all its tools are ADVISORY: {item['assurance_why']}")
    if advised:
        frame.say("what mends it: docs/how-to/separate-users.md")


def _lister(kind: str, columns: list[str]) -> click.Command:
    @click.command("list", help=f"List the {kind}s.")
    @frame.state_option
    @frame.operator_dir_option
    @frame.as_option
    @frame.json_option
    @frame.failing
    def lister(state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
        _list(Client(state, operator_dir, operator), kind, columns, as_json=as_json)

    return lister


@click.group(cls=Verbs)
def agents() -> None:
    """Agents: who may declare intents."""


@click.group(cls=Verbs)
def executors() -> None:
    """Executors: who may redeem attestations and act. Additions are signed."""


@click.group(cls=Verbs)
def operators() -> None:
    """Operators: who may vote. Additions are signed."""


agents.add_command(_lister("agent", _AGENT_COLUMNS))
executors.add_command(_lister("executor", _EXECUTOR_COLUMNS))
operators.add_command(_lister("operator", _OPERATOR_COLUMNS))


@agents.command("add")
@click.argument("name", help="Lower-case letters, digits, single . _ -")
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@_TOKEN_FILE
@click.option("--uid", type=int, help="The Unix user that the agent runs as.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    default=["user"],
    show_default=True,
    help="Origins that it may state.",
)
@_TTL
@frame.failing
def add_agent(
    name: str,
    state: Path,
    operator_dir: Path,
    operator: str | None,
    token_file: Path,
    uid: int | None,
    origins: tuple[str, ...],
    ttl: int,
) -> None:
    """Add an agent; its token goes into a 0600 file and is never shown again."""
    body = {"name": name, "origins": list(origins), "uid": uid, "ttl_s": ttl}
    issued = Client(state, operator_dir, operator).request("POST", "/v1/agents", body)
    frame.write_secret(token_file, issued["token"])
    frame.say(
        f"added {name}; its token is in {token_file}, good until {issued['identity']['token_expires_at']}"
    )
    if uid is None:
        frame.say("its Unix user is not known (--uid): decisions about it are ADVISORY")


@agents.command("rotate")
@click.argument("name", help="Lower-case letters, digits, single . _ -")
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@_TOKEN_FILE
@_TTL
@frame.failing
def rotate(
    name: str, state: Path, operator_dir: Path, operator: str | None, token_file: Path, ttl: int
) -> None:
    """Give an agent a new token; the old ones end at once."""
    issued = Client(state, operator_dir, operator).request(
        "POST", f"/v1/agents/{quote(name, safe='')}/token", {"ttl_s": ttl}
    )
    frame.write_secret(token_file, issued["token"])
    frame.say(f"the token of {name} is in {token_file}")


def _verb(group: click.Group, verb: str, method: str, path: str, help_: str) -> None:
    @group.command(verb, help=help_)
    @click.argument("name", help="Lower-case letters, digits, single . _ -")
    @frame.state_option
    @frame.operator_dir_option
    @frame.as_option
    @frame.failing
    def change(name: str, state: Path, operator_dir: Path, operator: str | None) -> None:
        found = Client(state, operator_dir, operator).request(method, path.format(name=quote(name, safe="")))
        frame.say(f"{name} is {found['state']}")


_verb(
    agents,
    "suspend",
    "POST",
    "/v1/agents/{name}/suspend",
    "Decide nothing for an agent, redeem nothing that it holds.",
)
_verb(agents, "resume", "POST", "/v1/agents/{name}/resume", "End a suspension.")
_verb(agents, "remove", "DELETE", "/v1/agents/{name}", "Remove an agent; its name is never given again.")
_verb(executors, "suspend", "POST", "/v1/executors/{name}/suspend", "Let an executor redeem nothing.")
_verb(executors, "resume", "POST", "/v1/executors/{name}/resume", "End a suspension.")


def _enrol(client: Client, passphrase: bytes, **values: Any) -> None:  # noqa: ANN401 - an enrolment's fields
    enrolment = Enrolment(signed_by=client.operator, signed_at=datetime.now(UTC), **values)
    body = {
        "enrolment": enrolment.model_dump(mode="json"),
        "signature": sign(enrolment, client.key(passphrase)),
    }
    client.request("POST", "/v1/enrolments", body)


@executors.command("add")
@click.argument("name", help="Lower-case letters, digits, single . _ -")
@frame.signing_options
@_TOKEN_FILE
@click.option(
    "--agent", "agents_", multiple=True, required=True, help="An agent that it acts for; several are fine."
)
@click.option("--uid", type=int, help="The Unix user that the executor runs as.")
@click.option("--advisory", is_flag=True, help="It runs as the agent's own user: what it does is advice.")
@frame.failing
def add_executor(  # noqa: PLR0913, PLR0917 - its options
    name: str,
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    token_file: Path,
    agents_: tuple[str, ...],
    uid: int | None,
    advisory: bool,  # noqa: FBT001 - a flag
) -> None:
    """Add an executor, on your signature; its token goes into a 0600 file."""
    client = Client(state, operator_dir, operator)
    token = new_token("executor")
    secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}")
    # Written first: a name is given once, and a token that could not be kept would waste it.
    fresh = frame.write_secret(token_file, token, commit=False)
    try:
        _enrol(
            client,
            secret,
            operation="add",
            kind="executor",
            name=name,
            token_sha256=token_digest(token),
            agents=list(agents_),
            uid=uid,
            advisory=advisory,
        )
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    fresh.replace(token_file)
    frame.say(f"added {name}; its token is in {token_file}")


@operators.command("keygen")
@click.argument("name", help="Lower-case letters, digits, single . _ -")
@frame.operator_dir_option
@frame.passphrase_file_option
@frame.passphrase_fd_option
@frame.failing
def keygen(name: str, operator_dir: Path, passphrase_file: Path | None, passphrase_fd: int | None) -> None:
    """Make your own vote key and token; print what another operator needs to add you."""
    secret = frame.passphrase(
        passphrase_file, passphrase_fd, f"Passphrase for {name}'s vote key", confirm=True
    )
    key = votekey.generate()
    votekey.write(operator_dir / f"{name}.key", key, secret)
    token = new_token("operator")
    frame.write_secret(operator_dir / f"{name}.token", token)
    frame.show(
        f"govd operators add {name} --public-key {votekey.public_text(key)} "
        f"--token-sha256 {token_digest(token)}"
    )


@operators.command("add")
@click.argument("name", help="Lower-case letters, digits, single . _ -")
@frame.signing_options
@click.option(
    "--public-key", required=True, help="Of the new operator, as `govd operators keygen` prints it."
)
@click.option("--token-sha256", required=True, help="The digest of his token, as printed.")
@frame.failing
def add_operator(
    name: str,
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    public_key: str,
    token_sha256: str,
) -> None:
    """Add an operator, on your signature. His key and token never leave his own folder."""
    client = Client(state, operator_dir, operator)
    if name == client.operator:
        raise UsageError("an operator is added by another one")
    secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}")
    _enrol(
        client,
        secret,
        operation="add",
        kind="operator",
        name=name,
        public_key=public_key,
        token_sha256=token_sha256,
    )
    frame.say(f"added {name}")


def _remover(kind: str) -> click.Command:
    @click.command("remove", help=f"Remove an {kind}, on your signature; the name is never given again.")
    @click.argument("name", help="Lower-case letters, digits, single . _ -")
    @frame.signing_options
    @frame.failing
    def remove(
        name: str,
        state: Path,
        operator_dir: Path,
        operator: str | None,
        passphrase_file: Path | None,
        passphrase_fd: int | None,
    ) -> None:
        client = Client(state, operator_dir, operator)
        secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}")
        _enrol(client, secret, operation="remove", kind=kind, name=name)
        frame.say(f"removed {name}")

    return remove


executors.add_command(_remover("executor"))
operators.add_command(_remover("operator"))
