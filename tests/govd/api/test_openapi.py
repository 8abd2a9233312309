"""The two OpenAPI documents: whole, valid, and true where a schema alone could not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import jsonschema
import pytest

from govd.contract.actions import ACTIONS
from govd.doors import agents_app, operators_app
from tests.security.house import ACTIONS as EXAMPLES
from tests.security.house import submission

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = {"agents": agents_app(MagicMock()).openapi(), "operators": operators_app(MagicMock()).openapi()}


def references(value: Any) -> Iterator[str]:
    """Every $ref within."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation with its name."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield f"{method.upper()} {path}", operation


@pytest.mark.parametrize("door", DOCUMENTS)
def test_every_reference_leads_somewhere(door: str):
    document = DOCUMENTS[door]
    for reference in references(document):
        found: Any = document
        for part in reference.removeprefix("#/").split("/"):
            found = found[part]
        assert found


@pytest.mark.parametrize("door", DOCUMENTS)
def test_every_operation_says_its_answer_its_errors_and_who_may_ask(door: str):
    for name, operation in operations(DOCUMENTS[door]):
        good = [code for code in operation["responses"] if code.startswith("2")]
        assert len(good) == 1, name
        assert operation["responses"][good[0]]["content"], name
        assert {"4XX", "5XX"} <= set(operation["responses"]), name
        assert "security" in operation, name
        assert operation["description"], name


def test_only_health_and_the_public_keys_are_open():
    for door, document in DOCUMENTS.items():
        is_open = {name for name, item in operations(document) if item["security"] != [{"bearer": []}]}
        assert is_open == ({"GET /health"} | ({"GET /.well-known/jwks.json"} if door == "agents" else set()))


def test_no_operators_route_is_at_the_agents_door():
    shared = set(DOCUMENTS["agents"]["paths"]) & set(DOCUMENTS["operators"]["paths"])

    assert shared == {"/health", "/v1/events", "/v1/intents/{intent}", "/v1/jobs", "/v1/jobs/{job}"}


def judge(value: object) -> bool:
    """Whether the document takes a submission."""
    schemas = DOCUMENTS["agents"]["components"]
    schema = {"$ref": "#/components/schemas/Submission", "components": schemas}
    return jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize("kind", ACTIONS)
def test_the_action_of_a_submission_depends_on_its_kind(kind: str):
    assert judge(submission(kind))
    for other in set(ACTIONS) - {kind}:
        assert not judge({**submission(kind), "action": EXAMPLES[other]}), other
