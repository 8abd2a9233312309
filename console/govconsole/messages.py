"""What workers tell the screens. Workers never touch a widget: they post one of these."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from govconsole.capture.recorder import Recorder
    from govconsole.capture.source import Microphone
    from govconsole.client.batch import Batch
    from govconsole.client.row import Row
    from govconsole.client.voices import Take
    from govconsole.client.voters import Voters
    from govconsole.state.queue import Wanted
    from govconsole.state.window import Fetch, Page
    from govd.contract.errors import GovError
    from govd.contract.events import Event
    from govd.contract.jobs import JobDetail
    from govd.contract.system import Overview
    from govd.contract.voice import CaptureTicket, Voices, VoiceSession


class Refreshed(Message):
    """The backend answered. `found`: what the view in front asked for; it is posted to it before this.

    `voice`: how long the operator's own voice stands. `resumed`: the backend was not there before.
    """

    def __init__(
        self, overview: Overview, found: Message | None = None, voice: VoiceSession | None = None
    ) -> None:
        super().__init__()
        self.overview = overview
        self.found = found
        self.voice = voice
        self.resumed = False


class Listed(Message):
    """What the queue asked for: a page, and rows by their ids, of what was wanted when it asked.

    Args:
        wanted: The selection.
        fetch: The page that was asked for.
        page: The page.
        asked: The jobs whose rows were asked for.
        rows: Those of them that are of the selection.
        total: How many jobs the selection has, where that was told with the rows.
        became: The state of those that are of it no more.
    """

    def __init__(
        self,
        wanted: Wanted,
        *,
        fetch: Fetch | None = None,
        page: Page | None = None,
        asked: Sequence[str] = (),
        rows: Sequence[Row] = (),
        total: int | None = None,
        became: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__()
        self.wanted = wanted
        self.fetch = fetch
        self.page = page
        self.asked = asked
        self.rows = rows
        self.total = total
        self.became = became or {}


class Happened(Message):
    """An event of the backend's stream."""

    def __init__(self, event: Event) -> None:
        super().__init__()
        self.event = event


class Lost(Message):
    """The backend does not answer, or its answers cannot be trusted."""

    def __init__(self, error: GovError, retries: int) -> None:
        super().__init__()
        self.error = error
        self.retries = retries


class DetailArrived(Message):
    """A job as it stands. `peeked`: it was asked for without closing an open hold."""

    def __init__(self, detail: JobDetail, *, peeked: bool = False) -> None:
        super().__init__()
        self.detail = detail
        self.peeked = peeked


class Refused(Message):
    """Something that was asked for a job was refused. `verb`: it would have changed the job."""

    def __init__(self, job: str, error: GovError, *, verb: bool = True) -> None:
        super().__init__()
        self.verb = verb
        self.job = job
        self.error = error


class VoteCast(Message):
    """A vote was taken; the job as it stands after it."""

    def __init__(self, verdict: str, detail: JobDetail) -> None:
        super().__init__()
        self.verdict = verdict
        self.detail = detail


class Settled(Message):
    """What was signed about a job after its decision was taken. `words`: what is told of it."""

    def __init__(self, job: str, words: str) -> None:
        super().__init__()
        self.job = job
        self.words = words


class BatchGathered(Message):
    """The marked jobs were fetched: what a vote on all of them would be. `ballot`: the one that asked."""

    def __init__(self, ballot: object, batch: Batch) -> None:
        super().__init__()
        self.ballot = ballot
        self.batch = batch


class BatchCast(Message):
    """Votes on several jobs: those that were taken, and those that were refused, with the titles."""

    def __init__(
        self, verdict: str, done: Sequence[JobDetail], refused: Sequence[tuple[str, GovError]]
    ) -> None:
        super().__init__()
        self.verdict = verdict
        self.done = done
        self.refused = refused


class VotersMet(Message):
    """The operators' public keys, held against those that were seen at first."""

    def __init__(self, voters: Voters) -> None:
        super().__init__()
        self.voters = voters


class VoicesCame(Message):
    """The voices as they are; None: the backend knows of none."""

    def __init__(self, voices: Voices | None) -> None:
        super().__init__()
        self.voices = voices


class VoiceDone(Message):
    """Something was done about a voice: what is told. `error`: it was refused."""

    def __init__(self, words: str = "", error: GovError | None = None) -> None:
        super().__init__()
        self.words = words
        self.error = error


class MicrophonesFound(Message):
    """The ways to record on this machine."""

    def __init__(self, microphones: Sequence[Microphone]) -> None:
        super().__init__()
        self.microphones = microphones


class Recorded(Message):
    """A recording ended. `recorder`: which; `take`: what it made, or None with the `error`."""

    def __init__(self, recorder: Recorder, take: Take | None, error: GovError | None = None) -> None:
        super().__init__()
        self.recorder = recorder
        self.take = take
        self.error = error


class PageOpened(Message):
    """A page of a browser waits for somebody to record in it."""

    def __init__(self, ticket: CaptureTicket) -> None:
        super().__init__()
        self.ticket = ticket


class Taken(Message):
    """Clips were taken from files or from a page; or they could not be."""

    def __init__(self, takes: Sequence[Take] = (), error: GovError | None = None) -> None:
        super().__init__()
        self.takes = takes
        self.error = error


class Answered(Message):
    """The backend answered a dialog: what to do with it, on the dialog's own turn. `error`: it refused."""

    def __init__(self, apply: Callable[[], None] | None = None, error: GovError | None = None) -> None:
        super().__init__()
        self.apply = apply
        self.error = error
