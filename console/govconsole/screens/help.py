"""The help: the keys of what is focused, of the screen and of everywhere, from the registry.

Must never list a key that the registry does not, nor leave out why one does not work now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from govconsole.actions.registry import SCOPES
from govconsole.client.document import Document, Span, blank, heading, line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from govconsole.actions.model import Situation
    from govconsole.keymap import Keymap

_KEYS = 15


def help_document(scopes: Iterable[str], keymap: Keymap, now: Situation | None = None) -> Document:
    """The keys of scopes. `now`: where it is known, what does not work now says why."""
    found: Document = []
    for scope in scopes:
        found += [heading(SCOPES[scope].title), blank()]
        for action in SCOPES[scope].actions:
            keys = Span(f"{keymap.label(scope, action.id):<{_KEYS - 2}} ", "key")
            found.append(line(keys, action.help, indent=1, hang=_KEYS - 1))
            named = f":{action.command} {action.argument}".rstrip() if action.command else ""
            twin = "   ".join(one for one in (named, action.twin.command) if one)
            if twin:
                found.append(line(Span(twin, "dim"), indent=_KEYS, hang=2))
            if now is not None and (why := action.blocked(now)) is not None:
                found.append(line(Span(f"not now: {why}", "warn"), indent=_KEYS, hang=2))
        found.append(blank())
    return found
