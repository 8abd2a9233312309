"""For connections that never speak TLS: Unix sockets, and loopback without a certificate.

httpx loads every authority that a system trusts for each client that it makes: 80 ms of work that such a
connection never looks at.
"""

from __future__ import annotations

import ssl


def no_authorities() -> ssl.SSLContext:
    """A TLS context that trusts nobody: should such a connection ever speak TLS, it fails."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
