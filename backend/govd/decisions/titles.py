"""A title for a job that an agent did not name: what the action does, in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govd.contract import actions

if TYPE_CHECKING:
    from govd.contract.actions import Action

_LENGTH: Final = 120


def title_of(kind: str, action: Action) -> str:
    """One line, raw: it is an agent's text, and every outlet makes it visible."""
    return _sentence(kind, action)[:_LENGTH] or kind


def _sentence(kind: str, action: Action) -> str:  # noqa: PLR0911 - one line a kind
    match action:
        case actions.ProcessExec(git=actions.GitPush() as git):
            return f"git push to {git.url}: {', '.join(update.ref for update in git.updates)}"
        case actions.ProcessExec():
            return " ".join(action.argv)
        case actions.ToolCall():
            return action.tool
        case actions.HttpRequest():
            return f"{action.method} {action.url}"
        case actions.FileWrite():
            return f"write {action.path}"
        case actions.EvmTransaction():
            return f"transaction on {action.chain}"
        case actions.SecretRead():
            return f"read the secret {action.name}"
        case actions.Admin():
            return action.operation
        case _:
            return kind.replace("_", " ")
