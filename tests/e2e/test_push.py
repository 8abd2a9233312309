"""The main job, end to end: real sockets, real processes, the real app under the pilot, a real `git push`."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest

from tests.e2e.conftest import audit_types, console, git, verify_log
from tests.govconsole.driver import running, shows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.conftest import Releases
    from tests.support.programs import Process

PUSH = ("git", "push", "origin", "main:refs/heads/main")


async def ended(process: Process) -> tuple[int, str]:
    out, err = await asyncio.to_thread(process.communicate, None, 60)
    return process.returncode, (out + err).decode()


async def held(scene: Releases) -> str:
    """Wait until a job is held; its id."""
    operator = scene.govd.operator()

    def look() -> str:
        with operator.http.stream("GET", "/v1/events", headers={"Last-Event-ID": "0"}) as events:
            assert any(line == "event: job.held" for line in events.iter_lines())
        return str(operator.queue("held").jobs[0].id)

    return await asyncio.to_thread(look)


async def approve_by_keys(scene: Releases, *texts: str) -> None:
    app, clock = console(scene.govd)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held", *texts)
        await pilot.press("a")
        await shows(pilot, "You sign this")
        clock.ahead += 1
        await pilot.press("y")
        await shows(pilot, "✓ approved")


async def test_a_held_push_is_approved_by_key_press_and_runs_exactly_once(
    releases: Callable[..., Releases],
) -> None:
    scene = releases()
    commit = scene.commit("1.0.0")
    agent = scene.start(*PUSH)
    await held(scene)
    assert scene.remote_main() is None
    await approve_by_keys(scene, "release-bot")
    code, said = await ended(agent)
    assert (code, scene.remote_main()) == (0, commit), said
    intent = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)
    assert intent is not None
    second = await asyncio.to_thread(scene.again, intent[0], *PUSH)
    assert second.returncode != 0, second.stderr
    verify_log(scene.govd)
    kinds = audit_types(scene.govd)
    assert kinds.count("intent.redeemed") == 1
    assert kinds.count("intent.succeeded") == 1


async def test_the_reviewer_sees_the_diff_that_the_executor_made_and_the_next_is_compared_with_it(
    releases: Callable[..., Releases],
) -> None:
    scene = releases()
    scene.commit("1.0.0")
    first = scene.start(*PUSH)
    await held(scene)
    await approve_by_keys(scene, "Evidence")
    assert (await ended(first))[0] == 0
    commit = scene.commit("1.1.0 tidied")
    second = scene.start(*PUSH)
    app, clock = console(scene.govd)
    async with running(app, size=(200, 60)) as pilot:
        await shows(
            pilot, "Evidence", "1 commit, 1 file", "what stands there now", "1.1.0 tidied", "~ VERSION"
        )
        await pilot.press("c")
        await shows(pilot, "Content ▸", "-1.0.0", "+1.1.0 tidied")
        await pilot.press("escape", "a")
        await shows(pilot, "You sign this")
        clock.ahead += 1
        await pilot.press("y")
        await shows(pilot, "✓ approved")
    code, said = await ended(second)
    assert (code, scene.remote_main()) == (0, commit), said
    kinds = audit_types(scene.govd)
    assert kinds.count("intent.evidence") == 2
    verify_log(scene.govd)


async def test_a_denied_push_never_reaches_the_remote(releases: Callable[..., Releases]) -> None:
    scene = releases()
    scene.commit("1.0.0")
    agent = scene.start(*PUSH)
    await held(scene)
    app, clock = console(scene.govd)
    async with running(app) as pilot:
        await shows(pilot, "Why it is held")
        await pilot.press("d")
        await shows(pilot, "You sign this")
        clock.ahead += 1
        await pilot.press("y")
        await shows(pilot, "reason")
        await pilot.press(*"frozen", "ctrl+y")
        await shows(pilot, "✗ denied")
    code, said = await ended(agent)
    assert (code, scene.remote_main()) == (77, None), said
    verify_log(scene.govd)


async def test_a_push_that_nobody_decides_expires_and_is_not_called_denied(
    releases: Callable[..., Releases],
) -> None:
    scene = releases(ttl="1s")
    scene.commit("1.0.0")
    code, said = await ended(scene.start(*PUSH))
    assert (code, scene.remote_main()) == (76, None), said
    states = [job.state.value for job in scene.govd.operator().queue("settled").jobs]
    assert states == ["expired"]


@pytest.mark.threat("T7")
async def test_a_branch_that_moves_after_the_approval_is_not_pushed(
    releases: Callable[..., Releases],
) -> None:
    """An agent that moves the branch between approval and run pushes nothing: other objects were approved."""
    scene = releases()
    scene.commit("1.0.0")
    agent = scene.start(*PUSH, wait=0)
    code, said = await ended(agent)
    assert code == 75, said
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)
    assert found is not None
    await held(scene)
    await approve_by_keys(scene)
    scene.commit("9.9.9")
    done = await asyncio.to_thread(scene.again, found[0], *PUSH)
    assert done.returncode == 77, done.stderr
    assert scene.remote_main() is None


@pytest.mark.threat("T7")
async def test_a_script_that_changes_after_the_approval_does_not_run(
    releases: Callable[..., Releases],
) -> None:
    """An agent that swaps a script between approval and run has nothing run: its contents were approved."""
    scene = releases()
    proof = scene.repository / "proof"
    script = scene.repository / "deploy.sh"
    script.write_text("exit 0\n")
    code, said = await ended(scene.start("sh", "deploy.sh", wait=0))
    assert code == 75, said
    found = re.search(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", said)
    assert found is not None
    job = await held(scene)
    await asyncio.to_thread(scene.govd.operator().approve, job)
    script.write_text(f"touch {proof}\n")
    done = await asyncio.to_thread(scene.again, found[0], "sh", "deploy.sh")
    assert done.returncode == 77, done.stderr
    assert not proof.exists()
    script.write_text("exit 7\n")
    assert git(scene.repository, "status", "--porcelain")
