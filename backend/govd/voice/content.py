"""What is sealed of a speaker and of a waiting sample: under a key of the speaker's own, or of the job.

Must never hold audio of an enrollment, and never keep the key of one that was deleted.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from govd.contract.voicechange import VoiceChangeSubmission
from govd.times import micros
from govd.voice.rules import SCORE_SCALE, lowest_agreement, mean, vector

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from govd.contract.voice import ModelView
    from govd.sealing import JobKey, StateKey

_MILLION = 1_000_000


@dataclass(frozen=True)
class Sample:
    """One sample of a template.

    Attributes:
        embedding: Little-endian float32 of length 1.
        net_ms: Its speech, in milliseconds.
        source: `operator:NAME` or `agent:NAME`: who brought it.
        heard: Whether a person knows what it is: brought it, or listened to it before he approved it.
    """

    embedding: bytes = field(repr=False)
    net_ms: int
    source: str
    heard: bool = True

    def json(self) -> dict[str, Any]:
        """As it is sealed."""
        return {
            "embedding": _text(self.embedding),
            "net_ms": self.net_ms,
            "source": self.source,
            "heard": self.heard,
        }

    @classmethod
    def read(cls, value: Mapping[str, Any]) -> Sample:
        """From what was sealed."""
        return cls(
            base64.b64decode(value["embedding"]),
            int(value["net_ms"]),
            str(value["source"]),
            value["heard"] is True,
        )


@dataclass(frozen=True)
class Template:
    """What a speaker is recognised by: the mean of all samples, and the samples."""

    centroid: bytes = field(repr=False)
    samples: tuple[Sample, ...] = field(repr=False)
    score_scale: str
    model: str
    model_sha256: str
    consent: Mapping[str, str]
    signed: VoiceChangeSubmission | None = None
    """The statement that its operator signed, with the salt that opens it; None: a vote let it in."""

    @classmethod
    def of(
        cls,
        samples: Sequence[Sample],
        model: ModelView,
        consent: Mapping[str, str],
        signed: VoiceChangeSubmission | None = None,
    ) -> Template:
        """The template of these samples, all of them made by that model."""
        centroid = mean([vector(item.embedding) for item in samples]).tobytes()
        return cls(centroid, tuple(samples), SCORE_SCALE, model.id, model.sha256, dict(consent), signed)

    @property
    def net_ms(self) -> int:
        """Speech in all samples, in milliseconds."""
        return sum(item.net_ms for item in self.samples)

    @property
    def heard(self) -> bool:
        """Whether a person knows each sample; without it there is no admin scope (threats T24)."""
        return all(item.heard for item in self.samples)

    @property
    def agreement(self) -> float:
        """The lowest leave-one-out cosine."""
        return lowest_agreement([vector(item.embedding) for item in self.samples])


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def speaker_name(name: str, enrolment: str) -> str:
    """What a template is sealed as: it fits no other speaker and no other enrollment."""
    return f"speaker:{name}:{enrolment}"


def row(name: str, enrolment: str, template: Template, state_key: StateKey) -> dict[str, Any]:
    """The columns that follow from a template, under a fresh key."""
    key = state_key.new_job_key()
    value = {
        "centroid": _text(template.centroid),
        "samples": [item.json() for item in template.samples],
        "score_scale": template.score_scale,
        "model": template.model,
        "model_sha256": template.model_sha256,
        "consent": dict(template.consent),
        "signed": None if template.signed is None else template.signed.model_dump(mode="json"),
    }
    return {
        "name": name,
        "enrolment": enrolment,
        "wrapped_key": key.wrapped,
        "sealed": key.seal(value, speaker_name(name, enrolment)),
        "samples": len(template.samples),
        "net_ms": template.net_ms,
        "agreement": round(template.agreement * _MILLION),
        "heard": int(template.heard),
        "model": template.model,
        "model_sha256": template.model_sha256,
    }


def template(found: Mapping[Any, Any], state_key: StateKey) -> Template:
    """The template of a row.

    Raises:
        IntegrityError: altered, of another row, or under another state key.
    """
    key = state_key.unwrap(found["wrapped_key"])
    value = key.open(found["sealed"], speaker_name(found["name"], found["enrolment"]))
    return Template(
        base64.b64decode(value["centroid"]),
        tuple(Sample.read(item) for item in value["samples"]),
        value["score_scale"],
        value["model"],
        value["model_sha256"],
        value["consent"],
        None if value.get("signed") is None else VoiceChangeSubmission.model_validate(value["signed"]),
    )


def consent(version: str, text: str, at: datetime, by: str) -> dict[str, str]:
    """A record of consent: what was agreed to, when, and who says so."""
    return {"version": version, "text": text, "at": at.isoformat(), "at_us": str(micros(at)), "by": by}


def request_name(request: str, part: str) -> str:
    """What the two parts of a waiting request are sealed as."""
    return f"voice-{part}:{request}"


def seal_sample(key: JobKey, request: str, sample: Sample, model: ModelView, salt: bytes) -> bytes:
    """What approval will need of a waiting sample; its audio is sealed apart."""
    value = sample.json() | {"model": model.id, "model_sha256": model.sha256, "salt": salt.hex()}
    return key.seal(value, request_name(request, "sample"))


def open_sample(key: JobKey, found: Mapping[Any, Any]) -> tuple[Sample, str]:
    """A waiting sample, and the hash of the model that made its embedding."""
    value = key.open(found["sealed"], request_name(found["id"], "sample"))
    return Sample.read(value), str(value["model_sha256"])
