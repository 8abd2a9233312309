"""`govgate voice`: what a skill calls when a voice note comes in.

Prints what to say, or JSON. Must never answer 0 where an admin request is not the owner's.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import click

from govd.contract.errors import GovError
from govd.contract.text import visible
from govd.contract.verbs import Verbs
from govd.contract.voice import VoiceState
from govd.contract.voice_texts import UNAVAILABLE
from govd.contract.wire import iso
from govgate import calls, exits, tokens, voices
from govgate.settings import DEFAULT_URL, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import BaseModel

    from govd.contract.voice import Verification, VoiceSession

    M = TypeVar("M", bound=BaseModel)

_FILE: Final = click.Path(path_type=Path, allow_dash=True)
_MOST: Final = 2000

_url = click.option(
    "--url", envvar="GOVGATE_URL", default=DEFAULT_URL, show_default=True, show_envvar=True,
    help="The backend: http://…, https://… or unix:/path.",
)  # fmt: skip
_token = click.option(
    "--token-file", envvar="GOVGATE_TOKEN_FILE", type=click.Path(path_type=Path), show_envvar=True,
    help="The token's file, mode 0600.",
)  # fmt: skip
_chat = click.option(
    "--chat", default="", metavar="NAME",
    help="Which chat it came from: the NAME of the origin channel:NAME.",
)  # fmt: skip
_json = click.option("--json", "as_json", is_flag=True, help="The answer as JSON on stdout.")


@click.group(cls=Verbs)
def voice() -> None:
    """Voices: whose a voice note is, and whether a chat is verified.

    Exit codes: 0 the owner's voice (enroll: taken in), 75 held for a person, 77 anybody else's or nobody's,
    69 nobody can be verified now, 64 a clip or a name that cannot be.
    """


@voice.command("verify")
@_url
@_token
@_chat
@_json
@click.option("--signed", default="", metavar="LINE", help="What the chat's channel has signed about it.")
@click.option(
    "--job", default="", metavar="ID", help="Whose phrase is said in it: see `govgate voice phrase`."
)
@click.argument("file", type=_FILE, help="The voice note; - reads it from stdin.")
def verify_(
    *, url: str, token_file: Path | None, chat: str, as_json: bool, signed: str, job: str, file: Path
) -> int:
    """Whose voice FILE is. A match verifies this chat, until the session ends.

    With --job the owner's voice alone is a match, and only with the phrase of that job.
    """
    with Settings(url, token_file).client() as client:
        found = _sent(lambda: client.send(voices.verify(file, chat, signed, job)), as_json=as_json)
    _told(found, found.message or _matched(found), as_json=as_json)
    return 0 if found.verified and found.admin else exits.DENIED


@voice.command("phrase")
@_url
@_token
@_chat
@_json
@click.argument("job", help="The held job, by its id.")
def phrase_(*, url: str, token_file: Path | None, chat: str, as_json: bool, job: str) -> int:
    """The phrase of JOB: the owner says it in a voice note of this chat, within three minutes, once.

    It begins with what it opens: read it to him as it is. Then: `govgate voice verify FILE --job JOB`.
    """
    with Settings(url, token_file).client() as client:
        found = _sent(lambda: client.send(voices.phrase(job, chat)), as_json=as_json)
    _told(found, f"{found.phrase}\nuntil {iso(found.expires_at)}", as_json=as_json)
    return 0


def _matched(found: Verification) -> str:
    until = "" if found.expires_at is None else f" until {iso(found.expires_at)}"
    scope = "" if found.admin else ", who has no admin scope"
    said = f"; the phrase was said: the job is {found.job_state}" if found.phrase else ""
    return f"verified: {found.speaker}{scope}{until}{said}"


@voice.command("sign")
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The adapter's key, mode 0600.")
@click.option("--agent", required=True, help="Which agent may use the note.")
@click.option("--chat", required=True, metavar="NAME", help="The NAME of the origin channel:NAME.")
@click.option("--sender", required=True, metavar="ID", help="Who sent it, as the channel knows him.")
@click.argument("file", type=_FILE, help="The voice note as it came in; - reads it from stdin.")
def sign_(*, key: Path, agent: str, chat: str, sender: str, file: Path) -> int:
    """For a channel's adapter: sign who sent FILE, and by which chat. Prints the LINE for `verify --signed`.

    The key is the adapter's own (`ssh-keygen -t ed25519 -N '' -f KEY`), where the agent cannot read it; the
    policy names its public half and the senders, under voice, channels.
    """
    click.echo(visible(voices.sign(file, key, agent=agent, chat=chat, sender=sender), _MOST))
    return 0


@voice.command("enroll")
@_url
@_token
@_json
@click.option("--name", required=True, help="Whose voice it is: lower-case letters, digits, . _ -")
@click.argument("file", type=_FILE, help="One voice note; - reads it from stdin.")
def enroll_(*, url: str, token_file: Path | None, as_json: bool, name: str, file: Path) -> int:
    """Ask that FILE is taken in as a sample of NAME: an operator settles it."""
    with Settings(url, token_file).client() as client:
        found = _sent(lambda: client.send(voices.enroll(file, name)), as_json=as_json)
    held = found.status == "held"
    settles = f"; an operator settles job {found.job}" if held else ""
    _told(found, found.message or f"{found.status}: {found.total_samples} samples{settles}", as_json=as_json)
    return exits.HELD if held else 0


@voice.command("session")
@_url
@_token
@_chat
@_json
def session_(*, url: str, token_file: Path | None, chat: str, as_json: bool) -> int:
    """Whether a chat is verified, and until when."""
    with Settings(url, token_file).client() as client:
        found = _sent(lambda: client.send(voices.session(chat)), as_json=as_json)
    _told(found, _standing(found), as_json=as_json)
    return 0 if found.state is VoiceState.VERIFIED and found.admin else exits.DENIED


@voice.command("speakers")
@_url
@_token
@_json
def speakers_(*, url: str, token_file: Path | None, as_json: bool) -> int:
    """Who is enrolled, and what to tell somebody whose enrollment was settled."""
    with Settings(url, token_file).client() as client:
        found = _sent(lambda: client.send(calls.speakers()), as_json=as_json)
    lines = [f"{item.name}: {item.message or f'{item.samples} samples'}" for item in found.speakers]
    _told(found, "\n".join(lines), as_json=as_json)
    return 0


def _standing(found: VoiceSession) -> str:
    until = "" if found.expires_at is None else f" until {iso(found.expires_at)}"
    return found.state.value.replace("_", " ") + (f": {found.speaker}{until}" if found.speaker else "")


def _told(found: BaseModel, text: str, *, as_json: bool) -> None:
    if as_json:
        click.echo(tokens.ascii_json(found))
        return
    for line in filter(None, text.split("\n")):
        click.echo(visible(line, _MOST))


def _sent(send: Callable[[], M], *, as_json: bool) -> M:
    """The answer; where there is none, what to say stands on stdout all the same."""
    try:
        return send()
    except GovError as error:
        said = _said(error)
        if said:
            click.echo(tokens.ascii_problem(error, said) if as_json else visible(said, _MOST))
        raise


def _said(error: GovError) -> str:
    """What an agent says to a refusal: the backend's text, and without a backend the skill's own."""
    if error.code == "none-enrolled":
        return error.detail
    if error.code == "forbidden":
        return str(error.extra.get("message") or "")
    if exits.code_of(error) == exits.UNAVAILABLE and error.code != "quota":
        return str(error.extra.get("message") or UNAVAILABLE)
    return ""
