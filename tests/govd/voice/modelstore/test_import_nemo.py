"""A .nemo archive from anywhere (T25, CVE-2025-23304): what members, configuration and pickle may be."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import tarfile
import zipfile
from collections import OrderedDict
from pathlib import Path

import pytest
import yaml

from govd.contract.errors import InvalidRequestError
from govd.voice.modelstore import isolation, nemofile
from govd.voice.modelstore.importing import cleaned, import_model
from tests.govd.voice.modelstore.conftest import ASR, CONFIG, archive, checkpoint, config, member, nemo

PROOF = Path("/tmp/govd-test-nemo-was-run")


def numbered(value: object) -> str:
    """A test's name from what is said; files would be long ones."""
    return value if isinstance(value, str) else "file"


class Evil:
    def __reduce__(self):
        return os.system, (f"touch {PROOF}",)


def rewritten(data: bytes, folder: Path) -> dict[str, bytes]:
    nemofile.rewrite(io.BytesIO(data), folder / "clean.nemo")
    with tarfile.open(folder / "clean.nemo") as clean:
        return {item.name: clean.extractfile(item).read() for item in clean}


@pytest.mark.parametrize("mode", ["w", "w:gz"])
def test_what_passes_is_written_anew_without_what_no_speaker_model_needs(tmp_path, mode):
    members = rewritten(nemo(mode=mode), tmp_path)

    assert set(members) == {"model_config.yaml", "model_weights.ckpt"} or set(members) == {
        "./model_config.yaml",
        "./model_weights.ckpt",
    }
    kept = yaml.safe_load(members[next(name for name in members if name.endswith("yaml"))])
    assert kept == {key: value for key, value in CONFIG.items() if key != "train_ds"}
    weights = members[next(name for name in members if name.endswith("ckpt"))]
    assert zipfile.ZipFile(io.BytesIO(weights)).namelist() == [
        "archive/data.pkl",
        "archive/data/0",
        "archive/version",
    ]


LINK = member("./model_config.yaml", type=tarfile.SYMTYPE, linkname="/etc/passwd")
HARD = member("./model_weights.ckpt", type=tarfile.LNKTYPE, linkname="model_config.yaml")
FIFO = member("./model_weights.ckpt", type=tarfile.FIFOTYPE)


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (nemo(member("../../x", b"x")), "points out of the archive"),
        (nemo(member("/etc/cron.d/x", b"x")), "points out of the archive"),
        (nemo(member("./a/../../x", b"x")), "points out of the archive"),
        (nemo(member("./helper.py", b"x")), "no speaker model needs"),
        (nemo(member("sub", type=tarfile.DIRTYPE)), "a link, a device or no plain file"),
        (archive(LINK, member("./model_weights.ckpt", checkpoint())), "a link, a device or no plain file"),
        (archive(member("./model_config.yaml", config()), HARD), "a link, a device or no plain file"),
        (archive(member("./model_config.yaml", config()), FIFO), "a link, a device or no plain file"),
        (nemo(member("model_config.yaml", config())), "twice"),
        (archive(member("./model_config.yaml", config())), "lacks model_weights.ckpt"),
        (nemo(yaml_bytes=b"a: " + b"x" * (1 << 20)), "more than 1048576"),
        (nemo()[:700], "cut off|no .nemo archive"),
        (b"", "no .nemo archive"),
        (b"\0" * 2048, "lacks"),
        (b"PK\x03\x04" + b"x" * 600, "no .nemo archive"),
    ],
    ids=numbered,
)
def test_an_archive_with_anything_else_is_refused(tmp_path, hostile, why):
    """An archive brings links, devices, paths that lead out, or members that no model has."""
    with pytest.raises(ValueError, match=why):
        rewritten(hostile, tmp_path)

    assert not (tmp_path / "clean.nemo").exists()


@pytest.mark.threat(25)
def test_a_member_that_says_it_is_huge_is_refused_unread(tmp_path):
    """A member of a terabyte is to fill memory or disk while the archive is looked at."""
    head = tarfile.TarInfo("./model_weights.ckpt")
    head.size = 1 << 40
    # Without the zeros that end an archive.
    good = archive(member("./model_config.yaml", config()))[: 512 + -(-len(config()) // 512) * 512]
    hostile = good + head.tobuf()

    with pytest.raises(ValueError, match="more than 1073741824"):
        rewritten(hostile, tmp_path)


def nested(depth: int) -> bytes:
    return b"target: " + CONFIG["target"].encode() + b"\nx: " + b"[" * depth + b"]" * depth


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (config(loss={"_target_": "os.system", "command": "id"}), "names 'os.system'"),
        (config(loss={"_target_": "subprocess.Popen"}), "names 'subprocess.Popen'"),
        (config(encoder={"list": [{"deep": {"_target_": "builtins.eval"}}]}), "names 'builtins.eval'"),
        (
            config(encoder={"_target_": f"{ASR}.modules.ConvASREncoder.__init__.__globals__"}),
            "not on the list",
        ),
        (config(encoder={"target": "shutil.rmtree"}), "names 'shutil.rmtree'"),
        (config(encoder={"cls": "shutil.rmtree"}), "names 'shutil.rmtree'"),
        (config(train_ds={"_target_": "os.system"}), "names 'os.system'"),
        (config(encoder={"_target_": ["os.system"]}), "not on the list"),
        (config(target="nemo.collections.asr.models.EncDecCTCModel"), "no speaker model"),
        (config(encoder={"x": "${oc.env:HOME}"}), "to be looked up"),
        (config(encoder={"x": "${oc.decode:${oc.env:A}}"}), "to be looked up"),
        # The resolver's own name looked up: no colon before the first closing brace.
        (config(encoder={"a": "oc.env", "x": "${${encoder.a}:HOME}"}), "to be looked up"),
        (config(encoder={"x": "${sample_rate}"}), "to be looked up"),
        (config(encoder={"x": "before ${ sample_rate }"}), "to be looked up"),
        (config(encoder={"x": "\\${oc.env:HOME}"}), "to be looked up"),
        (config(encoder={"x": "${"}), "to be looked up"),
        (config(encoder={"${oc.env:HOME}": 1}), "to be looked up"),
        (config(encoder={"deep": [[{"x": ["${sample_rate}"]}]]}), "to be looked up"),
        (config(train_ds={"x": "${oc.env:HOME}"}), "to be looked up"),
        (config() + b'x: "\\x24\\x7boc.env:HOME}"', "to be looked up"),
        (config() + b"x: |\n  $\\\n  ${a}", "to be looked up"),
        (config() + b"x: {<<: {a: '${b}'}}", "to be looked up"),
        (config() + b"x: !!pairs [a: '${oc.env:HOME}']", "holds a tuple"),
        (config() + b"x: !!omap [a: '${oc.env:HOME}']", "holds a tuple"),
        (config() + b"x: !!set {'${oc.env:HOME}'}", "holds a set"),
        (config() + b"x: !!binary JHtvYy5lbnY6SE9NRX0=", "holds a bytes"),
        (config() + b"x: 2026-01-01", "holds a date"),
        (b"target: !!python/object/apply:os.system [id]", "no YAML"),
        (b"a: &a [1]\nb: *a", "aliases"),
        (b"- 1", "no speaker model"),
        (b"", "no speaker model"),
        (b"a: [", "no YAML"),
        (b"\xff\xfe\x00", "no YAML"),
        (nested(5_000), "nested too deep"),
    ],
    ids=numbered,
)
def test_a_configuration_that_names_or_looks_up_anything_else_is_refused(hostile, why):
    """A configuration names code of its own, or has secrets looked up in the environment."""
    with pytest.raises(ValueError, match=why):
        nemofile.config(hostile)


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    ("hostile", "why"),
    [
        (checkpoint(pickle.dumps(Evil(), protocol=2)), "names 'posix system'"),
        (checkpoint(pickle.dumps(Evil(), protocol=4)), "STACK_GLOBAL is code"),
        (checkpoint(pickle.dumps({"w": Evil()}, protocol=0)), "names 'posix system'"),
        (checkpoint(b"(S'id'\nios\nsystem\n."), "INST is code"),
        (checkpoint(pickle.dumps(OrderedDict(), protocol=2) + b"cos\nsystem\n."), "goes on after its end"),
        (checkpoint(b"ctorch.hub\nload\n."), "names 'torch.hub load'"),
        (checkpoint(b"cbuiltins\neval\n."), "names 'builtins eval'"),
        (checkpoint(b"\x80\x02}"), "is refused"),
        (checkpoint(more={"archive/../../x": b"x"}), "as torch writes none"),
        (checkpoint(more={"archive/code/x.py": b"x"}), "as torch writes none"),
        (checkpoint(more={"other/data.pkl": pickle.dumps(1, protocol=2)}), "several roots"),
        (checkpoint(packed=True), "as torch writes none"),
        (pickle.dumps(Evil(), protocol=2), "no checkpoint of torch's"),
        (checkpoint()[:-30], "no checkpoint of torch's"),
        (b"", "no checkpoint of torch's"),
    ],
    ids=numbered,
)
def test_a_checkpoint_with_anything_but_tensors_is_refused(hostile, why):
    """A checkpoint's pickle names callables, or more than a plain file of tensors has."""
    with pytest.raises(ValueError, match=why):
        nemofile.checkpoint(hostile)


@pytest.mark.threat(25)
def test_a_hostile_archive_is_refused_by_the_verb_and_nothing_of_it_runs(store, tmp_path):
    """The weights are a pickle that runs a command as soon as anything loads it."""
    PROOF.unlink(missing_ok=True)
    path = tmp_path / "evil.nemo"
    path.write_bytes(nemo(weights=checkpoint(pickle.dumps(Evil(), protocol=2))))

    with pytest.raises(InvalidRequestError, match=r"model\.nemo is refused: the pickle in its"):
        import_model(store, path)

    assert not PROOF.exists()
    assert list(store.models.iterdir()) == []


SMUGGLED = b"smuggled into the archive"


def staged(folder: Path, data: bytes) -> Path:
    """A folder as an import has it once it has copied the file."""
    folder.mkdir()
    (folder / "model.nemo").write_bytes(data)
    return folder


def with_another_head(weights: bytes) -> bytes:
    """A checkpoint with bytes between its entries, which its directory does not list."""
    evil = io.BytesIO()
    with zipfile.ZipFile(evil, "w") as archive:
        archive.writestr("archive/data.pkl", SMUGGLED + pickle.dumps(Evil(), protocol=2))
    # zipfile goes by the directory at the end and takes what is before the first entry for a stub.
    return evil.getvalue() + weights


@pytest.mark.threat(25)
@pytest.mark.parametrize(
    "hostile",
    [
        nemo() + archive(member("./helper.py", SMUGGLED), member("./model_weights.ckpt", SMUGGLED)),
        nemo() + SMUGGLED,
        nemo(weights=with_another_head(checkpoint())),
        nemo(yaml_bytes=config(train_ds={"x": SMUGGLED.decode()}, labels=[SMUGGLED.decode()])),
        nemo(yaml_bytes=config() + b"# " + SMUGGLED),
        archive(
            member("./model_config.yaml", config(), uname=SMUGGLED.decode()),
            member("./model_weights.ckpt", checkpoint(), pax_headers={"comment": SMUGGLED.decode()}),
        ),
    ],
    ids=["second archive", "tail", "second pickle", "keys", "comment", "headers"],
)
def test_what_is_installed_is_what_was_checked_and_nothing_else_of_the_file(tmp_path, hostile):
    """An archive reads differently the second time: behind its end, between its members, by its names."""
    assert SMUGGLED in hostile
    folder = staged(tmp_path / "staged", hostile)

    with isolation.scratch() as scratch:
        _, digest = cleaned(folder, scratch)

    kept = (folder / "model.nemo").read_bytes()
    assert SMUGGLED not in kept
    assert b"posix" not in kept
    assert hashlib.sha256(kept).hexdigest() == digest != hashlib.sha256(hostile).hexdigest()
    with tarfile.open(folder / "model.nemo") as clean:
        assert clean.getnames() == ["./model_config.yaml", "./model_weights.ckpt"]
    # Nobody but govd writes to it, and it passes once more as it is.
    assert (folder / "model.nemo").stat().st_mode & 0o777 == 0o600
    assert (folder / "model.nemo").stat().st_uid == os.getuid()
    nemofile.rewrite(io.BytesIO(kept), tmp_path / "again.nemo")
    assert (tmp_path / "again.nemo").read_bytes() == kept


def test_a_good_archive_passes_the_child(tmp_path):
    path = tmp_path / "good.nemo"
    path.write_bytes(nemo())

    with isolation.scratch() as folder:
        seen = isolation.look("nemo", path, folder)
        assert (folder / "clean.nemo").is_file()

    assert seen.dimension is None
    assert not folder.exists()
