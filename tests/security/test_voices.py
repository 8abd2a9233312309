"""Voices against those who would be somebody else: at the doors, by names, by size, by what is left behind.

T23 and T24 as far as they need no audio are in tests/govd/voice; here a real govd and its decoder answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.voice_limits import MAX_CLIP_BYTES
from tests.security.house import NOBODYS_ID, problem
from tests.support import speech

if TYPE_CHECKING:
    from tests.security.house import House

NAMES = (
    "../../x",
    "..",
    ".hidden",
    "a/b",
    "a\\b",
    "owner\x00",
    "owner ",
    "Owner",
    "öwner",
    "x" * 65,
    "",
    "-",
    "unknown",
    "%2e%2e",
)
"""No name of a speaker: paths, hidden files, other spellings of the owner's."""


def sent(house: House, path: str, data: bytes, **fields: str) -> Any:
    return house.bot.http.post(path, files={"file": ("../../etc/passwd", data)}, data=fields)


@pytest.mark.threat("T24")
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/voice"),
        ("POST", "/v1/voice/drafts"),
        ("POST", f"/v1/voice/drafts/{NOBODYS_ID}/samples"),
        ("POST", f"/v1/voice/drafts/{NOBODYS_ID}/save"),
        ("POST", "/v1/voice/speakers/owner/delete"),
        ("GET", f"/v1/voice/waiting/{NOBODYS_ID}"),
        ("POST", "/v1/voice/step-up"),
        ("DELETE", f"/v1/voice/sessions/{NOBODYS_ID}"),
        ("DELETE", "/v1/voice/locks/bot/-"),
    ],
)
def test_an_agent_reaches_no_operators_route_by_either_door(house: House, method: str, path: str):
    """An agent enrolls, deletes, listens or unlocks with its own token."""
    with house.unmoved():
        assert house.bot.http.request(method, path).status_code in {404, 405}
        token = {"Authorization": f"Bearer {house.bot.token}"}
        problem(house.ana.http.request(method, path, headers=token), 403, "forbidden")


def test_executors_have_no_part_in_it(house: House):
    with house.unmoved():
        for method, path in (
            ("POST", "/verify"),
            ("POST", "/enroll"),
            ("GET", "/speakers"),
            ("DELETE", "/speakers/owner"),
            ("GET", "/v1/voice/session"),
        ):
            problem(house.runner.http.request(method, path), 403, "forbidden")


def test_nobody_is_verified_without_a_token(house: House):
    with house.unmoved(), house.with_token("x") as nobody:
        problem(nobody.post("/verify", files={"file": b"x"}), 401, "unauthenticated")


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_a_path_or_a_likeness_is_refused(house: House, name: str):
    with house.unmoved():
        problem(sent(house, "/enroll", b"RIFF", name=name), 422, "invalid-request")
    assert not [path for path in house.govd.root.rglob("*") if path.name in {"passwd", "x", "x.wav"}]


@pytest.mark.parametrize(
    "path", ["/speakers/..%2f..%2fx", "/speakers/%2e%2e", "/speakers/Owner", "/speakers/a%00"]
)
def test_a_path_that_is_a_trick_finds_nobody(house: House, path: str):
    with house.unmoved():
        assert house.bot.http.delete(path).status_code in {404, 405, 422}


@pytest.mark.parametrize("chat", ["a b", "x" * 129, "../x", "\x1b[31m", "a\nb"])
def test_a_chat_that_no_channel_has_is_refused(house: House, chat: str):
    with house.unmoved():
        problem(sent(house, "/verify", b"RIFF", chat=chat), 422, "invalid-request")


@pytest.mark.threat("T23")
@pytest.mark.parametrize("field", ["threshold", "speaker", "model", "scores", "verified"])
def test_a_caller_sets_no_threshold_and_no_result(house: House, field: str):
    """An agent sends along what it would like to hear."""
    with house.unmoved():
        problem(sent(house, "/verify", b"RIFF", **{field: "0"}), 422, "invalid-request")


def test_a_file_that_is_too_long_is_refused_and_costs_nothing(house: House):
    with house.unmoved():
        problem(sent(house, "/verify", b"\0" * (MAX_CLIP_BYTES + 1)), 413, "body-too-large")


def test_what_is_no_audio_is_refused_by_the_decoder(house: House):
    with house.unmoved():
        problem(sent(house, "/verify", b"GIF89a" * 100), 422, "clip-refused")
        problem(sent(house, "/enroll", b"RIFF", name="owner"), 422, "clip-refused")


def test_without_a_model_it_fails_closed_in_the_words_of_the_skill(house: House):
    with house.unmoved():
        said = problem(sent(house, "/verify", speech.tone(1.0)), 503, "voice-unavailable")
        assert "voice verification service is down" in said["message"]
        assert said["hint"].startswith("govd voice model ")
        problem(sent(house, "/enroll", speech.tone(1.0), name="owner"), 503, "voice-unavailable")
        assert house.bot.http.get("/health").json()["status"] == "degraded"
