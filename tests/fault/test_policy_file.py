"""Edits of the policy file while govd runs: broken, tighter, looser, and from a disk that is trusted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import httpx_sse
import pytest

from govd.contract.heads import HEADER
from tests.fault.policies import body, mixed
from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.support.govd_process import Client, GovdProcess

LOOSE = mixed(count_cap=10)
TIGHT = mixed(count_cap=1)
SOMEBODY = 54_321
"""The Unix user that an agent runs as, who owns nothing here."""


class Edited:
    """A govd whose policy file is edited, and an agent that asks what it may do now."""

    def __init__(self, govd: GovdProcess, uid: int | None = None) -> None:
        assert govd.policy_file is not None
        self.govd, self.file = govd, govd.policy_file
        self.agent: Client = govd.agent(uid=uid)

    def write(self, source: str) -> str:
        """Replace the file, as an editor does, and have govd look; what it found.

        Where the edit comes into force by itself, the watcher may have been faster: `unchanged` then.
        """
        fresh = self.file.with_name("fresh")
        fresh.write_text(source, encoding="utf-8")
        fresh.chmod(0o644)
        fresh.replace(self.file)
        return self.look()

    def look(self, expect: int = 0) -> str:
        """`govd reload`."""
        return str(self.govd.govd_json("reload", "--as", "ana", expect=expect)["policy"])

    def outcome(self) -> str:
        """What becomes of a search now."""
        answer = self.agent.http.post("/v1/intents", json=body("search.web"))
        return str(answer.json()["decision"]["outcome"])

    def in_force(self) -> str:
        """The source of the policy in force."""
        return str(self.govd.operator().get("/v1/policy")["source"])

    def alarms(self) -> dict[str, dict[str, Any]]:
        """What stands, by kind."""
        found = self.govd.operator().get("/v1/alarms")["alarms"]
        return {alarm["kind"]: alarm for alarm in found}

    def trust_the_disk(self) -> None:
        """Set disk_edits, and have it taken."""
        with (self.govd.state / "govd.toml").open("a", encoding="utf-8") as settings:
            settings.write('disk_edits = "trusted"\n')
        assert self.govd.govd_json("reload", "--as", "ana")["taken"] == ["disk_edits"]


@pytest.fixture
def edited(govd_at: Callable[..., GovdProcess]) -> Edited:
    return Edited(govd_at(policy=TIGHT))


def _gone(file: Path) -> None:
    file.unlink()


def _pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:100])


def _noise(file: Path) -> None:
    file.write_bytes(bytes(range(256)) * 100)


def _huge(file: Path) -> None:
    file.write_bytes(b"# " + b"x" * (2 << 20))


def test_a_policy_file_that_is_broken_or_cannot_be_read_leaves_the_last_good_one_and_raises_an_alarm(
    edited: Edited,
):
    for number, spoil in enumerate([_gone, _pipe, _cut, _noise, _huge]):
        spoil(edited.file)
        assert edited.look(expect=1) == "broken", spoil.__name__
        assert edited.in_force() == TIGHT
        assert edited.outcome() == ("APPROVED" if number == 0 else "PENDING")
        assert "govd policy check" in edited.alarms()["policy-broken"]["mend"]

        if edited.file.is_fifo():
            edited.file.unlink()
        assert edited.write(TIGHT) == "unchanged"
        assert "policy-broken" not in edited.alarms()


def test_govd_starts_with_the_last_good_policy_while_the_file_is_broken(edited: Edited):
    _cut(edited.file)

    edited.govd.restart()

    assert edited.outcome() == "APPROVED"
    assert edited.in_force() == TIGHT
    assert edited.look(expect=1) == "broken"
    assert "policy-broken" in edited.alarms()


@pytest.mark.threat("T11")
def test_a_looser_edit_waits_as_a_draft_until_an_operator_signs_it(edited: Edited):
    """An agent that can write the policy file gives itself more: it decides nothing until a person signs."""
    assert [edited.outcome(), edited.outcome()] == ["APPROVED", "PENDING"]

    assert edited.write(LOOSE) == "draft"

    assert edited.outcome() == "PENDING"
    assert "govd policy apply" in edited.alarms()["policy-draft"]["mend"]
    edited.govd.restart()
    assert edited.outcome() == "PENDING", "a restart put the draft in force"
    govd = edited.govd
    govd.govd("policy", "apply", "--reason", "more", "--as", "ana", "--passphrase-file", govd.passphrase_file)
    assert edited.outcome() == "APPROVED"
    assert edited.in_force() == LOOSE
    assert "policy-draft" not in edited.alarms()


@pytest.mark.threat("T11")
def test_a_draft_is_not_signed_without_the_passphrase(edited: Edited):
    """Who can write the file, reach the operators' door and read the token still cannot sign."""
    edited.write(LOOSE)
    wrong = edited.govd.root / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("guessed")

    edited.govd.govd(
        "policy", "apply", "--reason", "more", "--as", "ana", "--passphrase-file", wrong, expect=1
    )

    assert edited.in_force() == TIGHT


def test_a_tighter_edit_is_in_force_without_a_signature_and_without_a_restart(
    govd_at: Callable[..., GovdProcess],
):
    edited = Edited(govd_at(policy=LOOSE))
    assert [edited.outcome(), edited.outcome()] == ["APPROVED", "APPROVED"]

    assert edited.write(TIGHT) in {"tightened", "unchanged"}

    assert edited.in_force() == TIGHT
    assert edited.outcome() == "PENDING"


def test_an_edit_is_noticed_by_itself(govd_at: Callable[..., GovdProcess]):
    edited = Edited(govd_at(policy=LOOSE))
    operator = edited.govd.operator()
    _, _, seq, *_ = edited.agent.http.get("/health").headers[HEADER].split(".")

    edited.file.write_text(TIGHT, encoding="utf-8")

    since = {"Last-Event-ID": seq}
    with httpx_sse.connect_sse(operator.http, "GET", "/v1/events", headers=since) as source:
        assert any(event.event == "policy.applied" for event in source.iter_sse())
    assert edited.in_force() == TIGHT


@pytest.mark.threat("T11")
def test_a_trusted_disk_counts_at_once_only_where_no_agent_could_have_made_the_edit(
    govd_at: Callable[..., GovdProcess],
):
    """`disk_edits: trusted`, and an agent can write the file or its folder: the edit needs a signature."""
    needs.root()
    edited = Edited(govd_at(policy=TIGHT), uid=SOMEBODY)
    edited.trust_the_disk()
    assert edited.write(LOOSE) in {"applied", "unchanged"}
    assert edited.in_force() == LOOSE

    looser = mixed(count_cap=20)
    edited.file.chmod(0o666)
    edited.file.write_text(looser, encoding="utf-8")
    assert edited.look() == "draft"
    os.chown(edited.file, SOMEBODY, -1)
    edited.file.chmod(0o644)
    assert edited.look() == "draft"
    edited.file.parent.chmod(0o777)
    os.chown(edited.file, 0, -1)
    assert edited.look() == "draft"
    assert edited.in_force() == LOOSE

    edited.file.parent.chmod(0o700)
    assert edited.look() in {"applied", "unchanged"}
    assert edited.in_force() == looser
