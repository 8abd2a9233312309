"""The floor that decisions are measured against: one POST that does nothing, served as govd is."""

from __future__ import annotations

import json
import socket
import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI(openapi_url=None)


@app.post("/v1/empty")
async def empty() -> dict[str, str]:
    """Nothing."""
    return {"status": "ok"}


def main() -> None:
    """Serve on a free port of 127.0.0.1, and print it."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", 0))
    listener.listen(2048)
    sys.stdout.write(json.dumps({"port": listener.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(app, loop="uvloop", http="httptools", access_log=False, log_level="warning")
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
