"""One call of the transcription upstream, within one time limit for all of it.

Must never follow a redirect, connect to an address that was not checked, read more than an answer may have,
or say anything of it in its own words.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final

import httpx
import orjson

from govd.connecting import addresses
from govd.contract.errors import InvalidRequestError
from govd.contract.plain import no_authorities
from govd.voice.transcription.upstream import bearer, failed

if TYPE_CHECKING:
    from pathlib import Path

    from govd.connecting import Resolve
    from govd.voice.transcription.turns import Ending
    from govd.voice.transcription.upstream import Upstream

MOST_ANSWER: Final = 64 * 1024
"""Bytes of an answer; a phrase has a hundred."""


def call(upstream: Upstream, clip: bytes, resolve: Resolve, ending: Ending) -> str:
    """What the upstream says was said in a WAV file. Blocks, for its timeout or until `ending` at most.

    Raises:
        VoiceUnavailableError: it has no answer that counts.
    """
    try:
        return asyncio.run(ending.bound(_within(upstream, clip, resolve)))
    except asyncio.CancelledError:
        raise failed("is not waited for: govd ends") from None
    except TimeoutError:
        raise failed(f"has not answered within {upstream.timeout:.0f} s") from None
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise failed(f"cannot be reached ({type(error).__name__})") from None


async def _within(upstream: Upstream, clip: bytes, resolve: Resolve) -> str:
    async with asyncio.timeout(upstream.timeout):
        try:
            found = await addresses(upstream.target, resolve)
        except InvalidRequestError as error:
            raise failed(f"is not called: {error.detail}") from None
        token = bearer(upstream.token)
        async with _client(upstream) as client:
            for address in found[:-1]:
                try:
                    return await _send(client, upstream, address, token, clip)
                except httpx.ConnectError:
                    continue
            return await _send(client, upstream, found[-1], token, clip)


def _client(upstream: Upstream) -> httpx.AsyncClient:
    verify = _context(upstream.authority) if upstream.target.tls else no_authorities()
    return httpx.AsyncClient(
        transport=httpx.AsyncHTTPTransport(verify=verify, retries=0, trust_env=False),
        timeout=httpx.Timeout(upstream.timeout),
        follow_redirects=False,
        trust_env=False,
    )


def _context(authority: Path | None) -> ssl.SSLContext:
    """Whom we believe: the one authority that is pinned, or those of the system."""
    try:
        return ssl.create_default_context(cafile=None if authority is None else str(authority))
    except OSError:
        raise failed(f"has no authority to be checked by: {authority} cannot be read as PEM") from None


async def _send(client: httpx.AsyncClient, upstream: Upstream, address: str, token: str, clip: bytes) -> str:
    # No `prompt`: an upstream that is told the phrase hears it.
    fields = {"model": upstream.model, "language": upstream.language, "response_format": "json"}
    headers = {"Host": upstream.target.authority, "Accept": "application/json", "Accept-Encoding": "identity"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    async with client.stream(
        "POST",
        upstream.target.at(address),
        data=fields,
        files={"file": ("clip.wav", clip, "audio/wav")},
        headers=headers,
        extensions={"sni_hostname": upstream.target.host},
    ) as response:
        _check(response)
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > MOST_ANSWER:
                raise failed(f"answers with more than {MOST_ANSWER // 1024} KiB")
    return _text(bytes(body))


def _check(response: httpx.Response) -> None:
    if response.is_redirect:
        raise failed("redirects, and no redirect is followed")
    if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        raise failed(f"does not take the token (HTTP {response.status_code})")
    if response.status_code != httpx.codes.OK:
        raise failed(f"answers with HTTP {response.status_code}")
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" or "content-encoding" in response.headers:
        raise failed("answers with something that is not plain JSON")


def _text(body: bytes) -> str:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise failed("answers with JSON that is none") from None
    text = found.get("text") if isinstance(found, dict) else None
    if not isinstance(text, str):
        raise failed("answers with JSON that has no `text`")
    return text
