"""Who voted what on a job, whether this console could check it, and who is still needed.

Must never show a vote without the words for whether its signature was checked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.document import Document, Role, Span, heading, line

if TYPE_CHECKING:
    from govconsole.client.voters import Voters
    from govd.contract.jobs import JobDetail, VoteView

_GLYPHS: Final = {
    "approve": "✓ approved",
    "deny": "✗ denied",
    "deny_with_guidance": "✗ denied, with guidance",
}


def votes(job: JobDetail, voters: Voters) -> Document:
    """The votes of a job, and what it still needs."""
    quorum = job.hold.quorum if job.hold else 0
    found: Document = [heading("Votes", f"{job.approvals} of {quorum}" if quorum else "")]
    for vote in job.votes:
        found += vote_lines(job, vote, voters)
    if not job.votes:
        found.append(line(Span("none yet", "dim"), indent=3))
    changed = job.hold.changed_since_vote if job.hold else []
    found += [
        line(Span(f"{name}: what was voted on has changed since", "warn"), indent=3, hang=2)
        for name in changed
    ]
    needed = quorum - job.approvals
    if quorum and needed > 0:
        more = (
            "one operator"
            if quorum == 1
            else "one more operator"
            if needed == 1
            else f"{needed} more operators"
        )
        voice = [Span(" · "), Span("voice", "warn")] if job.hold and job.hold.voice_required else []
        found.append(line(Span("Needs  ", "heading"), more, *voice))
    return found


def vote_lines(job: JobDetail, vote: VoteView, voters: Voters) -> Document:
    """One vote with its words, and what its check came to."""
    role: Role = "good" if vote.verdict == "approve" else "bad"
    words = [Span(f'  "{vote.reason}"')] if vote.reason else []
    words += [Span(f"  guidance: {vote.guidance}", "accent")] if vote.guidance else []
    lapsed = [Span("  lapsed: what it was about has changed", "warn")] if vote.lapsed else []
    when = vote.cast_at.strftime("%H:%M")
    check = voters.check(job, vote)
    mark = Span("  ✓ signature checked", "dim") if check.holds else Span(f"  ⚠ {check.words}", "bad")
    said = Span(_GLYPHS[vote.verdict], role)
    return [line(said, f" {vote.operator} {when} UTC", *words, *lapsed, mark, indent=3, hang=2)]
