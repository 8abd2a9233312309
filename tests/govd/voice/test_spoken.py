"""What was asked for with the owner's voice is approved unless that session was taken back since."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import TYPE_PREFIX
from tests.support.operator import answer
from tests.support.voices import clip

if TYPE_CHECKING:
    import httpx

    from tests.support.voices import VoiceHouse

CHANNEL = "channel:family"


def asked(house: VoiceHouse) -> str:
    """An admin request with the owner's voice; the job that it waits in."""
    house.enroll("owner")
    house.enroll("guest")
    assert answer(house.verify(clip("owner", "asks"), "family"))["admin"]
    body = {"kind": "secret_read", "action": {"name": "prod/api-key"}, "origin": CHANNEL}
    sent = answer(house.agent().ask("POST", "/v1/intents", json=body))
    codes = {finding["code"] for finding in sent["decision"]["findings"]}
    assert (sent["state"], "voice-verified" in codes) == ("held", True)
    return str(sent["job"])


def refused(response: httpx.Response) -> bool:
    body = response.json()
    if response.is_success:
        return False
    assert (response.status_code, body["type"]) == (403, TYPE_PREFIX + "forbidden")
    assert "taken back" in body["detail"]
    return True


@pytest.mark.threat("T23")
@pytest.mark.parametrize("how", ["revoked", "deleted", "enrolled anew", "another voice"])
def test_a_request_whose_session_was_taken_back_is_not_approved(house: VoiceHouse, how: str):
    """A stolen voice note asks for a credential; the session is revoked, and the request waits on."""
    job = asked(house)
    if how == "revoked":
        (standing,) = house.picture()["sessions"]
        answer(house.operator().ask("DELETE", f"/v1/voice/sessions/{standing['id']}"))
    elif how == "deleted":
        answer(house.delete("owner"))
    elif how == "enrolled anew":
        house.enroll("owner", prefix="again")
    else:
        answer(house.verify(clip("guest", 1), "family"))

    assert refused(house.vote(job))

    if how == "revoked":
        answer(house.verify(clip("owner", "once more"), "family"))
        assert not refused(house.vote(job))
    else:
        assert answer(house.vote(job, "deny"))["state"] == "denied"


def test_a_request_outlives_a_session_that_ran_out(house: VoiceHouse):
    job = asked(house)

    house.times.go_on(3 * 3600)

    assert not refused(house.vote(job))
