"""`govconsole voices` and `govconsole enroll`: the Voices screen and its wizard without a screen.

Must never take a consent for granted: it is asked at the terminal, or named by its version.
"""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

import click

from govconsole import cli_passphrase
from govconsole.cli_options import json_option
from govd.contract.errors import ForbiddenError, UsageError
from govd.contract.text import visible, visible_lines
from govd.contract.verbs import Verbs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from govconsole.client.voices import Take
    from govconsole.session import Session
    from govd.contract.voice import DraftStart

_PIPE_WIDTH = 100
_WORD = "yes"


class HasSession(Protocol):
    """What the commands need of this invocation."""

    def run(self, work: Callable[[Session], Awaitable[str]]) -> str:
        """One piece of work with a session of its own."""
        ...


_FILE = click.Path(dir_okay=False, path_type=Path)
_CONSENT = click.option(
    "--consent",
    metavar="VERSION",
    help="The version of the text that the person has read and accepts; otherwise it is asked here.",
)
_MINE = click.option("--mine", is_flag=True, help="It is your own voice: it steps up your votes.")


def group(say: Callable[[str], None], data: Callable[[str], None]) -> click.Group:
    """The commands of `govconsole voices`. `say`: takes messages; `data`: takes what was asked for."""

    @click.group(cls=Verbs)
    def voices() -> None:
        """Speakers, samples that agents sent, verified sessions, locks; enrolling and stepping up."""

    _listing(voices, say, data)
    _telling(voices, data)
    _hearing(voices, say, data)
    _ending(voices, say)

    @voices.command("enroll")
    @click.argument("name", help="Whose voice, in lower case.")
    @click.argument(
        "files", nargs=-1, required=True, type=_FILE, metavar="FILE...", help="The last is the check."
    )
    @_CONSENT
    @_MINE
    @cli_passphrase.option
    @click.pass_obj
    def enroll_files(
        places: HasSession,
        name: str,
        files: tuple[Path, ...],
        consent: str | None,
        passphrase_file: Path | None,
        *,
        mine: bool,
    ) -> None:
        """Enroll a voice from files: all but the last are samples, and the last is held against them.

        It is signed with your vote key.
        """
        from govconsole import headless_voices as voices_
        from govconsole.capture.files import read_take

        version = consent or _asked(places, name)
        takes = voices_.takes_of(read_take(path) for path in files)
        start = _start(name, version, mine=mine)
        secret = cli_passphrase.passphrase(passphrase_file)
        say(places.run(lambda session: voices_.enroll(session, start, takes, secret, say, whole=True)))

    return voices


def _listing(voices: click.Group, say: Callable[[str], None], data: Callable[[str], None]) -> None:
    @voices.command("list")
    @json_option
    @click.pass_obj
    def list_(places: HasSession, *, as_json: bool) -> None:
        """List speakers, waiting samples, sessions, locks and the model."""
        from govconsole import headless_voices as voices_

        data(places.run(lambda session: voices_.list_voices(session, as_json=as_json, say=say)))

    @voices.command()
    @click.argument("name", help="The speaker.")
    @json_option
    @click.pass_obj
    def show(places: HasSession, name: str, *, as_json: bool) -> None:
        """Show one speaker."""
        from govconsole import headless_voices as voices_

        width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
        data(places.run(lambda session: voices_.show_voice(session, name, as_json=as_json, width=width)))


def _telling(voices: click.Group, data: Callable[[str], None]) -> None:
    @voices.command("consent")
    @click.pass_obj
    def consent_(places: HasSession) -> None:
        """Print the text that whoever is enrolled accepts, under its version."""
        from govconsole import headless_voices as voices_

        async def work(session: Session) -> str:
            version, text = await voices_.consent(session)
            return f"version {version}\n\n{text}"

        data(places.run(work))

    @voices.command()
    @json_option
    @click.pass_obj
    def standing(places: HasSession, *, as_json: bool) -> None:
        """Say whether your own voice stands, and for how long."""
        from govconsole import headless_voices as voices_

        data(places.run(lambda session: voices_.standing(session, as_json=as_json)))


def _hearing(voices: click.Group, say: Callable[[str], None], data: Callable[[str], None]) -> None:
    @voices.command()
    @click.argument("sample", help="The sample's id, from `voices list`.")
    @click.option("--output", type=_FILE, help="Keep the sound there, for you alone, in place of playing it.")
    @click.pass_obj
    def play(places: HasSession, sample: str, output: Path | None) -> None:
        """Play a sample that an agent sent. From then on you have heard it."""
        from govconsole.capture.studio import LocalStudio, keep_as

        async def work(session: Session) -> str:
            wav = await session.voices.waiting(sample)
            if output is not None:
                keep_as(output, wav)
                return f"it lies in {output}, for you alone"
            return await asyncio.to_thread(LocalStudio().play, wav)

        say(places.run(work))

    @voices.command()
    @json_option
    @click.pass_obj
    def phrase(places: HasSession, *, as_json: bool) -> None:
        """Print the phrase that your next step-up says, where one is asked for; it is good once."""
        from govconsole import headless_voices as voices_

        data(places.run(lambda session: voices_.phrase(session, as_json=as_json, say=say)))

    @voices.command("step-up")
    @click.argument("file", type=_FILE, help="A clip of your voice.")
    @click.pass_obj
    def step_up(places: HasSession, file: Path) -> None:
        """Show your own voice: for a time it steps up the votes whose rule asks for it."""
        from govconsole import headless_voices as voices_
        from govconsole.capture.files import read_take

        take = read_take(file)
        say(places.run(lambda session: voices_.step_up(session, take)))


def _ending(voices: click.Group, say: Callable[[str], None]) -> None:
    @voices.command()
    @click.argument("name", help="The speaker.")
    @click.option("--yes", "sure", metavar="NAME", help="The name again: it cannot be undone.")
    @cli_passphrase.option
    @click.pass_obj
    def delete(places: HasSession, name: str, sure: str | None, passphrase_file: Path | None) -> None:
        """Forget a voice, for good. It is signed with your vote key."""
        from govconsole import headless_voices as voices_

        if sure is None and sys.stdin.isatty():
            sure = str(click.prompt(f"Type {visible(name)} to forget that voice for good", err=True))
        if sure != name:
            raise UsageError("nothing was deleted", hint=f"--yes {visible(name)}: it cannot be undone")
        secret = cli_passphrase.passphrase(passphrase_file)
        say(places.run(lambda session: voices_.delete(session, name, secret, say)))

    @voices.command()
    @click.argument("session_id", metavar="SESSION", help="The session's id, from `voices list`.")
    @click.pass_obj
    def revoke(places: HasSession, session_id: str) -> None:
        """End a verified session, at once."""
        from govconsole import headless_voices as voices_

        say(places.run(lambda session: voices_.revoke(session, session_id)))

    @voices.command()
    @click.argument("agent", help="The agent.")
    @click.argument("chat", default="", help="The chat; left out: the agent's own session.")
    @click.pass_obj
    def unlock(places: HasSession, agent: str, chat: str) -> None:
        """Let a chat that was locked out try again."""
        from govconsole import headless_voices as voices_

        say(places.run(lambda session: voices_.unlock(session, agent, chat)))


def enroll(say: Callable[[str], None]) -> click.Command:
    """`govconsole enroll -`. `say`: takes the verdicts."""

    @click.command()
    @click.argument("source", type=click.Choice(["-"]), help="A dash: sound comes on stdin.")
    @click.option("--name", required=True, help="Whose voice, in lower case.")
    @_CONSENT
    @_MINE
    @cli_passphrase.option
    @click.pass_obj
    def enroll_(
        places: HasSession,
        source: str,
        name: str,
        consent: str | None,
        passphrase_file: Path | None,
        *,
        mine: bool,
    ) -> None:
        """Enroll a voice from a pipe: `arecord -f S16_LE -r 16000 -c 1 | govconsole enroll - --name NAME`.

        Raw or WAV, 16 bits, mono, 16 kHz. A pause ends a sample; each verdict is told on stderr. It is signed
        with your vote key, whose passphrase is asked at the terminal, or lies in a file.
        """
        del source
        from govconsole import headless_voices as voices_
        from govconsole.capture.pipe import StdinSource, split
        from govconsole.capture.source import wav_of
        from govconsole.client.voices import Take

        if sys.stdin.isatty():
            raise UsageError("there is no sound on stdin", hint="arecord -f S16_LE -r 16000 -c 1 | …")
        version = consent or _asked(places, name)
        start = _start(name, version, mine=mine)
        secret = cli_passphrase.passphrase(passphrase_file, piped=True)

        async def work(session: Session) -> str:
            aim = await voices_.net_seconds(session)
            voices = await session.voices.voices()
            say(f"say something like this, with a pause after each: {visible(voices.prompts[0])}")
            pieces = split(StdinSource(sys.stdin.buffer).chunks(), aim)

            async def takes() -> AsyncIterator[Take]:
                while (pcm := await asyncio.to_thread(next, pieces, None)) is not None:
                    yield Take(audio=wav_of(pcm))

            return await voices_.enroll(session, start, takes(), secret, say)

        say(places.run(work))

    enroll_.name = "enroll"
    return enroll_


def _start(name: str, version: str, *, mine: bool) -> DraftStart:
    from pydantic import ValidationError

    from govd.contract.voice import DraftStart

    try:
        return DraftStart(name=name, consent_version=version, consented=True, mine=mine)
    except ValidationError:
        raise UsageError(
            f"{visible(name)} is no name of a speaker",
            hint="lower-case letters, digits, . _ and -, no spaces",
        ) from None


def _asked(places: HasSession, name: str) -> str:
    """Show the consent at the terminal, whatever stdin is, and have it accepted."""
    from govconsole import headless_voices as voices_

    found: list[str] = []

    async def work(session: Session) -> str:
        found.extend(await voices_.consent(session))
        return ""

    places.run(work)
    version, text = found
    with _terminal() as terminal:
        said = [f"version {visible(version)}", "", *visible_lines(text), ""]
        ask = f"Has the person whose voice {visible(name)} is read this, and accepts it? Type {_WORD}: "
        terminal.write("\n".join(said) + "\n" + ask)
        terminal.flush()
        if terminal.readline().strip() != _WORD:
            raise ForbiddenError("without consent nobody is enrolled")
    return version


def _terminal() -> TextIO:
    try:
        return Path("/dev/tty").open("r+", encoding="utf-8", buffering=1)
    except OSError:
        raise UsageError(
            "nobody is at the terminal to be asked for consent",
            hint="govconsole voices consent shows the text; --consent VERSION says that it was accepted",
        ) from None
