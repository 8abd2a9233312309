"""A headless Chromium, driven through the DevTools protocol over a pipe: no port, no dependency.

Hears a WAV file instead of a microphone. Must leave neither a process nor a profile behind.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

from tests.support import needs

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSWER_SECONDS: Final = 60
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--remote-debugging-pipe",
)
# It speaks on descriptors 3 and 4, and on no others.
_LAUNCHER: Final = (
    "import fcntl, os, sys; r, w = (fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]); "
    "os.dup2(r, 3); os.dup2(w, 4); os.closerange(5, 256); os.execv(sys.argv[3], sys.argv[3:])"
)

_UNTIL: Final = """(condition) => new Promise((resolve) => {
  const look = () => {
    let value = null;
    try { value = condition(); } catch { return; }  // what it asks about is not there yet
    if (!value) return;
    watch.disconnect();
    resolve(value);
  };
  const watch = new MutationObserver(look);
  watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
  look();
})"""


class PageError(AssertionError):
    """A script failed in the page, or the browser refused a command."""


class Chromium:
    """One browser with a profile of its own.

    Args:
        heard: The WAV file that its microphone hears, again and again.
    """

    def __init__(self, heard: Path) -> None:
        program = needs.program("chromium")
        self._folder = tempfile.TemporaryDirectory(prefix="gov-chromium-")
        home = Path(self._folder.name)
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        self._in, self._out = ours_in, ours_out
        self._rest = b""
        self._number = 0
        self.events: list[dict[str, Any]] = []
        argv = [program, *_FLAGS, f"--user-data-dir={home / 'profile'}"]
        argv += [f"--use-file-for-fake-audio-capture={heard}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _LAUNCHER, str(theirs_in), str(theirs_out), *argv],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"HOME": str(home), "PATH": os.environ.get("PATH", os.defpath)},
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)
        os.close(self._in)
        os.close(self._out)
        with contextlib.suppress(OSError):  # a helper of the browser may still be writing its last
            self._folder.cleanup()

    def page(self, *, microphone: str = "granted") -> Page:
        """An empty page in a context of its own: no cookie of another one is there."""
        context = self.command("Target.createBrowserContext")["browserContextId"]
        self.command(
            "Browser.setPermission",
            permission={"name": "microphone"},
            setting=microphone,
            browserContextId=context,
        )
        target = self.command("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.command("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        return Page(self, session["sessionId"])

    def command(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol, and its answer.

        Raises:
            PageError: the browser says no, or nothing for a minute.
        """
        self._number += 1
        said: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            said["sessionId"] = session
        os.write(self._out, json.dumps(said).encode() + b"\0")
        for message in self._messages():
            if message.get("id") == self._number:
                if "error" in message:
                    raise PageError(f"{method}: {message['error']}")
                result: dict[str, Any] = message["result"]
                return result
            self.events.append(message)
        raise PageError(f"{method}: the browser has gone")

    def _messages(self) -> Iterator[dict[str, Any]]:
        end = time.monotonic() + _ANSWER_SECONDS
        while True:
            whole, found, self._rest = self._rest.partition(b"\0")
            if found:
                yield json.loads(whole)
                continue
            self._rest = whole
            if not select.select([self._in], [], [], max(0, end - time.monotonic()))[0]:
                raise PageError(f"the browser said nothing for {_ANSWER_SECONDS} s")
            more = os.read(self._in, 65_536)
            if not more:
                return
            self._rest += more


class Page:
    """One tab."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser = browser
        self._session = session
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command about this page."""
        return self._browser.command(method, self._session, **parameters)

    def go(self, url: str) -> None:
        """Open an address, as somebody who typed it.

        Raises:
            PageError: it cannot be opened.
        """
        done = self.command("Page.navigate", url=url)
        if "errorText" in done:
            raise PageError(done["errorText"])

    def run(self, script: str) -> Any:
        """The value of an expression; a promise is waited for.

        Raises:
            PageError: it threw.
        """
        done = self.command(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in done:
            raise PageError(json.dumps(done["exceptionDetails"])[:1000])
        return done["result"].get("value")

    def until(self, condition: str) -> Any:
        """Wait, in whatever is shown, until an expression is true after some change of it; its value."""
        while True:
            try:
                return self.run(f"({_UNTIL})(() => {condition})")
            except PageError as error:
                if "navigated" not in str(error) and "context was destroyed" not in str(error):
                    raise

    def click(self, selector: str) -> None:
        """Press a button that is shown."""
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def complaints(self) -> list[str]:
        """What the browser itself and the page's scripts had to complain about."""
        mine = [event for event in self._browser.events if event.get("sessionId") == self._session]
        return [
            json.dumps(event["params"])
            for event in mine
            if event["method"] == "Runtime.exceptionThrown"
            or (event["method"] == "Log.entryAdded" and event["params"]["entry"]["level"] == "error")
        ]
