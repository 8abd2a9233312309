"""What a .nemo archive may contain: a configuration that names known classes, and weights.

Runs in the isolated child. What passes is written anew, member by member, so that whoever reads it later sees
what was checked and nothing else (CVE-2025-23304: a configuration may name any callable; a pickle is code).
"""

from __future__ import annotations

import io
import pickletools
import re
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any, BinaryIO, Final

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONFIG: Final = "model_config.yaml"
WEIGHTS: Final = "model_weights.ckpt"
_MOST: Final = {CONFIG: 1 << 20, WEIGHTS: 1 << 30}
_MAX_MEMBERS: Final = 16
_MAX_DEPTH: Final = 32
_MAX_TENSORS: Final = 8192
_MAX_PICKLE: Final = 16 << 20
_CHUNK: Final = 1 << 20

_ASR: Final = "nemo.collections.asr"
MODEL_CLASSES: Final = frozenset(
    {f"{_ASR}.models.EncDecSpeakerLabelModel", f"{_ASR}.models.label_models.EncDecSpeakerLabelModel"}
)
CLASSES: Final = MODEL_CLASSES | {
    f"{_ASR}.modules.AudioToMelSpectrogramPreprocessor",
    f"{_ASR}.modules.audio_preprocessing.AudioToMelSpectrogramPreprocessor",
    f"{_ASR}.modules.SpectrogramAugmentation",
    f"{_ASR}.modules.audio_preprocessing.SpectrogramAugmentation",
    f"{_ASR}.modules.ConvASREncoder",
    f"{_ASR}.modules.conv_asr.ConvASREncoder",
    f"{_ASR}.modules.SpeakerDecoder",
    f"{_ASR}.modules.conv_asr.SpeakerDecoder",
    f"{_ASR}.losses.AngularSoftmaxLoss",
    f"{_ASR}.losses.angularloss.AngularSoftmaxLoss",
    "nemo.collections.common.losses.CrossEntropyLoss",
    "nemo.collections.common.losses.cross_entropy.CrossEntropyLoss",
}
_NAMING: Final = frozenset({"_target_", "target", "cls", "target_cls"})
_KEPT: Final = ("target", "nemo_version", "sample_rate", "preprocessor", "encoder", "decoder", "loss")
_LOOK_UP: Final = "${"
"""With it OmegaConf looks something up, nested or not; what NeMo saves has its values in place."""
_PLAIN: Final = (str, int, float, bool, type(None))

GLOBALS: Final = frozenset(
    {
        "collections OrderedDict",
        "torch._utils _rebuild_tensor_v2",
        "torch._utils _rebuild_parameter",
        *(f"torch {kind}Storage" for kind in ("Float", "Half", "BFloat16", "Double", "Long", "Int", "Bool")),
    }
)
"""What the pickle inside a checkpoint may name: what torch's weights-only reader needs for plain tensors."""
_NAMELESS: Final = frozenset({"STACK_GLOBAL", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"})
_ENTRY: Final = re.compile(
    r"(?P<root>[A-Za-z0-9_-]+)/(data\.pkl|version|byteorder|\.format_version|\.storage_alignment"
    r"|\.data/serialization_id|data/[0-9]+)"
)


def rewrite(source: BinaryIO, target: Path) -> None:
    """Check an archive and write what was checked to a new one.

    Raises:
        ValueError: it holds anything but a configuration of known classes and plain tensors.
    """
    try:
        members = dict(_members(source))
        if set(members) != {CONFIG, WEIGHTS}:
            raise ValueError(f"it lacks {' and '.join(sorted({CONFIG, WEIGHTS} - set(members)))}")
        checked = {CONFIG: config(members[CONFIG]), WEIGHTS: checkpoint(members[WEIGHTS])}
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"it is no .nemo archive: {error}") from None
    with tarfile.open(target, "x:", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in checked.items():
            head = tarfile.TarInfo(f"./{name}")
            head.size = len(data)
            archive.addfile(head, io.BytesIO(data))


def _members(source: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=source, mode="r:*") as archive:
        seen: set[str] = set()
        for count, member in enumerate(archive):
            if count >= _MAX_MEMBERS:
                raise ValueError(f"it has more than {_MAX_MEMBERS} members")
            if member.isdir() and member.name in {".", "./", ""}:
                continue
            name = _name(member)
            if name in seen:
                raise ValueError(f"it has {name} twice")
            seen.add(name)
            yield name, _content(archive, member, name)


def _name(member: tarfile.TarInfo) -> str:
    if member.name.startswith("/") or ".." in member.name.split("/"):
        raise ValueError(f"its member {member.name[:100]!r} points out of the archive")
    if member.type not in {tarfile.REGTYPE, tarfile.AREGTYPE} or member.issparse():
        raise ValueError(f"its member {member.name[:100]!r} is a link, a device or no plain file")
    name = member.name.removeprefix("./")
    if name not in _MOST:
        raise ValueError(f"it has a member {name[:100]!r}, which no speaker model needs")
    if member.size > _MOST[name]:
        raise ValueError(f"its {name} says that it has {member.size} bytes: more than {_MOST[name]}")
    return name


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo, name: str) -> bytes:
    stream = archive.extractfile(member)
    data = b"" if stream is None else stream.read(_MOST[name] + 1)
    if len(data) != member.size:
        raise ValueError(f"its {name} is cut off")
    return data


def config(data: bytes) -> bytes:
    """The part of a configuration that makes a speaker model, as YAML of our own.

    Raises:
        ValueError: it names a class that is not on the list, or asks for something to be looked up.
    """
    try:
        _flat(data)
        found = yaml.load(data, yaml.CSafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"its {CONFIG} is no YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(found, dict) or found.get("target") not in MODEL_CLASSES:
        raise ValueError(f"its {CONFIG} describes no speaker model of NeMo's")
    _walk(found)
    return yaml.safe_dump({key: found[key] for key in _KEPT if key in found}).encode()


def _flat(data: bytes) -> None:
    """Refuse what unfolds to more than it is, before it is built: aliases and deep nesting."""
    depth = 0
    for event in yaml.parse(data, yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"its {CONFIG} has aliases")  # noqa: TRY004 - its content, not a caller's type
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise ValueError(f"its {CONFIG} is nested too deep")


def _walk(node: object) -> None:
    if isinstance(node, dict):
        for key, value in node.items():
            _walk(key)
            if key in _NAMING and not (isinstance(value, str) and value in CLASSES):
                raise ValueError(f"its configuration names {str(value)[:120]!r}, which is not on the list")
            _walk(value)
    elif isinstance(node, list):
        for item in node:
            _walk(item)
    elif not isinstance(node, _PLAIN):
        # A set, bytes or the pairs of a tuple would be written as something that was not looked at.
        raise ValueError(f"its configuration holds a {type(node).__name__}")  # noqa: TRY004 - its content
    elif isinstance(node, str) and _LOOK_UP in node:
        raise ValueError(f"its configuration asks for {node[:120]!r} to be looked up")


def checkpoint(data: bytes) -> bytes:
    """The tensors of a checkpoint, as a zip of our own.

    Raises:
        ValueError: it is no checkpoint of plain tensors.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = _entries(archive)
            pickle = next((name for name in entries if name.endswith("/data.pkl")), None)
            if pickle is None:
                raise ValueError(f"its {WEIGHTS} has no data.pkl")
            scan(entries[pickle])
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, KeyError) as error:
        raise ValueError(f"its {WEIGHTS} is no checkpoint of torch's: {error}") from None
    fresh = io.BytesIO()
    with zipfile.ZipFile(fresh, "x", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return fresh.getvalue()


def _entries(archive: zipfile.ZipFile) -> dict[str, bytes]:
    heads = archive.infolist()
    if len(heads) > _MAX_TENSORS:
        raise ValueError(f"its {WEIGHTS} has more than {_MAX_TENSORS} entries")
    if sum(head.file_size for head in heads) > _MOST[WEIGHTS]:
        raise ValueError(f"its {WEIGHTS} says that it has more than {_MOST[WEIGHTS]} bytes")
    found: dict[str, bytes] = {}
    roots = set()
    for head in heads:
        match = _ENTRY.fullmatch(head.filename)
        if match is None or head.filename in found or head.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"its {WEIGHTS} has an entry {head.filename[:100]!r} as torch writes none")
        roots.add(match["root"])
        found[head.filename] = archive.read(head)
    if len(roots) > 1:
        raise ValueError(f"its {WEIGHTS} has several roots")
    return found


def scan(pickle: bytes) -> None:
    """Refuse a pickle that names anything but tensors.

    Raises:
        ValueError: it does, or it is none.
    """
    if len(pickle) > _MAX_PICKLE:
        raise ValueError(f"the pickle in its {WEIGHTS} is longer than {_MAX_PICKLE} bytes")
    end = 0
    try:
        for opcode, argument, position in pickletools.genops(pickle):
            end = (position or 0) + 1
            _allowed(opcode.name, argument)
    except ValueError as error:
        raise ValueError(f"the pickle in its {WEIGHTS} is refused: {error}") from None
    if end != len(pickle):
        raise ValueError(f"the pickle in its {WEIGHTS} goes on after its end")


def _allowed(opcode: str, argument: Any) -> None:  # noqa: ANN401 - whatever an opcode carries
    if opcode in _NAMELESS:
        raise ValueError(f"{opcode} is code")
    if opcode == "GLOBAL" and argument not in GLOBALS:
        raise ValueError(f"it names {str(argument)[:120]!r}")


def warm_up() -> None:
    """Load what the standard library loads late: afterwards its files may be out of reach."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "x") as fresh:
        fresh.writestr("a", b"")
    with zipfile.ZipFile(archive) as read:
        read.read("a")
    packed = io.BytesIO()
    for mode in ("w:gz", "w:bz2", "w:xz"):
        packed.seek(0)
        with tarfile.open(fileobj=packed, mode=mode):
            pass
