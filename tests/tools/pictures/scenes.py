"""Each picture: its name, what it shows in words, and what is pressed until it stands.

A scene that changes what govd holds says so with `alone` and gets a stage of its own.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from tests.tools.pictures import cast
from tests.tools.pictures.scene import OTHER_THEMES, SIZES, Picture
from tests.tools.pictures.stage import Stage
from tests.tools.pictures.voices import VOICES

if TYPE_CHECKING:
    from tests.tools.pictures.scene import Scene


def _stage(scene: Scene) -> Stage:
    stage = scene.stage
    if not isinstance(stage, Stage):
        raise TypeError("a picture of jobs stands on the stage of a real govd")
    return stage


async def _queue(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)


async def _queue_release(scene: Scene) -> None:
    await scene.select(cast.RELEASE)


async def _queue_hostile(scene: Scene) -> None:
    await scene.select("Routine clean-up")


async def _queue_empty(scene: Scene) -> None:
    await scene.shows("Nothing is held.")


async def _zoom(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("enter")


async def _raw(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("o")
    await scene.shows("Full arguments")


async def _help(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("question_mark")
    await scene.shows("Keys")


async def _approve(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await _read(scene)
    await scene.press("a")
    await scene.shows("Sign: Approve")


async def _deny(scene: Scene) -> None:
    await scene.select(cast.MAIL)
    await scene.press("d")
    await scene.shows("Sign: Deny")


async def _guide(scene: Scene) -> None:
    await scene.select(cast.RELEASE)
    await scene.press("g")
    await scene.shows("Sign: Deny with guidance")


async def _passphrase(scene: Scene) -> None:
    await _approve(scene)
    await scene.press("y")
    await scene.shows("Passphrase of")


async def _lost(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    _stage(scene).govd.kill()
    await scene.shows("backend lost")
    scene.stage.clock.wall += timedelta(seconds=42)
    # The last of the waits that are long enough to draw in.
    await scene.shows("try 4")


async def _alarms(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    _stage(scene).govd.tell("step", 90)
    await scene.shows("clock-step")
    await scene.press("exclamation_mark")
    await scene.shows("Alarms ▸")


async def _command(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("colon")
    await scene.write("the")


async def _palette(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("ctrl+p")
    await scene.shows("What do you want to do?")
    await scene.write("deny")


async def _refused(scene: Scene) -> None:
    await _all(scene)
    await scene.press("a")
    await scene.shows("approve: ")


async def _read(scene: Scene) -> None:
    """To the end of its actions: what cannot be undone is not approved before."""
    await scene.press("enter", *["space"] * 4, "escape")


async def _news(scene: Scene) -> None:
    await scene.select(cast.RELEASE)
    cast.something_new(_stage(scene))
    await scene.shows("2 new")


async def _filter(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("slash")
    await scene.write("risk>40 ag")


async def _filtered(scene: Scene) -> None:
    await _filter(scene)
    await scene.press("ctrl+u")
    await scene.write("effect:irreversible -agent:mail*")
    await scene.press("enter")
    await scene.shows("1 of ")


async def _marked(scene: Scene) -> None:
    await scene.select(cast.RELEASE)
    await scene.press("home", "j", "space", "j", "space", "space")
    await scene.shows("3 marked")


async def _batch(scene: Scene) -> None:
    await _marked(scene)
    await scene.press("d")
    await scene.shows("Sign 3 votes")


async def _batch_typed(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await _read(scene)
    await scene.select(cast.MAIL)
    await _read(scene)
    await scene.press("space")
    await scene.select(cast.PAYMENTS)
    await scene.press("space", "a")
    await scene.shows("type 2")


async def _content(scene: Scene) -> None:
    await scene.select(cast.RELEASE)
    await scene.press("c")
    await scene.shows("diff --git")


async def _mail(scene: Scene) -> None:
    await scene.select(cast.MAIL)
    await scene.press("c")
    await scene.shows("Subject")


async def _all(scene: Scene) -> None:
    await scene.select(cast.PAYMENTS)
    await scene.press("t", "t", "t")
    await scene.shows("all: 1 of 7")
    await scene.press("end")
    await scene.shows("Push a hotfix", "denied, with guidance")


async def _tour(scene: Scene) -> None:
    await scene.select(cast.RELEASE)
    await scene.press("enter")
    await scene.shows("Let one run")
    await scene.press("enter")


async def _opening(scene: Scene) -> None:
    await scene.shows("connecting")


QUEUE: Final = "QueueScreen"
PICTURES: Final = (
    Picture("queue", "The queue, with payments that cross a daily limit", QUEUE, _queue),
    Picture("queue-release", "The queue, with a push and what it would change", QUEUE, _queue_release),
    Picture("queue-hostile", "A job whose agent tries to write over the screen", QUEUE, _queue_hostile),
    Picture("queue-empty", "The queue when nothing is held", QUEUE, _queue_empty, empty=True),
    Picture("queue-refused", "A key that does not work now says why", QUEUE, _refused),
    Picture("queue-news", "New jobs wait until somebody asks for them", QUEUE, _news, alone=True),
    Picture("queue-filtered", "The jobs that fit a filter", QUEUE, _filtered),
    Picture("queue-marked", "Three jobs are marked", QUEUE, _marked),
    Picture("queue-all", "Every job, settled ones too", QUEUE, _all),
    Picture("tour", "The demo guides the first minute", QUEUE, _tour, tour=True),
    Picture("opening", "The first frame", "Opening", _opening, empty=True, tour=True, opening=True),
    Picture("job", "One job over the whole screen", QUEUE, _zoom),
    Picture("lost", "The backend is lost: what was known stays, greyed", QUEUE, _lost, alone=True),
    Picture("raw", "The full arguments of a job", "Reader", _raw),
    Picture("diff", "What a push would change, gathered by us", "ContentReader", _content),
    Picture("mail", "A mail as it would arrive", "ContentReader", _mail),
    Picture("help", "The keys of the queue", "Reader", _help),
    Picture("alarms", "An alarm, with what mends it", "AlarmsScreen", _alarms, alone=True),
    Picture("command", "The command line, with what it can be completed to", "LineScreen", _command),
    Picture("filter", "The filter line, with what it can be completed to", "LineScreen", _filter),
    Picture("palette", "The palette finds an action by a few letters", "Palette", _palette),
    Picture("approve", "What exactly an approval signs", "VoteDialog", _approve),
    Picture("deny", "A refusal", "VoteDialog", _deny),
    Picture("guide", "A refusal with words that go back to the agent", "VoteDialog", _guide),
    Picture("deny-marked", "One refusal for each marked job", "BatchDialog", _batch),
    Picture(
        "approve-marked",
        "Approvals that cannot be undone want a number in writing",
        "BatchDialog",
        _batch_typed,
    ),
    Picture("passphrase", "The passphrase of the vote key", "PassphraseDialog", _passphrase),
    *(
        Picture(f"theme-{theme}", f"The theme {theme}", QUEUE, _queue, theme=theme, sizes=SIZES[:1])
        for theme in OTHER_THEMES
    ),
    *VOICES,
)
