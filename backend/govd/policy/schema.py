"""`python -m govd.policy.schema`: the JSON Schema that editors complete policies from, from the models.

With `--check` it writes nothing, and says whether the file in the repository is fresh.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from govd.policy.blocks import PolicyDocument

PATH = Path("policies") / "schema" / "policy.schema.json"


def text() -> str:
    """The schema, as its file holds it."""
    schema = PolicyDocument.model_json_schema(mode="validation")
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "govconsole policy",
    }
    return json.dumps(whole, indent=2, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema, or check it; the exit code."""
    root = Path(__file__).resolve().parents[3]
    path = root / PATH
    if arguments == ["--check"]:
        fresh = path.is_file() and path.read_text(encoding="utf-8") == text()
        if not fresh:
            sys.stderr.write(f"{PATH} is stale: run python -m govd.policy.schema\n")
        return 0 if fresh else 1
    if arguments:
        sys.stderr.write("usage: python -m govd.policy.schema [--check]\n")
        return 2
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
