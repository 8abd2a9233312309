"""An ONNX file from anywhere (T25): what is taken in, what is refused, and what is left behind."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from govd.contract.errors import ConflictError, InvalidRequestError, UsageError
from govd.voice.modelstore import files, onnxfile
from govd.voice.modelstore.importing import import_model, name_for
from tests.support import needs, onnxmodel
from tests.support.onnxmodel import FLOAT, attribute, field, model, node, tensor

if TYPE_CHECKING:
    from pathlib import Path

    from govd.voice.modelstore.store import ModelStore

EXTERNAL = tensor(
    "x", FLOAT, (1,), b"", field(13, field(1, "location") + field(2, "/etc/passwd")), field(14, 1)
)
LISTED_ALONE = tensor("x", FLOAT, (1,), b"", field(13, field(1, "location") + field(2, "../x")))
BRANCH = field(1, node("Spy", [], ["y"], field(7, "evil")))


def inner(graph: bytes) -> bytes:
    """A node with a graph inside, as If and Loop have one."""
    return node("If", ["c"], ["d"], field(5, field(1, "then_branch") + field(6, graph) + field(20, 5)))


def nothing_left(store: ModelStore) -> bool:
    return not store.models.exists() or not list(store.models.iterdir())


@pytest.mark.threat(25)
def test_a_model_is_looked_at_pinned_and_not_yet_usable(store, tiny):
    """A file that nobody has measured is to verify people, or to change after it was looked at."""
    said: list[str] = []

    found = import_model(store, tiny, say=said.append)

    sha256 = hashlib.sha256(tiny.read_bytes()).hexdigest()
    assert found.sha256 == found.card.sha256 == sha256
    assert found.card.dimension == onnxmodel.DIMENSION
    assert found.card.threshold is None
    assert store.card("tiny") == found.card
    assert any("in isolation" in line for line in said)
    folder = store.models / "tiny"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert [path.name for path in store.models.iterdir()] == ["tiny"]


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (model(opsets=("com.evil",)), "operators of 'com.evil'"),
        (model(opsets=("com.microsoft",)), "operators of 'com.microsoft'"),
        (model(nodes=(node("Spy", ["m"], ["n"], field(7, "evil")),)), "'Spy' is one of 'evil'"),
        (model(nodes=(inner(BRANCH),)), "'Spy' is one of 'evil'"),
        (model(nodes=(inner(field(1, inner(BRANCH))),)), "'Spy' is one of 'evil'"),
        (model(weights=(EXTERNAL,)), "weights in other files"),
        (model(weights=(LISTED_ALONE,)), "weights in other files"),
        (model(nodes=(inner(field(5, EXTERNAL)),)), "weights in other files"),
        (model(nodes=(node("Constant", [], ["k"], field(5, field(5, EXTERNAL))),)), "weights in other files"),
        (model(more=field(25, field(1, "own"))), "functions of its own"),
        (model(more=field(20, b"")), "functions of its own"),
        (b"not a model", "no ONNX model"),
        (b"\0" * 4096, "no ONNX model"),
        (model()[:-400], "no ONNX model"),
        (field(7, b"") + field(8, field(2, 18)), "no operators"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",
)
def test_whatever_is_not_a_plain_graph_is_refused(hostile, why):
    """A graph brings an operator of its own, weights in other files, or functions, or is no graph."""
    with pytest.raises(ValueError, match=why):
        onnxfile.check(hostile)


def test_a_plain_graph_is_not():
    onnxfile.check(model())
    onnxfile.check(model(nodes=(node("Concat", ["m", "m"], ["n"], attribute("axis", 1)),)))


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (model(opsets=("com.evil",)), "model.onnx is refused: it wants operators"),
        (model(scale=0.0), "no direction"),
        (model(signal=("batch", 80, 500)), "500 frames"),
    ],
    ids=["foreign", "deaf", "fixed"],
)
def test_a_refused_file_leaves_nothing_behind(store, tmp_path, hostile, why):
    """A hostile file is refused and stays in the store all the same, to be put in use later."""
    path = tmp_path / "hostile.onnx"
    path.write_bytes(hostile)

    with pytest.raises(InvalidRequestError, match=why):
        import_model(store, path)

    assert nothing_left(store)


@pytest.mark.threat(25)
def test_a_file_with_another_sha256_than_was_said_is_refused(store, tiny):
    """The download was exchanged on its way: another file arrives than was named."""
    with pytest.raises(InvalidRequestError, match="has the SHA-256"):
        import_model(store, tiny, sha256="0" * 64)

    assert nothing_left(store)
    assert import_model(store, tiny, sha256=hashlib.sha256(tiny.read_bytes()).hexdigest().upper())


def test_a_name_that_is_taken_is_kept_as_it_was(held, tiny):
    before = held.card("tiny")

    with pytest.raises(ConflictError, match="already"):
        import_model(held, tiny)
    with pytest.raises(ConflictError, match="already"):
        import_model(held, tiny, name="titanet-demo")

    assert held.card("tiny") == before


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/b", "..", ".hidden", "UPPER", "x" * 65, "a\n"])
def test_a_name_that_is_a_path_is_refused(store, tiny, name):
    with pytest.raises(InvalidRequestError, match="no name for a model"):
        import_model(store, tiny, name=name)


def test_a_files_name_becomes_a_models_name(tmp_path: Path):
    assert name_for(tmp_path / "TitaNet Large (v1).onnx") == "titanet-large-v1"


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "empty", "device"])
def test_what_is_no_file_is_refused(store, tmp_path, kind):
    path = tmp_path / "x.onnx"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "empty":
        path.touch()
    elif kind == "device":
        path.symlink_to("/dev/zero")

    with pytest.raises(InvalidRequestError):
        import_model(store, path)

    assert nothing_left(store)


def test_a_huge_file_is_refused_before_it_is_copied(tmp_path):
    path = tmp_path / "x.onnx"
    with path.open("wb") as file:
        file.truncate(files.MAX_MODEL_BYTES * 4)
    seen: list[int] = []

    with pytest.raises(InvalidRequestError, match="longer than"):
        files.take(path, tmp_path / "copy", seen=seen.append)

    assert seen == []


def test_another_suffix_is_a_matter_of_usage(store, tmp_path):
    path = tmp_path / "model.pt"
    path.write_bytes(b"x")

    with pytest.raises(UsageError, match="neither"):
        import_model(store, path)


@pytest.mark.threat(25)
def test_the_child_is_nobody_without_a_network():
    """What the child says of itself is what its parent insists on; here the kernel is asked."""
    needs.root()
    program = (
        "import os, json; from govd.voice.encoder import confine; confine.gain_nothing();"
        "apart = confine.leave_network(); confine.become_nobody();"
        "print(json.dumps([apart, os.getresuid(), os.getresgid(), os.getgroups(),"
        " open('/proc/net/route').read().splitlines()[1:]]))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, timeout=60)

    nobody = [65534, 65534, 65534]
    assert json.loads(done.stdout) == [True, nobody, nobody, [], []]


@pytest.mark.threat(25)
def test_an_ordinary_user_imports_too(state, tiny):
    """In a user namespace root is an ordinary user: no capability outside of it, and another uid."""
    program = f"""
import os
from pathlib import Path
from tests.support.ordinary import become_ordinary
from govd.voice.modelstore.importing import import_model
from govd.voice.modelstore.store import ModelStore
become_ordinary()
assert os.getuid() != 0
found = import_model(ModelStore(Path({str(state)!r})), Path({str(tiny)!r}))
print(found.card.id, found.warnings)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False, timeout=60)

    if b"not permitted" in done.stderr:
        needs.skip("this system allows no user namespace")
    assert done.stdout.startswith(b"tiny"), done.stderr
