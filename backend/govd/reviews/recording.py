"""How votes and other signed statements stand in the log: whole, so that they can be verified from there.

Must never put a word of a person into it: what he wrote is committed to, not quoted.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from govd.audit.model import Entry, Known
from govd.jobs import books, store

if TYPE_CHECKING:
    from sqlalchemy import RowMapping

    from govd.contract.afterwards import ResolutionSubmission, RevocationSubmission
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


def statement_details(body: RevocationSubmission | ResolutionSubmission) -> dict[str, Any]:
    """The whole signed statement, in the forms that the log takes: from there it can be verified again."""
    statement = json.loads(body.statement.model_dump_json())
    action = statement.pop("action", None)
    kept = {key: value for key, value in statement.items() if key not in {"type", "job"}}
    return {
        **kept,
        **({} if action is None else {"action_commitment": action["commitment"]}),
        "signature": base64.b64decode(body.signature).hex(),
    }


def keep_statement(
    transaction: Transaction,
    state_key: StateKey,
    job: RowMapping,
    body: RevocationSubmission | ResolutionSubmission,
    type_: str,
    intent: str | None = None,
) -> None:
    """Seal what a person signed and wrote about a job, and write the statement into the log."""
    key = books.job_key(state_key, job)
    sealed = key.open(job["sealed"], f"job:{job['id']}")
    note = {
        "type": type_,
        "words": body.reason,
        "salt": body.salt,
        "signed": body.statement.model_dump_json(),
    }
    notes = [*sealed.get("notes", []), {**note, "signature": body.signature}]
    store.change(
        transaction.connection, job["id"], sealed=key.seal({**sealed, "notes": notes}, f"job:{job['id']}")
    )
    transaction.record(
        Entry(
            type=type_,
            actor=f"operator:{body.statement.signed_by}",
            agent=job["agent"],
            job_id=job["id"],
            intent_id=intent,
            details=statement_details(body),
        )
    )
