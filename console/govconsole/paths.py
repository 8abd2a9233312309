"""Where things are: the backend's state directory and the operator's own, by flag, environment or default.

Must never look in the working directory: an agent's checkout could hold such files.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from govd.contract.errors import ForbiddenError, NotFoundError, UsageError
from govd.contract.text import visible

STATE_VARIABLE = "GOVD_STATE"
CONNECT_VARIABLE = "GOVCONSOLE_CONNECT"
OPERATOR_VARIABLE = "GOVCONSOLE_OPERATOR_DIR"
_OTHERS = 0o077
_SHOWN = 200


def state_dir(option: Path | None = None) -> Path:
    """The backend's state directory: flag, then environment, then the user's."""
    chosen = option or os.environ.get(STATE_VARIABLE)
    return Path(chosen).absolute() if chosen else Path(platformdirs.user_state_dir("govconsole")) / "govd"


def operator_dir(option: Path | None = None) -> Path:
    """The operator's own directory: flag, then environment, then the user's."""
    chosen = option or os.environ.get(OPERATOR_VARIABLE)
    return Path(chosen).absolute() if chosen else Path(platformdirs.user_config_dir("govconsole"))


def socket_path(state: Path) -> Path:
    """The operators' door."""
    return state / "run" / "operators.sock"


def connect_path(address: str) -> Path:
    """The operators' door behind `unix:/path`: one that was forwarded over SSH, say.

    Raises:
        UsageError: it is another kind of address.
    """
    kind, _, path = address.partition(":")
    path = path.removeprefix("//")
    if kind != "unix" or not path.startswith("/"):
        raise UsageError(
            f"{visible(address, _SHOWN)} is no address of an operators' door: that is a Unix socket",
            hint="--connect unix:/path/operators.sock; of another machine: ssh -N -L HERE:THERE HOST",
        )
    return Path(path)


@dataclass(frozen=True)
class Operator:
    """Who works here: a name, and where his token, vote key and remembered heads are."""

    name: str
    directory: Path

    @property
    def token_path(self) -> Path:
        """The file that holds the token for the operators' door."""
        return self.directory / f"{self.name}.token"

    @property
    def key_path(self) -> Path:
        """The vote key, under its passphrase."""
        return self.directory / f"{self.name}.key"

    @property
    def heads(self) -> Path:
        """Where the highest head of each log is remembered."""
        return self.directory / "heads"

    @property
    def known_operators(self) -> Path:
        """The first public key that was seen of each operator."""
        return self.directory / "operators.json"

    def token(self) -> str:
        """The token.

        Raises:
            NotFoundError: there is none.
            ForbiddenError: others may read it.
        """
        try:
            mode = self.token_path.stat().st_mode
            text = self.token_path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            raise NotFoundError(
                f"no token for operator {self.name} at {self.token_path}", hint="govd init"
            ) from None
        if mode & _OTHERS:
            raise ForbiddenError(
                f"{self.token_path} may be read by others", hint=f"chmod 600 {self.token_path}"
            )
        return text


def find_operator(directory: Path, name: str | None = None) -> Operator:
    """The operator of that name, or the only one there is.

    Raises:
        NotFoundError: the directory holds no operator's token.
        UsageError: it holds several, and none was named.
    """
    if name is not None:
        return Operator(name, directory)
    found = sorted(path.stem for path in directory.glob("*.token")) if directory.is_dir() else []
    if not found:
        raise NotFoundError(f"no operator's token in {directory}", hint="govd init")
    if len(found) > 1:
        raise UsageError(
            f"{directory} holds the tokens of {', '.join(found)}", hint="name one with --operator"
        )
    return Operator(found[0], directory)
