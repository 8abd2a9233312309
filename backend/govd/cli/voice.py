"""govd voice: models, calibration, and what an operator does about voices without a console."""

from __future__ import annotations

import hashlib
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import click
from pydantic import ValidationError

from govd.cli import frame
from govd.cli.client import Client
from govd.cli.voice_calibrate import calibrate
from govd.cli.voice_model import model
from govd.contract.errors import InvalidRequestError, UsageError
from govd.contract.text import visible
from govd.contract.verbs import Verbs
from govd.contract.voice import Draft, DraftStart, Fault, Voices
from govd.contract.voice_limits import MAX_CLIP_BYTES
from govd.contract.voicechange import deleting, enrolling, foreign, signed, told
from govd.contract.wording import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.contract.voicechange import Told

_FILE = click.Path(path_type=Path, dir_okay=False)
_COLUMNS: Final = ["name", "samples", "net_seconds", "agreement", "admin", "operator", "model", "state"]
_NO_CHAT: Final = "-"


@click.group(cls=Verbs)
def voice() -> None:
    """Voices: the model that tells them apart, who is enrolled, who is locked out."""


voice.add_command(model)
voice.add_command(calibrate)


def _clip(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CLIP_BYTES + 1)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from None
    if len(data) > MAX_CLIP_BYTES:
        raise UsageError(f"{path}: a clip has at most {MAX_CLIP_BYTES // 2**20} MiB")
    return data


def wrong_with(speaker: Mapping[str, Any]) -> str:
    """What is wrong with a speaker of `GET /v1/voice`; empty: nothing. Enrolling again mends both."""
    wrong = ["made with another model"] if speaker["stale"] else []
    wrong += ["not heard, so no admin scope"] if speaker["unheard"] else []
    return f"{', '.join(wrong)}: enroll again" if wrong else ""


@voice.command()
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.json_option
@frame.failing
def speakers(state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """List who is enrolled."""
    found = Client(state, operator_dir, operator).request("GET", "/v1/voice")
    if as_json:
        frame.show_json({"speakers": found["speakers"], "tidying": found["tidying"]})
        return
    if found["degraded"]:
        frame.say(f"nobody can be verified: {found['degraded']}")
        frame.say(f"  try: {found['mend']}")
    if found["tidying"]:
        frame.say("a deleted voice may still lie in the database's journal: something reads an older state")
        frame.say(f"  try: fuser -v {state / 'govd.db'}")
    rows = [
        {**item, "admin": "yes" if item["admin"] else "", "state": wrong_with(item)}
        for item in found["speakers"]
    ]
    frame.table(rows, _COLUMNS)


@voice.command()
@click.argument("files", type=_FILE, nargs=-1, required=True, help="Clips of one voice, six or more.")
@click.option("--name", required=True, help="Whose voice it is: lower-case letters, digits, . _ -")
@click.option("--mine", is_flag=True, help="It is your own voice: it steps up your votes.")
@click.option("--consent", is_flag=True, help="This person has read the consent text and agrees.")
@frame.signing_options
@frame.json_option
@frame.failing
def enroll(  # noqa: PLR0913, PLR0917 - its options
    files: tuple[Path, ...],
    name: str,
    mine: bool,  # noqa: FBT001 - a flag
    consent: bool,  # noqa: FBT001 - a flag
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
    as_json: bool,  # noqa: FBT001 - a flag
) -> None:
    """Enroll a voice from FILES, five to ten and one more, the last, which must match the others.

    It is signed with your vote key.
    """
    client = Client(state, operator_dir, operator)
    shown = client.request("GET", "/v1/voice")
    least = shown["minimum_samples"] + 1
    if not consent:
        frame.say(shown["consent_text"])
        raise UsageError("nobody is enrolled without consent", hint="pass --consent when that person agrees")
    if len(files) < least:
        raise UsageError(f"{len(files)} files: {shown['minimum_samples']} samples and a fresh one are needed")
    clips = [_clip(path) for path in files]
    key = client.key(frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}"))
    try:
        start = DraftStart(name=name, consent_version=shown["consent_version"], consented=True, mine=mine)
    except ValidationError as error:
        raise UsageError(sentence(error.errors())) from None
    begun = client.request("POST", "/v1/voice/drafts", start.model_dump(mode="json"))
    draft = f"/v1/voice/drafts/{begun['id']}"
    try:
        _fill(client, draft, files, clips)
        saved = _saved(client, draft, start, clips, key)
    except BaseException:
        client.request("DELETE", draft)
        raise
    if as_json:
        frame.show_json(saved)
    else:
        frame.say(
            f"enrolled: {saved['name']}, {saved['samples']} samples, {saved['net_seconds']:.0f} s of speech"
        )


def _fill(client: Client, draft: str, files: Sequence[Path], clips: Sequence[bytes]) -> None:
    """Send the clips.

    Raises:
        InvalidRequestError: a sample was not kept, or the last one did not match.
    """
    *samples, fresh = list(zip(files, clips, strict=True))
    for number, (path, data) in enumerate(samples, 1):
        found = client.upload(f"{draft}/samples", data)
        if not found["kept"]:
            raise InvalidRequestError(f"{path}: {_why(found['quality'])}")
        agreement = "" if found["agreement"] is None else f", {found['agreement']:.2f} like the others"
        seconds = found["quality"]["net_seconds"]
        frame.say(f"{number} of {len(samples)}: {path.name}, {seconds:.1f} s of speech{agreement}")
    found = client.upload(f"{draft}/check", fresh[1])
    if not found["verified"]:
        raise InvalidRequestError(
            f"{fresh[0]} does not match the others: {found['confidence']:.2f} of at least "
            f"{found['threshold']:.2f}"
        )


def _saved(
    client: Client, draft: str, start: DraftStart, clips: Sequence[bytes], key: Ed25519PrivateKey
) -> dict[str, Any]:
    """The speaker that was saved, on the operator's signature.

    Raises:
        ConflictError: the draft is another voice's, or holds clips that were not sent from here.
    """
    shown = Draft.model_validate(client.request("GET", draft))
    voices = Voices.model_validate(client.request("GET", "/v1/voice"))
    foreign(shown, start, {hashlib.sha256(data).hexdigest() for data in clips})
    _tell(told(shown.name, voices, shown))
    salt = secrets.token_hex(16)
    change = enrolling(shown, voices, salt, client.operator, datetime.now(UTC))
    return client.request("POST", f"{draft}/save", signed(change, salt, key).model_dump(mode="json"))


def _tell(statement: Sequence[Told]) -> None:
    frame.say("signed with your vote key:")
    for one in statement:
        frame.say(f"  {one.label:<12}{one.text}")


def _why(quality: dict[str, Any]) -> str:
    return ", ".join(quality["faults"]) or "it was not kept"


@voice.command()
@click.argument("file", type=_FILE, help="A clip.")
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.json_option
@frame.failing
def verify(file: Path, state: Path, operator_dir: Path, operator: str | None, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Whose voice FILE is. It opens no session: agents' chats are verified by agents, votes by step-up."""
    found = Client(state, operator_dir, operator).upload("/v1/voice/verify", _clip(file))
    faults = found["quality"]["faults"] if found["quality"] else []
    if as_json:
        frame.show_json(found)
    else:
        figures = f"{found['confidence']:.2f}, accepted from {found['threshold']:.2f} on"
        frame.show(f"{found['speaker']} ({figures}){': ' + ', '.join(faults) if faults else ''}")
    if not found["verified"]:
        several = Fault.SEVERAL_VOICES in faults
        why = (
            "somebody else is heard in it too: record one person alone"
            if several
            else "it is nobody's voice that is enrolled"
        )
        frame.say(f"error: {why}")
        sys.exit(1)


@voice.command()
@click.argument("name", help="A speaker, as `govd voice speakers` has it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@frame.signing_options
@frame.failing
def delete(
    name: str,
    yes: bool,  # noqa: FBT001 - a flag
    state: Path,
    operator_dir: Path,
    operator: str | None,
    passphrase_file: Path | None,
    passphrase_fd: int | None,
) -> None:
    """Forget NAME's voice, on your signature: the key of its template goes, which cannot be undone."""
    client = Client(state, operator_dir, operator)
    voices, salt = Voices.model_validate(client.request("GET", "/v1/voice")), secrets.token_hex(16)
    change = deleting(name, voices, salt, client.operator, datetime.now(UTC))
    _tell(told(name, voices))
    if not yes:
        click.confirm(f"Forget the voice of {visible(name)}? It cannot be undone.", abort=True, err=True)
    key = client.key(frame.passphrase(passphrase_file, passphrase_fd, f"Passphrase of {client.operator}"))
    body = signed(change, salt, key).model_dump(mode="json")
    found = client.request("POST", f"/v1/voice/speakers/{quote(name, safe='')}/delete", body)
    frame.say(f"{name} is forgotten. {found['message']}".removesuffix(". "))


@voice.command()
@click.argument("agent", help="The agent that is locked.")
@click.argument("chat", default=_NO_CHAT, help="Its chat; - is the one without a name, * its day's count.")
@click.option("--all", "everything", is_flag=True, help="All its chats, and the count of its day.")
@frame.state_option
@frame.operator_dir_option
@frame.as_option
@frame.failing
def unlock(
    agent: str,
    chat: str,
    everything: bool,  # noqa: FBT001 - a flag
    state: Path,
    operator_dir: Path,
    operator: str | None,
) -> None:
    """Let AGENT verify voices from CHAT again, after too many misses. Left out: its own session."""
    path = f"/v1/voice/locks/{quote(agent, safe='')}"
    if not everything:
        path += f"/{quote(chat or _NO_CHAT, safe='')}"
    Client(state, operator_dir, operator).request("DELETE", path)
    frame.say(f"{agent} may try again")
