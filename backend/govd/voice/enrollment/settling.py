"""What an operator's approval makes of what agents asked for, and what the clock takes away again.

Must never change a speaker without a signed vote, nor keep audio that nobody waits for any more.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from govd.contract.actions import Admin
from govd.contract.errors import ConflictError, ForbiddenError
from govd.contract.intents import IntentState
from govd.contract.jobs import JobState
from govd.contract.voice_texts import filled
from govd.intents import store as intent_store
from govd.intents.content import Content
from govd.intents.rules import TERMINAL
from govd.jobs import books
from govd.jobs import store as job_store
from govd.times import micros
from govd.voice import content, rules, store
from govd.voice.enrollment import consent
from govd.voice.enrollment.requests import DELETE, ENROLL

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import RowMapping

    from govd.contract.voice import ModelView
    from govd.sealing import JobKey
    from govd.storage.ledger import Transaction
    from govd.voice.enrollment.enrolling import Speakers
    from govd.voice.settings import VoiceSettings


class Settling:
    """What becomes of samples and deletions that waited.

    Args:
        speakers: Writes what was approved.
        settings: What the policy says.
        model: The model in use; None: there is none.
    """

    def __init__(
        self,
        speakers: Speakers,
        settings: Callable[[], VoiceSettings],
        model: Callable[[], ModelView | None],
    ) -> None:
        self._speakers, self._settings, self._model = speakers, settings, model

    def before(self, transaction: Transaction, operator: str, contents: Sequence[Content]) -> None:
        """Refuse an approval of the owner's samples by somebody who has not heard each (threats T24).

        Raises:
            ForbiddenError: some were not played by this operator.
        """
        owner = self._settings().owner
        wanted = [
            str(action.arguments["sample"])
            for action in map(_ours, contents)
            if action is not None and action.operation == ENROLL and action.arguments["name"] == owner
        ]
        unheard = [
            item for item in wanted if item not in store.heard(transaction.connection, operator, wanted)
        ]
        if unheard:
            raise ForbiddenError(
                f"{owner} has admin scope, and you have not heard {len(unheard)} of {len(wanted)} samples: "
                "play each of them, and ask the person whose voice it is",
                hint=f"govconsole voices play {unheard[0]}",
            )

    def after(
        self,
        transaction: Transaction,
        operator: str,
        key: JobKey,
        approved: Sequence[tuple[RowMapping, Content]],
    ) -> None:
        """Do what was approved, in the transaction of the vote, and write down that it was done.

        Raises:
            ConflictError: the samples are not of one voice, or another model is in use by now.
        """
        ours = [row["id"] for row, found in approved if _ours(found) is not None]
        if not ours:
            return
        asked = store.of_intents(transaction.connection, ours)
        samples: dict[str, list[RowMapping]] = {}
        for item in asked:
            if item["operation"] == "enroll":
                samples.setdefault(item["speaker"], []).append(item)
        guidance: dict[str, str] = {}
        for name, rows in samples.items():
            said = self._apply(transaction, operator, key, name, rows)
            guidance |= {row["intent"]: said for row in rows}
        failed = {item["intent"] for item in asked if not self._deleted(transaction, operator, item)}
        contents = {row["id"]: found for row, found in approved}
        for intent in ours:
            self._finish(
                transaction, operator, intent, key, contents[intent], guidance.get(intent), intent in failed
            )
        store.scrub(transaction.connection, [item["id"] for item in asked])
        for job in {item["job"] for item in asked}:
            self._close_job(transaction, job, f"operator:{operator}")

    def _apply(
        self, transaction: Transaction, operator: str, key: JobKey, name: str, rows: Sequence[RowMapping]
    ) -> str:
        """Enroll the approved samples of one name; what the agent is to say."""
        model = self._model()
        opened = [content.open_sample(key, row) for row in rows]
        if model is None or any(made_by != model.sha256 for _, made_by in opened):
            raise ConflictError(
                "another model is in use than when these samples came: deny the job and ask for them again"
            )
        played = store.heard(transaction.connection, operator, [row["id"] for row in rows])
        samples = [
            replace(sample, heard=row["id"] in played) for row, (sample, _) in zip(rows, opened, strict=True)
        ]
        agreed = content.consent(consent.VERSION, consent.TEXT, transaction.now, f"operator:{operator}")
        total, net_ms = self._speakers.add(
            transaction, name, samples, model, agreed, by=operator, job=rows[0]["job"]
        )
        if rules.complete(total, net_ms / 1000):
            return filled(self._settings().messages["enrolled"], samples=str(total))
        return f"{name} has {rules.lacking(total, net_ms / 1000)}: send more voice notes."

    def _deleted(self, transaction: Transaction, operator: str, item: RowMapping) -> bool:
        """Delete where that was asked for; False where nobody of that name was there any more."""
        if item["operation"] != "delete":
            return True
        if store.speaker(transaction.connection, item["speaker"]) is None:
            return False
        self._speakers.remove(transaction, item["speaker"], f"operator:{operator}", job=item["job"])
        return True

    @staticmethod
    def _finish(
        transaction: Transaction,
        operator: str,
        intent: str,
        key: JobKey,
        found: Content,
        guidance: str | None,
        failed: bool,  # noqa: FBT001 - one of its parts
    ) -> None:
        actor = f"operator:{operator}"
        steps = (IntentState.REDEEMED, IntentState.FAILED if failed else IntentState.SUCCEEDED)
        for state in steps:
            row = intent_store.by_id(transaction.connection, intent)
            if row is None:
                raise ConflictError("the intent is gone")
            books.move_intent(transaction, row, state, actor, code="applied")
        sealed = Content(found.declared, found.decision, found.salt, guidance).seal(key)
        now = micros(transaction.now)
        intent_store.change(transaction.connection, intent, sealed=sealed, redeemed_at=now, redeemed_by=None)

    @staticmethod
    def _close_job(transaction: Transaction, job: str, actor: str) -> None:
        """Nobody delivers a job that govd did itself: it is over once nothing in it is open."""
        rows = intent_store.of_job(transaction.connection, job)
        if all(IntentState(row["state"]) in TERMINAL for row in rows):
            job_store.note_held(transaction.connection, job)
            books.move_job(transaction, books.job_row(transaction, job), JobState.DELIVERED, actor)

    # -- the clock -------------------------------------------------------------------------------------

    def sweep(self, transaction: Transaction) -> int:
        """Forget what nobody waits for any more, and let end what waited for its time; how much it was."""
        connection = transaction.connection
        late = store.overdue(connection, micros(transaction.now))
        for item in late:
            row = intent_store.by_id(connection, item["intent"])
            if row is not None and row["state"] == IntentState.HELD.value:
                books.move_intent(transaction, row, IntentState.EXPIRED, "govd", code="audio-expired")
                books.settle_empty_holds(transaction, item["job"])
                books.follow(transaction, item["job"], "govd")
        gone = [*store.settled(connection), *(item["id"] for item in late)]
        store.scrub(connection, gone)
        return len(gone)


def _ours(found: Content) -> Admin | None:
    action = found.declared.action
    if isinstance(action, Admin) and action.operation in {ENROLL, DELETE}:
        return action
    return None
