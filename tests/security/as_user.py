"""`govd` as another Unix user: `as_user.py UID VERB…`, started by root.

What govd imports is imported before the user changes, by founding a state that is thrown away: the
interpreter of a developer's machine need not be readable to everybody. Must never keep a privilege.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - sockets ask for it late
import os
import sys
import tempfile
from pathlib import Path

import uvloop  # noqa: F401 - so that serving needs not import it

import govd.service
import govd.serving  # noqa: F401 - the same
from govd.cli.main import main


def warm_up() -> None:
    """Import what founding imports."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "passphrase").write_text("of nothing", encoding="ascii")
        options = ["--state", f"{folder}/s", "--operator", "x", "--operator-dir", f"{folder}/o"]
        main(["init", *options, "--passphrase-file", f"{folder}/passphrase"], standalone_mode=False)


if __name__ == "__main__":
    uid = int(sys.argv[1])
    said = os.dup(2)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 2)
    warm_up()
    os.dup2(said, 2)
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
    os.chdir("/")
    main(sys.argv[2:])
