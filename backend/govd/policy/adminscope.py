"""What is an admin request, as capabilities of the seed's list: read from the action, never from its words.

Pure. Must never take a capability off an intent because of what the agent says of it: a claim only adds.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING, Final

from govd.contract.actions import Admin, FileWrite, ProcessExec, SecretRead, ToolCall
from govd.policy.blocks import CAPABILITIES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from govd.policy.blocks import Capability
    from govd.policy.model import CompiledVoice
    from govd.policy.subject import Subject

SETTLED_BY_PEOPLE: Final = "voice."
"""Operations under this name are made by the service itself and always wait for an operator: enrolling the
first voice cannot need a voice."""


_MOST: Final = 1000


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _names(text: str) -> frozenset[str]:
    return frozenset(f"exec.{name}" for name in text.split())


PROGRAMS: Final[dict[Capability, frozenset[str]]] = {
    "privileged": _names(
        "sudo doas su pkexec run0 runuser systemctl systemd-run machinectl service rc-service initctl "
        "loginctl shutdown reboot halt poweroff visudo useradd userdel usermod groupadd groupmod adduser "
        "deluser passwd chpasswd mount umount insmod modprobe rmmod sysctl setcap chroot nsenter update-rc.d"
    ),
    "credentials": _names("pass gopass op bw lpass secret-tool keyring vault gnome-keyring ssh-add"),
    "security": _names(
        "iptables ip6tables nft ufw firewall-cmd setenforce auditctl aa-disable fail2ban-client"
    ),
}
"""Programs that are admin requests whatever their arguments; found behind `env`, `sh -c` and the like too."""

_WRITERS: Final = _names(
    "tee mv rm ln sed gsed dd truncate touch chmod chown chgrp mkdir rmdir unlink patch shred vi vim nvim "
    "nano ed ex emacs chattr setfacl >"
)
"""Programs that change the files among their arguments; `>` stands for a shell's redirection."""

_COPIERS: Final = _names("cp install rsync scp")
"""Programs that change the last file among their arguments alone."""

_SYSTEM: Final = (
    "/etc", "/usr", "/lib", "/lib32", "/lib64", "/bin", "/sbin", "/boot", "/sys", "/proc", "/dev",
    "/var/lib", "/var/spool/cron", "/run/systemd", "/System", "/Library",
)  # fmt: skip
_HARMLESS_DEVICES: Final = frozenset({"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty"})
_UNITS: Final = re.compile(
    r"/(systemd/(user|system)|autostart|launchagents|launchdaemons|sudoers\.d)/"
    r"|\.(service|socket|timer|mount|automount|target)$"
)

_AGENT_FILES: Final = _words(
    "soul.md agents.md claude.md gemini.md identity.md tools.md bootstrap.md heartbeat.md skill.md "
    "openclaw.json openclaw.json5 clawdbot.json moltbot.json mcp.json .mcp.json .cursorrules .windsurfrules "
    "copilot-instructions.md system_prompt.md system-prompt.md system_prompt.txt system-prompt.txt"
)
_AGENT_FOLDERS: Final = _words(
    ".openclaw .clawdbot .moltbot .claude .codex .gemini .cursor skills .govd .govgate govconsole"
)
_WORKSPACE: Final = re.compile(r"/\.(openclaw|clawdbot|moltbot)/workspace(-[^/]*)?/")

_SECRET_FILES: Final = _words(
    ".netrc .pgpass .env .envrc .npmrc .pypirc .git-credentials credentials credentials.json shadow "
    "gshadow id_rsa id_ed25519 id_ecdsa id_dsa secrets.json secrets.yaml secrets.yml .vault-token"
)
_SECRET_FOLDERS: Final = _words(".ssh .gnupg .password-store keyrings")
_SECRET_ENDS: Final = (
    ".pem",
    ".p12",
    ".pfx",
    ".kdbx",
    ".keytab",
    ".token",
    "/.kube/config",
    "/.docker/config.json",
)
_PUBLIC: Final = (".pub", "/known_hosts", "/.ssh/config", ".env.example")


def admin_scope(subject: Subject, block: CompiledVoice) -> dict[Capability, str]:
    """The capabilities that an intent needs the owner's voice for, each with what shows it; empty: none."""
    found: dict[Capability, str] = {}
    for capability, why in _shown(subject, block):
        if capability in block.scope:
            found.setdefault(capability, why)
    return {name: found[name] for name in CAPABILITIES if name in found}


def _shown(subject: Subject, block: CompiledVoice) -> Iterator[tuple[Capability, str]]:
    intent, action = subject.intent, subject.intent.action
    if isinstance(action, Admin) and action.operation.startswith(SETTLED_BY_PEOPLE):
        return
    claimed = [name for name in CAPABILITIES if name in intent.declared_capabilities]
    yield from ((name, "the agent declares it") for name in claimed)
    yield from _of_names((*subject.names, *subject.wrappers), block)
    match action:
        case SecretRead():
            yield "credentials", f"the secret {action.name}"
        case Admin():
            yield "configuration", action.operation
        case FileWrite():
            yield from _of_file(action.path, block)
        case ToolCall():
            about = _of_secret if subject.effect == "read" else partial(_of_file, block=block)
            yield from (found for path in _paths_in(action.arguments) for found in about(path))
        case ProcessExec():
            yield from (found for line in subject.lines for found in _of_line(line, action.cwd, block))


def _of_names(names: Sequence[str], block: CompiledVoice) -> Iterator[tuple[Capability, str]]:
    for tool in names:
        for capability in CAPABILITIES:
            listed = block.tools.get(capability)
            if tool in PROGRAMS.get(capability, ()) or (listed is not None and tool in listed):
                yield capability, tool


# -- commands ----------------------------------------------------------------------------------------


def _of_line(line: Sequence[str], cwd: str, block: CompiledVoice) -> Iterator[tuple[Capability, str]]:
    """What one command reads of secrets, and what it changes."""
    program = f"exec.{posixpath.basename(line[0])}"
    words = [_within(word.rpartition("=")[2], cwd) for word in line[1:]]
    for path in words:
        yield from _of_secret(path)
    changed = [
        path for word, path in zip(line[1:], words, strict=True) if not word.startswith("-") or "=" in word
    ]
    if program in _COPIERS:
        changed = changed if any(word.startswith(("-t", "--target")) for word in line[1:]) else changed[-1:]
    elif program not in _WRITERS:
        changed = []
    for path in changed:
        yield from _of_file(path, block)


def _within(word: str, cwd: str) -> str:
    """A word as a path, should it be one; `~` stays a folder of its own."""
    return word if word.startswith("/") else posixpath.join(cwd, word)


# -- files -------------------------------------------------------------------------------------------


def _of_file(path: str, block: CompiledVoice) -> Iterator[tuple[Capability, str]]:
    """What writing a file amounts to."""
    plain = _normal(path)
    low = plain.casefold()
    if _agents_own(low):
        yield "configuration", plain
    if plain not in _HARMLESS_DEVICES and (
        any(plain == folder or plain.startswith(folder + "/") for folder in _SYSTEM) or _UNITS.search(low)
    ):
        yield "privileged", plain
    yield from _of_secret(plain)
    for capability, globs in block.files.items():
        if plain in globs or path in globs:
            yield capability, plain


def _of_secret(path: str) -> Iterator[tuple[Capability, str]]:
    """Whether a file is one that holds secrets, by its name."""
    low = _normal(path).casefold()
    if low.endswith(_PUBLIC):
        return
    folders = low.split("/")
    if folders[-1] in _SECRET_FILES or low.endswith(_SECRET_ENDS) or _SECRET_FOLDERS & set(folders[:-1]):
        yield "credentials", path


def _agents_own(low: str) -> bool:
    """Whether a file steers an agent: its configuration, its prompt, its skills."""
    folders = low.split("/")
    if folders[-1] in _AGENT_FILES:
        return True
    # What an agent keeps for itself in its workspace is its daily work: reminders, notes, lists.
    rest = _WORKSPACE.sub("/", low).split("/")
    return bool(_AGENT_FOLDERS & set(rest[:-1]))


def _normal(path: str) -> str:
    """Without `.`, `..` and doubled slashes. Links are not known here: what runs is pinned by other means."""
    found = posixpath.normpath(path)
    return "/" + found.lstrip("/") if path.startswith("/") else found


def _paths_in(arguments: object) -> Iterator[str]:
    """Texts among a tool's arguments that could be paths: absolute ones, and single words."""
    waiting: list[object] = [arguments]
    for _ in range(_MOST):
        if not waiting:
            return
        value = waiting.pop()
        if isinstance(value, str) and (value.startswith(("/", "~/")) or len(value.split()) == 1):
            yield value
        elif isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
