"""What `make check` runs: each check by its name, the rest even after one failed; the last line says which.

Must never mend what it finds: `make format`, `make docs` and `make lock` do that.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PYTHON = sys.executable

CHECKS: dict[str, list[str]] = {
    "style": [str(BIN / "ruff"), "check", "--quiet", "."],
    "format": [str(BIN / "ruff"), "format", "--check", "--quiet", "."],
    "types": [str(BIN / "mypy")],
    "types-of-helpers": [str(BIN / "mypy"), "tests/support", "tests/tools", "tests/performance"],
    "types-of-training": [str(BIN / "mypy"), "backend/training"],
    "imports": [str(BIN / "lint-imports"), "--no-cache"],
    "lock": [PYTHON, "tests/tools/lock.py", "--check"],
    "policy-schema": [PYTHON, "-m", "govd.policy.schema", "--check"],
    "docs": [PYTHON, "-m", "tests.tools.docs", "--check"],
    "attacks": [PYTHON, "tests/tools/attacks.py", "--check"],
    "portable": [PYTHON, "tests/tools/portable.py"],
}


def main() -> int:
    """Run the checks that were named, or all."""
    named = sys.argv[1:] or list(CHECKS)
    unknown = [name for name in named if name not in CHECKS]
    if unknown:
        sys.stderr.write(f"no such check: {', '.join(unknown)}; there are {', '.join(CHECKS)}\n")
        return 2
    failed: list[str] = []
    for name in named:
        started = time.monotonic()
        done = subprocess.run(
            CHECKS[name], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        word = "ok" if done.returncode == 0 else "FAILED"
        sys.stdout.write(f"{name:18} {word:7} {time.monotonic() - started:5.1f} s\n")
        if done.returncode != 0:
            failed.append(name)
            sys.stdout.write(done.stdout.decode(errors="replace") + "\n")
        sys.stdout.flush()
    sys.stdout.write(f"failed: {', '.join(failed)}\n" if failed else "all checks passed\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
