"""What a job would change or send, over the whole screen. It is fetched when it is asked for.

Must never let a worker touch a widget: what was fetched comes as a message.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from textual.message import Message

from govconsole.client.content import content_document
from govconsole.client.document import Document, Span, line
from govconsole.screens.reader import Reader
from govconsole.widgets.pane import Broken, DocumentPane

if TYPE_CHECKING:
    from govconsole.client.backend import Backend
    from govd.contract.jobs import JobDetail


class ContentReader(Reader):
    """The diffs and mails of one job, as it was on the screen."""

    class Fetched(Message):
        """The document is there."""

        def __init__(self, document: Document) -> None:
            super().__init__()
            self.document = document

    class Ready(Message):
        """It is broken to the width of the screen."""

        def __init__(self, document: Document, broken: Broken) -> None:
            super().__init__()
            self.document = document
            self.broken = broken

    def __init__(self, detail: JobDetail, backend: Backend) -> None:
        super().__init__(f"Content ▸ {detail.title}", [line(Span("…", "dim"))])
        self._detail = detail
        self._backend = backend

    def on_mount(self) -> None:
        """Ask for it."""
        super().on_mount()
        self.run_worker(self._fetch(), group="content")

    async def _fetch(self) -> None:
        self.post_message(self.Fetched(await content_document(self._backend, self._detail)))

    async def _break(self, document: Document, width: int) -> None:
        self.post_message(self.Ready(document, await asyncio.to_thread(Broken.of, document, width)))

    def on_content_reader_fetched(self, message: Fetched) -> None:
        """Have it broken to the width, in a thread: half a megabyte takes a second, and keys are answered."""
        width = self.query_one(DocumentPane).room
        self.run_worker(self._break(message.document, width), group="content")

    def on_content_reader_ready(self, message: Ready) -> None:
        """Draw it."""
        self._document = message.document
        self.query_one(DocumentPane).show(message.document, broken=message.broken)
