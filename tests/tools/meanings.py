"""One sentence for each name that the reference lists and the code has no room for. docs.py refuses gaps."""

from __future__ import annotations

from typing import Final

REASONS: Final[dict[str, str]] = {
    "tool-allowed": "A pattern under `tool_calls.allow` names the tool.",
    "tool-denied": "A pattern under `tool_calls.deny` names the tool. No vote changes that.",
    "tool-held": "A pattern under `tool_calls.hold` names the tool.",
    "unknown-tool": "The tool is not in the policy's registry (`tools:`).",
    "unknown-origin": "The origin is not one that the policy lists, or nobody vouches for it.",
    "no-rule": "Nothing in the policy speaks of this intent, so its `default` applies.",
    "opaque-command": "The command line cannot be taken apart far enough to know what it runs.",
    "domain-invalid": "A host cannot be read as a host.",
    "domain-denied": "A pattern under `domains.deny` names the host.",
    "domain-not-allowed": "No pattern under `domains.allow` names the host, so `domains.default` applies.",
    "amount-unreadable": "The argument that `amounts:` points at is missing, or no decimal.",
    "currency-unpriced": "The amount is in another currency than USD.",
    "unpriced": "An irreversible action whose cost nobody can tell.",
    "custom-allowed": "A CEL rule's `allow_if` holds.",
    "custom-denied": "A CEL rule's `deny_if` holds.",
    "custom-held": "A CEL rule's `hold_if` holds.",
    "cap-exceeded": "With this intent a daily total would pass its cap; the finding has both figures.",
    "evaluation-error": "A rule could not be evaluated. An error denies.",
    "clock-stepped": "The clock stepped by more than 60 s: nothing is approved until that was seen.",
    "flood": "The agent has as many intents waiting as it may.",
    "voice-needed": "An admin request, and the owner's voice was not verified for this agent and chat.",
    "voice-verified": "An admin request with the owner's voice: a person settles it.",
    "voice-phrase": "An admin request whose phrase the owner has said: the policy says what that is worth.",
    "voice-enrolment": "An agent asks to enroll or delete a voice: a person settles that.",
    "voice-unavailable": "An admin request, and nobody's voice can be verified now. It fails closed.",
}

EVENTS: Final[dict[str, str]] = {
    "log.opened": "The first entry of a log: which log this is.",
    "log.epoch_opened": "A restored state was accepted by a signature; what it lost, by figures.",
    "log.recovered": "A torn last line was closed; its entry follows.",
    "log.halted": "govd stopped deciding.",
    "log.resumed": "govd decides again.",
    "state.restored": "A restoration was signed; every attestation and open approval was revoked.",
    "job.opened": "An agent opened a job, or an intent opened one implicitly.",
    "job.submitted": "The job was taken in.",
    "job.acknowledged": "Its first intent was decided.",
    "job.processing": "Nothing in it waits for a person.",
    "job.held": "Something in it waits for a person.",
    "job.delivered": "The agent delivered it.",
    "job.failed": "It ended without what it was for.",
    "job.denied": "A person or the policy refused it.",
    "job.expired": "Its hold ran out: nobody decided.",
    "job.cancelled": "The agent withdrew it.",
    "job.revoked": "An operator took back what had not been redeemed.",
    "job.revocation_signed": "The signed statement by which an operator took back the rest of a job.",
    "intent.decided": "The decision, with its findings' codes and what it booked.",
    "intent.held": "It waits for a person.",
    "intent.evidence": "An executor gathered what a reviewer should see, or said why it could not.",
    "intent.approved": "A quorum approved it; the votes are named by digest.",
    "intent.denied": "Votes refused it.",
    "intent.expired": "Nobody decided in time.",
    "intent.cancelled": "The agent withdrew it.",
    "intent.superseded": "A changed form replaced it.",
    "intent.revoked": "An operator took the approval back.",
    "intent.redeemed": "Its one redemption: from here on it may have run.",
    "intent.succeeded": "The executor, or a person, says that it ran well.",
    "intent.failed": "The executor, or a person, says that it ran and failed.",
    "intent.not_run": "Redeemed, and never started.",
    "intent.unknown": "Redeemed, and nobody knows; a person resolves it.",
    "intent.resolution_signed": "The signed statement by which a person says how a run ended.",
    "hold.closed": "A console asked for the hold's detail: nothing joins it any more.",
    "hold.reevaluated": "The policy changed under a hold; earlier votes lapsed.",
    "vote.cast": "A signed vote, whole: it verifies against the operator's public key.",
    "vote.lapsed": "What the vote was about changed: it counts no more, and the job is shown again.",
    "voice.verified": "A clip from an agent's chat matched a speaker: a session stands from here on.",
    "voice.refused": "A chat's clip matched nobody, held a second voice, was known or lacked the phrase.",
    "voice.phrase_given": "A phrase was given for what waits in a job, or for a step-up; never its words.",
    "voice.phrase_said": "The phrase was said, in a voice that matched: what waited was decided again.",
    "voice.stepped_up": "An operator showed his own voice.",
    "voice.step_up_refused": "An operator's clip was not his voice, or not his alone, or was heard before.",
    "voice.locked": "Too many misses in a row: the chat is locked until an operator unlocks it.",
    "voice.unlocked": "An operator unlocked a chat.",
    "voice.enrolled": "A speaker was enrolled: by a signed statement, whole, or by the votes on its job.",
    "voice.deleted": "A speaker's key was forgotten: by a signed statement, whole, or by votes.",
    "voice.heard": "An operator fetched a sample that waits.",
    "voice.model": "Another speaker model is in use, or another threshold; how many sessions ended with it.",
    "voice.session_revoked": "An operator ended a session before its time.",
    "attestation.minted": "An executor asked for an attestation and got it.",
    "redeem.refused": "A redemption was refused, with the code of why.",
    "key.stolen": "A former key is in other hands, by an operator's statement: nothing of it counts.",
    "key.rotated": "Another key signs from now on: an operator's statement, and the old key's word for it.",
    "policy.draft_found": "An edit on disk loosens something: it waits for a signature.",
    "policy.applied": "A policy is in force from here on.",
    "agent.added": "An agent got an identity.",
    "agent.token_issued": "A token was issued; how many old ones ended with it.",
    "agent.active": "An agent was resumed.",
    "agent.suspended": "An agent was suspended, with the code of why.",
    "agent.removed": "An agent was removed.",
    "executor.added": "An executor was added, by the signature of an operator.",
    "executor.active": "An executor was resumed.",
    "executor.suspended": "An executor was suspended.",
    "executor.removed": "An executor was removed, by a signature.",
    "operator.added": "An operator was added, by the signature of another (the first by `govd init`).",
    "operator.active": "An operator was resumed.",
    "operator.suspended": "An operator was suspended.",
    "operator.removed": "An operator was removed, by a signature; open votes are void.",
    "alarm.raised": "Something needs an operator.",
    "alarm.seen": "An operator has seen it.",
    "alarm.cleared": "Its cause is gone.",
}

FIELDS: Final[dict[str, str]] = {
    "schema": "The form of the line.",
    "seq": "Counts entries from 1, across files and epochs.",
    "event_id": "UUIDv7.",
    "source_event_id": "The sender's own id of the event, against doubles.",
    "time": "UTC with microseconds, by govd's governed clock.",
    "type": "What happened; see below.",
    "actor": "`agent:NAME`, `operator:NAME`, `executor:NAME`, `policy`, `govd`.",
    "agent": "Whose intent or job it is about.",
    "job_id": "The job.",
    "parent_job_id": "The job that this one came from.",
    "intent_id": "The intent.",
    "capability": "The tool, by name where the policy's registry knows it, else as a keyed hash.",
    "level": "The autonomy level; null in this version.",
    "decision": "`APPROVED`, `PENDING` or `DENIED`.",
    "routing": "Where it was sent: which executor.",
    "policy_sha256": "The policy that decided.",
    "context_requested": "Empty in this version.",
    "context_released": "Empty in this version.",
    "redactions": "Empty in this version.",
    "target_model": "What drove the agent, where its name is known.",
    "packager_rules": "Null in this version.",
    "payload_commitment": "Salted SHA-256 of the content; the salt is sealed with the job.",
    "details": "Codes, counts, ids and hashes. Never words.",
    "prev_hash": "SHA-256 of the raw bytes of the line before, without its line feed; of the first: zeros.",
}

EXIT_CODES: Final[dict[str, list[tuple[int, str]]]] = {
    "govd and govconsole": [
        (0, "Done."),
        (1, "Refused, or not valid."),
        (2, "Usage: the command line is wrong."),
        (3, "Unreachable: no backend answered."),
        (5, "Denied: the job was, before the vote came."),
        (6, "Expired: the job had, before the vote came."),
    ],
    "govgate exec, wait and intent (sysexits; a command that ran passes on its own)": [
        (0, "Approved; of `exec`, the command ran and ended well."),
        (64, "Usage."),
        (69, "Unreachable, or the log of the backend went back in time."),
        (75, "Held: ask again with `govgate wait`."),
        (76, "Expired: nobody decided in time."),
        (77, "Denied, cancelled, superseded or revoked; redeemed before; or refused at redemption."),
    ],
}

INTRODUCTIONS: Final[dict[str, str]] = {
    "exit_codes": """\
They are part of the interface: scripts may rely on them. 4 is kept for what is held: no command of govd or
govconsole ends with it, because a vote that counts is done, also where another person's is still needed.
With `--json`, what was refused stands on stdout too, as the problem that `errors.md` lists.
""",
    "errors": """\
Both doors answer with problem documents (RFC 9457, `application/problem+json`). `type` is
`urn:govconsole:error:` and a code of this list; `detail` says what is wrong, with the figure that shows it;
`hint` what to do; `pointer` (RFC 6901) where in the body; `retry_after` when (seconds).

""",
    "reasons": """\
Each finding of a decision carries one of these codes. The set is closed: a program may switch on it.

""",
    "settings": """\
In `govd.toml` of the state directory. `GOVD_` and the name in capitals in the environment goes before the
file, a flag before both. A key that is not listed here is refused.

""",
    "keys": """\
As they come. A keymap in `console.toml` changes them ([settings of the console](console-settings.md); names
of actions: [actions](actions.md)); `?` shows them as they are for you, and why one does not work now.
""",
    "actions": """\
Everything that the console can do: by key, on the command line (`:`), by `ctrl+p` and a few letters. A
keymap names an action as it stands here. "Decides" marks those that settle a job: they open a dialog whose
focus is on Cancel, and which is confirmed by another key than the one that opened it.

""",
    "console_settings": """\
In `console.toml` of your own directory (`govconsole locate config` says where). A name that is not listed
here is refused, and so is a keymap in which two actions fight for a key: `govconsole config check` names each
problem with its line. Nobody but you may write the file.

```toml
theme = "light"
passphrase_minutes = 10

[keys]
queue.approve = ["A"]
queue.deny = ["D", "delete"]
```

""",
    "filters": """\
The same in the queue (`/`), on its command line (`:filter`), and in `govconsole jobs list --filter`. Terms
stand beside one another and must all fit; `-` before a term turns it round; a word without a field is looked
for in the title.

```console
$ govconsole jobs list --filter 'risk>60 -agent:release-* "ledger export"'
```

""",
    "audit": """\
JSON Lines in `STATE/audit/`, one file for each UTC day, chained across files over the raw bytes of the lines.
Stream 1 says that something happened, to what, by whom and under which policy. It holds no arguments and no
words: where content matters there is a salted commitment, and the salt is sealed with the job.

`govd audit verify` checks the files alone, and with a state directory also against the database, and what
operators signed against their keys: votes, revocations, resolutions, voices, signing keys. It names the first
byte that is wrong by file, line and kind of fault.

""",
    "http_agents": """\
By default on 127.0.0.1:8200, and on one Unix socket for each agent. Every request carries
`Authorization: Bearer TOKEN`, also on loopback; `/health` (one word) and the JWKS alone are open.

Every answer carries `Gov-Head`, the signed head of the log. A client keeps the highest and sends it along, so
that a backend whose state went back in time stops. Errors: [errors.md](errors.md). The whole document, with
every model: [openapi-agents.json](openapi-agents.json).

""",
}
"""What stands above each table of the reference."""
