"""What the actions of a job would change or send, in full: diffs, mails, and else the arguments.

Must never stand in for what is signed: a diff is evidence, and says who gathered it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from govconsole.client import mail as mails
from govconsole.client.describe import headline, raw
from govconsole.client.document import Document, Span, blank, line
from govconsole.client.evidence import diff_document, gathered
from govconsole.client.mail import mail_of
from govd.contract.errors import GovError

if TYPE_CHECKING:
    from govconsole.client.backend import Backend
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail


_MOST: Final = 512 * 1024


async def content_document(backend: Backend, detail: JobDetail, *, most: int | None = _MOST) -> Document:
    """Each action of a job in turn; texts of evidence are asked for. What is refused stands there as that.

    Args:
        backend: Has the texts.
        detail: The job.
        most: About how many characters of it; what is left out is named. None: all.
    """
    found: Document = []
    room = most
    left_out: list[str] = []
    for number, intent in enumerate([*(detail.hold.intents if detail.hold else []), *detail.settled], 1):
        head = Span(headline(intent)[:200], "title")
        if room is not None and (room <= 0 or sum(one.size for one in intent.evidence) > room):
            left_out.append(str(number))
            continue
        one = await _one(backend, intent)
        found += [line(Span(f"{number}  ", "accent"), head, hang=3), blank(), *one, blank()]
        if room is not None:
            room -= sum(1 + len(span.text) for item in one for span in item.spans)
    if left_out:
        why = (
            f" not shown here: it is too much for one screen. govconsole jobs content {detail.id} shows all."
        )
        what = "Action " if len(left_out) == 1 else "Actions "
        found.append(line(Span(f"⚠ {what}{', '.join(left_out)}", "warn"), Span(why), hang=2))
    return found


async def _one(backend: Backend, intent: IntentDetail) -> Document:
    mail = mail_of(intent)
    if mail is not None:
        drawn = f"Drawn from the arguments that are signed: sha256 {intent.intent_sha256}"
        return [*mails.whole(mail), blank(), line(Span(drawn, "dim"), hang=2)]
    found: Document = []
    for head in intent.evidence:
        if not head.missing:
            try:
                whole = await backend.evidence(intent.id, head.kind)
                # Seconds, for the worst that a push can hold: keys are answered meanwhile.
                found += await asyncio.to_thread(diff_document, whole)
            except GovError as error:
                found.append(line(Span(error.detail, "bad"), hang=2))
    return found or [*gathered([intent]), blank(), *raw(intent)]
