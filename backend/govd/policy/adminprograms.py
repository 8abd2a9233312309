"""Programs that make a command an admin request, with the reason for each: a table, read by `adminscope`.

Data alone. A program that is not here is no admin request by its name; which files it touches counts still.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from govd.policy.blocks import Capability


@dataclass(frozen=True)
class Listed:
    """Programs of one capability.

    Attributes:
        capability: What they are an admin request for.
        why: What they do that needs the owner.
        programs: Their names without a folder.
        words: They count only with one of these among their arguments; one that begins with a dash stands for
            every option that begins so. None: they count always.
    """

    capability: Capability
    why: str
    programs: tuple[str, ...]
    words: tuple[str, ...] = ()


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _listed(capability: Capability, why: str, programs: str, words: str = "") -> Listed:
    return Listed(capability, why, tuple(programs.split()), tuple(words.split()))


ADMIN_PROGRAMS: Final = (
    _listed("privileged", "runs as another user", "sudo doas su pkexec run0 runuser chroot nsenter"),
    _listed(
        "privileged",
        "starts, stops or plans what runs on this machine",
        "systemctl systemd-run machinectl service rc-service initctl loginctl launchctl shutdown reboot halt "
        "poweroff update-rc.d crontab at batch",
    ),
    _listed(
        "privileged",
        "changes who may use this machine",
        "visudo useradd userdel usermod groupadd groupmod groupdel adduser deluser passwd "
        "chpasswd chage vipw",
    ),
    _listed(
        "privileged",
        "changes the running system",
        "mount umount insmod modprobe rmmod sysctl setcap swapon swapoff mkfs fdisk parted losetup kexec",
    ),
    _listed(
        "privileged",
        "installs software for everybody here",
        "apt apt-get aptitude dpkg dpkg-reconfigure add-apt-repository update-alternatives rpm yum dnf "
        "zypper pacman apk snap flatpak brew port emerge nix-env",
    ),
    _listed("privileged", "governs other machines", "kubectl helm ctr crictl lxc lxd incus virsh"),
    _listed(
        "privileged",
        "lets a container reach the machine itself",
        "docker podman nerdctl docker-compose",
        "--privileged --cap-add --device --security-opt --pid --ipc --uts --userns --cgroupns --volumes-from "
        "--net=host --network=host --net --network host",
    ),
    _listed(
        "credentials",
        "keeps secrets and hands them out",
        "pass gopass op bw lpass secret-tool keyring vault gnome-keyring kwallet-query security ssh-add sops "
        "doppler infisical chamber",
    ),
    _listed("credentials", "shows the environment, where tokens are", "printenv"),
    _listed(
        "credentials",
        "hands out a token of an account, or a secret kept there",
        "gh glab hub",
        "auth secret ssh-key gpg-key token variable",
    ),
    _listed(
        "credentials",
        "hands out a token of an account, or a secret kept there",
        "aws",
        "secretsmanager ssm kms sts iam sso sso-oidc configure get-login-password get-authorization-token",
    ),
    _listed(
        "credentials",
        "hands out a token of an account, or a secret kept there",
        "gcloud az doctl heroku flyctl fly vercel netlify",
        "auth secrets secret kms iam keyvault login logout account get-access-token print-access-token ad "
        "print-identity-token config config:get authorizations auth:token tokens token",
    ),
    _listed("credentials", "shows a cluster's secrets", "kubectl", "secret secrets config"),
    _listed(
        "credentials",
        "hands out secret keys, or changes them",
        "gpg gpg2 gpgsm",
        "--export-s --delete-s --edit-k --quick- --import --gen --full-g",
    ),
    _listed(
        "credentials",
        "reads or keeps the login of a registry",
        "docker podman nerdctl npm pnpm yarn cargo twine gem",
        "login logout token adduser",
    ),
    _listed(
        "credentials", "hands out what git keeps", "git", "credential credential-store credential-cache"
    ),
    _listed("configuration", "governs the agents", "govd govconsole"),
    _listed("configuration", "installs skills for an agent", "clawhub molthub"),
    _listed(
        "configuration",
        "sets up an agent: its tools, its models, what it may do",
        "openclaw clawdbot moltbot claude codex gemini cursor-agent opencode aider",
        "config configure setup onboard mcp plugin plugins skill skills extension extensions hooks models "
        "agents auth secrets channels pairing gateway update reset uninstall install settings permissions "
        "approvals devices setup-token login logout --mcp-config --settings --dangerously --allow --yolo "
        "--system-prompt --append-system-prompt --plugin",
    ),
    _listed(
        "security",
        "guards this machine",
        "iptables ip6tables iptables-restore nft ufw firewall-cmd pfctl setenforce semanage restorecon "
        "auditctl aa-disable aa-complain apparmor_parser fail2ban-client",
    ),
)  # fmt: skip


def _by_program() -> dict[str, tuple[Listed, ...]]:
    found: dict[str, list[Listed]] = {}
    for row in ADMIN_PROGRAMS:
        for name in row.programs:
            found.setdefault(name, []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


BY_PROGRAM: Final = _by_program()

READERS: Final[dict[str, tuple[str, ...]]] = {
    **dict.fromkeys(
        _words(
            "cat head tail wc ls dir stat du df grep egrep fgrep zgrep diff cmp comm md5sum sha1sum "
            "sha256sum sha512sum b2sum cksum readlink realpath basename dirname test [ echo printf pwd cd "
            "which type whereis cut tr nl od hexdump strings jq column fold fmt zcat tac rev "
            "join paste getfacl lsattr "
            "namei true false sleep seq ps pgrep id whoami groups uname hostname lsblk "
            "findmnt getent locate man"
        ),
        (),
    ),
    "rg": ("--pre",),
    "find": ("-delete", "-exec", "-ok", "-fprint", "-fls"),
    "fd": ("-x", "-X", "--exec"),
    "sort": ("-o", "--o", "--c"),
    "tree": ("-o",),
    "file": ("-C", "--c"),
}
"""Programs that only look at the files among their arguments, unless an option begins like one of these."""

GIT_READING: Final = _words(
    "annotate blame cat-file describe diff diff-tree grep log ls-files ls-tree name-rev rev-list rev-parse "
    "shortlog show status whatchanged"
)
GIT_WRITING_OPTIONS: Final = ("--o", "--ext", "--textc", "-O", "--open")
"""Commands of git that only look, unless they are given one of these options."""

RUNNERS: Final = _words(
    "eval find fd parallel watch ssh script flock entr unbuffer strace ltrace busybox toybox setpriv unshare "
    "bwrap firejail proot fakeroot dbus-run-session xvfb-run start-stop-daemon tmux screen setarch xargs "
    "expect trap sg newgrp"
)
"""Programs that run what stands anywhere among their arguments."""

NAMED_BY_ADDRESS: Final = _words("git hg svn gh wget aria2c curl")
"""Programs that name what they fetch by the end of its address."""

SHELL_TOOLS: Final = _words(
    "shell sh bash zsh exec terminal command commands cmd console powershell pwsh subprocess ssh"
)
"""A part of a tool's name that says that it runs what it is told: every text that it is given is read so."""

COMMAND_KEYS: Final = _words(
    "command commands cmd cmds cmdline commandline script shell shellcommand bash sh exec execute argv "
    "program executable binary"
)
"""Names of arguments that hold a command, in small letters and nothing else."""

ARGUMENT_KEYS: Final = _words("args arguments argv parameters params options flags")
"""Names of arguments that hold the words of a command that stands beside them."""

PATH_KEYS: Final = _words(
    "path paths dir directory folder file files filename filepath dest destination target to into cwd output "
    "out outdir src source from root workdir location name"
)
"""Names of arguments that hold a file or a folder, where a single plain word counts as one."""
