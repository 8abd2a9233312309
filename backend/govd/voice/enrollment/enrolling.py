"""Speakers: written, added to, forgotten, listed. The one place that changes their table.

Must never mix what two models made, nor leave anything of a deleted speaker that could be opened.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from govd.audit.model import Entry, Known, log_name
from govd.contract.errors import ConflictError, ForbiddenError, NotFoundError
from govd.contract.voice import SpeakerBrief, SpeakerView
from govd.contract.voicechange import log_details
from govd.ids import new_id
from govd.times import instant, maybe_instant, micros
from govd.voice import content, rules, sessions, store
from govd.voice.content import Template

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from govd.contract.voice import ModelView
    from govd.contract.voicechange import VoiceChangeSubmission
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction
    from govd.voice.content import Sample
    from govd.voice.settings import VoiceSettings

_MILLION: Final = 1_000_000


class Speakers:
    """Everybody who is enrolled.

    Args:
        settings: What the policy says, asked at each use.
    """

    def __init__(self, state_key: StateKey, settings: Callable[[], VoiceSettings]) -> None:
        self._state_key, self._settings = state_key, settings
        self._log_key = bytes.fromhex(state_key.mac(b"voice-names"))

    def log_name(self, name: str) -> str:
        """A speaker's or a chat's name as the log has it: the policy's own in clear, any other keyed."""
        owner = self._settings().owner
        return log_name(name, () if owner is None else (owner,), self._log_key)

    def row(self, connection: Connection, name: str) -> RowMapping:
        """One speaker.

        Raises:
            NotFoundError: there is none of that name.
        """
        found = store.speaker(connection, name)
        if found is None:
            raise NotFoundError("there is no such speaker")
        return found

    def enroll(
        self,
        transaction: Transaction,
        name: str,
        samples: Sequence[Sample],
        model: ModelView,
        consent: Mapping[str, str],
        signed: VoiceChangeSubmission,
    ) -> None:
        """Write a speaker, in place of one of that name. `signed`: checked, and its operator's.

        Raises:
            ForbiddenError: it is another operator's own voice, which nobody takes over.
        """
        by, mine = signed.statement.signed_by, signed.statement.mine
        former = store.speaker(transaction.connection, name)
        if former is not None and former["operator"] not in {None, by}:
            raise ForbiddenError(
                "this is another operator's own voice: nobody else enrolls over it",
                hint=f"delete it first: govconsole voices delete {name}",
            )
        if former is not None:
            sessions.end_of(transaction, speaker=name)
        made = Template.of(samples, model, consent, signed)
        self._write(transaction, name, made, by=by, operator=by if mine else None)
        self._record(transaction, name, by, replaced=former is not None, more=log_details(signed))

    def add(
        self,
        transaction: Transaction,
        name: str,
        samples: Sequence[Sample],
        model: ModelView,
        consent: Mapping[str, str],
        *,
        by: str,
        job: str,
    ) -> tuple[int, int]:
        """Add samples that an operator approved; how many there are now, and how many ms of speech.

        `job`: in which his vote stands, which is the signature of this.

        Raises:
            ConflictError: they are not of one voice, of another model, or too many, or it is an operator's
                own voice by now, which no agent adds to.
        """
        former = store.speaker(transaction.connection, name)
        if former is not None and former["operator"] is not None:
            raise ConflictError(
                "this became an operator's own voice since the samples came: he enrolls it in the console",
                hint="deny the job",
            )
        before: tuple[Sample, ...] = ()
        if former is not None:
            kept = content.template(former, self._state_key)
            if kept.model_sha256 == model.sha256:
                before, consent = kept.samples, kept.consent
        joined = (*before, *samples)
        if len(joined) > rules.MAXIMUM_SAMPLES:
            raise ConflictError(
                f"{len(joined)} samples would be enrolled: at most {rules.MAXIMUM_SAMPLES} are"
            )
        made = Template.of(joined, model, consent)
        if len(joined) > 1 and made.agreement < model.threshold:
            raise ConflictError(
                f"the samples are not of one voice: the least alike has {made.agreement:.2f}, and "
                f"{model.threshold:.2f} is asked for",
                hint="listen to them, deny with guidance, and ask for other samples",
            )
        sessions.end_of(transaction, speaker=name)
        self._write(transaction, name, made, by=by, operator=None)
        self._record(transaction, name, by, replaced=former is not None, job=job)
        return len(joined), made.net_ms

    def _write(
        self, transaction: Transaction, name: str, template: Template, *, by: str, operator: str | None
    ) -> None:
        now = micros(transaction.now)
        row = content.row(name, new_id(), template, self._state_key)
        store.put_speaker(
            transaction.connection,
            row
            | {
                "operator": operator,
                "consent_version": template.consent["version"],
                "consent_at": int(template.consent["at_us"]),
                "enrolled_at": now,
                "changed_at": now,
                "enrolled_by": by,
                "last_verified_at": None,
            },
        )

    def remove(
        self,
        transaction: Transaction,
        name: str,
        actor: str,
        *,
        signed: VoiceChangeSubmission | None = None,
        job: str | None = None,
    ) -> None:
        """Forget a speaker: his key is gone, and with it the template. It cannot be undone.

        Args:
            transaction: Where.
            name: Whose voice.
            actor: Who does it.
            signed: The operator's statement, checked; None where a vote stands for it.
            job: In which that vote stands.

        Raises:
            NotFoundError: there is none of that name.
        """
        row = self.row(transaction.connection, name)
        ended = sessions.end_of(transaction, speaker=name)
        store.drop_speaker(transaction.connection, name)
        details = {
            "speaker": self.log_name(name),
            "enrolment": row["enrolment"],
            "sessions_ended": ended,
            "own_voice": row["operator"] is not None,
        }
        more = {} if signed is None else log_details(signed)
        transaction.record(Entry(type="voice.deleted", actor=actor, job_id=job, details=details | more))

    def _record(
        self,
        transaction: Transaction,
        name: str,
        by: str,
        *,
        replaced: bool,
        more: Mapping[str, Any] = MappingProxyType({}),
        job: str | None = None,
    ) -> None:
        row = self.row(transaction.connection, name)
        details = {
            "speaker": self.log_name(name),
            "enrolment": row["enrolment"],
            "samples": row["samples"],
            "net_ms": row["net_ms"],
            "replaced": replaced,
            "own_voice": row["operator"] is not None,
            "all_heard": bool(row["heard"]),
            "consent_version": Known.of(row["consent_version"]),
            **more,
        }
        transaction.record(Entry(type="voice.enrolled", actor=f"operator:{by}", job_id=job, details=details))

    # -- listing ---------------------------------------------------------------------------------------

    def briefs(self, connection: Connection, say: Callable[[int], str]) -> list[SpeakerBrief]:
        """Everybody, as agents see them."""
        return [
            SpeakerBrief(
                name=row["name"],
                samples=row["samples"],
                message=say(row["samples"]) if rules.complete(row["samples"], row["net_ms"] / 1000) else "",
            )
            for row in store.listed(connection)
        ]

    def views(self, connection: Connection, model: ModelView | None) -> list[SpeakerView]:
        """Everybody, as operators see them."""
        owner = self._settings().owner
        return [self._view(row, model, owner) for row in store.listed(connection)]

    def view(self, connection: Connection, name: str, model: ModelView | None) -> SpeakerView:
        """One of them."""
        return self._view(self.row(connection, name), model, self._settings().owner)

    @staticmethod
    def _view(row: RowMapping, model: ModelView | None, owner: str | None) -> SpeakerView:
        return SpeakerView(
            name=row["name"],
            enrolment=row["enrolment"],
            samples=row["samples"],
            net_seconds=row["net_ms"] / 1000,
            agreement=row["agreement"] / _MILLION,
            admin=row["name"] == owner and bool(row["heard"]),
            unheard=not row["heard"],
            operator=row["operator"],
            model=row["model"],
            stale=model is None or row["model_sha256"] != model.sha256,
            consent_version=row["consent_version"],
            consent_at=instant(row["consent_at"]),
            enrolled_at=instant(row["enrolled_at"]),
            last_verified_at=maybe_instant(row["last_verified_at"]),
        )
