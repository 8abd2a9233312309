"""govd keys: the signing keys listed, and one made to follow another, with govd running or not."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from govd.cli import frame
from govd.cli.client import Client, only_operator
from govd.contract import votekey
from govd.contract.errors import NotFoundError, UnreachableError
from govd.contract.keys import KeyRotationSubmission, KeyView, NextKey, SigningKeys, StolenKeySubmission
from govd.contract.verbs import Verbs
from govd.contract.votes import KeyRotation, StolenKey, sign
from govd.lock import StateLock, running
from govd.settings import Layout, read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govd.attestations.rotation import Rotations

_FOUNDING = "the founding"
"""Since when the first key signs: no rotation put it to use."""
_COLUMNS = ["kid", "state", "since", "until", "listed_until"]


class _Served:
    """The keys of a govd that runs."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def views(self) -> list[KeyView]:
        return SigningKeys.model_validate(self._client.request("GET", "/v1/keys")).keys

    def prepare(self) -> NextKey:
        return NextKey.model_validate(self._client.request("POST", "/v1/keys/next"))

    def rotate(self, operator: str, body: KeyRotationSubmission) -> list[KeyView]:
        del operator  # whose token it is
        answer = self._client.request("POST", "/v1/keys", body.model_dump(mode="json"))
        return SigningKeys.model_validate(answer).keys

    def give_up(self, operator: str, body: StolenKeySubmission) -> list[KeyView]:
        del operator
        answer = self._client.request("POST", "/v1/keys/stolen", body.model_dump(mode="json"))
        return SigningKeys.model_validate(answer).keys


@contextmanager
def _keys(state: Path, operator_dir: Path, operator: str) -> Iterator[_Served | Rotations]:
    """The keys of the govd that runs, or of the state where none does."""
    layout = Layout(state.absolute())
    try:
        running(layout.lock)
    except UnreachableError:
        pass
    else:
        yield _Served(Client(state, operator_dir, operator))
        return
    from govd.service import Govd

    settings = read_settings(layout.state)
    lock = StateLock(layout.lock)
    try:
        govd = Govd(layout.state, settings)
        try:
            yield govd.rotations
        finally:
            govd.close()
    finally:
        lock.release()


@click.group(cls=Verbs)
def keys() -> None:
    """The keys with which govd signs attestations and heads of the log. Rotations are signed."""


@keys.command("list")
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.json_option
@frame.failing
def list_(state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List the signing keys, the one in use last."""
    with _keys(state, operator_dir, operator or only_operator(operator_dir)) as found:
        _show(found.views(), as_json=as_json)


def _show(views: list[KeyView], *, as_json: bool = False) -> None:
    rows: list[dict[str, Any]] = [view.model_dump(mode="json") for view in views]
    if as_json:
        frame.show_json({"keys": rows})
        return
    frame.table([row | {"since": row["since"] or _FOUNDING} for row in rows], _COLUMNS)


@keys.command("rotate")
@frame.signing_options
@click.option(
    "--stolen", is_flag=True, help="Somebody else may have the key in use: what it signed counts no more."
)
@frame.failing
def rotate(
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    stolen: bool,  # noqa: FBT001 - a flag
) -> None:
    """Have a new key sign from now on, on your signature.

    The old one stays in the JWKS until nothing that it signed can be good any more, an hour at most.
    """
    name = operator or only_operator(operator_dir)
    secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {name}")
    key = votekey.load(operator_dir / f"{name}.key", secret)
    with _keys(state, operator_dir, name) as found:
        following = found.prepare()
        if not following.made:
            frame.say("a key that was made before, and never put to use, is taken up: a rotation was cut off")
        rotation = KeyRotation(
            public_key=following.public_key,
            previous=following.previous,
            stolen=stolen,
            signed_by=name,
            signed_at=datetime.now(UTC),
        )
        body = KeyRotationSubmission(rotation=rotation, signature=sign(rotation, key))
        views = found.rotate(name, body)
    _show(views)
    frame.say(f"{views[-1].kid} signs from now on")
    if stolen:
        frame.say("what the old key signed counts no more: executors ask for their attestations anew")


@keys.command("stolen")
@click.argument("key_id", metavar="KEYID", help="Its id from `govd keys list`, or the beginning of it.")
@frame.signing_options
@frame.failing
def stolen(
    key_id: str,
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
) -> None:
    """Declare a former key stolen, on your signature: nothing that it signed counts any more.

    For the one in use: `govd keys rotate --stolen`.
    """
    name = operator or only_operator(operator_dir)
    with _keys(state, operator_dir, name) as found:
        kid = _only(found.views(), key_id)
        secret = frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {name}")
        key = votekey.load(operator_dir / f"{name}.key", secret)
        statement = StolenKey(kid=kid, signed_by=name, signed_at=datetime.now(UTC))
        views = found.give_up(name, StolenKeySubmission(statement=statement, signature=sign(statement, key)))
    _show(views)
    frame.say(f"nothing that {kid} signed counts any more, neither attestations nor heads")


def _only(views: list[KeyView], beginning: str) -> str:
    """The id of the one key that begins so."""
    found = [view.kid for view in views if beginning and view.kid.startswith(beginning)]
    if len(found) != 1:
        why = "no key has that id" if not found else f"{len(found)} keys begin so"
        raise NotFoundError(why, hint="govd keys list")
    return found[0]
