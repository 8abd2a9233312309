"""Which files and folders are protected, by their paths alone: those of the system, of agents, of secrets.

Pure. Must never ask the disk: what runs later finds another disk. Links in paths are not known here.
"""

from __future__ import annotations

import posixpath
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from govd.policy.blocks import Capability
    from govd.policy.model import CompiledVoice


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SYSTEM: Final = re.compile(
    r"/(etc|usr|lib|lib32|lib64|libx32|bin|sbin|boot|sys|proc|dev|var/lib|var/spool/cron|run/systemd|System"
    r"|Library)(/|$)|(/var)?/run/(docker|containerd|podman)(\.sock)?(/|$)|/$"
)
_HARMLESS_DEVICES: Final = _words(
    "/dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/stdin /dev/stdout /dev/stderr /dev/tty"
)
_UNITS: Final = re.compile(
    r"/(systemd/(user|system)|autostart|launchagents|launchdaemons|sudoers\.d)(/|$)"
    r"|\.(service|socket|timer|mount|automount|target)$"
)

_AGENT_FILES: Final = _words(
    "soul.md agents.md claude.md gemini.md identity.md tools.md bootstrap.md heartbeat.md skill.md "
    "openclaw.json openclaw.json5 clawdbot.json moltbot.json mcp.json .mcp.json .claude.json .cursorrules "
    ".windsurfrules copilot-instructions.md system_prompt.md system-prompt.md system_prompt.txt "
    "system-prompt.txt"
)
_AGENT_FOLDERS: Final = _words(
    ".openclaw .clawdbot .moltbot .claude .codex .gemini .cursor skills .govd .govgate govconsole"
)
_WORKSPACE: Final = re.compile(r"/\.(openclaw|clawdbot|moltbot)/workspace(-[^/]*)?/")

_SECRET_FILES: Final = _words(
    ".netrc .pgpass .env .envrc .npmrc .pypirc .git-credentials credentials credentials.json shadow "
    "gshadow id_rsa id_ed25519 id_ecdsa id_dsa id_ed25519_sk id_ecdsa_sk secrets.json secrets.yaml "
    "secrets.yml .vault-token"
)
_SECRET_FOLDERS: Final = _words(".ssh .gnupg .password-store keyrings .aws .azure")
_SECRET: Final = re.compile(
    r"/proc/[^/]+/(task/[^/]+/)?(environ|mem)$|/\.config/(gcloud|gh|rclone|op)(/|$)|/\.kube(/config)?$"
    r"|/\.docker(/config\.json)?$|(^|/)\.env\.[^/]+$|\.(pem|p12|pfx|kdbx|keytab|token)$|/dev/k?mem$"
)
_PUBLIC: Final = (".pub", "/known_hosts", "/.ssh/config", ".env.example", ".env.sample", ".env.template")

_ADDRESS: Final = re.compile(r"[a-z][a-z0-9+.-]*://[^\s'\"()<>,;]*", re.IGNORECASE)
_FILE_ADDRESS: Final = re.compile(r"file://(localhost)?(?=/)", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[=,:@<>|;&\s\"'()\[\]{}`]+")


def written(path: str, block: CompiledVoice) -> Iterator[tuple[Capability, str]]:
    """What writing to a file or a folder amounts to."""
    plain = normal(path)
    low = plain.casefold()
    if agents_own(low):
        yield "configuration", plain
    if plain not in _HARMLESS_DEVICES and (_SYSTEM.match(plain) or _UNITS.search(low)):
        yield "privileged", plain
    if _holds_secrets(low):
        yield "credentials", plain
    for capability, globs in block.files.items():
        if plain in globs or path in globs:
            yield capability, plain


def read(path: str) -> Iterator[tuple[Capability, str]]:
    """Whether a file or a folder is one that holds secrets, by its name."""
    low = normal(path).casefold()
    if not low.endswith(_PUBLIC) and _holds_secrets(low):
        yield "credentials", path


def agents_own(low: str) -> bool:
    """Whether a file or a folder, in lower case, steers an agent: its settings, its prompt, its skills."""
    if low.rpartition("/")[2] in _AGENT_FILES:
        return True
    # What an agent keeps for itself in its workspace is its daily work: reminders, notes, lists.
    return not _AGENT_FOLDERS.isdisjoint(_WORKSPACE.sub("/", low).split("/"))


def folder_name(word: str) -> bool:
    """Whether a single word is only the name of a folder, which other things may be called too."""
    return (
        "/" not in word and not word.startswith(".") and word.casefold() in _AGENT_FOLDERS | _SECRET_FOLDERS
    )


def _holds_secrets(low: str) -> bool:
    folders = low.split("/")
    return (
        folders[-1] in _SECRET_FILES
        or not _SECRET_FOLDERS.isdisjoint(folders)
        or _SECRET.search(low) is not None
    )


def normal(path: str) -> str:
    """Without `.`, `..` and doubled slashes. Links are not known here: what runs is pinned by other means."""
    found = posixpath.normpath(path)
    return "/" + found.lstrip("/") if path.startswith("/") else found


def places(word: str, cwd: str) -> Iterator[str]:
    """Every path that a word of a command can mean: itself, a value in it, what is stuck to an option.

    An address is none, `file:` apart.
    """
    word = _ADDRESS.sub("", _FILE_ADDRESS.sub("", word))
    whole = [word]
    if word.startswith("-"):
        whole += [word[2:], word[word.find("/") :] if "/" in word else ""]
    prose = " " in word
    # A folder's bare name in a sentence is a word like any other.
    parts = [part for one in whole for part in _BETWEEN.split(one) if not (prose and folder_name(part))]
    for one in dict.fromkeys(whole + parts):
        if one:
            yield within(one, cwd)


def within(word: str, cwd: str) -> str:
    """A word as a path, should it be one; `~` stays a folder of its own."""
    if word.startswith("/"):
        return word
    if posixpath.normpath(word) == ".":
        # The folder where it runs: what it holds, not its name, as for whatever else runs there.
        return posixpath.join(cwd, "-")
    return posixpath.join(cwd, word)


def addressed(word: str) -> str:
    """The name that what lies at an address gets when it is fetched; empty: the word is no address."""
    found = _ADDRESS.search(word)
    address = found[0] if found else word if re.fullmatch(r"[\w.-]+@[\w.-]+:\S+", word) else ""
    name = re.split(r"[?#]", address)[0].rstrip("/").rpartition("/")[2]
    return name.removesuffix(".git") if address else ""
