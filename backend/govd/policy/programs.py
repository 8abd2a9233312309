"""What is known of programs that run other programs: tables, read by `commands` alone.

A program that is not listed is a plain one: it runs only where the policy allows its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

TRUSTED_FOLDERS: Final = frozenset({"/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin"})
"""Where the system keeps programs. Anything else could be the agent's own."""


@dataclass(frozen=True)
class Wrapper:
    """How to find the command behind a wrapper.

    Attributes:
        flags: Options without a value.
        valued: Options whose value is the next word, or follows a `=`.
        short: Short options with their value attached.
        operands: Words of the wrapper's own in front of the command.
        assignments: Whether NAME=VALUE words may stand in front of the command.
        alone: Whether the wrapper is harmless without a command.
        always: Why its command is opaque even where it can be found.
    """

    flags: frozenset[str] = frozenset()
    valued: frozenset[str] = frozenset()
    short: re.Pattern[str] | None = None
    operands: int = 0
    assignments: bool = False
    alone: bool = False
    always: str = ""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_RIGHTS: Final = Wrapper(
    flags=_words("-n -E -H -S -b -k -i --non-interactive --preserve-env --set-home"),
    valued=_words("-u -g -h -p -r -t -D -R -C --user --group --host --prompt --chdir"),
    assignments=True,
    always="it runs with the rights of another user",
)

WRAPPERS: Final[dict[str, Wrapper]] = {
    "env": Wrapper(
        flags=_words("-i --ignore-environment -0 --null -v --debug"),
        valued=_words("-u --unset"),
        assignments=True,
        alone=True,
    ),
    "sudo": _RIGHTS,
    "doas": _RIGHTS,
    "nice": Wrapper(valued=_words("-n --adjustment"), short=re.compile(r"-n?-?\d{1,2}")),
    "ionice": Wrapper(flags=_words("-t"), valued=_words("-c -n"), short=re.compile(r"-[cn]\d")),
    "nohup": Wrapper(),
    "setsid": Wrapper(flags=_words("-c -f -w --ctty --fork --wait")),
    "stdbuf": Wrapper(valued=_words("-i -o -e"), short=re.compile(r"-[ioe][0L\d]+[KMG]?")),
    "time": Wrapper(flags=_words("-p -v")),
    "timeout": Wrapper(
        flags=_words("-f -v --foreground --preserve-status --verbose"),
        valued=_words("-k -s --kill-after --signal"),
        operands=1,
    ),
    "chrt": Wrapper(flags=_words("-b -f -i -o -r"), operands=1),
    "taskset": Wrapper(flags=_words("-c"), operands=1),
    "command": Wrapper(flags=_words("-p")),
    "exec": Wrapper(),
    "builtin": Wrapper(),
    "xargs": Wrapper(
        flags=_words("-0 -r -t -x --null --no-run-if-empty --verbose"),
        valued=_words("-n -P -I -L -d -a -s -E --max-args --max-procs --replace --delimiter"),
        short=re.compile(r"-[nPL]\d+|-I\S+"),
        always="xargs takes arguments from its input, which nobody has seen",
    ),
}
"""Programs that run the command that follows them."""

SHELLS: Final = _words("sh bash dash zsh ksh ash mksh yash fish rbash")

INTERPRETERS: Final = _words(
    "python pypy perl ruby node nodejs deno bun php lua luajit tclsh wish Rscript julia guile "
    "osascript pwsh java"
)
"""Programs that run a program given as a file, as text or from the input."""

CARRIERS: Final = _words(
    "awk gawk mawk nawk sed gsed find fd parallel watch ssh scp sftp rsync su runuser chroot nsenter "
    "unshare bwrap firejail systemd-run machinectl at batch crontab script expect screen tmux make "
    "gmake ninja cmake bazel strace ltrace gdb lldb valgrind perf vi vim nvim ex view emacs nano ed "
    "less more man busybox toybox docker podman nerdctl kubectl lxc npx npm pnpm yarn pip pip3 pipx "
    "uv uvx cargo go mvn gradle flock start-stop-daemon tar zip cpio socat nc ncat netcat eval source "
    ". trap ld.so setarch linux64 linux32 setpriv capsh pkexec dbus-run-session xvfb-run fakeroot "
    "proot catchsegv unbuffer entr direnv mail mailx sqlite3 psql mysql"
)
"""Programs that run, or can be told to run, what their arguments, their input or an agent's file says."""

ENV_STEERING: Final = (
    "LD_",
    "DYLD_",
    "GIT_",
    "SSH_ASKPASS",
    "PYTHON",
    "PERL",
    "RUBY",
    "NODE_",
    "JAVA_TOOL_OPTIONS",
    "_JAVA_OPTIONS",
    "BASH_",
    "ENV",
    "SHELLOPTS",
    "BASHOPTS",
    "IFS",
    "PATH",
    "CDPATH",
    "PS4",
    "PROMPT_COMMAND",
    "PAGER",
    "EDITOR",
    "VISUAL",
    "BROWSER",
    "LESSOPEN",
    "LESSCLOSE",
    "MANPAGER",
    "XDG_CONFIG",
    "HOME",
    "GCONV_PATH",
    "LOCPATH",
    "TERMINFO",
    "SHELL",
)
"""Beginnings of variables that change what a program loads or runs."""

ENV_HARMLESS: Final = ("GIT_AUTHOR_", "GIT_COMMITTER_", "GIT_TERMINAL_PROMPT", "ENVIRONMENT")

GIT_PLAIN_OPTIONS: Final = _words(
    "--no-pager --no-optional-locks --no-replace-objects --no-lazy-fetch --literal-pathspecs --version --help"
)
"""Options in front of git's command that do not change what it runs."""

GIT_VALUED_OPTIONS: Final = _words("-c -C --git-dir --work-tree --namespace --config-env --exec-path")
"""Options in front of git's command whose value may be the next word."""

GIT_COMMANDS: Final = _words(
    "add am annotate apply archive bisect blame branch bundle cat-file check-attr check-ignore "
    "checkout cherry cherry-pick clean clone commit commit-tree config count-objects describe diff "
    "diff-files diff-index diff-tree fetch for-each-ref format-patch fsck gc grep hash-object help "
    "init log ls-files ls-remote ls-tree merge merge-base mktag mktree mv name-rev notes pack-objects "
    "prune pull push range-diff read-tree rebase reflog remote repack replace reset restore rev-list "
    "rev-parse revert rm shortlog show show-ref sparse-checkout stash status submodule switch "
    "symbolic-ref tag unpack-objects update-index update-ref verify-commit verify-pack verify-tag "
    "version whatchanged worktree write-tree"
)
"""Commands that git has by itself: an alias cannot take their names."""

GIT_RUNNING_OPTIONS: Final[dict[str, tuple[str, ...]]] = {
    # git takes any unambiguous beginning of a long option, hence the short forms.
    "": ("--ext", "--out", "--textc", "--exe", "--upl", "--open"),
    "push": ("--rece", "--reci"),
    "clone": ("-u", "-c", "--conf", "--templ", "--rec"),
    "fetch": ("--rec", "--up"),
    "pull": ("--rec", "--up"),
    "ls-remote": ("--up",),
    "archive": ("-o", "--rem"),
    "grep": ("-O",),
    "rebase": ("-x", "-i", "--inter"),
    "init": ("--templ",),
    "config": ("",),
    "bisect words": ("run", "view", "visualize"),
    "submodule words": ("foreach", "update", "add"),
    "remote words": ("add", "set-url", "update"),
}
"""For each git command, beginnings of options that run a program or write a file ("" : for all)."""
