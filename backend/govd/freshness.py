"""How old a signature is: by govd's own time, or by the wall clock where an operator has seen it set back.

Must never believe a wall clock that stepped and that nobody has looked at (threats T14).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from govd.contract.errors import ForbiddenError

_NO_TIME = timedelta()


@dataclass(frozen=True)
class SigningTime:
    """What a signature's time is held against.

    After a step back that an operator has seen, governed time stays ahead of the wall, because it never runs
    backwards. People sign by the wall clock: what is close to either of the two was signed now.

    Attributes:
        now: The governed time.
        ahead: How far it stays ahead of the wall by steps back that were seen.
    """

    now: datetime
    ahead: timedelta = _NO_TIME

    def check(self, what: str, at: datetime, within: int, hint: str | None = None) -> None:
        """Refuse what was not signed about now.

        Args:
            what: The first words of the sentence, as `the vote`.
            at: When it was signed, by its signer's clock.
            within: Seconds that it may be from now, on either side.
            hint: What signs it again; otherwise what to look at is named.

        Raises:
            ForbiddenError: it is further from now, by both clocks.
        """
        away = min((at - self.now, at - (self.now - self.ahead)), key=abs)
        if abs(away) <= timedelta(seconds=within):
            return
        side = "after" if away > _NO_TIME else "before"
        seconds = abs(away) // timedelta(seconds=1)
        raise ForbiddenError(
            f"{what} was signed {seconds} s {side} now by govd's clock; {within} are the most: sign again",
            hint=hint or "compare both clocks; a step that nobody has seen: govconsole alarms list",
        )
