"""The one place where the parts are put together.

Must never import a terminal, a model runtime or numpy: a start takes well under a second.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from govd.alarms.service import Alarms
from govd.anchor import Anchor
from govd.api.heads import Heads
from govd.api.hub import Hub
from govd.attestations.keys import KeyRing
from govd.attestations.rotation import Rotations
from govd.attestations.service import Attestations, clear_unknown, raise_unknown
from govd.clock import SystemClock
from govd.contract.decisions import Finding, Outcome
from govd.contract.system import Reloaded
from govd.decisions.service import Decisions
from govd.evidence.service import EvidenceBox
from govd.identities.service import Directory
from govd.jobs import store as job_store
from govd.jobs.expiry import expire
from govd.pages.captures import Captures
from govd.pages.listener import Pages
from govd.policy.model import ReasonCode
from govd.policy.service import Policies
from govd.reviews.afterwards import Afterwards
from govd.reviews.service import Reviews
from govd.reviews.stepping import voice_asked
from govd.sealing import StateKey
from govd.settings import RELOADABLE, Layout, Settings, read_settings
from govd.storage.ledger import Ledger
from govd.times import micros
from govd.voice.building import Machines
from govd.voice.building import build as build_voices
from govd.voice.desk import Desk
from govd.voice.encoder.pool import EncoderPool
from govd.voice.intake.pool import ClipIntake
from govd.voice.modelstore.store import ModelStore
from govd.voice.phrases.phrasing import Elsewhere
from govd.voice.spoken import before_approval, still_stands
from govd.voice.transcription.transcribing import Transcriber
from govd.voice.transcription.turns import Turns
from govd.voice.transcription.upstream import upstream_of

if TYPE_CHECKING:
    from datetime import timedelta
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

    from govd.clock import Clock
    from govd.contract.system import Alarm
    from govd.identities.model import Identity
    from govd.policy.model import VoiceFacts
    from govd.storage.ledger import Transaction
    from govd.voice.model import Encoder, Intake
    from govd.voice.service import Voices

_CLOCK_SUBJECT = "clock"


class Govd:
    """A running backend without its doors.

    Args:
        state: The state directory, made by `govd init`.
        settings: What the operator set.
        clock: The governed clock; a seam for tests.
        embedded: Whether a console started it for itself.
        intake: Decodes clips, and
        encoder: embeds them: seams for tests.
    """

    def __init__(
        self,
        state: Path,
        settings: Settings,
        *,
        clock: Clock | None = None,
        embedded: bool = False,
        intake: Intake | None = None,
        encoder: Encoder | None = None,
    ) -> None:
        self.layout = Layout(state)
        self.settings = settings
        self.embedded = embedded
        self.clock: Clock = clock or SystemClock()
        self.url = self.layout.database_url(settings)
        self.agent_url = ""
        self.state_key = state_key = StateKey.load(self.layout.state_key)
        self.keys = KeyRing.load(self.layout.keys)
        self.ledger = Ledger.open(
            url=self.url, audit_dir=self.layout.audit, clock=self.clock, group_limit=settings.group_limit
        )
        self.alarms = Alarms(self.ledger)
        self._step_told: tuple[str, timedelta] | None = None
        """The alarm that names a step, and the step that it names."""
        self.alarms.on_seen("clock-step", self._step_seen)
        self.directory = Directory(self.ledger, self.alarms, os.getuid())
        self.rotations = Rotations(self.ledger, self.keys, self.layout.keys, self.directory, self.clock.now)
        self.policies = self._make_policies()
        self.decisions = self._make_decisions()
        self.evidence = EvidenceBox(state_key)
        self.reviews = self._make_reviews()
        self.afterwards = Afterwards(state_key, self.directory, self._on_resolved)
        self.policies.ask_voices(self.stepped_up)
        self.directory.on_removed(self._operator_left)
        self.attestations = Attestations(state_key, self.keys, self.policies, self.directory, self.alarms)
        self.captures = Captures(self.clock.now)
        self.pages = Pages(self.captures, self.directory.agents, settings.pages_port)
        self._turns = Turns(self.clock.now)
        self.voices = self._make_voices(intake, encoder)
        self.desk = Desk(self.voices, state_key, self.alarms, self.directory.public_keys)
        self._ask_voices()
        self.hub = Hub(self.ledger)
        self.heads = Heads(self.ledger, self.keys.head_key, self.keys.head_keys, self.lost_state)
        self.anchor = Anchor(self.layout.anchor(settings))
        remembered = self.anchor.read()
        if remembered is not None:
            self.heads.judge(remembered)
        if self.ledger.halted is None:
            self.voices.look_at_model()

    def _make_policies(self) -> Policies:
        return Policies(
            self.ledger,
            self.alarms,
            self.directory,
            self.state_key,
            self.clock.now,
            path=self.layout.policy_file(self.settings),
            own_folder=self.layout.state,
            trust_disk=self.settings.disk_edits == "trusted",
        )

    def _make_decisions(self) -> Decisions:
        return Decisions(
            self.state_key,
            self.policies,
            self.directory,
            self.own_findings,
            self.voice_facts,
            lambda: self.settings.held_bytes,
        )

    def _make_reviews(self) -> Reviews:
        made = Reviews(
            self.state_key,
            self.policies,
            self.directory,
            self.expire,
            self.own_findings,
            self.voice_facts,
        )
        made.on_approval(before=voice_asked(self.stepped_up))
        return made

    def _make_voices(self, intake: Intake | None, encoder: Encoder | None) -> Voices:
        return build_voices(
            ledger=self.ledger,
            state_key=self.state_key,
            policies=self.policies,
            directory=self.directory,
            decisions=self.decisions,
            machines=Machines(
                (intake or ClipIntake(), intake or ClipIntake(at_once=1)),
                encoder or EncoderPool(ModelStore(self.layout.state).choose),
            ),
            captures=self.captures,
            phrases=Elsewhere(
                Transcriber(lambda: upstream_of(self.settings), self._turns),
                self.reviews.phrase_said,
                self.reviews.assess,
                lambda: self.settings.step_up_phrase,
            ),
        )

    def _ask_voices(self) -> None:
        """What voices have to say to approvals, and to what a phrase has approved."""
        self.reviews.on_approval(before=before_approval(self.voices.settings))
        self.reviews.on_approval(self.voices.settling.before, self.voices.settling.after)
        self.attestations.ask_phrases(still_stands(self.voices.settings))

    def expire(self, transaction: Transaction) -> int:
        """End what is over; a work of the ledger."""
        return expire(self.settings.outcome_within, self._on_unknown)(transaction)

    def _on_unknown(self, transaction: Transaction, row: RowMapping) -> None:
        raise_unknown(self.alarms, transaction, row)

    def _on_resolved(self, transaction: Transaction, row: RowMapping) -> None:
        clear_unknown(self.alarms, transaction, row)

    def _step_seen(self, alarm: Alarm) -> None:
        told = self._step_told
        if told is None or told[0] != alarm.id:
            return  # of another step, or of an earlier run: `tick` tells of the one that stands
        self.clock.acknowledge(told[1])
        # The clock's mark is written with the next work: without one, the next start would tell of it again.
        self.ledger.submit(lambda _transaction: None).result()
        # Only now: until then `tick` may still hold what it had read of the step.
        self._step_told = None

    def lost_state(self, why: str) -> None:
        """Somebody remembers a log that we do not hold: decide nothing (threats T13)."""
        self.ledger.halt(f"the state went back in time: {why}")

    def own_findings(self) -> tuple[Finding, ...]:
        """What the service itself has to say to each decision: today, that the clock has stepped."""
        if self.clock.stepped is None:
            return ()
        seconds = self.clock.stepped.total_seconds()
        return (
            Finding(
                block="clock",
                rule="step",
                code=ReasonCode.CLOCK_STEPPED.value,
                outcome=Outcome.PENDING,
                message=f"the clock stepped by {seconds:+.0f} s: held until an operator has seen it",
            ),
        )

    def voice_facts(self, connection: Connection, agent: str, origin: str) -> VoiceFacts:
        """Where an agent's chat stands: what an active `voice:` block goes by."""
        return self.voices.facts(connection, agent, origin)

    def stepped_up(self, connection: Connection, operator: str) -> bool:
        """Whether an operator has shown his voice within the last hours."""
        return self.voices.stepped_up(connection, operator)

    def _operator_left(self, transaction: Transaction, identity: Identity) -> None:
        self.reviews.operator_left(transaction, identity)
        self.voices.identity_left(transaction, identity)

    def tick(self) -> None:
        """What the clock asks for, about once a second: expiries, the clock's own alarm, the anchor."""
        self._remember()
        if self.ledger.halted is not None:
            return
        self.clock.now()  # so that what is told is the step of now
        # In this order: a step that is told, and seen while this runs, is not raised once more.
        told, stepped = self._step_told, self.clock.stepped
        if stepped is not None and (told is None or told[1] != stepped):
            raised = self.alarms.raise_anew(
                "clock-step",
                _CLOCK_SUBJECT,
                f"the system clock stepped by {stepped.total_seconds():+.0f} s: new approvals are held",
                "check the clock, then: govconsole alarms seen clock-step",
            )
            self._step_told = raised, stepped
        ends = self.ledger.read(job_store.next_end)
        stale = micros(self.clock.now() - self.settings.outcome_within)
        if (ends is not None and ends <= micros(self.clock.now())) or self.ledger.read(
            lambda c: job_store.unreported(c, stale)
        ):
            self.ledger.submit(self.expire).result()
            self.alarms.refresh()
        self.voices.tick()

    def reload(self) -> Reloaded:
        """Read the settings and the policy file again, and resume after a storage that was mended."""
        found = read_settings(self.layout.state)
        changed = [
            name for name in Settings.model_fields if getattr(found, name) != getattr(self.settings, name)
        ]
        taken = {name: getattr(found, name) for name in changed if name in RELOADABLE}
        self.settings = self.settings.model_copy(update=taken)
        self.policies.path = self.layout.policy_file(self.settings)
        self.policies.trust(disk=self.settings.disk_edits == "trusted")
        if self.ledger.halted is not None:
            self.ledger.resume()
        return Reloaded(
            policy=self.policies.look(),
            taken=sorted(taken),
            restart=sorted(set(changed) - set(taken)),
            deciding=self.ledger.halted is None,
        )

    def close(self) -> None:
        """Finish what is queued and let go of the state."""
        deciding = self.ledger.halted is None
        self._turns.ending.come()
        self.voices.close()
        self.ledger.close()
        if deciding:
            self.anchor.write(self.heads.current())

    def _remember(self) -> None:
        # A head that went back must not take the place of the one that tells so: `restore` needs its epoch.
        if self.ledger.halted is None:
            self.anchor.write(self.heads.current())
