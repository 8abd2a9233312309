"""`govd restore`: go on after the state went back in time, in a new epoch of the log (threats T13).

Must never let an approval from before survive, nor a hold: what was approved and spent since is not known.
"""

from __future__ import annotations

from base64 import b64decode
from typing import TYPE_CHECKING

from govd.attestations.relearning import relearn
from govd.audit.model import Entry
from govd.contract.errors import ForbiddenError
from govd.contract.heads import SignedHead
from govd.contract.intents import IntentState
from govd.contract.votekey import public_text
from govd.contract.votes import Restoration, sign
from govd.identities import store as identity_store
from govd.intents import store as intent_store
from govd.jobs import books
from govd.storage import state

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from govd.anchor import Anchor
    from govd.storage.ledger import Ledger, Transaction


def restore(
    ledger: Ledger, anchor: Anchor, keys: Path, operator: str, key: Ed25519PrivateKey
) -> tuple[int, int]:
    """Open a new epoch, revoke whatever is approved or held; the epoch, and how many were revoked.

    Args:
        ledger: Of the state, which nobody else has open.
        anchor: What remembers its head.
        keys: The folder of the signing keys: one that the log says was followed signs no more.
        operator: Who does it.
        key: His vote key.

    Raises:
        ForbiddenError: the key is not that operator's.
    """
    remembered = anchor.read()
    after = SignedHead.parse(remembered).head.epoch if remembered else 0
    known = ledger.read(lambda connection: identity_store.find(connection, "operator", operator))
    if known is None or known.state != "active" or known.public_key != public_text(key):
        raise ForbiddenError("this key is not the key of an operator of this state")
    lost_at = ledger.head

    def work(transaction: Transaction) -> int:
        count, rotations = 0, relearn(transaction, keys, ledger.log_id)
        rows = [
            row
            for waiting in (IntentState.APPROVED, IntentState.HELD)
            for row in intent_store.in_state(transaction.connection, waiting)
        ]
        for row in rows:
            books.move_intent(transaction, row, IntentState.REVOKED, f"operator:{operator}", code="restored")
            books.settle_empty_holds(transaction, row["job"])
            books.follow(transaction, row["job"], f"operator:{operator}")
            count += 1
        # Signed in here: only now is it known which epoch this is.
        statement = Restoration(
            epoch=state.epoch(transaction.connection),
            seq=lost_at.seq,
            head=lost_at.digest,
            signed_by=operator,
            signed_at=transaction.now,
        )
        signature = b64decode(sign(statement, key)).hex()
        details = {"revoked": count, "rotations": rotations, "at": lost_at.seq, "signature": signature}
        transaction.record(Entry(type="state.restored", actor=f"operator:{operator}", details=details))
        return count

    revoked = ledger.new_epoch(f"operator:{operator}", after=after, work=work) or 0
    return ledger.epoch, revoked
