"""Other Unix users: a request made, or a program run, as somebody else. Root only."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

NOBODY = 65_534

# Imports come before the change of user: the interpreter need not be readable to everybody.
_DROP = """
import encodings.idna, http.client, json, os, socket, sys
asked = json.load(sys.stdin)
os.setgroups([]); os.setgid(asked["uid"]); os.setuid(asked["uid"])
os.chdir("/")
"""

_KNOCK = (
    _DROP
    + """
class Unix(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(asked["socket"])
try:
    door = Unix("door") if asked["socket"] else http.client.HTTPConnection("127.0.0.1", asked["port"])
    body = None if asked["body"] is None else json.dumps(asked["body"])
    headers = {"Authorization": "Bearer " + asked["token"], "Content-Type": "application/json"}
    door.request(asked["method"], asked["path"], body, headers)
    answer = door.getresponse()
    print(json.dumps({"status": answer.status, "body": json.loads(answer.read())}))
except OSError as error:
    print(json.dumps({"status": 0, "body": {"error": type(error).__name__}}))
"""
)

_TOUCH = (
    _DROP
    + """
found = {}
for path in asked["paths"]:
    try:
        found[path] = "listed" if os.path.isdir(path) and os.listdir(path) is not None else "read"
        if found[path] == "read":
            open(path, "rb").read(1)
    except OSError as error:
        found[path] = type(error).__name__
print(json.dumps(found))
"""
)


@dataclass(frozen=True)
class Heard:
    """What somebody else was answered; status 0: he could not even connect, `body["error"]` says why."""

    status: int
    body: dict[str, Any]


def _run(script: str, asked: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-I", "-c", script],
        input=json.dumps(asked).encode(),
        capture_output=True,
        check=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def knock(
    uid: int,
    token: str,
    *,
    port: int = 0,
    door: Path | None = None,
    path: str = "/v1/me",
    method: str = "GET",
    body: dict[str, Any] | None = None,
) -> Heard:
    """One request as that user, over loopback TCP or a Unix socket."""
    asked = {
        "uid": uid,
        "token": token,
        "port": port,
        "socket": str(door) if door else "",
        "path": path,
        "method": method,
        "body": body,
    }
    return Heard(**_run(_KNOCK, asked))


def touch(uid: int, *paths: Path) -> dict[str, Any]:
    """For each path what becomes of reading it as that user: "read", "listed", or the error's name."""
    return _run(_TOUCH, {"uid": uid, "paths": [str(path) for path in paths]})
