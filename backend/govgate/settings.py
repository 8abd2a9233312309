"""Where things are: the backend's address, the token's file, the folder of remembered heads.

A flag wins over its environment variable. Must never take a token from argv or from the environment (T3).
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from govd.contract.errors import ForbiddenError, UsageError
from govd.contract.headmemory import HeadMemory
from govgate.client import Client

if TYPE_CHECKING:
    from collections.abc import Callable

DEFAULT_URL: Final = "http://127.0.0.1:8200"
_MAX_TOKEN: Final = 4096
_OTHERS: Final = 0o077


def state_dir() -> Path:
    """What gates of this user remember."""
    return platformdirs.user_state_path("govgate")


def heads_dir(own: Path | None = None) -> Path:
    """`GOVGATE_HEADS`, or a folder in `own`, which is the user's state where it is left out."""
    named = os.environ.get("GOVGATE_HEADS")
    return Path(named) if named else (own or state_dir()) / "heads"


def token_reader(path: Path) -> Callable[[], str]:
    """Reads the token at each call; refuses a file that other users could read.

    Raises (from the reader):
        UsageError: the file is not there, or holds no token.
        ForbiddenError: its mode lets others read it.
    """

    def read() -> str:
        try:
            with path.open(encoding="ascii") as file:
                mode = os.fstat(file.fileno()).st_mode
                text = file.read(_MAX_TOKEN).strip()
        except FileNotFoundError:
            raise UsageError(
                f"there is no token file {path}", hint="govd agents add NAME --token-file …"
            ) from None
        except PermissionError:
            raise ForbiddenError(f"the token file {path} may not be read by this user") from None
        except (UnicodeDecodeError, OSError):
            raise UsageError(f"{path} holds no token") from None
        if stat.S_ISREG(mode) and mode & _OTHERS:
            raise ForbiddenError(f"{path} may be read by others", hint=f"chmod 600 {path}")
        if not text or len(text.split()) != 1:
            raise UsageError(f"{path} holds no token")
        return text

    return read


@dataclass(frozen=True)
class Settings:
    """How to reach the backend, as an agent."""

    url: str
    token_file: Path | None

    def client(self) -> Client:
        """A client with the agent's token.

        Raises:
            UsageError: no token file was named.
        """
        if self.token_file is None:
            raise UsageError("no token file is named", hint="--token-file FILE, or GOVGATE_TOKEN_FILE")
        return Client(self.url, token_reader(self.token_file), HeadMemory(heads_dir()))
