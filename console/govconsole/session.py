"""One operator's session with one backend: the connection, his vote key, the clock, and how a vote is cast.

Imports no Textual, so that the headless twin votes by the same code as the app.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from govconsole.client.afterwards import resolution, revocation
from govconsole.client.backend import Backend, own_files
from govconsole.client.door import Door
from govconsole.client.review import submission
from govconsole.client.voices import VoiceDoor
from govconsole.client.votekeys import KeyRing
from govconsole.client.voters import KeyMemory
from govconsole.clock import Clock, SystemClock
from govconsole.paths import Operator, socket_path
from govd.contract.errors import ConflictError, IntegrityError
from govd.contract.headmemory import HeadMemory

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govconsole.client.afterwards import Status
    from govconsole.client.review import Prepared, Words
    from govconsole.client.voiceplan import VoicePlan
    from govconsole.client.voters import Voters
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail
    from govd.contract.voice import SpeakerRemoval, SpeakerView
    from govd.contract.votes import Verdict


@dataclass
class Session:
    """What the screens and the headless twin work with."""

    backend: Backend
    keys: KeyRing
    operator: str
    clock: Clock
    known_operators: Path

    @classmethod
    def open(cls, operator: Operator, state: Path, clock: Clock | None = None) -> Session:
        """A session of that operator with the backend of that state directory. Connects at the first call."""
        return cls.at(operator, socket_path(state), clock, state=state)

    @classmethod
    def at(
        cls, operator: Operator, socket: Path, clock: Clock | None = None, *, state: Path | None = None
    ) -> Session:
        """A session with the backend behind that operators' door, wherever its state is.

        Args:
            operator: Who works.
            socket: The door; without `state` it must be kept by this user or by root.
            clock: The time, of the session and of its key.
            state: The state that the door belongs to: its owner may keep the door too.
        """
        chosen = clock or SystemClock()
        with own_files():
            heads = HeadMemory(operator.heads, str(socket))
        backend = Backend(socket, operator.token, heads, door=Door(socket, state))
        keys = KeyRing(operator.key_path, chosen)
        return cls(backend, keys, operator.name, chosen, operator.known_operators)

    @property
    def voices(self) -> VoiceDoor:
        """What can be asked about voices."""
        return VoiceDoor(self.backend)

    async def voters(self) -> Voters:
        """The operators' public keys, held against those that were seen at first."""
        listed = await self.backend.operators()
        with own_files():
            return KeyMemory(self.known_operators, self.backend.log).meet(listed)

    async def vote(
        self, prepared: Prepared, verdict: Verdict, words: Words, shown: float, passphrase: str | None = None
    ) -> JobDetail:
        """Sign and cast a vote. `shown`: for how many seconds the job stood on the screen.

        Raises:
            ForbiddenError: the key is locked, or the passphrase wrong.
            ReviewStaleError: the job is not any more what was shown.
        """
        key = await self._key(passphrase)
        salt = secrets.token_hex(16)
        words = replace(words, on_screen_ms=max(int(shown * 1000), 0))
        vote = prepared.vote(verdict, self.operator, words, salt, self.clock.now())
        return await self.backend.vote(prepared.detail.id, submission(vote, words, salt, key))

    async def intent(self, intent: str) -> IntentDetail:
        """One action as the backend shows it, for whoever is about to sign what became of it.

        Raises:
            IntegrityError: the backend shows another one.
        """
        shown = await self.backend.intent(intent)
        if shown.id != intent:
            raise IntegrityError("the backend shows another action: nothing is signed")
        return shown

    async def resolve(
        self, shown: IntentDetail, status: Status, reason: str, passphrase: str | None = None
    ) -> IntentDetail:
        """Sign what became of an action whose outcome nobody reported; the intent as it stands then.

        `shown`: the very one that the operator was shown.

        Raises:
            ForbiddenError: the key is locked, or the passphrase wrong.
            ConflictError: its outcome is known.
            IntegrityError: the backend does not show the action that it states.
        """
        key, now = await self._key(passphrase), self.clock.now()
        signed = resolution(shown, status, reason, operator=self.operator, key=key, now=now)
        return await self.backend.resolve(shown.id, signed)

    async def revoke(self, job: str, reason: str, passphrase: str | None = None) -> JobDetail:
        """Sign that whatever of a job has not been redeemed is taken back; the job as it stands then.

        Raises:
            ForbiddenError: the key is locked, or the passphrase wrong.
            ConflictError: the job has ended, or nothing of it is left to take back.
        """
        key = await self._key(passphrase)
        signed = revocation(job, reason, self.operator, key, self.clock.now())
        return await self.backend.revoke(job, signed)

    async def save_voice(self, plan: VoicePlan, passphrase: str | None = None) -> SpeakerView:
        """Sign an enrollment as it was shown, and save it.

        Raises:
            ForbiddenError: the key is locked, the passphrase wrong, or what was shown is not what stands.
            ConflictError: it is not ready, or it forgets a voice and saves none.
        """
        if plan.draft is None:
            raise ConflictError("there is nothing to save")
        key = await self._key(passphrase)
        signed = plan.signed(self.operator, key, self.clock.now())
        return await self.voices.save(plan.draft.id, signed)

    async def delete_voice(self, plan: VoicePlan, passphrase: str | None = None) -> SpeakerRemoval:
        """Sign that a voice is forgotten, as it was shown, and have it forgotten.

        Raises:
            ForbiddenError: the key is locked, the passphrase wrong, or what was shown is not what stands.
        """
        key = await self._key(passphrase)
        return await self.voices.delete(plan.name, plan.signed(self.operator, key, self.clock.now()))

    async def _key(self, passphrase: str | None) -> Ed25519PrivateKey:
        if passphrase is not None:
            await asyncio.to_thread(self.keys.unlock, passphrase)
        return self.keys.key()
