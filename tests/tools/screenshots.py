"""Draw screenshots/: the real app on a real backend, with jobs that agents really declared (ADR 12).

.venv/bin/python -m tests.tools.screenshots                  draw all of them
.venv/bin/python -m tests.tools.screenshots queue lost       draw some
.venv/bin/python -m tests.tools.screenshots --check          fail where one is not what the app draws now
"""

from __future__ import annotations

import sys

from tests.tools.pictures.draw import FOLDER, Studio, file_name, png
from tests.tools.pictures.scenes import PICTURES


def main() -> int:
    """Draw or check what was named, or everything."""
    check = "--check" in sys.argv[1:]
    named = [word for word in sys.argv[1:] if not word.startswith("--")]
    unknown = sorted(set(named) - {picture.name for picture in PICTURES})
    if unknown:
        sys.stderr.write(f"no such picture: {', '.join(unknown)}; see tests/tools/pictures/scenes.py\n")
        return 2
    stale = 0
    with Studio() as studio:
        for picture in PICTURES:
            if named and picture.name not in named:
                continue
            for size in picture.sizes:
                path = FOLDER / file_name(picture, size)
                drawn = studio.draw(picture, size)
                if not check:
                    path.write_text(drawn, encoding="utf-8")
                    path.with_suffix(".png").write_bytes(png(drawn))
                    sys.stdout.write(f"screenshots/{path.name}\n")
                elif not path.exists() or path.read_text(encoding="utf-8") != drawn:
                    stale += 1
                    sys.stderr.write(f"screenshots/{path.name} is stale: make screenshots\n")
    return 1 if stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
