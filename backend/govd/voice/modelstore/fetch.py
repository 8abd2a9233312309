"""`python -m govd.voice.modelstore.fetch`: NeMo's own download of one of its models, and nothing more.

Must never load what it downloaded: that is for the isolated child of an import.
"""

from __future__ import annotations

import argparse
import json
import os
import urllib.request
from pathlib import Path
from typing import Final

_TIMEOUT_S: Final = 30


def _size(url: str) -> int | None:
    """What the server says that the file has, in bytes."""
    if not url.startswith("https://"):
        return None
    request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - https alone, from NeMo's own list
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the same
            return int(answer.headers.get("Content-Length", ""))
    except (OSError, ValueError):
        return None


def main() -> int:
    """Download, and say where the file is."""
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("folder", type=Path)
    chosen = parser.parse_args()
    sink = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    # NeMo keeps its downloads below this.
    os.environ["NEMO_CACHE_DIR"] = str(chosen.folder)
    from nemo.collections.asr.models import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
        EncDecSpeakerLabelModel,
    )

    known = {item.pretrained_model_name: item for item in EncDecSpeakerLabelModel.list_available_models()}
    if chosen.model not in known:
        why = f"NeMo has no {chosen.model}; it has {', '.join(sorted(known))}"
        sink.write(json.dumps({"unknown": why}) + "\n")
        sink.flush()
        return 0
    location = known[chosen.model].location
    answer: dict[str, str]
    try:
        sink.write(json.dumps({"url": location, "size": _size(location)}) + "\n")
        sink.flush()
        file = EncDecSpeakerLabelModel.from_pretrained(chosen.model, return_model_file=True)
        answer = {"file": str(file), "url": location}
    except Exception as error:  # noqa: BLE001 - whatever NeMo raises, the parent is told in words
        answer = {"why": " ".join(str(error).split())[:500] or type(error).__name__}
    sink.write(json.dumps(answer) + "\n")
    sink.flush()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
