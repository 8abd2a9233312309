"""The demo's mail server: takes every mail on a local port and puts it into a Maildir.

Must never pass a mail on to anybody, nor listen beyond this machine.
"""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Final

import click
from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

from govd.contract.text import visible

_HOST: Final = "127.0.0.1"
_MAX_BYTES: Final = 1024 * 1024


@click.command()
@click.option("--maildir", type=click.Path(path_type=Path), required=True, help="Where mails go.")
def main(*, maildir: Path) -> None:
    """Serve until SIGTERM; prints one JSON line with the port when it listens."""
    asyncio.run(_serve(maildir))


async def _serve(maildir: Path) -> None:
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    box = Mailbox(maildir)

    def protocol() -> SMTP:
        # Its own name is given, or it would ask the network for one at each connection.
        return SMTP(box, hostname="localhost", ident="demo sink", data_size_limit=_MAX_BYTES, loop=loop)

    server = await loop.create_server(protocol, _HOST, 0)
    port = server.sockets[0].getsockname()[1]
    click.echo(visible(json.dumps({"ready": True, "port": port})))
    await stopped.wait()
    server.close()


if __name__ == "__main__":
    main()
