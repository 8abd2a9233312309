"""What we gathered ourselves, on the screen: the diff of a push, a mail as it would arrive, or why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from govconsole.client.content import content_document
from govconsole.client.describe import describe
from govconsole.client.document import plain
from govconsole.client.evidence import diff_document, gathered
from govconsole.client.mail import mail_of
from tests.govconsole.driver import running, screen_text, shows
from tests.govconsole.test_hostile_text import CLICK, HOSTILE, forbidden
from tests.govconsole.world import DIFF, evidence, head, intent, job, mail_action, new_id

if TYPE_CHECKING:
    from govconsole.app import ConsoleApp
    from govconsole.session import Session
    from govd.contract.evidence import Evidence
    from govd.contract.intents import IntentDetail
    from govd.contract.jobs import JobDetail
    from tests.govconsole.fake_backend import FakeBackend


def seen(found: Evidence | None) -> IntentDetail:
    """A held push with that evidence."""
    made = intent(new_id())
    return made.model_copy(update={"evidence": [head(found)] if found is not None else []})


def mail(**more: Any) -> IntentDetail:
    return intent(new_id(), kind="tool_call", action=mail_action(**more))


def job_of(made: IntentDetail) -> JobDetail:
    return job(job_id=made.job, intents=[made], title="the job")


def roles(found: Evidence) -> list[tuple[str, str]]:
    """Each line of the diff with the role of its first span."""
    lines = [item for item in diff_document(found) if item.spans]
    texts = [(item.spans[0].text, item.spans[0].role) for item in lines]
    return texts[next(at for at, (text, _) in enumerate(texts) if text.startswith(("diff", "# "))) :]


def test_a_push_says_in_short_what_it_would_change_and_who_found_out():
    text = plain(gathered([seen(evidence())]))

    assert "runner, 09:00 UTC" in text
    assert "refs/heads/main  89abcdef01 → 0123456789  3 commits, 3 files  +2 -1" in text
    assert "compared with what stands there now" in text
    assert "0000000000 2026-11-20 Ann release 1.4.0" in text
    assert "… and 1 commit more" in text
    assert "+ run.sh  +1 -0  executable" in text
    assert f"c shows the diff, {len(DIFF)} bytes" in text


def test_what_is_signed_has_no_evidence_among_it():
    assert "compared with" not in plain(describe(1, seen(evidence()), full=True))


@pytest.mark.parametrize(
    ("base_is", "words"),
    [
        ("last_push", "what was pushed there last: the remote did not answer"),
        ("fork", "where it left what stands there"),
        ("nothing", "nothing: all of it is new"),
    ],
)
def test_what_a_push_was_compared_with_is_said(base_is: str, words: str):
    found = evidence()
    change = found.changes[0].model_copy(update={"base_is": base_is, "base": None, "note": "look twice"})

    text = plain(gathered([seen(found.model_copy(update={"changes": [change]}))]))

    assert words in text
    assert "nothing → 0123456789" in text
    assert "look twice" in text


def test_where_nothing_was_gathered_the_job_says_so_and_why():
    none = evidence("", changes=[], missing="the objects are more than 10 bytes")
    command = intent(
        new_id(),
        action={"argv": ["make"], "cwd": "/srv", "binary": {"path": "/usr/bin/make", "sha256": "a" * 64}},
    )

    text = plain(gathered([seen(None), seen(none), command, command, mail()]))

    assert "1  no evidence was gathered: nobody has seen its objects" in text
    assert "2  no evidence was gathered: the objects are more than 10 bytes (runner, 09:00 UTC)" in text
    assert "3, 4  no evidence was gathered: there is none for an action of this kind" in text
    assert "5  drawn above from the very arguments that are signed" in text


def test_a_diff_is_coloured_by_what_each_line_is():
    assert roles(evidence()) == [
        ("diff --git a/VERSION b/VERSION", "title"),
        ("index 1111111..2222222 100644", "dim"),
        ("--- a/VERSION", "dim"),
        ("+++ b/VERSION", "dim"),
        ("@@ -1 +1 @@", "accent"),
        ("-1.3.9", "bad"),
        ("+1.4.0", "good"),
        ("diff --git a/run.sh b/run.sh", "title"),
        ("new file mode 100755", "warn"),
        ("index 0000000..3333333", "dim"),
        ("--- /dev/null", "dim"),
        ("+++ b/run.sh", "dim"),
        ("@@ -0,0 +1 @@", "accent"),
        ("+#!/bin/sh", "good"),
    ]


@pytest.mark.threat("T17")
def test_content_of_a_file_passes_for_no_line_of_ours():
    """A file holds lines that look like the head of another file's diff, or like a heading."""
    text = (
        "# refs/heads/main\ndiff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n"
        "--- a/harmless\n+++ b/harmless\n # refs/heads/other\n-@@ -1 +1 @@\n+diff --git a/y b/y\n"
        "\\ No newline at end of file\n"
    )

    assert roles(evidence(text))[-6:] == [
        ("--- a/harmless", "bad"),
        ("+++ b/harmless", "good"),
        (" # refs/heads/other", "plain"),
        ("-@@ -1 +1 @@", "bad"),
        ("+diff --git a/y b/y", "good"),
        ("\\ No newline at end of file", "dim"),
    ]


def test_a_hunk_ends_where_its_content_ends_whatever_its_counts_say():
    text = "diff --git a/x b/x\n@@ -1,9 +1,9 @@\n one\n\n+two\ndiff --git a/y b/y\n--- a/y\n"

    assert roles(evidence(text))[2:] == [
        (" one", "plain"),
        ("", "plain"),
        ("+two", "good"),
        ("diff --git a/y b/y", "title"),
        ("--- a/y", "dim"),
    ]


def test_a_diff_that_was_cut_says_so_at_its_end():
    assert plain(diff_document(evidence(truncated=True))).endswith("the push changes more than this shows")


def test_tabs_keep_their_columns():
    assert "+   x" in plain(diff_document(evidence("@@ -0,0 +1 @@\n+\tx\n")))


def test_a_mail_is_shown_as_it_would_arrive():
    text = plain(describe(1, mail()))

    for part in (
        "To       ann@example.com",
        "         bob@example.com",
        "Cc       carl@example.com",
        "Bcc      hidden@example.org",
        "Subject  The October newsletter",
        "┃ Dear reader,",
        "attached figures.pdf",
        'logo.png  {"bytes": 2048}',
        "reaches  smtp.example.com",
    ):
        assert part in text


def test_a_long_mail_is_cut_in_the_job_and_whole_where_it_is_signed():
    made = mail(body="\n".join(f"line {number}" for number in range(40)))

    assert "line 39" not in plain(describe(1, made))
    assert "… 40 lines, 309 characters: c shows the whole mail" in plain(describe(1, made))
    assert "line 39" in plain(describe(1, made, full=True))


def test_no_argument_of_a_mail_is_left_out():
    made = mail(priority="high", headers={"X-Evil": "1"}, html="<b>hi</b>", attachments=[{"bytes": 3}], cc=7)

    text = plain(describe(1, made, full=True))

    for part in ("high", '{"X-Evil": "1"}', "<b>hi</b>", '{"bytes": 3}', "cc  7", "Dear reader,"):
        assert part in text


@pytest.mark.parametrize(
    "action",
    [
        {"tool": "bank.transfer", "arguments": {"to": "x"}},
        {"tool": "email.send", "arguments": {"template": 3}},
        {"tool": "email.send", "arguments": {"to": [1, 2]}},
    ],
)
def test_what_does_not_read_as_a_mail_is_shown_as_its_arguments(action: dict[str, Any]):
    made = intent(new_id(), kind="tool_call", action=action)

    assert mail_of(made) is None
    assert next(iter(action["arguments"])) in plain(describe(1, made))


def crowded(pushes: int) -> list[IntentDetail]:
    """Held pushes of which each says as much as it may, in names that are as long as they may be."""
    evil = "\x01" * 400
    path = {"path": evil, "before": evil, "status": "renamed", "added": 1, "removed": 1}
    commit = {"object": "1" * 40, "author": evil[:200], "date": evil[:40], "subject": evil[:200]}
    change = evidence().changes[0].model_dump() | {"files": 900, "ref": "refs/heads/" + "x" * 500}
    first = change | {"paths": [path] * 24, "listed": [commit] * 12}
    found = evidence(changes=[first, *[change | {"paths": [], "listed": []}] * 31])
    return [seen(found) for _ in range(pushes)]


@pytest.mark.threat("T18")
@pytest.mark.parametrize("pushes", [1, 2, 7, 200])
def test_evidence_beside_a_job_is_bounded_and_counts_what_it_leaves_out(pushes: int):
    """An agent has the console draw so much beside its job that no key is answered."""
    found = gathered(crowded(pushes))

    text = plain(found)
    listed = [item for item in found if item.text.startswith(("     >", "     1111111111"))]
    assert len(listed) <= 60
    assert len(found) <= 60 + 20 * 6 + 7 * pushes
    assert max(len(item.text) for item in found) <= 5 * 120
    assert "references more" in text
    assert "files more" in text


def test_the_end_of_a_long_name_is_what_tells_it():
    change = evidence().changes[0].model_dump()
    change["paths"][0]["path"] = "a/" * 180 + ".github/workflows/release.yml"

    text = plain(gathered([seen(evidence(changes=[change]))]))

    assert "+ a/a/" in text
    assert "a/.github/workflows/release.yml" in text
    assert "a/" * 100 not in text


@pytest.mark.threat("T18")
async def test_the_content_of_a_job_is_bounded_and_names_what_it_leaves_out(
    session: Session, backend: FakeBackend
):
    """Each of its pushes has as large a diff as there may be, of nothing but control characters."""
    big = evidence("@@ -0,0 +1,9 @@\n" + ("+" + "\x01" * 999 + "\n") * 260)
    made = [seen(big) for _ in range(20)]
    backend.evidence = {one.id: big for one in made}
    detail = job(intents=made)

    some = plain(await content_document(session.backend, detail))
    everything = plain(await content_document(session.backend, detail, most=None))
    await session.backend.aclose()

    assert some.count("gathered by runner") == 1
    assert len(some) <= 5 * len(big.text)
    assert some.endswith(f"govconsole jobs content {detail.id} shows all.")
    assert "⚠ Actions 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 not shown" in some
    assert everything.count("gathered by runner") == 20


async def test_the_whole_diff_is_one_key_away(app: ConsoleApp, backend: FakeBackend):
    found = evidence(DIFF + "".join(f"diff --git a/f{n} b/f{n}\n" for n in range(40)))
    made = seen(found)
    backend.evidence[made.id] = found
    backend.put(job_of(made))
    async with running(app) as pilot:
        await shows(pilot, "Evidence", "release 1.4.0", "executable")
        await pilot.press("c")
        await shows(pilot, "Content ▸ the job", "-1.3.9", "+1.4.0")
        await pilot.press("end")
        await shows(pilot, "diff --git a/f39 b/f39")
        await pilot.press("y")
        assert "diff --git a/f39 b/f39" in app.clipboard
        await pilot.press("escape")
        await shows(pilot, "Why it is held")


async def test_evidence_that_comes_late_is_on_the_screen_by_itself(app: ConsoleApp, backend: FakeBackend):
    made = seen(None)
    backend.put(job_of(made))
    async with running(app) as pilot:
        await shows(pilot, "no evidence was gathered")
        backend.jobs[made.job] = job_of(made.model_copy(update={"evidence": [head(evidence())]}))
        backend.happen("intent.evidence", made.job)
        await shows(pilot, "runner, 09:00 UTC", "release 1.4.0")


async def test_a_whole_mail_is_one_key_away_at_80_by_24(app: ConsoleApp, backend: FakeBackend):
    made = mail(body="\n".join(f"line {number}" for number in range(40)))
    backend.put(job_of(made))
    async with running(app, size=(80, 24)) as pilot:
        await shows(pilot, "the job")
        await pilot.press("c")
        await shows(pilot, "Content ▸ the job", "Bcc      hidden@example.org")
        await pilot.press("end")
        await shows(pilot, "line 39", "Drawn from the arguments that are signed")


async def test_a_diff_that_cannot_be_fetched_says_why(app: ConsoleApp, backend: FakeBackend):
    backend.put(job_of(seen(evidence())))
    async with running(app) as pilot:
        await shows(pilot, "Evidence")
        await pilot.press("c")
        await shows(pilot, "there is no such evidence")


@pytest.mark.threat("T17")
@pytest.mark.parametrize("size", [(80, 24), (120, 60)])
async def test_hostile_evidence_is_on_the_screen_as_text(
    app: ConsoleApp, backend: FakeBackend, size: tuple[int, int]
):
    """Names, subjects, paths and contents with escapes, bidi and markup reach the screen as text alone."""
    found = evidence(f"diff --git a/{HOSTILE} b/x\n@@ -0,0 +1,2 @@\n+{HOSTILE}\n+x\r\x9b2J\n")
    change = found.changes[0].model_dump()
    change["note"] = HOSTILE
    change["listed"][0] |= {"subject": HOSTILE[:200], "author": HOSTILE[:200]}
    change["paths"][0] |= {"path": HOSTILE, "before": HOSTILE}
    found = evidence(found.text, changes=[change])
    made = seen(found)
    letter = intent(
        made.job, kind="tool_call", action=mail_action(to=[HOSTILE], subject=HOSTILE, body=HOSTILE)
    )
    backend.evidence[made.id] = found
    backend.put(job(job_id=made.job, intents=[made, letter], title=CLICK))
    async with running(app, size=size) as pilot:
        await shows(pilot, CLICK, "What it does")
        assert not forbidden(screen_text(app))
        await pilot.press("c")
        await shows(pilot, "Content ▸", "gathered by runner")
        for _ in range(6):
            assert not forbidden(screen_text(app))
            assert not forbidden(app.export_screenshot())
            await pilot.press("space")
        assert app.is_running
