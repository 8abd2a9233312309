"""Bearer tokens at the doors: always, also on loopback."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.api.bodies import header
from govd.api.peers import peer_of
from govd.contract.errors import ForbiddenError, InvalidRequestError, UnauthenticatedError
from govd.contract.text import visible
from govd.identities.model import PREFIXES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from starlette.requests import Request

    from govd.identities.model import Identity, Kind
    from govd.identities.service import Directory

_LONGEST_TOKEN: Final = 200
_SCHEME: Final = "bearer "
_PREFIXES: Final = tuple(PREFIXES.values())


class Doorkeeper:
    """Says who is asking, and refuses who may not."""

    def __init__(self, directory: Directory, now: Callable[[], datetime]) -> None:
        self._directory = directory
        self._now = now

    def admit(self, request: Request, *kinds: Kind) -> Identity:
        """The identity behind a request, if it is of one of the kinds that this route is for.

        Raises:
            InvalidRequestError: a query parameter that this route does not know: a typo is no silence.
            UnauthenticatedError: no token, or one that is not good.
            ForbiddenError: a good token of another kind: an agent's at an executor's route, say.
        """
        shown = header(request, b"authorization", "")
        token = shown[len(_SCHEME) :].strip()
        if shown[: len(_SCHEME)].lower() != _SCHEME or not token or len(token) > _LONGEST_TOKEN:
            raise UnauthenticatedError("a bearer token is needed")
        if not token.startswith(_PREFIXES):
            raise UnauthenticatedError("this token is not known here")
        peer = peer_of(request)
        identity = self._directory.authenticate(token, peer, self._now())
        if identity.kind not in kinds:
            raise ForbiddenError(f"this route is for {' and '.join(f'{kind}s' for kind in kinds)}")
        self._check_socket(identity, peer.socket)
        if request.scope["query_string"]:
            _check_query(request)
        return identity

    def _check_socket(self, identity: Identity, path: str | None) -> None:
        """A socket that was made for one agent serves that agent alone, and executors."""
        if identity.kind != "agent" or not path:
            return
        name = path.rsplit("/", 1)[-1].removesuffix(".sock")
        if name != identity.name:
            raise ForbiddenError("this socket is another agent's")


def _check_query(request: Request) -> None:
    dependant = getattr(request.scope.get("route"), "dependant", None)
    known = (
        {field.alias for part in (dependant, *dependant.dependencies) for field in part.query_params}
        if dependant is not None
        else set()
    )
    for name in request.query_params:
        if name not in known:
            raise InvalidRequestError(f"no query parameter {visible(name, 64)} is known here")
