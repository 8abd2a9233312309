"""A push of exactly the approved objects, from a repository that the agent has no hand in."""

from __future__ import annotations

import os
import subprocess

import pytest

from govd.contract.errors import GovError, RedeemRefusedError, UsageError
from govgate.git import Repository
from govgate.pushline import parse
from tests.govgate.conftest import AGENT_UID, EXECUTOR_UID
from tests.support import needs


def git(cwd, *arguments, **options):
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *identity, *arguments], cwd=cwd, capture_output=True, check=True, **options)
    return done.stdout.decode().strip()


@pytest.fixture
def remote(place):
    git(place, "init", "-q", "--bare", "remote.git")
    return place / "remote.git"


@pytest.fixture
def repository(work, remote):
    git(work, "init", "-q")
    (work / "file").write_text("one")
    git(work, "add", "file")
    git(work, "commit", "-q", "-m", "one")
    git(work, "remote", "add", "origin", str(remote))
    return work


def _give(root, uid):
    for folder, folders, files in os.walk(root):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), uid, uid)  # noqa: PTH118 - os.walk speaks strings


def refs(remote):
    shown = git(remote, "for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split() for line in shown.splitlines())


@pytest.fixture
def pushed(bench, repository):
    """Declare a push, and a way to run it later with a pack made at that time."""

    def declared(*words):
        made = bench.declared("git", "push", *words, cwd=repository)

        def run(**changes):
            fields = {"pack": Repository(str(repository)).pack(made.command.git), **changes}
            try:
                return made.run(**fields)
            finally:
                os.close(fields["pack"])

        return made, run

    return declared


def test_the_approved_object_arrives(pushed, repository, remote):
    made, run = pushed("origin", "main")

    run()

    assert refs(remote) == {"refs/heads/main": git(repository, "rev-parse", "HEAD")}
    assert made.command.action.git.url == str(remote)
    assert made.command.action.git.updates[0].object == git(repository, "rev-parse", "HEAD")


def test_branches_tags_and_names_of_their_own(pushed, repository, remote):
    git(repository, "tag", "-a", "-m", "v1", "v1")
    _, run = pushed("origin", "v1", "HEAD:refs/heads/other", "main:topic")
    run()

    head = git(repository, "rev-parse", "HEAD")
    assert refs(remote) == {
        "refs/heads/other": head,
        "refs/heads/topic": head,
        "refs/tags/v1": git(repository, "rev-parse", "v1"),
    }


@pytest.mark.threat("T7")
def test_a_branch_that_moved_after_the_approval_is_refused(bench, pushed, repository, remote):
    """An agent gets a harmless commit approved, and moves the branch before the push."""
    made, _ = pushed("origin", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "evil")
    now = Repository(str(repository)).resolve(parse(["git", "push", "origin", "main"]))
    pack = Repository(str(repository)).pack(now)

    with pytest.raises(RedeemRefusedError, match="refs/heads/main is"):
        made.run(git=now, pack=pack)
    os.close(pack)

    assert refs(remote) == {}
    assert not bench.govd.redeemed


@pytest.mark.threat("T7")
def test_what_was_approved_is_pushed_although_the_branch_moved(pushed, repository, remote):
    """A hostile gate hands over the approved objects with the moved branch still in the repository."""
    approved = git(repository, "rev-parse", "HEAD")
    _, run = pushed("origin", "main")
    git(repository, "commit", "-q", "--allow-empty", "-m", "evil")

    run()

    assert refs(remote) == {"refs/heads/main": approved}


@pytest.mark.threat("T7")
def test_another_address_is_refused(pushed, place, remote):
    """An agent gets a push to one remote approved and hands over another address."""
    made, run = pushed("origin", "main")
    git(place, "init", "-q", "--bare", "other.git")
    other = made.command.git.model_copy(update={"url": str(place / "other.git")})

    with pytest.raises(RedeemRefusedError, match="the push goes to"):
        run(git=other)
    assert refs(place / "other.git") == refs(remote) == {}


@pytest.mark.threat("T7")
def test_a_pack_with_other_objects_is_refused(bench, pushed, repository, remote, tmp_path):
    """A hostile gate sends a pack that does not hold what was approved, or is no pack at all."""
    made, _ = pushed("origin", "main")
    (tmp_path / "other").mkdir()
    git(tmp_path / "other", "init", "-q")
    git(tmp_path / "other", "commit", "-q", "--allow-empty", "-m", "x")
    elsewhere = Repository(str(tmp_path / "other"))
    foreign = elsewhere.pack(elsewhere.resolve(parse(["git", "push", str(remote), "main"])))
    garbage = os.memfd_create("garbage")
    os.write(garbage, b"PACK nonsense")
    os.lseek(garbage, 0, os.SEEK_SET)
    head = git(repository, "rev-parse", "HEAD")
    tip_alone = os.memfd_create("tip")
    subprocess.run(
        ["git", "pack-objects", "--stdout", "-q"],
        cwd=repository,
        input=head.encode(),
        stdout=tip_alone,
        check=True,
    )
    os.lseek(tip_alone, 0, os.SEEK_SET)

    for pack in (foreign, garbage, tip_alone):
        with pytest.raises(RedeemRefusedError, match="not whole"):
            made.run(pack=pack)
        os.close(pack)
    assert refs(remote) == {}
    assert not bench.govd.redeemed


def test_a_push_without_its_objects_is_refused(pushed):
    made, _ = pushed("origin", "main")

    with pytest.raises(UsageError, match="did not come along"):
        made.run()


@pytest.mark.threat("T7")
def test_nothing_of_the_agents_repository_runs_in_the_executor(pushed, repository, remote, place):
    """The repository's settings and hooks name programs: they would run with the executor's credentials."""
    ran = place / "ran"
    evil = place / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {ran}\nexec cat >/dev/null\n")
    evil.chmod(0o755)
    _, run = pushed("origin", "main")
    made_pack = Repository(str(repository)).pack(
        Repository(str(repository)).resolve(parse(["git", "push", "origin", "main"]))
    )
    hooks = repository / ".git" / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-push", "reference-transaction", "post-checkout"):
        (hooks / name).write_bytes(evil.read_bytes())
        (hooks / name).chmod(0o755)
    for setting in (
        "core.sshCommand", "core.fsmonitor", "uploadpack.packObjectsHook", "core.pager", "credential.helper",
        "core.gitProxy", "gpg.program", "core.askPass", "remote.origin.uploadpack",
        "remote.origin.receivepack",
    ):  # fmt: skip
        git(repository, "config", setting, str(evil))
    git(repository, "config", f"url.{place}/elsewhere.git.insteadOf", str(remote))
    git(repository, "config", f"url.{place}/elsewhere.git.pushInsteadOf", str(remote))
    git(repository, "config", "core.hooksPath", str(hooks))

    run(pack=made_pack)

    assert not ran.exists()
    assert set(refs(remote)) == {"refs/heads/main"}
    assert not (place / "elsewhere.git").exists()


def test_an_address_that_a_setting_rewrites_is_declared_as_it_is_then(bench, repository, place):
    git(repository, "config", f"url.{place}/elsewhere.git.insteadOf", str(place / "remote.git"))

    made = bench.declared("git", "push", "origin", "main", cwd=repository)

    assert made.command.action.git.url == f"{place}/elsewhere.git"


def test_a_push_that_the_remote_rejects_fails_with_gits_own_code(bench, pushed, repository, remote):
    _, run = pushed("origin", "main")
    run()
    git(repository, "commit", "-q", "--amend", "-m", "rewritten")
    made, again = pushed("origin", "main")

    again()

    assert bench.govd.outcome(made.view.id) == "failed"
    assert git(repository, "rev-parse", "HEAD") not in refs(remote).values()


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["nowhere", "main"], "no remote"),
        (["origin", "missing"], "there is no missing"),
        (["origin", "HEAD~0"], "not clear which reference"),
        (["ext::sh -c evil", "main"], "a program to run"),
    ],
)
def test_a_push_that_cannot_be_resolved_is_refused(bench, repository, words, why):
    with pytest.raises(UsageError, match=why):
        bench.declared("git", "push", *words, cwd=repository)


def test_a_remote_with_two_addresses_is_refused(bench, repository):
    git(repository, "remote", "set-url", "--add", "--push", "origin", "/a.git")
    git(repository, "remote", "set-url", "--add", "--push", "origin", "/b.git")

    with pytest.raises(UsageError, match="2 push addresses"):
        bench.declared("git", "push", "origin", "main", cwd=repository)


def test_outside_a_repository_there_is_no_push(bench, place):
    with pytest.raises(UsageError, match="not in a git repository"):
        bench.declared("git", "push", "origin", "main", cwd=place)


def test_a_shallow_repository_is_refused_with_what_mends_it(bench, repository, place):
    git(repository, "commit", "-q", "--allow-empty", "-m", "two")
    git(place, "clone", "-q", "--depth", "1", f"file://{repository}", "shallow")

    with pytest.raises(UsageError, match="shallow"):
        bench.declared("git", "push", "origin", "main", cwd=place / "shallow")


def test_a_repository_of_sha256_objects_is_pushed_too(bench, place):
    git(place, "init", "-q", "--bare", "--object-format=sha256", "remote256.git")
    (place / "r256").mkdir()
    git(place / "r256", "init", "-q", "--object-format=sha256")
    git(place / "r256", "commit", "-q", "--allow-empty", "-m", "x")
    made = bench.declared("git", "push", str(place / "remote256.git"), "main", cwd=place / "r256")
    pack = Repository(str(place / "r256")).pack(made.command.git)

    made.run(pack=pack)
    os.close(pack)

    assert refs(place / "remote256.git") == {"refs/heads/main": git(place / "r256", "rev-parse", "HEAD")}


def test_variables_do_not_go_along_with_a_push(bench, repository, monkeypatch):
    monkeypatch.setenv("GIT_SSH_COMMAND", "evil")

    with pytest.raises(UsageError, match="no variables"):
        bench.declared("git", "push", "origin", "main", cwd=repository, names=["GIT_SSH_COMMAND"])


def test_a_push_through_the_real_executor(processes, repository, remote):
    processes.executor()

    found = processes.gate(
        "exec", "--title", "Release", "--", "git", "push", "origin", "main", cwd=repository
    )

    assert found.code == 0, found.err
    assert "new branch" in found.err
    assert refs(remote) == {"refs/heads/main": git(repository, "rev-parse", "HEAD")}
    assert len(processes.govd.delivered) == 1


def test_a_denied_push_never_arrives(processes, repository, remote):
    processes.executor()
    processes.govd.decision = "denied"

    assert processes.gate("exec", "--", "git", "push", "origin", "main", cwd=repository).code == 77
    assert refs(remote) == {}


@pytest.mark.threat("T2")
def test_only_the_executors_user_can_push_and_the_agents_hooks_do_not_run_as_it(
    processes, repository, remote, place
):
    """An agent with hooks in its repository, and no right to write to the remote, has a push approved."""
    needs.root()
    mark = place / "marks"
    mark.mkdir()
    mark.chmod(0o777)
    hook = repository / ".git" / "hooks" / "pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nid -u > {mark}/ran\n")
    hook.chmod(0o755)
    _give(repository, AGENT_UID)
    _give(remote, EXECUTOR_UID)
    (repository / ".git").chmod(0o700)  # the executor cannot even read it
    processes.executor(agent=f"bot={AGENT_UID}", uid=EXECUTOR_UID)
    line = ["exec", "--", "git", "push", "origin", "main"]

    found = processes.gate(*line, cwd=repository, uid=AGENT_UID)

    assert found.code == 0, found.err
    assert not (mark / "ran").exists()
    shown = git(remote, "rev-parse", "main", user=EXECUTOR_UID, env={**os.environ, "HOME": "/"})
    assert shown == git(repository, "rev-parse", "HEAD", user=AGENT_UID, env={**os.environ, "HOME": "/"})


@pytest.mark.threat("T7")
def test_a_remote_of_the_agents_own_runs_no_hook_as_the_executor(processes, repository, remote, place):
    """An agent names a repository of its own as the remote, with a hook for whoever pushes to it."""
    needs.root()
    mark = place / "marks"
    mark.mkdir()
    mark.chmod(0o777)
    for name in ("pre-receive", "update", "post-receive", "reference-transaction"):
        (remote / "hooks" / name).write_text(f"#!/bin/sh\nid -u >> {mark}/ran\n")
        (remote / "hooks" / name).chmod(0o755)
    _give(repository, AGENT_UID)
    _give(remote, AGENT_UID)
    subprocess.run(["chmod", "-R", "a+rwX", str(remote)], check=True)
    processes.executor(agent=f"bot={AGENT_UID}", uid=EXECUTOR_UID)

    found = processes.gate("exec", "--", "git", "push", "origin", "main", cwd=repository, uid=AGENT_UID)

    assert found.code == 128
    assert "dubious ownership" in found.err
    assert not (mark / "ran").exists()


def test_a_pack_that_is_no_file_is_refused(pushed):
    made, _ = pushed("origin", "main")
    reading, writing = os.pipe()

    with pytest.raises(RedeemRefusedError, match="in no file"):
        made.run(pack=reading)
    os.close(reading)
    os.close(writing)


def test_the_gates_errors_are_of_one_tree():
    assert issubclass(RedeemRefusedError, GovError)
