"""What importing costs, and what may know what: the import contracts once more, seen at run time.

import-linter reads the sources; here a fresh process says what really was loaded.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "nemo", "onnxruntime", "numpy"}
IMPURE_CALLS = {"now", "today", "utcnow", "open", "getenv", "urandom"}


def loaded_by(module: str) -> set[str]:
    """The top-level names, and ours in full, that a process holds after importing `module`."""
    program = f"import {module}, json, sys; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, cwd="/", timeout=60
    )
    names = set(json.loads(done.stdout))
    return names | {name.split(".")[0] for name in names}


@pytest.mark.parametrize("module", ["govconsole.app", "govd.service", "govgate.cli"])
def test_starting_loads_no_model_runtime(module):
    assert not loaded_by(module) & HEAVY


def test_the_client_and_the_state_of_the_console_load_no_toolkit():
    for module in ("govconsole.client", "govconsole.state"):
        assert "textual" not in loaded_by(module)


def test_the_consoles_first_frame_waits_for_neither_models_nor_network_nor_signatures():
    assert not loaded_by("govconsole.app") & {"pydantic", "httpx", "cryptography", "govd.contract.jobs"}


def test_the_service_loads_neither_console_nor_gate():
    assert not loaded_by("govd.service") & {"govconsole", "govgate", "textual"}


@pytest.mark.parametrize(
    "module",
    ["govconsole.app", "govconsole.cli", "govgate.cli", "govgate.sdk", "govdemo.ledger", "govdemo.crowd"],
)
def test_console_and_gates_load_nothing_of_the_service_but_its_contract(module):
    ours = {name for name in loaded_by(module) if name.startswith("govd.")}

    assert all(name == "govd.contract" or name.startswith("govd.contract.") for name in ours), ours


def test_rules_load_neither_store_nor_server():
    for path in sorted((ROOT / "backend" / "govd").rglob("rules.py")):
        module = ".".join(path.relative_to(ROOT / "backend").with_suffix("").parts)
        assert not loaded_by(module) & {"sqlalchemy", "fastapi", "uvicorn", "httpx", "govd.storage"}, module


def test_rules_ask_neither_the_clock_nor_a_file():
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {ast.unparse(node.func)}"
        for path in sorted((ROOT / "backend" / "govd").rglob("rules.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rsplit(".", 1)[-1] in IMPURE_CALLS
    ]

    assert found == []


def test_every_module_says_what_it_is_for():
    silent = [
        str(path.relative_to(ROOT))
        for folder in ("backend", "console")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path.read_text(encoding="utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]

    assert silent == []


def lines_of(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Its lines, without those of functions inside it (a router is a list of its handlers)."""
    inner = [
        lines_of(node)
        for statement in function.body
        for node in ast.walk(statement)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node in function.body
    ]
    return (function.end_lineno or 0) - function.lineno + 1 - sum(inner)


def test_no_file_and_no_function_has_grown_past_a_second_name():
    long = []
    for folder in ("backend", "console"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name, text = path.relative_to(ROOT), path.read_text(encoding="utf-8")
            if text.count("\n") > 400:
                long.append(f"{name}: {len(text.splitlines())} lines")
            long += [
                f"{name}:{node.lineno}: {node.name} has {lines_of(node)} lines"
                for node in ast.walk(ast.parse(text))
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and lines_of(node) > 50
            ]

    assert long == []


def test_nothing_of_ours_changes_where_ids_and_nonces_come_from():
    """The seam is for the tool that draws pictures alone."""
    found = [
        str(path.relative_to(ROOT))
        for folder in ("backend", "console")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom | ast.Import)
        and any(alias.name in {"SOURCE", "Source", "govd.ids", "ids"} for alias in node.names)
    ]

    assert found == []
