"""A model of TitaNet-L's shape with random weights: what it computes takes the time that TitaNet-L takes.

22 million parameters, layer by layer as NeMo exports the model (filters 1024, three blocks of three repeats
with kernels 7, 11 and 15, encoder out 3072, attentive pooling, 192 numbers). Must never verify anybody.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from tests.support.onnxmodel import FLOAT, INT64, field, node, tensor, value_info

DIMENSION: Final = 192
_MELS: Final = 80
_FILTERS: Final = 1024
_OUT: Final = 3072
_ATTENTION: Final = 128
_KERNELS: Final = (7, 11, 15)
_REPEAT: Final = 3
_SQUEEZE: Final = 8
_OPSET: Final = 18


def _integers(name: str, *values: int) -> bytes:
    return field(5, field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7))


def _integer(name: str, value: int) -> bytes:
    return field(5, field(1, name) + field(3, value) + field(20, 2))


class _Graph:
    """Operators in their order, and their weights."""

    def __init__(self) -> None:
        self.nodes: list[bytes] = []
        self.weights: list[bytes] = []
        self._random = np.random.default_rng(1)

    def put(self, kind: str, inputs: list[str], *attributes: bytes, name: str | None = None) -> str:
        output = name or f"v{len(self.nodes)}"
        self.nodes.append(node(kind, inputs, [output], *attributes))
        return output

    def constant(self, values: np.ndarray) -> str:
        name = f"w{len(self.weights)}"
        kind = FLOAT if values.dtype == np.float32 else INT64
        self.weights.append(tensor(name, kind, values.shape, values.tobytes()))
        return name

    def conv(self, source: str, inside: int, out: int, kernel: int = 1, groups: int = 1) -> str:
        """A convolution over time that keeps its length, with a bias."""
        shape = (out, inside // groups, kernel)
        scale = np.sqrt(2.0 / (shape[1] * kernel))
        weights = self.constant((self._random.standard_normal(shape) * scale).astype(np.float32))
        bias = self.constant(np.zeros(out, dtype=np.float32))
        side = kernel // 2
        return self.put(
            "Conv",
            [source, weights, bias],
            _integer("group", groups),
            _integers("kernel_shape", kernel),
            _integers("pads", side, side),
        )

    def separable(self, source: str, inside: int, out: int, kernel: int) -> str:
        deep = self.conv(source, inside, inside, kernel, groups=inside)
        return self.conv(deep, inside, out)

    def squeezed(self, source: str, size: int) -> str:
        """Squeeze and excitation over the whole clip."""
        mean = self.put("GlobalAveragePool", [source])
        small = self.put("Relu", [self.conv(mean, size, size // _SQUEEZE)])
        gate = self.put("Sigmoid", [self.conv(small, size // _SQUEEZE, size)])
        return self.put("Mul", [source, gate])

    def moments(self, source: str, weights: str | None) -> tuple[str, str]:
        """Mean and deviation over time, weighted or not."""
        axes = self.constant(np.array([2], dtype=np.int64))
        kind = "ReduceMean" if weights is None else "ReduceSum"

        def over(values: str) -> str:
            weighted = values if weights is None else self.put("Mul", [values, weights])
            return self.put(kind, [weighted, axes])

        mean = over(source)
        apart = self.put("Sub", [source, mean])
        floor = self.constant(np.full(1, 1e-10, dtype=np.float32))
        variance = self.put("Add", [over(self.put("Mul", [apart, apart])), floor])
        return mean, self.put("Sqrt", [variance])


def _encoder(graph: _Graph) -> str:
    at = graph.separable("audio_signal", _MELS, _FILTERS, 3)
    at = graph.put("Relu", [graph.squeezed(at, _FILTERS)])
    for kernel in _KERNELS:
        start = at
        for repeat in range(_REPEAT):
            at = graph.separable(at, _FILTERS, _FILTERS, kernel)
            if repeat < _REPEAT - 1:
                at = graph.put("Relu", [at])
        beside = graph.conv(start, _FILTERS, _FILTERS)
        at = graph.put("Relu", [graph.put("Add", [graph.squeezed(at, _FILTERS), beside])])
    at = graph.separable(at, _FILTERS, _OUT, 1)
    return graph.put("Relu", [graph.squeezed(at, _OUT)])


def _pooled(graph: _Graph, encoded: str) -> str:
    nothing = graph.put("Mul", [encoded, graph.constant(np.zeros(1, dtype=np.float32))])
    wide = [encoded, *(graph.put("Add", [nothing, part]) for part in graph.moments(encoded, None))]
    context = graph.put("Concat", wide, _integer("axis", 1))
    hidden = graph.put("Tanh", [graph.put("Relu", [graph.conv(context, 3 * _OUT, _ATTENTION)])])
    attention = graph.put("Softmax", [graph.conv(hidden, _ATTENTION, _OUT)], _integer("axis", 2))
    both = graph.put("Concat", list(graph.moments(encoded, attention)), _integer("axis", 1))
    return graph.conv(both, 2 * _OUT, DIMENSION)


def model() -> bytes:
    """The model as a file's content, 90 MB."""
    graph = _Graph()
    embedding = _pooled(graph, _encoder(graph))
    axes = graph.constant(np.array([2], dtype=np.int64))
    graph.put("Squeeze", [embedding, axes], name="embs")
    parts = [
        *(field(1, item) for item in graph.nodes),
        field(2, "titanet-shape"),
        *(field(5, item) for item in graph.weights),
        field(11, value_info("audio_signal", FLOAT, ("batch", _MELS, "frames"))),
        field(11, value_info("length", INT64, ("batch",))),
        field(12, value_info("embs", FLOAT, ("batch", DIMENSION))),
    ]
    return field(1, 8) + field(7, b"".join(parts)) + field(8, field(2, _OPSET))
