"""From a command line to what would run: the same on both sides, and nothing left open."""

from __future__ import annotations

import hashlib
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from govd.contract.errors import UsageError
from govgate import declare
from govgate.pins import Pins, only_root_changes
from govgate.resolve import resolve


def resolved(*argv, cwd, env=None, git=None):
    with Pins(keep=False) as pins:
        return resolve(argv, str(cwd), env or {}, pins, git)


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def scripts(found):
    return [item.path for item in found.action.scripts]


@pytest.fixture
def real():
    """Where a system program really lies."""
    return lambda name: os.path.realpath(f"/usr/bin/{name}")


def test_a_program_is_its_real_path_and_its_hash(work, real):
    found = resolved("sh", "-c", "true", cwd=work)

    assert found.action.binary.path == real("sh")
    assert found.action.binary.sha256 == digest(Path(real("sh")))
    assert found.action.cwd == str(work.resolve())


@pytest.mark.threat("T7")
def test_a_program_on_the_agents_path_does_not_pass_for_the_systems(work, script, monkeypatch):
    """An agent puts a program called `git` in front of the system's on its PATH."""
    script("git", "#!/bin/sh", "echo evil")
    monkeypatch.setenv("PATH", f"{work}:{os.environ['PATH']}")

    found = declare.command(["git", "status"], str(work), [])

    assert found.action.argv[0] == f"{work}/git"
    assert found.action.binary.path == f"{work}/git"
    assert resolved("git", "status", cwd=work).action.binary.path == os.path.realpath("/usr/bin/git")


@pytest.mark.parametrize(
    ("first", "chain"),
    [
        ("#!/bin/sh", ["sh"]),
        ("#!/bin/sh -e", ["sh"]),
        ("#!/usr/bin/env sh", ["env", "sh"]),
        ("#!/usr/bin/env -S sh -e", ["env", "sh"]),
    ],
)
def test_the_interpreters_of_a_script_are_pinned(work, script, real, first, chain):
    path = script("job", first, "true")

    found = resolved("./job", cwd=work)

    assert found.action.binary.path == str(path)
    assert found.action.binary.sha256 == digest(path)
    assert scripts(found) == [real(name) for name in chain]


@pytest.mark.parametrize(
    "argv",
    [
        ["sh", "job.sh"],
        ["sh", "-e", "-o", "pipefail", "job.sh", "x"],
        ["sh", "--", "job.sh"],
        ["env", "A=1", "sh", "job.sh"],
        ["timeout", "-k", "1", "5", "sh", "job.sh"],
        ["nice", "-n", "5", "env", "-u", "B", "sh", "job.sh"],
        ["sh", "-c", "sh job.sh"],
        ["sh", "-c", "true && sh job.sh | cat"],
        ["env", "-S", "sh job.sh"],
    ],
)
def test_the_script_is_pinned_wherever_it_stands(work, script, argv):
    path = script("job.sh", "true")

    assert str(path) in scripts(resolved(*argv, cwd=work))


@pytest.mark.parametrize("argv", [["cat", "job.sh"], ["python3", "-c", "print(1)"], ["python3", "-m", "job"]])
def test_an_argument_that_is_no_script_is_not_pinned_as_one(work, script, argv):
    script("job.sh", "true")
    script("job", "true")

    assert scripts(resolved(*argv, cwd=work)) == []


def test_values_of_variables_are_hashed_and_not_kept(work):
    found = resolved("true", cwd=work, env={"KEY": "s3cret"})

    assert found.action.env == {"KEY": hashlib.sha256(b"s3cret").hexdigest()}
    assert "s3cret" not in found.action.model_dump_json()


@pytest.mark.parametrize(
    ("argv", "why"),
    [
        ([], "no command"),
        ([""], "no command"),
        (["no-such-program"], "not among the system's programs"),
        (["./missing"], "cannot be read"),
        (["./folder"], "no regular file"),
        (["./fifo"], "no regular file"),
        (["true", "a\0b"], "NUL"),
        (["true", "\udc80"], "UTF-8"),
        (["true", "x" * 5000], "cannot be declared"),
        (["env"] * 12, "eight deep"),
    ],
)
def test_what_cannot_be_pinned_is_refused(work, argv, why):
    (work / "folder").mkdir()
    os.mkfifo(work / "fifo")

    with pytest.raises(UsageError, match=why):
        resolved(*argv, cwd=work)


def test_an_interpreter_that_is_itself_does_not_end(work, script):
    script("loop", f"#!{work}/loop")

    with pytest.raises(UsageError, match="eight deep"):
        resolved("./loop", cwd=work)


@pytest.mark.threat("T7")
@pytest.mark.parametrize(
    "argv",
    [
        ["env", "git", "push", "origin", "main"],
        ["sh", "-c", "git push origin main"],
        ["sh", "-c", "cd x && git push origin main"],
        ["git", "-c", "core.sshCommand=evil", "push", "origin", "main"],
        ["git", "-C", "elsewhere", "push", "origin", "main"],
        ["git", "send-pack", "x", "main"],
        ["/usr/lib/git-core/git-push", "origin", "main"],
        ["./git", "push", "origin", "main"],
    ],
)
def test_a_push_in_disguise_is_refused(work, argv):
    """A push whose objects nobody pinned hides behind a wrapper, an option or another name."""
    shutil.copy("/usr/bin/git", work / "git")

    with pytest.raises(UsageError):
        resolved(*argv, cwd=work)


def test_a_folder_that_is_gone_is_refused(work):
    with pytest.raises(UsageError, match="no folder"):
        resolved("true", cwd=work / "missing")


@pytest.mark.threat("T7")
def test_a_sealed_copy_cannot_be_written(script):
    """A process of the executor's own user tries to change what was pinned."""
    path = script("job.sh", "#!/bin/sh", "true")

    with Pins(keep=True) as pins:
        pin = pins.file(str(path))
        assert pin.fd is not None
        os.fchmod(pin.fd, 0o700)
        with pytest.raises(PermissionError):
            os.pwrite(pin.fd, b"evil", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(pin.fd, 0)


def test_only_files_that_root_alone_changes_run_from_their_own_place(work, script):
    script("job.sh", "true")

    assert only_root_changes("/usr/bin/env")
    assert not only_root_changes(str(work / "job.sh"))  # the folder above is anyone's
    assert not only_root_changes("/no/such/file")


@settings(max_examples=40, deadline=None)
@given(
    argv=st.lists(
        st.sampled_from(
            [
                "env",
                "sh",
                "-c",
                "git",
                "push",
                "--",
                "-S",
                "timeout",
                "5",
                "A=1",
                "true",
                "./x",
                "-",
                "",
                "x y",
                ";",
            ]
        ),
        min_size=1,
        max_size=6,
    )
)
def test_any_command_line_is_resolved_or_refused(argv):
    with Pins(keep=False) as pins:
        try:
            found = resolve(argv, "/", {}, pins)
        except UsageError:
            return
        again = resolve(argv, "/", {}, pins)
    assert found.action == again.action
    assert found.action.argv == argv
