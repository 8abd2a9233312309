"""The policy in force, and how another one comes into force: signed, or tighter, or from a trusted disk.

Must never decide by a policy that does not compile, nor let an edit on disk loosen anything by itself
(threats T11).
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from govd.audit.model import Entry
from govd.contract.canonical import commitment
from govd.contract.errors import (
    BaseMovedError,
    ForbiddenError,
    IntegrityError,
    InvalidRequestError,
    PolicyInvalidError,
)
from govd.contract.system import PolicyApplication, PolicyVersion
from govd.contract.votes import SIGNATURE_AGE_S, PolicyChange, verify
from govd.policy import disk, store
from govd.policy.installing import install, row_of, spend
from govd.policy.loading import load
from govd.policy.tightening import changes, only_tightens
from govd.policy.units import LATELY, check_units
from govd.times import instant, micros

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sqlalchemy import Connection, RowMapping

    from govd.alarms.service import Alarms
    from govd.freshness import SigningTime
    from govd.identities.service import Directory
    from govd.policy.model import CompiledPolicy
    from govd.sealing import StateKey
    from govd.storage.ledger import Ledger, Transaction

log = logging.getLogger(__name__)

_SUBJECT: Final = "policy"


@dataclass(frozen=True)
class _Swap:
    """One way in which a version comes into force."""

    policy: CompiledPolicy
    by: str
    how: str
    statement: str | None = None
    signature: str | None = None
    reason: bytes | None = None
    reason_commitment: str | None = None
    check: Callable[[Transaction], None] = lambda _transaction: None
    """Whether it still may, asked in the work: whoever signed it may have been removed a moment ago."""


class Policies:
    """The compiled policy that decides, swapped as a whole."""

    def __init__(
        self,
        ledger: Ledger,
        alarms: Alarms,
        directory: Directory,
        state_key: StateKey,
        now: Callable[[], datetime],
        *,
        path: Path | None,
        own_folder: Path,
        trust_disk: bool,
    ) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._directory = directory
        self._state_key = state_key
        self._now = now
        self._trust_disk = trust_disk
        self.path = path
        self._own_folder = own_folder
        self.current = self._load_in_force()
        self._stepped_up: Callable[[Connection, str], bool] = lambda _connection, _operator: False

    def ask_voices(self, stepped_up: Callable[[Connection, str], bool]) -> None:
        """Who says whether an operator's voice was verified; until then nobody's was."""
        self._stepped_up = stepped_up

    def _load_in_force(self) -> CompiledPolicy:
        row = self._ledger.read(lambda connection: store.by_state(connection, store.IN_FORCE))
        if row is None:
            raise IntegrityError("no policy is in force", hint="govd init")
        if hashlib.sha256(row["source"]).hexdigest() != row["sha256"]:
            raise IntegrityError("the stored policy is not the one that was applied", hint="govd doctor")
        return load(row["source"])

    def trust(self, *, disk: bool) -> None:
        """Whether edits on disk count at once (`disk_edits: trusted`)."""
        self._trust_disk = disk

    # -- on disk -------------------------------------------------------------------------------------

    def look(self) -> str:
        """Read the file and act on what it holds; what was done, as a word for the operator.

        `unchanged`, `tightened` (in force at once), `draft` (waits for a signature), `applied` (trusted
        disk), `broken` (the last good one stays), `none` (no file is configured).
        """
        if self.path is None:
            return "none"
        try:
            found = load(disk.read(self.path))
        except PolicyInvalidError as error:
            return self._broken(error)
        while True:
            with contextlib.suppress(BaseMovedError):  # a signed one came between: compare with that
                return self._take(found, self.current)

    def _take(self, found: CompiledPolicy, current: CompiledPolicy) -> str:
        if found.sha256 == current.sha256:
            self._forget_draft()
            return "unchanged"
        try:
            self._check_units(found)
        except PolicyInvalidError as error:
            return self._broken(error)
        self._alarms.clear("policy-broken", _SUBJECT)
        if only_tightens(current, found):
            self._swap(_Swap(found, by="disk", how="tightened"), base=current.sha256)
            return "tightened"
        return self._looser(found, current.sha256)

    def _looser(self, found: CompiledPolicy, base: str) -> str:
        why = None if self._trust_disk else "it is not provably tighter"
        if why is None and self.path is not None:
            why = disk.why_not_trusted(self.path, {agent.uid for agent in self._directory.agents()})
        if why is None and self.current.change_voice:
            why = "the policy in force asks for an operator's voice beside it"
        if why is None:
            self._swap(_Swap(found, by="disk", how="trusted-disk"), base=base)
            return "applied"
        self._draft(found, why)
        return "draft"

    def _broken(self, error: PolicyInvalidError) -> str:
        log.error("policy file refused", extra={"code": error.code})
        self._alarms.raise_(
            "policy-broken",
            _SUBJECT,
            f"the policy file does not compile, the last good one stays in force: {error.detail}",
            f"govd policy check {self.path}",
        )
        return "broken"

    def _draft(self, found: CompiledPolicy, why: str) -> None:
        def work(transaction: Transaction) -> None:
            store.drop(transaction.connection, store.DRAFT)
            store.put(transaction.connection, row_of(found, store.DRAFT, transaction))
            transaction.record(
                Entry(type="policy.draft_found", actor="govd", details={"draft_sha256": found.sha256})
            )
            self._alarms.raise_in(
                transaction,
                "policy-draft",
                _SUBJECT,
                f"an edit of the policy file waits for a signature: {why}",
                f"govd policy apply {self.path}",
            )

        row = self._ledger.read(lambda connection: store.by_state(connection, store.DRAFT))
        if row is None or row["sha256"] != found.sha256:
            self._ledger.submit(work).result()
            self._alarms.refresh()

    def _forget_draft(self) -> None:
        self._alarms.clear("policy-broken", _SUBJECT)
        self._alarms.clear("policy-draft", _SUBJECT)
        if self._ledger.read(lambda connection: store.by_state(connection, store.DRAFT)) is not None:
            self._ledger.submit(lambda tx: store.drop(tx.connection, store.DRAFT)).result()

    # -- in force ------------------------------------------------------------------------------------

    def apply(self, operator: str, body: PolicyApplication) -> PolicyVersion:
        """Put a signed version in force.

        Raises:
            PolicyInvalidError: it does not compile.
            ForbiddenError: the signature is not this operator's, or not about this source; or a change that
                is not provably tighter needs his voice.
            BaseMovedError: another version came into force after the one it was made against.
        """
        source = body.source.encode()
        try:
            change = PolicyChange.model_validate(body.change)
        except ValueError:
            raise InvalidRequestError("the signed change has another form", pointer="/change") from None
        self._ledger.read(lambda c: self._check_signature(c, self._ledger.signing(), operator, change, body))
        self._check_contents(change, body, source)
        found = load(source)
        self._check_units(found)
        _expect(change.base_sha256, self.current)
        reason = body.reason.encode()

        def check(transaction: Transaction) -> None:
            self._check_signature(transaction.connection, transaction.signing, operator, change, body)
            self._check_voice(transaction.connection, operator, found)

        self._swap(
            _Swap(
                found,
                by=operator,
                how="signed",
                statement=change.model_dump_json(),
                signature=body.signature,
                reason=self._seal(reason, found.sha256),
                reason_commitment=change.reason_commitment,
                check=check,
            ),
            base=change.base_sha256,
        )
        return self.version()

    def _check_units(self, found: CompiledPolicy) -> None:
        earliest = micros(self._now() - LATELY)
        sources = self._ledger.read(lambda connection: store.since(connection, earliest))
        check_units(found, [one for source in reversed(sources) if (one := _readable(source)) is not None])

    def _seal(self, reason: bytes, name: str) -> bytes:
        key = self._state_key.new_job_key()
        return len(key.wrapped).to_bytes(2, "big") + key.wrapped + key.seal({"reason": reason.decode()}, name)

    def _reason(self, row: RowMapping) -> str | None:
        blob = row["reason"]
        if blob is None:
            return None
        length = int.from_bytes(blob[:2], "big")
        key = self._state_key.unwrap(blob[2 : 2 + length])
        return str(key.open(blob[2 + length :], row["sha256"])["reason"])

    def _check_signature(
        self,
        connection: Connection,
        signing: SigningTime,
        operator: str,
        change: PolicyChange,
        body: PolicyApplication,
    ) -> None:
        key = self._directory.keys_in(connection).get(operator)
        if change.signed_by != operator or key is None or not verify(change, body.signature, key):
            raise ForbiddenError("putting a policy in force needs the signature of the operator who does it")
        signing.check("the change", change.signed_at, SIGNATURE_AGE_S)

    @staticmethod
    def _check_contents(change: PolicyChange, body: PolicyApplication, source: bytes) -> None:
        if hashlib.sha256(source).hexdigest() != change.sha256:
            raise ForbiddenError("the signature is about another source")
        if commitment(bytes.fromhex(body.salt), body.reason.encode()) != change.reason_commitment:
            raise InvalidRequestError("the reason is not the one that was signed", pointer="/reason")
        if not body.reason.strip():
            raise InvalidRequestError("a policy change has a reason", pointer="/reason")

    def _check_voice(self, connection: Connection, operator: str, found: CompiledPolicy) -> None:
        """What is in force says what a change of it asks for."""
        current = self.current
        if not current.change_voice or only_tightens(current, found):
            return
        if not self._stepped_up(connection, operator):
            raise ForbiddenError(
                "the policy in force asks for your voice beside a change that loosens it, and no step-up of "
                "yours stands",
                hint="govconsole voices step-up FILE",
                voice_required=True,
            )

    def _swap(self, swap: _Swap, base: str) -> None:
        previous = self.current

        def work(transaction: Transaction) -> None:
            _expect(base, self.current)
            if swap.statement is not None:
                swap.check(transaction)
                spend(transaction, swap.statement)
            install(
                transaction,
                swap.policy,
                previous,
                by=swap.by,
                how=swap.how,
                extra={
                    "statement": swap.statement,
                    "signature": swap.signature,
                    "reason": swap.reason,
                },
                reason_commitment=swap.reason_commitment,
            )
            # In the writer's own thread: no decision falls between the two policies.
            self.current = swap.policy

        try:
            self._ledger.submit(work).result()
        except BaseException:
            self.current = self._load_in_force()
            raise
        self._alarms.clear("policy-broken", _SUBJECT)
        self._alarms.clear("policy-draft", _SUBJECT)
        self._keep_file(swap.policy)

    def _keep_file(self, policy: CompiledPolicy) -> None:
        """Bring govd's own copy of the file to what is in force; a file elsewhere is its owner's."""
        if self.path is None or self.path.parent != self._own_folder:
            return
        try:
            disk.replace(self.path, policy.source)
        except OSError as error:
            log.warning("the policy file was not brought up to date", extra={"errno": error.errno})

    # -- showing -------------------------------------------------------------------------------------

    def version(self) -> PolicyVersion:
        """The version in force."""
        row = self._ledger.read(lambda connection: store.by_state(connection, store.IN_FORCE))
        if row is None:
            raise IntegrityError("no policy is in force", hint="govd init")
        return self._version(row)

    def draft(self) -> tuple[PolicyVersion, str] | None:
        """The draft with its source, if an edit waits."""
        row = self._ledger.read(lambda connection: store.by_state(connection, store.DRAFT))
        if row is None:
            return None
        found = self._version(row)
        told = [f"{item.direction}: {item.text}" for item in changes(self.current, load(row["source"]))]
        return found.model_copy(update={"changes": told}), row["source"].decode()

    def versions(self) -> list[PolicyVersion]:
        """Every version, the latest first."""
        return [self._version(row) for row in self._ledger.read(store.history)]

    def _version(self, row: RowMapping) -> PolicyVersion:
        return PolicyVersion(
            sha256=row["sha256"],
            name=row["name"],
            state=row["state"],
            found_at=instant(row["found_at"]),
            applied_by=row["applied_by"],
            reason=self._reason(row),
        )


def _readable(source: bytes) -> CompiledPolicy | None:
    """A version of before; None: this program does not compile it, and the one that comes cannot help it."""
    try:
        return load(source)
    except PolicyInvalidError as error:
        log.warning("a past policy does not compile any more", extra={"code": error.code})
        return None


def _expect(base: str, current: CompiledPolicy) -> None:
    if base != current.sha256:
        raise BaseMovedError(
            f"the policy in force is {current.sha256[:12]}, not {base[:12]}: look at the difference again"
        )
