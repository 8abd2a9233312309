"""Where the policies that come with the program lie: in the wheel, else beside the repository.

The working directory is never searched: an agent's checkout could hold a `policies/` (threats T11).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from govd.contract.errors import NotFoundError

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

DEFAULT = "default.yaml"


def folder(package: Traversable | None = None, module: Path | None = None) -> Traversable:
    """The folder of policies.

    Args:
        package: The installed package `govd`; found by importlib where left out.
        module: This module's file; its own where left out.

    Raises:
        NotFoundError: neither the wheel nor the repository has one.
    """
    packed = (package or resources.files("govd")) / "policies"
    if packed.joinpath(DEFAULT).is_file():
        return packed
    # An editable install does not see what `force-include` packs: there it is the repository's own folder.
    here = (module or Path(__file__)).resolve()
    beside = here.parents[3] / "policies"
    if (beside / DEFAULT).is_file() and (here.parents[3] / "backend") in here.parents:
        return beside
    raise NotFoundError("no policies came with this installation", hint="name a file with --policy")


def default() -> bytes:
    """The default policy's bytes."""
    return folder().joinpath(DEFAULT).read_bytes()


def preset(name: str) -> bytes:
    """A preset's bytes, by its name.

    Raises:
        NotFoundError: there is none of that name.
    """
    names = presets()
    if name not in names:
        raise NotFoundError(f"no preset is called {name!r}", hint="known are " + ", ".join(names))
    return folder().joinpath("presets", f"{name}.yaml").read_bytes()


def presets() -> list[str]:
    """The names of the presets."""
    files = folder().joinpath("presets").iterdir()
    return sorted(file.name.removesuffix(".yaml") for file in files if file.name.endswith(".yaml"))
