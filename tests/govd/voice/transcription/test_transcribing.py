"""The transcription upstream over a real socket: a good one, and each of the bad ones."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from govd.connecting import MOST_RESOLVING, addresses, refusal, target
from govd.contract.errors import ClipRefusedError, InvalidRequestError, QuotaError, VoiceUnavailableError
from govd.settings import read_settings
from govd.voice.lanes import Lane
from govd.voice.model import Party
from govd.voice.transcription.transcribing import Transcriber, probe, short_enough
from govd.voice.transcription.turns import MOST, PATIENCE, PAUSE, Turns
from govd.voice.transcription.upstream import upstream_of
from tests.support.clocks import Times
from tests.support.ports import Port
from tests.support.upstream import PATH, Answered, Upstream, saying

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from govd.voice.transcription.upstream import Upstream as Setting

BOT: Final = Party(agent="bot", chat="family")
SECOND: Final = struct.pack("<16000f", *([0.25] * 16_000))
TEXT: Final = "credentials watermelon anchor kingdom tulip saxophone harvest"


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream() as made:
        yield made


def setting(tmp_path: Path, url: str, **more: Any) -> Setting:
    """What govd makes of these settings."""
    found = upstream_of(read_settings(tmp_path, transcription_url=url, **more))
    assert found is not None
    return found


def heard(tmp_path: Path, url: str, pcm: bytes = SECOND, **more: Any) -> str:
    made = setting(tmp_path, url, **more)
    return Transcriber(lambda: made, Turns(Times().clock().now)).transcribe(BOT, pcm)


def test_a_clip_goes_out_as_we_made_it_and_its_text_comes_back(upstream: Upstream, tmp_path: Path):
    upstream.says(TEXT)
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("abc.def\n")

    assert heard(tmp_path, upstream.url, transcription_token=token, transcription_model="small") == TEXT

    (asked,) = upstream.asked
    assert asked.path == PATH
    assert asked.headers["Authorization"] == "Bearer abc.def"
    assert asked.headers["Host"] == f"localhost:{upstream.port}"
    clip = asked.parts.pop("file")
    assert asked.parts == {"model": b"small", "language": b"en", "response_format": b"json"}
    assert struct.unpack_from("<4sI4s4sIHHIIHH4sI", clip)[5:8] == (1, 1, 16_000)
    assert len(clip) == 44 + 2 * 16_000


@pytest.mark.threat("T19")
@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": 302, "headers": (("Location", "http://localhost:1/"),)}, "no redirect is followed"),
        ({"status": 307, "headers": (("Location", "http://169.254.169.254/"),)}, "no redirect is followed"),
        ({"parts": [b'{"text": "' + b"x" * 70_000 + b'"}']}, "more than 64 KiB"),
        ({"kind": "text/html", "parts": [b"<h1>credentials</h1>"]}, "not plain JSON"),
        ({"parts": [b"\x1f\x8b"], "headers": (("Content-Encoding", "gzip"),)}, "not plain JSON"),
        ({"parts": [b"{"]}, "JSON that is none"),
        ({"parts": [b"[" * 60_000]}, "JSON that is none"),
        ({"parts": [b'{"text": ["a"]}']}, "no `text`"),
        ({"parts": [b'"text"']}, "no `text`"),
        ({"parts": [b'{"error": {"message": "\\u001b[2J"}}']}, "no `text`"),
        ({"status": 401}, "does not take the token"),
        ({"status": 500, "parts": [b'{"text": "credentials"}']}, "HTTP 500"),
        ({"status": 204}, "HTTP 204"),
    ],
)  # fmt: skip
def test_an_answer_that_does_not_count_is_none(
    upstream: Upstream, tmp_path: Path, answer: dict[str, Any], says: str
):
    """A hostile upstream sends whoever asks elsewhere, fills memory, or puts its own words on a screen."""
    upstream.answers(**answer)

    with pytest.raises(VoiceUnavailableError, match=says) as caught:
        heard(tmp_path, upstream.url)

    assert caught.value.hint == "govd doctor"
    assert len(upstream.asked) == 1
    assert "credentials" not in str(caught.value)


@pytest.mark.threat("T19")
@pytest.mark.parametrize("how", ["never", "drop by drop"])
def test_an_upstream_has_one_time_limit_for_all_of_it(upstream: Upstream, tmp_path: Path, how: str):
    """A hostile upstream sends a byte now and then, so that no single wait ever ends."""

    def parts() -> Iterator[bytes]:
        while not upstream.over.wait(60 if how == "never" else 0.05):
            yield b" "

    upstream.answers(parts=parts())

    with pytest.raises(VoiceUnavailableError, match="not answered within 1 s"):
        heard(tmp_path, upstream.url, transcription_timeout=1)


def test_an_upstream_that_is_down_is_told(tmp_path: Path):
    port = Port()
    url = f"http://localhost:{port.number}{PATH}"
    with pytest.raises(VoiceUnavailableError, match="cannot be reached"):
        heard(tmp_path, url)
    assert "cannot be reached" in probe(setting(tmp_path, url))


# -- whose turn ------------------------------------------------------------------------------------------


@pytest.mark.threat("T18")
async def test_an_upstream_that_hangs_keeps_nobody_waiting_who_does_not_ask_it(
    upstream: Upstream, tmp_path: Path
):
    """Three agents have the owner's voice heard by an upstream that hangs, and no other agent is verified."""
    made = setting(tmp_path, upstream.url, transcription_timeout=30)
    there, gate = threading.Semaphore(0), threading.Event()

    def hang() -> Answered:
        there.release()
        gate.wait(30)
        return saying(TEXT)

    upstream.answer = hang
    transcriber, lane = Transcriber(lambda: made, Turns(Times().clock().now)), Lane("agents", gone=MOST)
    async with asyncio.TaskGroup() as group:
        waiting = [
            group.create_task(lane.run(who, partial(transcriber.transcribe, Party(agent=who), SECOND)))
            for who in ("a", "b", "c")
        ]
        for _ in waiting:
            await asyncio.to_thread(there.acquire, timeout=30)

        assert await lane.run("innocent", lambda: "heard") == "heard"
        assert await lane.run("a", lambda: "and of a itself") == "and of a itself"
        with pytest.raises(QuotaError, match="of yours is being heard"):
            await lane.run("a", partial(transcriber.transcribe, Party(agent="a"), SECOND))
        with pytest.raises(QuotaError, match=f"{MOST} phrases are being heard"):
            await lane.run("d", partial(transcriber.transcribe, Party(agent="d"), SECOND))
        assert not any(one.done() for one in waiting)
        gate.set()
    assert [one.result() for one in waiting] == [TEXT] * 3
    lane.close()


@pytest.mark.threat("T18")
def test_an_upstream_that_failed_is_left_alone_for_a_while(upstream: Upstream, tmp_path: Path):
    """An agent has one clip after the other wait for an upstream that is down: it costs it no try."""
    made, times = setting(tmp_path, upstream.url), Times()
    transcriber = Transcriber(lambda: made, Turns(times.clock().now))
    upstream.answers(status=500)
    for _ in range(PATIENCE):
        with pytest.raises(VoiceUnavailableError, match="HTTP 500"):
            transcriber.transcribe(BOT, SECOND)

    with pytest.raises(VoiceUnavailableError, match="left alone for 15 s"):
        transcriber.transcribe(BOT, SECOND)
    with pytest.raises(VoiceUnavailableError, match="HTTP 500"):
        transcriber.transcribe(Party(operator="ana"), SECOND)
    times.go_on(PAUSE.total_seconds())
    with pytest.raises(VoiceUnavailableError, match="HTTP 500"):
        transcriber.transcribe(BOT, SECOND)
    with pytest.raises(VoiceUnavailableError, match="left alone for 15 s"):
        transcriber.transcribe(BOT, SECOND)

    upstream.says(TEXT)
    times.go_on(PAUSE.total_seconds())
    assert [transcriber.transcribe(BOT, SECOND) for _ in range(2)] == [TEXT] * 2


@pytest.mark.threat("T18")
def test_the_end_of_govd_waits_for_no_upstream(upstream: Upstream, tmp_path: Path):
    """An upstream that hangs keeps govd from ending for as long as it may take."""
    made, turns = setting(tmp_path, upstream.url, transcription_timeout=45), Turns(Times().clock().now)
    there = threading.Event()

    def hang() -> Answered:
        there.set()
        upstream.over.wait(60)
        return saying(TEXT)

    upstream.answer = hang
    transcriber = Transcriber(lambda: made, turns)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(transcriber.transcribe, BOT, SECOND)
        assert there.wait(30)
        turns.ending.come()
        with pytest.raises(VoiceUnavailableError, match="govd ends"):
            waiting.result(20)
    with pytest.raises(VoiceUnavailableError, match="govd ends"):
        transcriber.transcribe(BOT, SECOND)


def test_another_upstream_has_not_failed_yet(upstream: Upstream, tmp_path: Path):
    made, other = (
        setting(tmp_path, upstream.url),
        setting(tmp_path, upstream.url, transcription_model="large"),
    )
    turns = Turns(Times().clock().now)
    upstream.answers(status=500)
    for _ in range(PATIENCE):
        with pytest.raises(VoiceUnavailableError):
            Transcriber(lambda: made, turns).transcribe(BOT, SECOND)

    upstream.says(TEXT)
    assert Transcriber(lambda: other, turns).transcribe(BOT, SECOND) == TEXT


@pytest.mark.threat("T18")
def test_a_resolver_that_hangs_is_not_waited_for_longer(
    upstream: Upstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A resolver that does not answer keeps a thread, a lane or the end of govd, beyond any limit."""
    gate, asked, threads = threading.Event(), threading.Semaphore(0), set[threading.Thread]()

    def hang(*_: object, **__: object) -> list[object]:
        threads.add(threading.current_thread())
        asked.release()
        gate.wait(60)
        raise socket.gaierror(-3, "not now")

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun, made = time.monotonic(), replace(setting(tmp_path, upstream.url), timeout=0.1)
    for _ in range(MOST_RESOLVING):
        assert "not answered within" in probe(made)
    assert f"owes {MOST_RESOLVING} answers" in probe(made)

    assert time.monotonic() - begun < 30
    for _ in range(MOST_RESOLVING):
        assert asked.acquire(timeout=30)
    assert len(threads) == MOST_RESOLVING
    assert all(thread.daemon for thread in threads), "a process ends without them"
    monkeypatch.undo()
    gate.set()
    for thread in threads:
        thread.join(30)
    upstream.says(TEXT)
    assert heard(tmp_path, upstream.url) == TEXT


def test_doctors_probe_finds_nothing_wrong_with_a_good_one(upstream: Upstream, tmp_path: Path):
    upstream.says("")
    assert probe(setting(tmp_path, upstream.url)) == ""


@pytest.mark.threat("T3")
def test_a_token_that_others_can_read_is_not_sent(upstream: Upstream, tmp_path: Path):
    """Whoever reads the upstream's token speaks as govd."""
    token = tmp_path / "token"
    token.touch(mode=0o644)
    token.write_text("abc")
    for content, mode, says in (("abc", 0o644, "others can read"), ("a b", 0o600, "not one line")):
        token.write_text(content)
        token.chmod(mode)
        with pytest.raises(VoiceUnavailableError, match=says):
            heard(tmp_path, upstream.url, transcription_token=token)
    with pytest.raises(VoiceUnavailableError, match="has no token"):
        heard(tmp_path, upstream.url, transcription_token=tmp_path / "none")
    assert upstream.asked == []


def test_a_clip_longer_than_any_phrase_is_none():
    short_enough(SECOND * 30)
    with pytest.raises(ClipRefusedError, match="say it, and nothing else"):
        short_enough(SECOND * 31)


# -- where to --------------------------------------------------------------------------------------------


@pytest.mark.threat("T19")
@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("http://asr.example.com/v1/audio/transcriptions", "for this machine alone"),
        ("http://192.168.1.4/x", "without TLS"),
        ("https://169.254.169.254/x", "hands out credentials"),
        ("https://[fd00:ec2::254]/x", "hands out credentials"),
        ("https://[::ffff:169.254.169.254]/x", "hands out credentials"),
        ("https://[64:ff9b::a9fe:a9fe]/x", "hands out credentials"),
        ("https://[fe80::1]/x", "no address of one machine"),
        ("https://0.0.0.0/x", "no address of one machine"),
        ("https://me:secret@asr.example.com/x", "no user"),
        ("https://asr.example.com/x?key=secret", "no user, query"),
        ("ftp://asr.example.com/x", "begins with https"),
        ("https:///x", "begins with https"),
        ("https://asr.example.com:99999/x", "no URL"),
        ("https://a b/x", "begins with https"),
        ("https://asr.example.com/x\r\nX: y", "begins with https|printable"),
    ],
)
def test_a_url_that_must_not_be_called_is_refused_with_the_settings(tmp_path: Path, url: str, says: str):
    """A setting, or who can write it, makes govd fetch a cloud's credentials or speak in the clear."""
    with pytest.raises(InvalidRequestError, match=says):
        read_settings(tmp_path, transcription_url=url)


@pytest.mark.threat("T19")
@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://asr.example.com/x", ["203.0.113.7", "169.254.169.254"]),
        ("https://asr.example.com/x", ["::ffff:169.254.170.2"]),
        ("https://asr.example.com/x", ["fe80::1%eth0"]),
        ("https://asr.example.com/x", ["no address"]),
        ("https://asr.example.com/x", []),
        ("http://localhost/x", ["127.0.0.1", "192.168.1.4"]),
    ],
)
async def test_a_name_with_one_bad_address_is_not_called_at_all(url: str, found: list[str]):
    """A resolver in somebody else's hand mixes an address of his choice among good ones."""

    async def resolve(_host: str, _port: int) -> list[str]:
        return found

    with pytest.raises(InvalidRequestError):
        await addresses(target(url), resolve)


@pytest.mark.threat("T19")
def test_a_name_is_resolved_once_and_the_checked_address_is_the_one(upstream: Upstream, tmp_path: Path):
    """A resolver answers with a good address when it is checked, and with another when it is connected to."""
    asked = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    upstream.says(TEXT)
    made = setting(tmp_path, upstream.url)
    turns = Turns(Times().clock().now)
    assert Transcriber(lambda: made, turns, resolve).transcribe(BOT, SECOND) == TEXT
    assert asked == ["localhost"]


def test_addresses_beyond_this_machine_need_tls_and_may_then_be_any_but_the_worst():
    for text in ("192.168.1.4", "10.0.0.1", "203.0.113.7", "fd12::1", "2001:db8::1"):
        assert refusal(ipaddress.ip_address(text), tls=True) == ""
        assert refusal(ipaddress.ip_address(text), tls=False) != ""
    for text in ("127.0.0.1", "::1", "::ffff:127.0.0.1"):
        assert refusal(ipaddress.ip_address(text), tls=False) == ""


@pytest.mark.parametrize(
    ("set_", "says"),
    [
        ({"step_up_phrase": True}, "needs transcription_url"),
        ({"transcription_timeout": 0}, "transcription_timeout"),
        ({"transcription_language": "English"}, "transcription_language"),
        ({"transcription_model": "a b"}, "transcription_model"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(tmp_path: Path, set_: dict[str, Any], says: str):
    with pytest.raises(InvalidRequestError, match=says):
        read_settings(tmp_path, **set_)


# -- TLS -------------------------------------------------------------------------------------------------


def certified(tmp_path: Path, host: str) -> tuple[Path, ssl.SSLContext]:
    """A certificate for a host that vouches for itself, and a server's context with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(issuer_name=name, subject_name=name, public_key=key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = tmp_path / f"{host}.pem", tmp_path / f"{host}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, *form))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return pem, context


@pytest.mark.threat("T19")
def test_a_certificate_is_checked_by_its_name_and_the_pinned_authority(tmp_path: Path):
    """Somebody between govd and the upstream answers in its place."""
    pem, context = certified(tmp_path, "localhost")
    other, _ = certified(tmp_path, "asr.example.com")
    with Upstream(context) as upstream:
        upstream.says(TEXT)
        assert heard(tmp_path, upstream.url, transcription_ca=pem) == TEXT
        by_address = upstream.url.replace("localhost", "127.0.0.1")
        for url, authority in ((upstream.url, None), (upstream.url, other), (by_address, pem)):
            with pytest.raises(VoiceUnavailableError, match="cannot be reached"):
                heard(tmp_path, url, transcription_ca=authority)
        with pytest.raises(VoiceUnavailableError, match="cannot be read as PEM"):
            heard(tmp_path, upstream.url, transcription_ca=tmp_path / "none")
        assert len(upstream.asked) == 1
