"""A checked document and its prepared form. Pure but for the time zone's file, which is read once, here."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from govd.contract.channels import public_key
from govd.policy import cel, domains
from govd.policy.blocks import CAPABILITIES, PolicyDocument, duration
from govd.policy.globs import Patterns
from govd.policy.model import (
    CompiledChannel,
    CompiledDomains,
    CompiledLimit,
    CompiledPolicy,
    CompiledRule,
    CompiledVoice,
)

if TYPE_CHECKING:
    from govd.policy.blocks import CustomRule, Domains, SoftLimit, Voice


def compile_document(document: PolicyDocument, *, sha256: str, source: bytes) -> CompiledPolicy:
    """Prepare a document.

    Raises:
        ExpressionError: a CEL rule does not compile.
        InvalidRequestError: a domain entry is none.
        KeyError: the time zone is unknown (`ZoneInfoNotFoundError`), or ValueError: it is no zone's name.
    """
    tool_calls = document.tool_calls
    custom = tuple(_rule(rule) for rule in document.custom)
    return CompiledPolicy(
        sha256=sha256,
        source=source,
        document=document,
        name=document.name,
        zone=ZoneInfo(document.timezone),
        registry=Patterns(tuple(document.tools)),
        origins=None if document.origins is None else Patterns(tuple(document.origins)),
        allow=Patterns(tuple(tool_calls.allow)),
        deny=Patterns(tuple(tool_calls.deny)),
        hold=Patterns(tuple(tool_calls.hold)),
        effects=Patterns(tuple(tool_calls.effects)),
        domains=None if tool_calls.domains is None else _domains(tool_calls.domains),
        amounts=Patterns(tuple(document.amounts)),
        custom=custom,
        limits=tuple(_limit(rule) for rule in document.soft_limits),
        reads_arguments=frozenset(
            kind for rule in custom for kind in rule.programs if "arguments" in rule.rule.expression
        ),
        hold_ttl=duration(document.holds.ttl),
        attestation_ttl=duration(document.attestation.ttl),
        approval_ttl=duration(document.attestation.approval),
        reason_required=document.holds.reason_required,
        voice=None if document.voice is None else _voice(document.voice),
        hold_voice=document.holds.voice == "required",
        change_voice=document.policy_changes.looser.voice == "required",
    )


def _rule(rule: CustomRule) -> CompiledRule:
    return CompiledRule(rule, {kind: cel.compile_expression(rule.expression, kind) for kind in rule.kinds})


def _limit(rule: SoftLimit) -> CompiledLimit:
    return CompiledLimit(
        rule=rule,
        limit=rule.limit,
        kinds=None if rule.match.kinds is None else frozenset(rule.match.kinds),
        tools=None if rule.match.tools is None else Patterns(tuple(rule.match.tools)),
    )


def _voice(block: Voice) -> CompiledVoice:
    return CompiledVoice(
        owner=block.owner,
        scope=tuple(name for name in CAPABILITIES if name in block.admin_scope),
        session=duration(block.session),
        low_confidence=block.low_confidence,
        hold=block.text_only == "hold",
        messages=block.messages.model_dump(),
        tools={name: Patterns(tuple(globs)) for name, globs in block.tools.items()},
        files={name: Patterns(tuple(globs)) for name, globs in block.files.items()},
        channels={
            name: CompiledChannel(public_key(one.key), tuple(one.senders))
            for name, one in block.channels.items()
        },
        phrase=block.phrase,
    )


def _domains(block: Domains) -> CompiledDomains:
    return CompiledDomains(
        default=block.default,
        allow=tuple(domains.rule(text) for text in block.allow),
        deny=tuple(domains.rule(text) for text in block.deny),
    )
