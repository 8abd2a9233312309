"""Fail where a tracked file names the machine that it was written on: its paths, host or package index."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parents[2]
COMMON = {"localhost", "root", "home", "debian", "ubuntu", "runner", "buildkitsandbox"}
COMMON_HOSTS = {"pypi.org", "files.pythonhosted.org", "localhost", "127.0.0.1"}
SHORTEST = 5


def local_names() -> set[str]:
    """Strings that mean this machine and no other."""
    names = {str(ROOT) + "/", str(ROOT.parent) + "/" if len(ROOT.parts) > SHORTEST - 2 else str(ROOT) + "/"}
    home = str(Path.home())
    if home not in {"/root", "/"}:
        names.add(home + "/")
    host = socket.gethostname()
    if len(host) >= SHORTEST and host.lower() not in COMMON:
        names.add(host)
    for variable in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "UV_INDEX_URL", "HTTPS_PROXY"):
        for word in os.environ.get(variable, "").split():
            parts = urlsplit(word)
            if parts.scheme == "file" or word.startswith("/"):
                names.add(parts.path.rstrip("/") + "/")
            elif parts.hostname and parts.hostname not in COMMON_HOSTS:
                names.add(parts.hostname)
    return {name for name in names if len(name) >= SHORTEST}


def main() -> int:
    """Read every tracked text file once."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    names = local_names()
    pattern = re.compile("|".join(re.escape(name) for name in sorted(names, key=len, reverse=True)))
    wrong = 0
    for name in filter(None, listed.stdout.decode().split("\0")):
        path = ROOT / name
        if not path.is_file():
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            if hit := pattern.search(line):
                sys.stderr.write(f"{name}:{number}: names this machine: {hit.group()}\n")
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
