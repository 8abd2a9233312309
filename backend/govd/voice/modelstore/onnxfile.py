"""What an ONNX file may contain: standard operators and weights of its own, nothing else.

Runs in the isolated child. The parser is protobuf's own, given the few fields of the format that matter here
(onnx.proto, fields by number); what it does not know it keeps unread.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

_DOMAINS: Final = frozenset({"", "ai.onnx"})
_MAX_NODES: Final = 20_000
_EXTERNAL: Final = 1

# message: field, number, kind. A kind in capitals is a message of this table; `*` means repeated.
_FIELDS: Final = {
    "Entry": (("key", 1, "string"),),
    "Tensor": (("external_data", 13, "*Entry"), ("data_location", 14, "int32")),
    "SparseTensor": (("values", 1, "Tensor"), ("indices", 2, "Tensor")),
    "Attribute": (
        ("t", 5, "Tensor"),
        ("g", 6, "Graph"),
        ("tensors", 10, "*Tensor"),
        ("graphs", 11, "*Graph"),
        ("sparse_tensor", 22, "SparseTensor"),
        ("sparse_tensors", 23, "*SparseTensor"),
    ),
    "Node": (("op_type", 4, "string"), ("attribute", 5, "*Attribute"), ("domain", 7, "string")),
    "Graph": (("node", 1, "*Node"), ("initializer", 5, "*Tensor"), ("sparse", 15, "*SparseTensor")),
    "OperatorSet": (("domain", 1, "string"), ("version", 2, "int64")),
    "Opaque": (),
    "Model": (
        ("graph", 7, "Graph"),
        ("opset_import", 8, "*OperatorSet"),
        ("training_info", 20, "*Opaque"),
        ("functions", 25, "*Opaque"),
    ),
}


@cache
def _model_class() -> Any:  # noqa: ANN401 - a class that protobuf makes at run time
    file = descriptor_pb2.FileDescriptorProto(name="govd_onnx.proto", package="govd", syntax="proto2")
    field_type = descriptor_pb2.FieldDescriptorProto
    plain = {
        "string": field_type.TYPE_STRING,
        "int32": field_type.TYPE_INT32,
        "int64": field_type.TYPE_INT64,
    }
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for label, number, kind in fields:
            repeated, kind_name = kind.startswith("*"), kind.lstrip("*")
            field = message.field.add(name=label, number=number)
            field.label = field_type.LABEL_REPEATED if repeated else field_type.LABEL_OPTIONAL
            field.type = plain.get(kind_name, field_type.TYPE_MESSAGE)
            if kind_name not in plain:
                field.type_name = f".govd.{kind_name}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("govd.Model"))


def check(data: bytes) -> None:
    """Refuse whatever is not a plain graph.

    Raises:
        ValueError: it is no ONNX model, or one with custom operators, functions or files of its own.
    """
    model = _model_class()()
    try:
        model.ParseFromString(data)
    except (DecodeError, RuntimeError) as error:
        raise ValueError(f"it is no ONNX model: {str(error)[:200]}") from None
    if not model.opset_import or not model.graph.node:
        raise ValueError("it is no ONNX model: it has no operators")
    foreign = {item.domain for item in model.opset_import} - _DOMAINS
    if foreign:
        raise ValueError(f"it wants operators of {min(foreign)[:80]!r}: only ONNX's own are run")
    if model.functions or model.training_info:
        raise ValueError("it brings functions of its own: only ONNX's own operators are run")
    graphs, count = [model.graph], 0
    while graphs:
        graph = graphs.pop()
        _tensors([*graph.initializer, *_dense(graph.sparse)])
        count += len(graph.node)
        if count > _MAX_NODES:
            raise ValueError(f"it has more than {_MAX_NODES} operators")
        for node in graph.node:
            graphs.extend(_node(node))


def _node(node: Any) -> list[Any]:  # noqa: ANN401 - protobuf's message
    """The graphs inside a node."""
    if node.domain not in _DOMAINS:
        raise ValueError(
            f"its operator {node.op_type[:80]!r} is one of {node.domain[:80]!r}: only ONNX's own are run"
        )
    inner = []
    for attribute in node.attribute:
        sparse = [*attribute.sparse_tensors, attribute.sparse_tensor]
        _tensors([attribute.t, *attribute.tensors, *_dense(sparse)])
        inner.extend(attribute.graphs)
        if attribute.HasField("g"):
            inner.append(attribute.g)
    return inner


def _dense(sparse: Any) -> list[Any]:  # noqa: ANN401 - protobuf's messages
    return [part for item in sparse for part in (item.values, item.indices)]


def _tensors(tensors: list[Any]) -> None:
    if any(item.data_location == _EXTERNAL or item.external_data for item in tensors):
        raise ValueError("it keeps weights in other files: a model is one file")


def warm_up() -> None:
    """Make the parser: afterwards protobuf's files may be out of reach."""
    _model_class()
