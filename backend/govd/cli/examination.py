"""`govd doctor`: what an operator would otherwise find out at night, each with its mending command.

Reads only; it must never change what it examines.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING, Final, Literal

from govd.audit.verify import verify
from govd.cli.client import Client
from govd.cli.examination_record import of_the_record
from govd.cli.finding import Finding
from govd.contract.errors import GovError
from govd.lock import running
from govd.policy.loading import load
from govd.settings import Layout, Settings, read_settings
from govd.voice.modelstore.store import ModelStore
from govd.voice.transcription.transcribing import probe
from govd.voice.transcription.upstream import upstream_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OTHERS: Final = 0o077
_WRITABLE: Final = 0o022
_LITTLE: Final = 512 * 1024 * 1024


def examine(state: Path, operator_dir: Path) -> list[Finding]:
    """Everything, in the order in which it would be mended."""
    layout = Layout(state)
    if not layout.settings.exists():
        return [Finding("bad", "state", f"there is no state in {state}", "govd init")]
    try:
        settings = read_settings(state)
    except GovError as error:
        return [Finding("bad", "settings", error.detail, error.hint or "")]
    return [
        *_modes(layout, operator_dir),
        *_keys(layout),
        *_policy(layout, settings),
        *_disk(layout),
        *_database(settings),
        *of_the_record(layout, settings),
        *_log(layout),
        *_model(layout),
        *_transcription(settings),
        *_service(layout, operator_dir),
    ]


def _modes(layout: Layout, operator_dir: Path) -> Iterator[Finding]:
    private = [layout.state, layout.keys, layout.audit, layout.run, operator_dir]
    private += [*layout.keys.glob("*"), *operator_dir.glob("*.key"), *operator_dir.glob("*.token")]
    for path in private:
        if not path.exists():
            yield Finding("bad", "modes", f"{path} is missing", "govd restore, from a backup")
            continue
        info = path.lstat()
        if info.st_mode & _OTHERS:
            yield Finding(
                "bad",
                "modes",
                f"{path} is open to others ({stat.filemode(info.st_mode)})",
                f"chmod go= {path}",
            )
        if info.st_uid not in {os.geteuid(), 0}:
            yield Finding(
                "bad", "owner", f"{path} belongs to uid {info.st_uid}", f"chown {os.geteuid()} {path}"
            )
    yield Finding("ok", "modes", f"{len(private)} files and folders looked at")


def _keys(layout: Layout) -> Iterator[Finding]:
    if not layout.state_key.exists():
        yield Finding(
            "bad",
            "keys",
            "the state key is missing: sealed content cannot be opened",
            "restore keys/ from a backup",
        )
    if not list(layout.keys.glob("signing-*.key")):
        yield Finding("bad", "keys", "there is no signing key", "restore keys/ from a backup")


def _policy(layout: Layout, settings: Settings) -> Iterator[Finding]:
    path = layout.policy_file(settings)
    try:
        found = load(path.read_bytes())
    except OSError as error:
        yield Finding("bad", "policy", f"{path}: {error.strerror}", f"restore {path}")
        return
    except GovError as error:
        yield Finding(
            "bad", "policy", f"{path} does not compile: {error.detail}", f"govd policy check {path}"
        )
        return
    yield Finding("ok", "policy", f"{path} compiles: {found.name}, {found.sha256[:12]}")
    if path.stat().st_mode & _WRITABLE:
        yield Finding("warn", "policy", f"{path} may be written by others", f"chmod go-w {path}")


def _disk(layout: Layout) -> Iterator[Finding]:
    free = shutil.disk_usage(layout.state).free
    level: Literal["ok", "bad"] = "ok" if free > _LITTLE else "bad"
    mend = "" if level == "ok" else "free some space, then govd reload"
    yield Finding(level, "disk", f"{free // 2**20} MiB are free where the state is", mend)


def _database(settings: Settings) -> Iterator[Finding]:
    if settings.database is None:
        return
    from govd.storage.engine import parse_url, tells_password

    try:
        told = tells_password(parse_url(settings.database))
    except GovError as error:
        yield Finding("bad", "database", error.detail, error.hint or "")
        return
    if told:
        mend = "leave it out, and add ?passfile=/PATH of a 0600 file in the form of .pgpass"
        yield Finding("warn", "database", "its password stands in govd.toml", mend)


def _log(layout: Layout) -> Iterator[Finding]:
    report = verify(layout.audit)
    if report.ok:
        yield Finding("ok", "log", f"{report.entries} entries, the chain holds")
    for fault in report.faults:
        yield Finding(
            "bad", "log", f"{fault.file}:{fault.line}: {fault.kind}: {fault.message}", "govd audit verify"
        )


def _model(layout: Layout) -> Iterator[Finding]:
    """What tells voices apart; its file is read whole."""
    models = ModelStore(layout.state)
    try:
        model = models.choose().view
        card = models.card(model.id)
        intact = models.intact(card, model.runtime)
    except GovError as error:
        yield Finding("warn", "voice", f"nobody's voice can be verified: {error.detail}", error.hint or "")
        return
    if intact:
        yield Finding("ok", "voice", f"{model.id} tells voices apart, from {model.threshold:.2f} on")
    else:
        message = f"the weights of {model.id} are not those that were imported: their SHA-256 differs"
        yield Finding("bad", "voice", message, f"govd voice model remove {model.id}, then import it again")


def _transcription(settings: Settings) -> Iterator[Finding]:
    """The upstream that phrases need: asked for real, with half a second of silence."""
    upstream = upstream_of(settings)
    if upstream is None:
        return
    wrong = probe(upstream)
    if wrong:
        yield Finding("bad", "transcription", wrong, "mend transcription_… in govd.toml, then govd reload")
    else:
        yield Finding("ok", "transcription", f"{upstream.target.host} answers: phrases can be checked")


def _service(layout: Layout, operator_dir: Path) -> Iterator[Finding]:
    try:
        running(layout.lock)
        seen = Client(layout.state, operator_dir, None).request("GET", "/v1/overview")
    except GovError as error:
        yield Finding("warn", "service", error.detail, error.hint or "govd serve")
        return
    if seen["halted"]:
        yield Finding(
            "bad", "service", f"halted: {seen['halted']}", "govd reload, or govd restore where it says so"
        )
    else:
        yield Finding(
            "ok", "service", f"deciding; {seen['pending']} jobs wait, agents reach {seen['agent_url']}"
        )
    if seen["assurance"] == "advisory":
        yield Finding("warn", "agents", f"ADVISORY: {seen['assurance_why']}", "docs/how-to/separate-users.md")
    for alarm in seen["alarm_list"]:
        yield Finding("warn", "alarm", alarm["message"], alarm["mend"])
