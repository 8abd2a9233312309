"""The page's door of a real govd: who may come in, how often, and what every answer carries."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.voice_limits import MAX_CLIP_BYTES, MAX_CLIP_SECONDS
from tests.govd.pages.conftest import clip
from tests.security.house import NOBODYS_ID, House

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.govd.pages.conftest import Browser
    from tests.support.govd_process import GovdProcess

    Browse = Callable[[str], Browser]

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "media-src blob:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    "require-trusted-types-for 'script'; trusted-types 'none'",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(self)",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cross-origin-resource-policy": "same-origin",
}


@pytest.fixture
def ticket(govd: GovdProcess, browse: Browse) -> Browser:
    """A fresh ticket of ana's, in a browser that has not opened it."""
    return browse(govd.operator().post("/v1/voice/capture", {"prompt": "Say the months."})["url"])


def state(govd: GovdProcess, browser: Browser) -> Any:
    return govd.operator().get(f"/v1/voice/capture/{browser.id}")


def refused(answer: httpx.Response, status: int, word: str) -> None:
    problem = answer.json()
    assert (answer.status_code, problem["status"]) == (status, status), answer.text
    assert word in problem["detail"]
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert "access-control-allow-origin" not in answer.headers


def listening(pid: int) -> set[tuple[str, int]]:
    """Where a process listens on TCP: the address as the kernel writes it, and the port."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # a file that it has closed since
            target = str(link.readlink())
            if target.startswith("socket:["):
                inodes.add(target[8:-1])
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text(encoding="ascii").splitlines()[1:]:
            row = line.split()
            if row[3] == "0A" and row[9] in inodes:
                address, port = row[1].rsplit(":", 1)
                found.add((address, int(port, 16)))
    return found


def test_nothing_listens_until_somebody_asks_and_then_on_loopback_alone(govd_at: Callable[..., GovdProcess]):
    govd = govd_at()
    assert govd.process is not None
    before = listening(govd.process.pid)

    url = govd.operator().post("/v1/voice/capture")["url"]
    port = int(url.split(":")[2].split("/")[0])

    assert listening(govd.process.pid) - before == {("0100007F", port)}
    assert govd.stop() == 0, "it stops while a ticket stands"


def test_a_ticket_is_opened_records_and_says_so(govd: GovdProcess, ticket: Browser):
    assert state(govd, ticket)["opened"] is False
    opened = ticket.open()
    assert opened.status_code == 200
    assert opened.json()["prompt"] == "Say the months."
    assert state(govd, ticket) | {"expires_at": ""} == {
        "id": ticket.id, "opened": True, "done": False, "seconds": 0.0, "expires_at": "",
    }  # fmt: skip

    sent = ticket.send(clip(0.5))

    assert (sent.status_code, sent.json()) == (201, {"seconds": 0.5})
    assert state(govd, ticket)["done"] is True
    assert state(govd, ticket)["seconds"] == 0.5


@pytest.mark.threat("T3")
def test_the_address_of_a_capture_page_works_once(ticket: Browser, browse: Browse):
    """Somebody finds the address in a history or over a shoulder, and opens it after its operator has."""
    assert ticket.open().status_code == 200
    other = browse(f"{ticket.page}#{ticket.token}")

    refused(other.open(), 403, "opened before")
    refused(other.send(clip()), 403, "only the page that was opened")


def test_the_page_may_be_loaded_again_by_the_browser_that_opened_it(ticket: Browser):
    ticket.open()

    assert ticket.open("").json()["prompt"] == "Say the months."


def test_a_wrong_token_spends_nothing(ticket: Browser):
    for wrong in ("", "x", ticket.token[:-1], "\u00e9" * 50, "x" * 900):
        refused(ticket.open(wrong), 403, "not whole")

    assert ticket.open().status_code == 200


def test_the_cookie_is_of_this_ticket_and_of_no_script(ticket: Browser):
    cookie = ticket.open().headers["set-cookie"]
    value, *attributes = cookie.split("; ")

    assert value.startswith("govd-capture=")
    assert len(value) == len("govd-capture=") + 43
    assert sorted(attributes) == ["HttpOnly", f"Path=/capture/{ticket.id}", "SameSite=strict"]


def test_one_tickets_cookie_opens_no_other(govd: GovdProcess, ticket: Browser, browse: Browse):
    ticket.open()
    other = browse(govd.operator().post("/v1/voice/capture", {})["url"])
    [cookie] = ticket.http.cookies.jar
    shown = {"Cookie": f"govd-capture={cookie.value}"}

    refused(other.open("", headers=shown), 403, "not whole")
    refused(other.send(clip(), headers=shown), 403, "only the page that was opened")


@pytest.mark.parametrize(
    "host",
    [
        "example.com",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.example.com:{port}",
        "127.0.0.1:{port}.example.com",
        "[::]:{port}",
        "",
    ],
)
def test_a_name_that_was_made_to_point_here_is_refused(ticket: Browser, host: str):
    name = host.format(port=ticket.http.base_url.port)
    for ask in (
        lambda: ticket.http.get(ticket.page, headers={"Host": name}),
        lambda: ticket.open(headers={"Host": name, "Origin": f"http://{name}"}),
    ):
        refused(ask(), 403, "127.0.0.1 and localhost alone")
    assert ticket.open().status_code == 200


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::1]"])
def test_the_names_of_this_machine_are_taken(ticket: Browser, name: str):
    host = f"{name}:{ticket.http.base_url.port}"

    assert ticket.open(headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        "GET /capture.js HTTP/1.0\r\n\r\n",
        "GET /capture.js HTTP/1.1\r\nHost: {host}\r\nHost: example.com\r\n\r\n",
        "GET /capture.js HTTP/1.1\r\nHost: example.com\r\nHost: {host}\r\n\r\n",
    ],
)
def test_no_host_and_two_hosts_are_refused(ticket: Browser, head: str):
    url = ticket.http.base_url
    with socket.create_connection((url.host, url.port), timeout=30) as caller:
        caller.sendall(head.format(host=f"{url.host}:{url.port}").encode())
        assert b"HTTP/1.1 403" in caller.recv(65_536)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Sec-Fetch-Site": "same-origin, cross-site"},
        {"Origin": "null"},
        {"Origin": "http://example.com"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": ""},
    ],
)
def test_another_site_sends_nothing(ticket: Browser, headers: dict[str, str]):
    port = ticket.http.base_url.port
    shown = {name: value.format(port=port) for name, value in headers.items()}

    assert ticket.open(headers=shown).status_code == 403
    assert ticket.open().status_code == 200


def test_no_origin_is_no_page(ticket: Browser):
    del ticket.http.headers["Origin"]

    refused(ticket.open(), 403, "only the page of this door")


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_another_site_leads_nobody_here(ticket: Browser, site: str):
    """It would choose for whose ticket a voice is recorded."""
    refused(ticket.http.get(ticket.page, headers={"Sec-Fetch-Site": site}), 403, "another site")


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "HEAD", "TRACE", "PATCH"])
def test_other_methods_are_none(ticket: Browser, method: str):
    answer = ticket.http.request(method, ticket.page)

    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")


@pytest.mark.parametrize(
    ("path", "kind", "begins"),
    [
        ("/capture/x", "text/html; charset=utf-8", "<!doctype html>"),
        ("/capture.js", "text/javascript; charset=utf-8", "// The capture page"),
        ("/wav.js", "text/javascript; charset=utf-8", "// A WAV file"),
        ("/recorder.js", "text/javascript; charset=utf-8", "// Runs beside the sound"),
        ("/capture.css", "text/css; charset=utf-8", ":root"),
        ("/nothing", "application/problem+json", "{"),
        ("/static/capture.js", "application/problem+json", "{"),
        ("/..%2f..%2f..%2fetc/passwd", "application/problem+json", "{"),
        ("/v1/overview", "application/problem+json", "{"),
        ("/health", "application/problem+json", "{"),
    ],
)
def test_what_is_there_and_what_every_answer_carries(ticket: Browser, path: str, kind: str, begins: str):
    answer = ticket.http.get(path)

    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    assert set(answer.headers) - set(HEADERS) == {"date", "content-length", "content-type"}
    assert answer.headers["content-type"] == kind
    assert answer.text.startswith(begins)


def test_the_page_names_nothing_outside_of_this_door():
    static = Path(__file__).parents[3] / "backend" / "govd" / "pages" / "static"
    texts = {path.name: path.read_text(encoding="utf-8") for path in static.iterdir()}

    assert set(texts) == {"capture.html", "capture.css", "capture.js", "recorder.js", "wav.js"}
    outside = ("http:", "https:", "innerHTML", "eval(", "url(", "import(", "@import")
    assert [name for name, text in texts.items() if any(word in text for word in outside)] == []
    assert "style=" not in texts["capture.html"]
    assert " on" not in texts["capture.html"].replace(" one", "")


def test_one_clip_and_no_second(govd: GovdProcess, ticket: Browser):
    ticket.open()
    ticket.send(clip(0.1))

    refused(ticket.send(clip(0.2)), 409, "one clip")
    refused(ticket.open(""), 409, "sent already")
    assert state(govd, ticket)["seconds"] == 0.1


@pytest.mark.threat("T18")
def test_a_clip_beyond_the_limits_is_refused_and_another_may_be_sent(ticket: Browser):
    """Somebody sends more than a clip may have, also without saying how much it will be."""
    ticket.open()
    too_much = (b"\0" * 65_536 for _ in range(MAX_CLIP_BYTES // 65_536 + 1))

    refused(ticket.send(bytes(MAX_CLIP_BYTES + 1)), 413, "at most")
    refused(ticket.send(too_much), 413, "at most")
    refused(ticket.send(clip(MAX_CLIP_SECONDS + 0.1, rate=8_000)), 422, "at most 120 s")
    refused(ticket.send(b"OggS" + b"\0" * 500), 422, "one WAV file")
    refused(ticket.send(clip(), kind="audio/ogg"), 422, "audio/wav")

    assert ticket.send(clip(MAX_CLIP_SECONDS, rate=8_000)).status_code == 201


def test_an_upload_that_breaks_off_may_be_made_again(govd: GovdProcess, ticket: Browser):
    ticket.open()
    [cookie] = ticket.http.cookies.jar
    url = ticket.http.base_url
    head = [
        f"POST /capture/{ticket.id}/clip HTTP/1.1", f"Host: {url.host}:{url.port}", f"Origin: {ticket.base}",
        f"Cookie: govd-capture={cookie.value}", "Content-Type: audio/wav", "Content-Length: 1000",
        "Expect: 100-continue", "", "",
    ]  # fmt: skip
    with socket.create_connection((url.host, url.port), timeout=30) as caller:
        caller.sendall("\r\n".join(head).encode())
        assert b"100 Continue" in caller.recv(100), "it waits for the clip"
        refused(ticket.send(clip()), 409, "on its way")

    # That the caller has gone is seen a moment later.
    assert set(iter(lambda: ticket.send(clip()).status_code, 201)) <= {409}
    assert state(govd, ticket)["done"] is True


def test_nothing_of_a_clip_or_a_secret_is_written_down(govd: GovdProcess, ticket: Browser):
    mark = os.urandom(4)
    cookie = ticket.open().cookies["govd-capture"]
    ticket.send(clip(0.5, fill=mark))
    secrets = [mark * 8, ticket.token.encode(), cookie.encode()]

    files: dict[Path, bytes] = {}
    for path in govd.root.rglob("*"):
        if path.is_file():
            with suppress(FileNotFoundError):  # what remembers the head is written beside itself, and renamed
                files[path] = path.read_bytes()
    found = [path.name for path, data in files.items() if any(secret in data for secret in secrets)]

    assert len(files) > 5
    assert found == []


def test_an_agent_gets_no_ticket(govd: GovdProcess, ticket: Browser):
    agent = govd.agent("spy")

    assert agent.http.post("/v1/voice/capture", json={}).status_code == 404
    assert agent.http.get(f"/v1/voice/capture/{ticket.id}").status_code == 404
    ana = govd.operator()
    shown = {"Authorization": f"Bearer {agent.token}"}
    assert ana.http.post("/v1/voice/capture", json={}, headers=shown).status_code == 403


def test_another_operator_sees_no_ticket(govd: GovdProcess):
    house = House.furnish(govd)
    mine = house.ana.post("/v1/voice/capture")["id"]
    ben = house.operator("ben")

    assert house.ana.get(f"/v1/voice/capture/{mine}")["id"] == mine
    theirs, nobodys = (ben.http.get(f"/v1/voice/capture/{one}") for one in (mine, NOBODYS_ID))
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.content == nobodys.content
    house.close()


def test_a_recorded_clip_is_taken_once_by_the_operators_routes(govd: GovdProcess, ticket: Browser):
    ana, use = govd.operator().http, {"capture": ticket.id}
    ticket.open()
    early = ana.post("/v1/voice/verify", json=use)
    ticket.send(clip(3))

    taken, again = (ana.post("/v1/voice/verify", json=use) for _ in range(2))

    assert (early.status_code, again.status_code) == (409, 409)
    assert "nothing was recorded" in early.json()["detail"]
    assert "taken already" in again.json()["detail"]
    # Silence, and no model: what comes is about the clip, and no more about the ticket.
    assert taken.status_code not in {404, 409}, taken.text


@pytest.mark.parametrize("body", ["[]", "{}", '{"token": 1}', "x", ""])
def test_what_is_no_exchange_is_refused(ticket: Browser, body: str):
    answer = ticket.http.post(f"{ticket.page}/open", content=body)

    assert answer.status_code in {400, 422}
    assert ticket.open().status_code == 200


def test_a_prompt_is_short_text(govd: GovdProcess, browse: Browse):
    ana = govd.operator()

    assert ana.http.post("/v1/voice/capture", json={"prompt": "x" * 401}).status_code == 422
    assert ana.http.post("/v1/voice/capture", json={"prompt": 1}).status_code == 422
    shown = (
        browse(ana.post("/v1/voice/capture", {"prompt": "a\x1b[2Jb\u202ec"})["url"]).open().json()["prompt"]
    )
    assert "\x1b" not in shown
    assert "\u202e" not in shown
