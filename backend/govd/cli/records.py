"""govd audit verify, govd doctor."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Final

import click

from govd.cli import frame
from govd.contract.verbs import Verbs
from govd.settings import Layout, read_settings

_NOTHING: Final = "no entries: nothing was verified"


@click.group(cls=Verbs)
def audit() -> None:
    """The log."""


@audit.command()
@click.argument(
    "path",
    type=click.Path(path_type=Path, exists=True),
    required=False,
    help="A day file, or a folder of them.",
)
@frame.state_option
@frame.json_option
@frame.failing
def verify(path: Path | None, state: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Check the chain of a folder of day files or of one file, which needs nothing but the files.

    Without PATH: the log of --state, held against its database both ways. Where there is no entry at all,
    nothing was verified, and the exit code is 1.
    """
    from govd.audit.rules import DAY_FILE
    from govd.audit.verify import verify as check
    from govd.storage.engine import make_engine, parse_url

    database = None
    layout = Layout(state.absolute())
    if path is None and layout.settings.exists():
        database = make_engine(parse_url(layout.database_url(read_settings(layout.state))), writer=False)
    report = check(path or layout.audit, database=database)
    if path is not None and path.is_file() and not DAY_FILE.fullmatch(path.name):
        frame.say(f"{path.name} is no day's name: the day of its first entry is taken for it")
    if as_json:
        frame.show_json({"ok": report.verified, **asdict(report)})
    else:
        for fault in report.faults:
            frame.show(f"{fault.file}:{fault.line}: {fault.kind}: {fault.message}")
        state_of_it = "the chain holds" if report.ok else "the chain is broken"
        frame.show(f"{report.entries} entries, {state_of_it}" if report.entries else _NOTHING)
    if not report.verified:
        sys.exit(1)


@click.command()
@frame.state_option
@frame.operator_dir_option
@frame.json_option
@frame.failing
def doctor(state: Path, operator_dir: Path, as_json: bool) -> None:  # noqa: FBT001 - a flag
    """Check what you would otherwise find out at night: each finding with its mending command."""
    from govd.cli.examination import examine

    findings = examine(state.absolute(), operator_dir.absolute())
    if as_json:
        frame.show_json({"findings": [asdict(item) for item in findings]})
    else:
        for item in findings:
            frame.show(
                f"{item.level:<4}  {item.subject}: {item.message}" + (f"  → {item.mend}" if item.mend else "")
            )
    if any(item.level == "bad" for item in findings):
        sys.exit(1)
