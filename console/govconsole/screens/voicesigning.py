"""From a change of a voice to its signature: what is signed, the passphrase, and then it is done.

Must never let another change be signed than the dialog showed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from govconsole.client.voiceplan import plan_document
from govconsole.screens.passphrase import unlocked
from govconsole.screens.signing import Ask, SigningDialog, Typed

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.screen import Screen

    from govconsole.client.review import Words
    from govconsole.client.voiceplan import VoicePlan
    from govconsole.clock import Clock
    from govconsole.session import Session


class VoiceDialog(SigningDialog):
    """Asks for a signature on a voice; for one that is forgotten its name is typed.

    Args:
        plan: What is shown, and signed.
        operator: Who signs.
        clock: For the moment in which it is deaf.
    """

    def __init__(self, plan: VoicePlan, operator: str, clock: Clock) -> None:
        document, name = plan_document(plan, operator), plan.name
        if plan.draft is not None:
            ask = Ask(document, "approve", "Sign: enroll", reason="")
        else:
            typed = Typed(f"Type {name}", name, f"Type {name}: it cannot be undone.")
            ask = Ask(document, "deny", "Sign: forget it", reason="", typed=typed)
        super().__init__(ask, clock)


def sign_voice(screen: Screen[Any], session: Session, plan: VoicePlan, then: Callable[[], object]) -> None:
    """Show what is signed, have the key unlocked where it is locked, and go on.

    Args:
        screen: Over which the dialogs open.
        session: Whose key it is.
        plan: What is to be done.
        then: Does it.
    """

    def confirmed(words: Words | None) -> None:
        if words is not None:
            unlocked(screen, session, then)

    screen.app.push_screen(VoiceDialog(plan, session.operator, session.clock), confirmed)
