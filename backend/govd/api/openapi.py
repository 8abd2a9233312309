"""The OpenAPI document of a door: FastAPI's, completed with the bodies that routes read themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from govd import contract

if TYPE_CHECKING:
    from fastapi import FastAPI
    from pydantic import BaseModel

_REF = "#/components/schemas/{model}"


def _models() -> dict[str, type[BaseModel]]:
    """Every model of the contract by its name."""
    import importlib
    import pkgutil

    from govd.contract.wire import Wire

    for info in pkgutil.iter_modules(contract.__path__, contract.__name__ + "."):
        importlib.import_module(info.name)
    found: dict[str, type[BaseModel]] = {}
    waiting: list[type[Wire]] = list(Wire.__subclasses__())
    while waiting:
        model = waiting.pop()
        found[model.__name__] = model
        waiting.extend(model.__subclasses__())
    return found


def _problem() -> dict[str, Any]:
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "hint": {"type": "string"},
            "pointer": {"type": "string"},
            "retry_after": {"type": "integer"},
        },
    }


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, as schemathesis and the reference read it."""
    spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    schemas: dict[str, Any] = spec.setdefault("components", {}).setdefault("schemas", {})
    models = _models()
    wanted: set[str] = set()
    for path in spec["paths"].values():
        for operation in path.values():
            name = operation.pop("x-body", None)
            if name is not None:
                wanted.add(name)
            operation["responses"].pop("422", None)
            operation["responses"]["4XX"] = {
                "description": "A problem document (RFC 9457)",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
            }
            operation["responses"]["5XX"] = operation["responses"]["4XX"]
            operation["security"] = [{"bearer": []}]
    _, definitions = models_json_schema(
        [(models[name], "validation") for name in sorted(wanted)], ref_template=_REF
    )
    for name, schema in definitions.get("$defs", {}).items():
        schemas.setdefault(name, schema)
    schemas["Problem"] = _problem()
    spec["components"]["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    return spec
