"""The chain, as pure functions over bytes: how a line is made, linked, read back, and closed when torn.

Must never hash anything but the raw bytes of a line, and must know exactly one form of recovery.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import orjson

from govd.audit.model import GENESIS, MAX_LINE, SCHEMA

if TYPE_CHECKING:
    from collections.abc import Mapping

    from govd.audit.model import Entry

FIELDS: Final = (
    "schema",
    "seq",
    "event_id",
    "source_event_id",
    "time",
    "type",
    "actor",
    "agent",
    "job_id",
    "parent_job_id",
    "intent_id",
    "capability",
    "level",
    "decision",
    "routing",
    "policy_sha256",
    "context_requested",
    "context_released",
    "redactions",
    "target_model",
    "packager_rules",
    "payload_commitment",
    "details",
    "prev_hash",
)
"""The envelope: every line has exactly these keys, in this order."""

DAY_FILE: Final = re.compile(r"\d{4}-\d\d-\d\d\.jsonl")
RECOVERY_SCHEMA: Final = "govd.audit.recovery/1"

OPENED: Final = "log.opened"
EPOCH: Final = "log.epoch_opened"
RECOVERED: Final = "log.recovered"

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d\.\d{6}Z")
_DATE_LENGTH: Final = 10


def digest(line: bytes) -> str:
    """SHA-256 of a line's raw bytes, its line feed left out, in hex."""
    return hashlib.sha256(line).hexdigest()


def link_of(line: bytes) -> str:
    """The `prev_hash` of a line of ours, read off its end: parsing many lines would be slow."""
    return line[-66:-2].decode("ascii", "replace")


def day_file(time: str) -> str:
    """The name of the file that an entry of that time stands in."""
    return time[:_DATE_LENGTH] + ".jsonl"


def time_text(moment: datetime) -> str:
    """A UTC instant as lines carry it."""
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _text(value: str | None) -> str:
    # Entry has refused whatever would need an escape, so that quotes are all that is missing.
    return "null" if value is None else f'"{str.__str__(value)}"'


def _list(values: tuple[str, ...]) -> str:
    return _encode(values) if values else "[]"


def _details(details: Mapping[str, Any]) -> str:
    # Entry has seen to it that all of it is ASCII and within 64 bits.
    return orjson.dumps(details).decode() if type(details) is dict else _encode(dict(details))


def render(entry: Entry, *, seq: int, event_id: str, time: str, prev_hash: str) -> bytes:
    """The line of an entry, without its line feed.

    Raises:
        ValueError: longer than `MAX_LINE`.
    """
    line = (
        f'{{"schema":"{SCHEMA}","seq":{seq},"event_id":"{event_id}",'
        f'"source_event_id":{_text(entry.source_event_id)},"time":"{time}","type":"{entry.type}",'
        f'"actor":{_text(entry.actor)},"agent":{_text(entry.agent)},"job_id":{_text(entry.job_id)},'
        f'"parent_job_id":{_text(entry.parent_job_id)},"intent_id":{_text(entry.intent_id)},'
        f'"capability":{_text(entry.capability)},"level":{"null" if entry.level is None else entry.level},'
        f'"decision":{_text(entry.decision)},"routing":{_text(entry.routing)},'
        f'"policy_sha256":{_text(entry.policy_sha256)},'
        f'"context_requested":{_list(entry.context_requested)},'
        f'"context_released":{_list(entry.context_released)},"redactions":{_list(entry.redactions)},'
        f'"target_model":{_text(entry.target_model)},"packager_rules":{_text(entry.packager_rules)},'
        f'"payload_commitment":{_text(entry.payload_commitment)},'
        f'"details":{_details(entry.details)},"prev_hash":"{prev_hash}"}}'
    ).encode("ascii")
    if len(line) > MAX_LINE:
        raise ValueError(f"an audit entry of {len(line)} bytes: at most {MAX_LINE} are written")
    return line


@dataclass(frozen=True, slots=True)
class Parsed:
    """What the chain needs of a line."""

    seq: int
    time: str
    type: str
    prev_hash: str
    digest: str
    agent: str | None
    job: str | None
    intent: str | None
    actor: str | None
    details: dict[str, Any]

    @property
    def moment(self) -> datetime:
        """Its time, as an instant."""
        return datetime.fromisoformat(self.time)


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def parse(line: bytes) -> Parsed | None:
    """The line taken apart; None where it has not the form of an entry."""
    value = _loads(line)
    if value is None or tuple(value) != FIELDS or value["schema"] != SCHEMA:
        return None
    seq, time, kind, previous = value["seq"], value["time"], value["type"], value["prev_hash"]
    if type(seq) is not int or seq < 1 or not isinstance(value["details"], dict):
        return None
    if not (isinstance(kind, str) and _is_time(time) and _is(previous, _DIGEST)):
        return None
    names = value["agent"], value["job_id"], value["intent_id"], value["actor"]
    if not all(name is None or isinstance(name, str) for name in names):
        return None
    return Parsed(seq, time, kind, previous, digest(line), *names, value["details"])


def _loads(line: bytes) -> dict[str, Any] | None:
    if len(line) > MAX_LINE:
        return None
    try:
        value = json.loads(line.decode("ascii"), object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _is(value: object, form: re.Pattern[str]) -> bool:
    return isinstance(value, str) and form.fullmatch(value) is not None


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not _TIME.fullmatch(value):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def recovery_note(after_seq: int, after_hash: str, torn: bytes) -> bytes:
    """The line that closes a torn tail: it names the last whole entry and hashes what stands after it.

    It is no entry and no leaf: the entry `log.recovered`, further down the chain, vouches for it.
    """
    return _encode(
        {
            "schema": RECOVERY_SCHEMA,
            "after_seq": after_seq,
            "after_hash": after_hash,
            "torn_bytes": len(torn),
            "torn_sha256": hashlib.sha256(torn).hexdigest(),
        }
    ).encode("ascii")


def parse_note(line: bytes) -> tuple[int, str] | None:
    """`after_seq` and `after_hash` of a note that closes a torn tail; None where the line is none."""
    value = _loads(line)
    if value is None or value.get("schema") != RECOVERY_SCHEMA:
        return None
    seq, after = value.get("after_seq"), value.get("after_hash")
    return (seq, str(after)) if type(seq) is int and _is(after, _DIGEST) else None


def _is_torn(part: bytes, whole: bytes) -> bool:
    """Whether a crash leaves `whole` as `part`: its beginning, then perhaps the zeros of unwritten blocks."""
    return whole.startswith(part.rstrip(b"\0"))


@dataclass
class Torn:
    """A torn tail being followed, after the last whole entry (`after_seq`, `after_hash`).

    A recovery can itself be torn, any number of times. So the region grows: each part is the beginning
    of the entry, or the beginning of the note that closes what came before it.

    Attributes:
        region: All bytes since the last whole entry, without the line feed at their end.
        entries: The parts that must turn out to begin the entry that follows, each with where it ends.
        closed: Whether the last part was a whole note, so that the entry may follow.
    """

    after_seq: int
    after_hash: str
    region: bytes
    entries: list[tuple[int, bytes]] = field(default_factory=list)
    closed: bool = False
    note_bytes: int = 0

    @classmethod
    def begin(cls, after_seq: int, after_hash: str, part: bytes) -> Torn:
        """The first part: the beginning of an entry."""
        return cls(after_seq, after_hash, part, [(len(part), part)])

    @property
    def note(self) -> bytes:
        """The note that closes the region as it stands."""
        return recovery_note(self.after_seq, self.after_hash, self.region)

    @property
    def found(self) -> bytes:
        """The region as the last recovery finds it: without the note that closes it."""
        return self.region[: len(self.region) - self.note_bytes] if self.closed else self.region

    def details(self) -> dict[str, int | str]:
        """What the entry says that speaks for these bytes."""
        return {"after": self.after_seq, "torn_bytes": len(self.found), "torn_sha256": digest(self.found)}

    def extend(self, part: bytes) -> bool:
        """Follow one more line that is not the entry; False where it fits no recovery."""
        self.region += b"\n"
        if self.closed:
            self.entries.append((len(self.region) + len(part), part))
            self.closed = False
        elif part == (note := recovery_note(self.after_seq, self.after_hash, self.region[:-1])):
            self.closed, self.note_bytes = True, len(note) + 1
        elif not _is_torn(part, note):
            return False
        self.region += part
        return True

    def fits(self, line: bytes, parsed: Parsed) -> bool:
        """Whether this entry is the one that every torn part began.

        An epoch's first entry may follow a torn one that was lost with the database: it names the bytes.
        """
        spoken_for = 0
        if parsed.type == EPOCH and speaks_for(parsed, self.region):
            spoken_for = int(parsed.details["torn_bytes"])
        return all(_is_torn(part, line) for end, part in self.entries if end > spoken_for)


def speaks_for(parsed: Parsed, region: bytes) -> bool:
    """Whether an entry names these torn bytes, or what a recovery that was itself torn found of them."""
    length = parsed.details.get("torn_bytes")
    if type(length) is not int or not 0 < length <= len(region):
        return False
    return parsed.details.get("torn_sha256") == digest(region[:length])


@dataclass
class Chain:
    """Where a reader of the log stands.

    Attributes:
        seq: The last entry read; 0 before the first.
        digest: Of its raw line.
        torn: What stands after it and is no entry yet.
    """

    seq: int = 0
    digest: str = GENESIS
    torn: Torn | None = None

    def accepts(self, line: bytes, parsed: Parsed) -> bool:
        """Whether this entry comes next, here and by this chain."""
        if parsed.seq != self.seq + 1 or parsed.prev_hash != self.digest:
            return False
        return self.torn is None or (self.torn.closed and self.torn.fits(line, parsed))

    def advance(self, parsed: Parsed) -> None:
        """Stand on that entry."""
        self.seq, self.digest, self.torn = parsed.seq, parsed.digest, None

    def tear(self, part: bytes) -> bool:
        """Follow a line that is not the next entry; False where it is no torn tail and no recovery."""
        if self.torn is None:
            self.torn = Torn.begin(self.seq, self.digest, part)
            return part != b""
        return self.torn.extend(part)
