"""The operators' door as the command line uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from govd.contract import votekey
from govd.contract.errors import TYPE_PREFIX, GovError, UnreachableError, UsageError, error_classes
from govd.contract.plain import no_authorities
from govd.lock import running
from govd.settings import Layout

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

_TIMEOUT_S = 30.0
_CLIP_TIMEOUT_S = 120.0


class Client:
    """Requests as one operator."""

    def __init__(self, state: Path, operator_dir: Path, operator: str | None) -> None:
        layout = Layout(state)
        running(layout.lock)
        self.operator = operator or only_operator(operator_dir)
        self._operator_dir = operator_dir
        token_file = operator_dir / f"{self.operator}.token"
        try:
            token = token_file.read_text(encoding="ascii").strip()
        except OSError as error:
            raise UsageError(f"{token_file}: {error.strerror}", hint="pass --operator-dir and --as") from None
        self._socket = str(layout.operators_socket)
        self._headers = {"Authorization": f"Bearer {token}"}

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """One request; the answer's JSON.

        Raises:
            GovError: of the class that the problem document names.
        """
        return self._send(method, path, {"json": body}, _TIMEOUT_S)

    def upload(self, path: str, data: bytes) -> dict[str, Any]:
        """One file in a form. Its name stays here: it is no business of govd's.

        Raises:
            GovError: of the class that the problem document names.
        """
        return self._send("POST", path, {"files": {"file": ("clip", data)}}, _CLIP_TIMEOUT_S)

    def _send(self, method: str, path: str, content: dict[str, Any], timeout: float) -> dict[str, Any]:
        transport = httpx.HTTPTransport(uds=self._socket, verify=no_authorities())
        try:
            with httpx.Client(transport=transport, base_url="http://govd", timeout=timeout) as http:
                response = http.request(method, path, headers=self._headers, **content)
        except httpx.TransportError as error:
            raise UnreachableError(
                f"govd does not answer: {type(error).__name__}", hint="govd doctor"
            ) from None
        found: dict[str, Any] = response.json() if response.content else {}
        if response.is_error:
            raise _error(found)
        return found

    def key(self, passphrase: bytes) -> Ed25519PrivateKey:
        """This operator's vote key."""
        return votekey.load(self._operator_dir / f"{self.operator}.key", passphrase)


def only_operator(operator_dir: Path) -> str:
    """The one operator whose token is in that folder.

    Raises:
        UsageError: there is none, or there are several.
    """
    names = sorted(path.stem for path in operator_dir.glob("*.token"))
    if len(names) != 1:
        found = ", ".join(names) or "none"
        raise UsageError(f"which operator? tokens in {operator_dir}: {found}", hint="pass --as OPERATOR")
    return names[0]


def _error(problem: dict[str, Any]) -> GovError:
    code = str(problem.get("type", "")).removeprefix(TYPE_PREFIX)
    cls = next((item for item in error_classes() if item.code == code), GovError)
    known = {"type", "title", "status", "detail", "hint", "pointer", "retry_after"}
    return cls(
        str(problem.get("detail", "refused")),
        hint=problem.get("hint"),
        pointer=problem.get("pointer"),
        retry_after=problem.get("retry_after"),
        **{key: value for key, value in problem.items() if key not in known},
    )
