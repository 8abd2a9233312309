"""The page in a real browser whose microphone hears a file: opened, recorded, sent, and that arrives."""

from __future__ import annotations

import http.server
import io
import json
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import soxr

from tests.support import speech
from tests.support.chromium import Chromium

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.govd.pages.conftest import Alone
    from tests.support.chromium import Page

READY = "!document.getElementById('recorder').hidden && document.getElementById('status').textContent"
STATUS = "document.getElementById('status').textContent"
PROMPT = "Describe <b>the way</b> from your door & back."


@pytest.fixture(scope="module")
def heard() -> bytes:
    return speech.speak("us-m3", speech.TEXTS[0])


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory, heard: bytes) -> Iterator[Chromium]:
    file = tmp_path_factory.mktemp("heard") / "heard.wav"
    file.write_bytes(heard)
    with Chromium(file) as browser:
        yield browser


def says(page: Page, words: str) -> str:
    """Wait until the page says so."""
    said: str = page.until(f"{STATUS}.includes({json.dumps(words)}) && {STATUS}")
    return said


def alike(one: Any, other: Any) -> float:
    """The best normalised correlation of `one` with any stretch of `other` of its length."""
    one = (one - one.mean()) / (np.linalg.norm(one - one.mean()) + 1e-9)
    size = 1 << int(np.ceil(np.log2(len(one) + len(other))))
    products = np.fft.irfft(np.fft.rfft(other, size) * np.conj(np.fft.rfft(one, size)), size)
    energy = np.cumsum(np.concatenate([[0.0], other**2]))
    norms = np.sqrt(energy[len(one) :] - energy[: -len(one)]) + 1e-9
    return float(np.max(products[: len(norms)] / norms))


def test_a_clip_is_recorded_heard_again_and_sent(alone: Alone, chromium: Chromium, heard: bytes):
    issued, url = alone.issue(prompt=PROMPT)
    page = chromium.page()
    page.go(url)
    page.until(READY)
    assert page.run("document.getElementById('prompt').textContent") == PROMPT
    assert page.run("location.href") == url.partition("#")[0], "the token does not stay in the address"
    assert page.run("document.cookie") == ""

    page.click("#record")
    says(page, "Recording.")
    page.until("parseFloat(document.getElementById('elapsed').textContent) > 2.4")
    level = page.run("document.getElementById('level').value")
    page.click("#stop")
    page.until("!document.getElementById('send').hidden")
    assert page.run("document.getElementById('playback').src").startswith("blob:")
    assert not alone.captures.state(issued.id, "ana").done, "nothing is sent before it is asked for"
    shown = page.run("parseFloat(document.getElementById('elapsed').textContent)")
    page.click("#send")
    says(page, "Sent:")

    data, rate = soundfile.read(io.BytesIO(alone.captures.take(issued.id, "ana")), dtype="float32")
    received = soxr.resample(data, rate, speech.RATE)
    source = speech.samples(heard)
    seconds = len(received) / speech.RATE
    assert seconds > 2.4
    assert seconds == pytest.approx(shown, abs=0.1), "as long as was shown, however late it was stopped"
    assert -60 < level < 0
    piece = received[speech.RATE // 2 : speech.RATE * 3 // 2]
    assert alike(piece, np.concatenate([source, source, source])) > 0.95
    assert alike(piece, np.tile(speech.samples(speech.speak("us-f2", speech.TEXTS[1])), 3)) < 0.5
    assert 0.3 < np.std(piece) / np.std(source) < 3
    assert page.complaints() == [], "the content security policy fits its own page"


def test_a_denied_microphone_is_said_in_words_and_may_be_tried_again(alone: Alone, chromium: Chromium):
    page = chromium.page(microphone="denied")
    page.go(alone.issue()[1])
    page.until(READY)

    page.click("#record")

    assert "Allow it beside the address" in says(page, "denied to this page")
    assert not page.run("document.getElementById('record').hidden")


def test_a_page_can_be_recorded_again_and_loaded_again_but_not_opened_twice(alone: Alone, chromium: Chromium):
    issued, url = alone.issue()
    page = chromium.page()
    page.go(url)
    page.until(READY)
    page.go("about:blank")
    page.go(url.partition("#")[0])
    page.until(READY)
    for again in ("#record", "#again"):
        page.click(again)
        says(page, "Recording.")
        page.until("parseFloat(document.getElementById('elapsed').textContent) >= 0.2")
        page.click("#stop")
        page.until("!document.getElementById('again').hidden")

    other = chromium.page()
    other.go(url)

    assert "ask the console for a new one" in says(other, "opened before")
    assert other.run("document.getElementById('recorder').hidden")
    assert not alone.captures.state(issued.id, "ana").done


@pytest.fixture
def elsewhere() -> Iterator[Callable[[str], str]]:
    """Serves one page on another port of this machine: its address."""
    shown = {"page": b""}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(shown["page"])

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()

    def serve(html: str) -> str:
        shown["page"] = html.encode()
        return f"http://127.0.0.1:{server.server_port}/"

    yield serve
    server.shutdown()
    thread.join(30)
    server.server_close()


def test_a_page_of_another_port_can_neither_send_nor_frame_nor_lead_here(
    alone: Alone, chromium: Chromium, elsewhere: Callable[[str], str]
):
    """Even one that knows the whole address: cookies do not know ports, but this door does."""
    issued, url = alone.issue()
    bare = url.partition("#")[0]
    page = chromium.page()
    page.go(elsewhere(f"<iframe src='{url}'></iframe><a id='link' href='{url}'>win a prize</a>"))
    page.until("document.querySelector('iframe')")

    sent = page.run(
        f"fetch('{bare}/open', {{method: 'POST', mode: 'no-cors', credentials: 'include',"
        f" body: JSON.stringify({{token: '{issued.token}'}})}}).then((got) => got.type, () => 'failed')"
    )
    read = page.run(f"fetch('{bare}').then((got) => got.status, () => 'failed')")
    page.click("#link")
    page.until("location.pathname.startsWith('/capture/')")

    assert sent in {"opaque", "failed"}
    assert read == "failed"
    assert "another site" in page.run("document.body.innerText")
    assert not alone.captures.state(issued.id, "ana").opened


def test_the_worklet_and_the_file_agree_about_every_sample(alone: Alone, chromium: Chromium):
    page = chromium.page()
    page.go(alone.issue()[1])
    page.until(READY)

    made = page.run(
        "import('/wav.js').then(async ({wav}) => Array.from(new Uint8Array(await"
        " wav([Float32Array.of(0, 1, -1), Float32Array.of(2, -2, 0.5, NaN)], 44100).arrayBuffer())))"
    )

    assert speech.samples(bytes(made)).tolist() == pytest.approx(
        [0, 32767 / 32768, -32767 / 32768, 32767 / 32768, -32767 / 32768, 0.5, 0], abs=1e-4
    )
