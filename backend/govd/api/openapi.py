"""The OpenAPI document of a door: FastAPI's, completed with the bodies that routes read themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from govd import contract
from govd.contract.actions import ACTIONS
from govd.contract.heads import HEADER
from govd.contract.limits import MAX_HEADER_HEAD

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


def _submission(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """`Submission` as one schema a kind, since `action` depends on `kind`; by name, the choice itself too."""
    found: dict[str, dict[str, Any]] = {}
    mapping: dict[str, str] = {}
    for kind, action in ACTIONS.items():
        name = f"{action.__name__}Submission"
        own = {
            "kind": {"const": kind, "type": "string"},
            "action": {"$ref": _REF.format(model=action.__name__)},
        }
        found[name] = {**schema, "title": name, "properties": {**schema["properties"], **own}}
        mapping[kind] = _REF.format(model=name)
    found["Submission"] = {
        "title": "Submission",
        "description": schema.get("description", ""),
        "oneOf": [{"$ref": ref} for ref in mapping.values()],
        "discriminator": {"propertyName": "kind", "mapping": mapping},
    }
    return found


def _complete(operation: dict[str, Any]) -> None:
    """What every operation has: its errors in one shape, the head of the log, and who may ask."""
    responses = operation["responses"]
    responses.pop("422", None)
    for response in responses.values():
        response["headers"] = {HEADER: {"$ref": "#/components/headers/Head"}}
    responses["4XX"] = responses["5XX"] = {
        "description": "A problem document (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    operation.setdefault("security", [{"bearer": []}])


def document(app: FastAPI) -> dict[str, Any]:
    """The whole document, as schemathesis and the reference read it."""
    spec = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = spec.setdefault("components", {})
    schemas: dict[str, Any] = components.setdefault("schemas", {})
    models = _models()
    wanted: set[str] = set()
    for path in spec["paths"].values():
        for operation in path.values():
            name = operation.pop("x-body", None)
            if name is not None:
                wanted.add(name)
            _complete(operation)
    _, definitions = models_json_schema(
        [(models[name], "validation") for name in sorted(wanted)], ref_template=_REF
    )
    # What is taken is described more strictly than what is given, where a model is both.
    schemas.update(definitions.get("$defs", {}))
    if "Submission" in schemas:
        schemas.update(_submission(schemas["Submission"]))
    schemas["Problem"] = _problem()
    components["headers"] = {
        "Head": {
            "description": "The signed head of the log. Clients remember the latest and send it along.",
            "schema": {"type": "string", "maxLength": MAX_HEADER_HEAD},
        }
    }
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    for gone in ("HTTPValidationError", "ValidationError"):
        schemas.pop(gone, None)
    return spec
