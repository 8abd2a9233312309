"""How votes and people's words stand in the log: a vote whole, so that it can be verified again from there.

Must never put a word of a person into it: what he wrote is committed to, not quoted.
"""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Any

from govd.audit.model import Entry, Known
from govd.contract.canonical import commitment
from govd.jobs import books, store

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from govd.contract.votes import SignedVote
    from govd.sealing import StateKey
    from govd.storage.ledger import Transaction


def vote_details(signed: SignedVote, digest: str) -> dict[str, Any]:
    """The whole signed vote, in the forms that the log takes: from there it can be verified again."""
    vote = json.loads(signed.vote.model_dump_json())
    actions = [
        {"intent": item["intent"], "action_commitment": item["commitment"]} for item in vote["actions"]
    ]
    kept = {key: value for key, value in vote.items() if key not in {"actions", "permits", "type"}}
    return {
        **kept,
        # Caps are the operator's words, subjects are agents, windows and totals are ours.
        "permits": [{key: Known.of(value) for key, value in item.items()} for item in vote["permits"]],
        "actions": actions,
        "vote_sha256": digest,
        "signature": base64.b64decode(signed.signature).hex(),
    }


def keep_words(
    transaction: Transaction, state_key: StateKey, job: RowMapping, words: str, actor: str, type_: str
) -> None:
    """Seal what a person wrote about a job, and commit to it in the log."""
    key = books.job_key(state_key, job)
    salt = os.urandom(16)
    sealed = key.open(job["sealed"], f"job:{job['id']}")
    notes = [
        *sealed.get("notes", []),
        {"type": type_, "actor": actor, "words": words, "salt": salt.hex()},
    ]
    store.change(
        transaction.connection, job["id"], sealed=key.seal({**sealed, "notes": notes}, f"job:{job['id']}")
    )
    transaction.record(
        Entry(
            type=type_,
            actor=actor,
            agent=job["agent"],
            job_id=job["id"],
            details={"reason_commitment": commitment(salt, words.encode())},
        )
    )
