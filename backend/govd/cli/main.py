"""The verbs of govd."""

from __future__ import annotations

import click

from govd.cli import identities, keys, lifecycle, policy, records, voice
from govd.contract.shells import completion
from govd.contract.verbs import Verbs


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="govconsole", prog_name="govd")
def main() -> None:
    """Decide what agents may attempt, hold what policy cannot settle, record everything.

    Exit codes: 0 done, 1 refused or not valid, 2 usage, 3 backend unreachable.
    """


for command in (
    lifecycle.init,
    lifecycle.serve,
    lifecycle.stop,
    lifecycle.reload,
    lifecycle.restore,
    records.doctor,
    records.audit,
    identities.agents,
    identities.executors,
    identities.operators,
    keys.keys,
    policy.policy,
    voice.voice,
    completion("govd", main),
):
    main.add_command(command)
