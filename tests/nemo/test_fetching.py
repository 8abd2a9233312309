"""`govd voice model fetch`, all the way: NeMo's own download, from here, and what goes wrong."""

from __future__ import annotations

import hashlib
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import InvalidRequestError, UnreachableError
from govd.voice.encoder import nemo
from govd.voice.modelstore.fetching import fetch
from govd.voice.modelstore.store import ModelStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.nemo.conftest import Demo

LISTED = """
import sys
from nemo.collections.asr.models import EncDecSpeakerLabelModel as Model
from nemo.core.classes.common import PretrainedModelInfo
from govd.voice.modelstore import fetch
info = PretrainedModelInfo("titanet_house", "one of this machine's", sys.argv.pop(1), class_=Model)
Model.list_available_models = classmethod(lambda _: [info])
raise SystemExit(fetch.main())
"""
"""Our program, with another list of models than NeMo's: the download stays its own."""


@dataclass
class Server:
    """Gives out a model, half of it once asked and the rest at `go_on`. `whole`: False keeps the rest."""

    content: bytes
    whole: bool = True
    go_on: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    asked: int = 0

    def program(self) -> tuple[str, ...]:
        """What downloads from here."""
        return (sys.executable, "-P", "-c", LISTED, self.url)


@pytest.fixture(scope="module")
def archive(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Another model than the demo's, which nobody may take in under another name."""
    model = nemo.restored(demo.nemo)
    for parameter in model.parameters():
        parameter.mul_(1.01)
    path = tmp_path_factory.mktemp("archive") / "house.nemo"
    model.save_to(str(path))
    return path.read_bytes()


@pytest.fixture
def server(archive: bytes) -> Iterator[Server]:
    made = Server(archive)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked += 1
            middle = len(made.content) // 2
            self.send_response(200)
            self.send_header("Content-Length", str(len(made.content)))
            self.end_headers()
            self.wfile.write(made.content[:middle])
            if made.whole:
                made.go_on.wait(120)
                self.wfile.write(made.content[middle:])

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        made.url = f"http://127.0.0.1:{listening.server_port}/titanet-house.nemo"
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield made
        made.go_on.set()
        listening.shutdown()


def test_a_download_is_told_while_it_comes_and_pinned_and_exported(server: Server, tmp_path: Path) -> None:
    told: list[int] = []
    steps: list[str] = []
    store = ModelStore(tmp_path / "state")

    def progress(so_far: int, _total: int | None) -> None:
        told.append(so_far)
        server.go_on.set()

    taken = fetch(store, "titanet_house", say=steps.append, progress=progress, program=server.program())

    assert told
    assert 0 < told[0] < len(server.content)
    assert steps[0] == "asking NeMo for titanet_house"
    assert taken.sha256 == taken.card.file_sha256 == hashlib.sha256(server.content).hexdigest()
    assert taken.card.source == server.url
    assert set(taken.card.weights) == {"nemo", "onnx"}
    assert store.weights("titanet-house", "onnx").is_file()
    assert store.active() is None, "it is calibrated first"


@pytest.mark.threat(25)
def test_a_download_with_another_sum_than_was_asked_for_is_refused(server: Server, tmp_path: Path) -> None:
    """Whoever sits between us and NeMo's server gives out a model of his own."""
    server.go_on.set()
    store = ModelStore(tmp_path / "state")

    with pytest.raises(InvalidRequestError, match="SHA-256"):
        fetch(store, "titanet_house", sha256="0" * 64, program=server.program())

    assert "titanet-house" not in store.ids()


@pytest.mark.parametrize("broken", [True, False])
def test_a_download_that_breaks_off_and_a_server_that_is_not_there(
    server: Server, tmp_path: Path, *, broken: bool
) -> None:
    server.whole = False
    if not broken:
        server.url = "http://127.0.0.1:9/titanet-house.nemo"
    store = ModelStore(tmp_path / "state")

    with pytest.raises(UnreachableError, match="could not be downloaded") as refused:
        fetch(store, "titanet_house", program=server.program())

    assert refused.value.hint == "govd voice model import FILE, with a file from a machine that has a network"
    assert server.asked == (3 if broken else 0)
    assert "titanet-house" not in store.ids()


def test_a_model_that_nemo_does_not_have_is_named_beside_those_that_it_has(
    server: Server, tmp_path: Path
) -> None:
    with pytest.raises(InvalidRequestError, match="NeMo has no titanet_huge; it has titanet_house"):
        fetch(ModelStore(tmp_path / "state"), "titanet_huge", program=server.program())
    assert server.asked == 0
