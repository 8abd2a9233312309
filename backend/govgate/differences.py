"""In words, what of a command is not as it was approved. Only explains: the hash decides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from govd.contract.actions import GitPush, ProcessExec
    from govd.contract.intents import Input


def differences(
    approved: ProcessExec, now: ProcessExec, inputs: Sequence[Input], fresh: Callable[[Input], Input]
) -> list[str]:
    """One part of a sentence for each difference; paths and names are raw."""
    found: list[str] = []
    if list(approved.argv) != list(now.argv):
        found.append("the arguments differ")
    if approved.cwd != now.cwd:
        found.append(f"the folder is {now.cwd}, not {approved.cwd}")
    if approved.binary.path != now.binary.path:
        found.append(f"the program is {now.binary.path}, not {approved.binary.path}")
    elif approved.binary.sha256 != now.binary.sha256:
        found.append(f"the program {now.binary.path} has changed")
    found += _files(approved, now)
    for name in sorted(approved.env.keys() | now.env.keys()):
        if approved.env.get(name) != now.env.get(name):
            found.append(f"the variable {name} has another value")
    found += _push(approved.git, now.git)
    found += [f"the input {item.path} has changed" for item in inputs if fresh(item) != item]
    return found


def _files(approved: ProcessExec, now: ProcessExec) -> list[str]:
    before = {item.path: item.sha256 for item in approved.scripts}
    after = {item.path: item.sha256 for item in now.scripts}
    found = [f"{path} has changed" for path in before if path in after and before[path] != after[path]]
    found += [f"{path} is not used any more" for path in before if path not in after]
    return found + [f"{path} is used, and was not" for path in after if path not in before]


def _push(approved: GitPush | None, now: GitPush | None) -> list[str]:
    if approved is None or now is None:
        return [] if approved is now else ["one is a git push, the other is not"]
    found: list[str] = []
    if approved.url != now.url:
        found.append(f"the push goes to {now.url}, not {approved.url}")
    if approved.repository != now.repository:
        found.append("the push comes from another repository")
    before = {update.ref: update.object for update in approved.updates}
    after = {update.ref: update.object for update in now.updates}
    return found + [
        f"{ref} is {after.get(ref, 'not pushed')}, not {before.get(ref, 'untouched')}"
        for ref in sorted(before.keys() | after.keys())
        if before.get(ref) != after.get(ref)
    ]
