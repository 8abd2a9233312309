"""Write requirements.lock: every distribution that the project needs, development included, pinned with ==.

The figures are those of the environment that runs this, which is the one that the tests passed in. Must
never list what merely happens to be installed.

    .venv/bin/python tests/tools/lock.py            rewrite the file
    .venv/bin/python tests/tools/lock.py --check    fail where it does not cover what is declared
"""

from __future__ import annotations

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
HEADER = """\
# Every version that the project is built, run and tested with: the constraints that the Makefile installs by.
# Written by tests/tools/lock.py from an environment in which the tests passed; do not edit by hand.
"""
# hatchling asks for this one only at the moment of an editable build.
BUILD_EXTRA = ("editables",)
# 2.2 GB in an environment of its own, with a lock of its own.
APART = frozenset({"nemo"})


def declared() -> list[Requirement]:
    """What pyproject.toml asks for: to run, to develop, to build."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"], *BUILD_EXTRA]
    for extra, items in project["project"]["optional-dependencies"].items():
        if extra not in APART:
            wanted.extend(items)
    return [Requirement(item) for item in wanted]


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Canonical name to version of all that the roots drag in, as installed here."""
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots)
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        key = (name, frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        distribution = metadata.distribution(name)
        found[name] = distribution.version
        for line in distribution.requires or []:
            inner = Requirement(line)
            extras = wanted.extras or {""}
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(inner)
    return found


def pinned() -> dict[str, str]:
    """Canonical name to version as the file has it."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if re.match(r"[A-Za-z0-9]", line))
    return {canonicalize_name(name): version for name, version in pairs}


def check() -> list[str]:
    """What is wrong with the file, one sentence each."""
    found = pinned()
    wrong = [
        f"{item.name} is declared and not pinned"
        for item in declared()
        if canonicalize_name(item.name) not in found
    ]
    wrong += [
        f"{item.name} is pinned to {found[canonicalize_name(item.name)]}, outside {item.specifier}"
        for item in declared()
        if canonicalize_name(item.name) in found and found[canonicalize_name(item.name)] not in item.specifier
    ]
    wrong += [
        f"{name} is needed and not pinned"
        for name in closure([Requirement(f"{name}=={version}") for name, version in found.items()])
        if name not in found
    ]
    return wrong


def main() -> int:
    """Rewrite or check."""
    if "--check" in sys.argv[1:]:
        wrong = check()
        for sentence in wrong:
            sys.stderr.write(f"requirements.lock: {sentence}\n")
        return 1 if wrong else 0
    lines = [f"{name}=={version}" for name, version in sorted(closure(declared()).items())]
    LOCK.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")
    sys.stdout.write(f"{LOCK.name}: {len(lines)} distributions\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
