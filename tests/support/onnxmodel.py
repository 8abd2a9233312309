"""Small ONNX models, written byte by byte as onnx.proto numbers its fields: good ones and hostile ones.

They have NeMo's inputs and outputs, and tell sounds apart by their mean spectrum; they recognise nobody.
"""

from __future__ import annotations

import struct

import numpy as np

FLOAT, INT64 = 1, 7
DIMENSION = 32


def _varint(value: int) -> bytes:
    out = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field: a number, or bytes with their length."""
    if isinstance(value, int):
        return _varint(number << 3) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def tensor(name: str, kind: int, shape: tuple[int, ...], raw: bytes, *more: bytes) -> bytes:
    """A TensorProto."""
    sizes = b"".join(field(1, size) for size in shape)
    return sizes + field(2, kind) + field(8, name) + field(9, raw) + b"".join(more)


def value_info(name: str, kind: int, shape: tuple[int | str, ...]) -> bytes:
    """A ValueInfoProto; a name in the shape is a free dimension."""
    sizes = b"".join(field(1, field(1, n) if isinstance(n, int) else field(2, n)) for n in shape)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, sizes)))


def node(kind: str, inputs: list[str], outputs: list[str], *more: bytes) -> bytes:
    """A NodeProto."""
    names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return names + field(4, kind) + b"".join(more)


def attribute(name: str, value: int) -> bytes:
    """An attribute of a node: one integer."""
    return field(5, field(1, name) + field(3, value) + field(20, 2))


def model(
    *,
    nodes: tuple[bytes, ...] = (),
    weights: tuple[bytes, ...] = (),
    opsets: tuple[str, ...] = (),
    signal: tuple[int | str, ...] = ("batch", 80, "frames"),
    output: str = "embs",
    scale: float = 1.0,
    more: bytes = b"",
) -> bytes:
    """A ModelProto: mean over the frames of relu(W x), and whatever is added to it.

    Args:
        nodes: Further operators.
        weights: Further tensors.
        opsets: Further domains of operators.
        signal: Shape of the input.
        output: Name of the embedding.
        scale: Times this; 0 gives a vector without a direction.
        more: Further fields of the model.
    """
    values = np.random.default_rng(7).standard_normal((DIMENSION, 80)).astype("<f4") * np.float32(scale)
    axes = struct.pack("<q", 2)
    graph = [
        field(1, node("MatMul", ["w", "audio_signal"], ["m"])),
        field(1, node("Relu", ["m"], ["r"])),
        field(1, node("ReduceMean", ["r", "axes"], [output], attribute("keepdims", 0))),
        *(field(1, item) for item in nodes),
        field(2, "tiny"),
        field(5, tensor("w", FLOAT, (DIMENSION, 80), values.tobytes())),
        field(5, tensor("axes", INT64, (1,), axes)),
        *(field(5, item) for item in weights),
        field(11, value_info("audio_signal", FLOAT, signal)),
        field(11, value_info("length", INT64, ("batch",))),
        field(12, value_info(output, FLOAT, ("batch", DIMENSION))),
    ]
    sets = [field(8, field(1, domain) + field(2, 1)) for domain in opsets]
    own = field(8, field(2, 18))
    return field(1, 8) + field(7, b"".join(graph)) + own + b"".join(sets) + more
