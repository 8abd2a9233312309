"""From the registry to Textual's bindings. Must never bind a key that the registry does not list."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.binding import Binding

from govconsole.actions.registry import SCOPES

if TYPE_CHECKING:
    from textual.binding import BindingType


def bindings(scope: str, *, act: bool = False) -> list[BindingType]:
    """The bindings of a scope. `act`: they run through `action_act`, which says why one does not work now."""
    return [
        Binding(
            ",".join(action.keys),
            f"act({action.id!r})" if act else action.id,
            action.label,
            show=False,
            priority=action.first,
            id=f"{scope}.{action.id}",
        )
        for action in SCOPES[scope].actions
    ]
