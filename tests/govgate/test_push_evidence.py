"""What a reviewer is shown of a held push: found out by the executor, whatever the pushed objects try."""

from __future__ import annotations

import hashlib
import os
import subprocess
import zlib
from typing import TYPE_CHECKING, Any

import pytest

from govd.contract.errors import ConflictError, NotFoundError
from govd.contract.limits import MAX_EVIDENCE_BYTES, MAX_EVIDENCE_COMMITS, MAX_EVIDENCE_PATHS
from govgate.evidence import Gatherer, Git
from govgate.git import Repository
from govgate.pushed import MAX_REFS, Pushed
from govgate.pushline import parse

if TYPE_CHECKING:
    from govd.contract.evidence import EvidenceSubmission, RefChange


def git(cwd, *arguments, **options):
    identity = ["-c", "user.name=ann", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, check=True, **options)
    return done.stdout.decode(errors="replace").strip()


class Desk:
    """An agent's repository, a remote, and the executor's gatherer."""

    def __init__(self, bench: Any, place: Any) -> None:
        self.bench, self.place = bench, place
        self.work, self.remote = place / "work", place / "remote.git"
        git(place, "init", "-q", "--bare", "remote.git")
        self.work.mkdir(exist_ok=True)
        git(self.work, "init", "-q")
        git(self.work, "remote", "add", "origin", str(self.remote))
        self.pushed = Pushed(place / "state" / "pushed.json")
        self.options: dict[str, Any] = {}
        bench.govd.decision = "held"

    def commit(self, subject: str = "change", **files: str | bytes | None) -> str:
        for name, content in files.items():
            path = self.work / name.replace("__", ".")
            if content is None:
                path.unlink()
            else:
                path.write_bytes(content.encode() if isinstance(content, str) else content)
        git(self.work, "add", "-A")
        git(self.work, "commit", "-q", "--allow-empty", "-m", subject)
        return git(self.work, "rev-parse", "HEAD")

    def arrive(self, *words: str) -> None:
        """A push that happened before, through this executor."""
        git(self.work, "push", "-q", "origin", *words)
        self.pushed.remember(self.resolved(*words))

    def resolved(self, *words: str) -> Any:
        return Repository(str(self.work)).resolve(parse(["git", "push", "origin", *words]))

    def gather(self, *words: str, pack: int | None = None, agent: str = "bot") -> EvidenceSubmission:
        """Declare a push, hand its objects over, and what govd was told."""
        made = self.bench.declared("git", "push", "origin", *words, cwd=self.work)
        push = made.command.git
        fd = Repository(str(self.work)).pack(push) if pack is None else pack
        try:
            gatherer = Gatherer(self.bench.executor, Git(), self.pushed, **self.options)
            why = gatherer.gather(made.view.id, agent, push, fd)
        finally:
            os.close(fd)
        found: EvidenceSubmission = self.bench.govd.evidence[made.view.id]
        assert found.missing == why
        return found

    def one(self, *words: str) -> RefChange:
        (change,) = self.gather(*(words or ("main",))).changes
        return change

    def loose(self, kind: str, content: bytes) -> str:
        """Write an object as it is, however odd."""
        data = f"{kind} {len(content)}".encode() + b"\0" + content
        digest = hashlib.sha1(data, usedforsecurity=False).hexdigest()
        path = self.work / ".git" / "objects" / digest[:2] / digest[2:]
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(zlib.compress(data))
        return digest


@pytest.fixture
def desk(bench, place):
    return Desk(bench, place)


def test_a_push_is_compared_with_what_the_remote_has_now(desk):
    first = desk.commit("one", a="1\n", b="x\n")
    desk.arrive("main")
    git(desk.work, "push", "-q", "origin", "main")
    desk.commit("two", a="1\n2\n")
    last = desk.commit("three", b=None, c="new\n")

    found = desk.gather("main")

    (change,) = found.changes
    assert (change.ref, change.object, change.base) == ("refs/heads/main", last, first)
    assert (change.base_is, change.commits, change.note) == ("remote", 2, "")
    assert [item.subject for item in change.listed] == ["three", "two"]
    assert change.listed[0].author == "ann"
    assert (change.files, change.added, change.removed) == (3, 2, 1)
    assert {(item.path, item.status) for item in change.paths} == {
        ("a", "changed"),
        ("b", "removed"),
        ("c", "added"),
    }
    assert "+2\n" in found.text
    assert "-x\n" in found.text
    assert not found.truncated


def test_what_others_pushed_meanwhile_is_no_part_of_the_change(desk):
    desk.commit("one", a="1\n")
    desk.arrive("main")
    theirs = desk.commit("theirs", a="1\n2\n")
    git(desk.work, "push", "-q", "origin", "main")
    desk.commit("ours", a="1\n2\n3\n")

    change = desk.one()

    assert (change.base, change.commits, change.added) == (theirs, 1, 1)


def test_where_the_remote_does_not_answer_the_last_push_is_what_it_is_compared_with(desk):
    first = desk.commit("one", a="1\n")
    desk.arrive("main")
    desk.commit("two", a="2\n")
    desk.remote.rename(desk.place / "gone.git")

    change = desk.one()

    assert (change.base, change.base_is) == (first, "last_push")


@pytest.mark.threat("T7")
def test_an_address_that_no_approval_has_named_is_asked_nothing(desk):
    """An agent declares pushes to addresses of its choice, and has the executor call them unapproved."""
    desk.commit("one", a="1\n")
    git(desk.work, "push", "-q", "origin", "main")
    (desk.remote / "HEAD").unlink()  # whoever looks there fails

    change = desk.one()

    assert (change.base, change.base_is) == (None, "nothing")
    assert "was not asked" in change.note
    assert change.commits == 1


def test_a_new_branch_is_compared_with_where_it_left_the_known_ones(desk):
    fork = desk.commit("one", a="1\n")
    desk.arrive("main")
    git(desk.work, "checkout", "-q", "-b", "topic")
    desk.commit("two", a="2\n")

    change = desk.one("topic")

    assert (change.ref, change.base, change.base_is, change.commits) == (
        "refs/heads/topic",
        fork,
        "fork",
        1,
    )


def test_a_push_that_the_remote_would_refuse_says_so(desk):
    desk.commit("one", a="1\n")
    desk.arrive("main")
    git(desk.work, "commit", "-q", "--amend", "-m", "rewritten")

    assert "does not build on: it is refused there" in desk.one().note


def test_tags_and_several_references_share_the_room(desk):
    desk.commit("one", a="1\n")
    git(desk.work, "tag", "-a", "-m", "v1", "v1")
    git(desk.work, "branch", "same")
    git(desk.work, "tag", "odd", desk.loose("blob", b"no commit"))

    found = desk.gather("main", "v1", "same", "odd")

    assert [change.ref.rpartition("/")[2] for change in found.changes] == ["main", "v1", "same", "odd"]
    assert found.changes[3].note.startswith("it points at no commit")
    assert found.text.count("diff --git") == 1 + (found.changes[1].object != found.changes[0].object)
    assert found.text.startswith("# refs/heads/main\n")


@pytest.mark.threat("T17")
def test_nothing_that_the_objects_say_forges_what_they_are(desk):
    """Subjects with separators, names with markup and control characters: one commit stays one."""
    desk.commit("one", a="1\n")
    desk.arrive("main")
    tree = git(desk.work, "write-tree")
    parent = git(desk.work, "rev-parse", "HEAD")
    evil = b"\x1e" + b"1" * 40 + b"\x1fforged\x1f2026-01-01\x1fharmless"
    body = (
        f"tree {tree}\nparent {parent}\n".encode()
        + b"author [red]x\x1b[2J <a@b> 1700000000 +0000\n"
        + b"committer c <a@b> 1700000000 +0000\n\nreal"
        + evil
        + b"\n\nbody\n"
    )
    git(desk.work, "update-ref", "refs/heads/main", desk.loose("commit", body))

    change = desk.one()

    assert change.commits == len(change.listed) == 1
    assert change.listed[0].subject.startswith("real\x1e")
    assert change.listed[0].author == "[red]x\x1b[2J"


@pytest.mark.threat("T17")
def test_links_programs_and_what_is_no_text_are_named_and_come_first(desk):
    """A link, a submodule or a program among many files is not overlooked, nor hidden by attributes."""
    desk.commit("one", plain="x\n")
    desk.arrive("main")
    (desk.work / "link").symlink_to("/etc/passwd")
    files = {f"f{number:02}": "y\n" for number in range(40)}
    (desk.work / "run").write_text("#!/bin/sh\n")
    (desk.work / "run").chmod(0o755)
    desk.commit("two", blob=b"\0binary", __gitattributes="* -diff\nrun binary\n", **files)
    git(desk.work, "update-index", "--add", "--cacheinfo", "160000", "1" * 40, "sub")
    git(desk.work, "commit", "-q", "-m", "three")

    found = desk.gather("main")

    (change,) = found.changes
    assert {item.path: item.what for item in change.paths[:3]} == {
        "link": "symlink",
        "sub": "submodule",
        "run": "executable",
    }
    assert (change.paths[3].path, change.paths[3].added) == ("blob", None)
    assert len(change.paths) == MAX_EVIDENCE_PATHS
    assert change.files == 45
    assert "+#!/bin/sh" in found.text
    assert "+/etc/passwd" in found.text
    assert "Binary files /dev/null and b/blob differ" in found.text


@pytest.mark.threat("T17")
def test_no_name_of_a_file_hides_the_lines_of_the_others(desk):
    """A name with a tab or a line break among the names that come first; what is behind it is counted."""
    desk.commit("one", gone="x\n", kind="x\n", moved="1\n2\n3\n4\n", mode="x\n")
    desk.arrive("main")
    for name in ("a\tb", "\tc", "d\ne", "1\t1\t"):
        (desk.work / name).write_text("1\n")
    (desk.work / "kind").unlink()
    (desk.work / "kind").symlink_to("x")
    (desk.work / "moved").rename(desk.work / "moved\there")
    (desk.work / "mode").chmod(0o755)
    desk.commit("two", gone=None, z="evil\n" * 500)

    change = desk.one()

    lines = {item.path: (item.status, item.added, item.removed) for item in change.paths}
    assert lines["z"] == ("added", 500, 0)
    assert lines["moved\there"] == ("renamed", 0, 0)
    assert lines["mode"] == ("changed", 0, 0)
    assert lines["gone"] == ("removed", 0, 1)
    assert [lines[name][1] for name in ("a\tb", "\tc", "d\ne", "1\t1\t")] == [1, 1, 1, 1]
    assert (change.files, change.added) == (9, 505)


@pytest.mark.threat("T7")
def test_nothing_of_the_pushed_files_is_run_or_followed(desk, place):
    """Attributes name drivers, a text conversion and a filter, and the agent's settings define them."""
    ran = place / "ran"
    evil = place / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {ran}\ncat\n")
    evil.chmod(0o755)
    for name in ("diff.evil.command", "diff.evil.textconv", "filter.evil.smudge", "diff.external"):
        git(desk.work, "config", name, str(evil))
    desk.commit(
        "one", __gitattributes="* diff=evil filter=evil\n", a="1\n", __mailmap="Boss <b@c> <a@example.org>\n"
    )

    found = desk.gather("main")

    assert "+1\n" in found.text
    assert found.changes[0].listed[0].author == "ann"
    assert not ran.exists()


@pytest.mark.threat("T18")
def test_a_huge_change_is_cut_and_says_so(desk):
    """A push of megabytes neither fills the backend nor hides that there is more."""
    many = {f"f{number}": "x\n" * 200 for number in range(900)}
    desk.commit("big", **dict.fromkeys("abcde", "line\n" * 200_000), **many)
    for number in range(20):
        desk.commit(f"more {number}")

    found = desk.gather("main")

    assert found.truncated
    assert len(found.text.encode()) <= MAX_EVIDENCE_BYTES
    assert found.text.endswith("\n")
    assert found.changes[0].files == 905
    assert "more files" not in found.changes[0].note
    assert found.changes[0].added == 5 * 200_000 + 900 * 200
    assert len(found.changes[0].listed) == MAX_EVIDENCE_COMMITS
    assert found.changes[0].commits == 21


@pytest.mark.threat("T18")
def test_a_blob_that_unpacks_to_a_thousand_times_its_pack_is_named_and_not_compared(desk):
    """A few bytes of a pack stand for as much memory as the executor has."""
    desk.options = {"seconds": 300}  # how busy the machine is says nothing here
    big = desk.work / "zeros"
    with big.open("wb") as file:
        file.truncate(1 << 26)
    git(desk.work, "-c", "core.bigFileThreshold=1m", "add", "zeros")
    big.unlink()
    big.symlink_to("/dev/null")  # keep the work tree small; the index has the blob
    git(desk.work, "commit", "-q", "-m", "zeros")

    change = desk.one()

    assert [(item.path, item.added) for item in change.paths] == [("zeros", None)]


@pytest.mark.threat("T18")
@pytest.mark.parametrize(
    ("options", "why"), [({"seconds": 0.0}, "did not end in time"), ({"most": 10}, "more than 10 bytes")]
)
def test_what_takes_too_long_or_is_too_much_is_told_to_the_reviewer_as_that(desk, options, why):
    """Objects that are made to keep the executor busy end as one sentence, and the job still waits."""
    desk.commit("one", a="1\n")
    desk.options = options

    found = desk.gather("main")

    assert why in found.missing
    assert (found.changes, found.text) == ([], "")


def test_a_damaged_pack_is_told_as_that(desk):
    desk.commit("one", a="1\n")
    garbage = os.memfd_create("garbage")
    os.write(garbage, b"PACK nonsense")
    os.lseek(garbage, 0, os.SEEK_SET)

    assert "not whole" in desk.gather("main", pack=garbage).missing


@pytest.mark.threat("T2")
def test_nothing_is_gathered_for_another_agents_intent_or_one_that_is_not_held(desk):
    """An agent hands objects over for an intent of somebody else's, or long after the decision."""
    desk.commit("one", a="1\n")
    with pytest.raises(NotFoundError):
        desk.gather("main", agent="other")
    desk.bench.govd.decision = "denied"
    with pytest.raises(ConflictError, match="while it is held"):
        desk.gather("main")
    assert desk.bench.govd.evidence == {}


def test_a_repository_of_sha256_objects_is_compared_too(desk, place):
    git(place, "init", "-q", "--object-format=sha256", "r256")
    desk.work = place / "r256"
    git(desk.work, "remote", "add", "origin", str(desk.remote))
    desk.commit("one", a="1\n")

    assert desk.one().added == 1


def test_the_memory_of_pushes_is_bounded_and_survives_what_is_not_its_own(place):
    path = place / "pushed.json"
    path.write_text('{"u": {"refs/heads/a": "zz", "refs/heads/b": 3}, "v": []}')
    pushed = Pushed(path)
    assert pushed.at("u") == {}
    assert pushed.at("v") is None
    path.write_text("no json")

    class Push:
        url = "u"

        class Update:
            def __init__(self, number: int) -> None:
                self.ref, self.object = f"refs/heads/{number}", "1" * 40

    for number in range(MAX_REFS + 5):
        Push.updates = [Push.Update(number)]
        pushed.remember(Push)

    assert len(pushed.at("u")) == MAX_REFS
    assert "refs/heads/0" not in pushed.at("u")
    assert path.stat().st_mode & 0o077 == 0
