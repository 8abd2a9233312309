"""The pictures of voices: the screen, the wizard's steps, step-up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from govconsole.client.voices import Take
from govconsole.screens.taking import TakingDialog
from govd.contract.voice import Fault
from tests.govconsole import fake_voices
from tests.tools.pictures.scene import Picture
from tests.tools.pictures.voicestage import VoiceStage

if TYPE_CHECKING:
    from tests.tools.pictures.scene import Scene

VIEW: Final = "VoicesScreen"
WIZARD: Final = "EnrollScreen"


def _stage(scene: Scene) -> VoiceStage:
    stage = scene.stage
    if not isinstance(stage, VoiceStage):
        raise TypeError("a picture of voices says so: voices=True")
    return stage


async def _voices(scene: Scene) -> None:
    scene.app.shell.studio = _stage(scene).studio()
    await scene.shows("● embedded")
    await scene.press("3")
    await scene.shows("night-shift")


async def _degraded(scene: Scene) -> None:
    voices = _stage(scene).voices
    voices.model, voices.speakers, voices.waiting, voices.sessions, voices.locks = None, [], [], [], []
    voices.until = None
    voices.degraded = "there is no speaker model on this machine"
    voices.mend = "govd voice model fetch titanet_large"
    await scene.shows("● embedded")
    await scene.press("3")
    await scene.shows("nobody is enrolled")


async def _delete(scene: Scene) -> None:
    await _voices(scene)
    await scene.press("j", "j", "j", "d")
    await scene.write("visi")
    await scene.shows("Forget the voice of visitor")


async def _consent(scene: Scene) -> None:
    await _voices(scene)
    await scene.press("n")
    await scene.write("op-2")
    await scene.press("enter")
    # The footer has the key once microphones were looked for.
    await scene.shows("Whose voice is it", "y accept")


async def _source(scene: Scene) -> None:
    await _consent(scene)
    await scene.press("y")
    await scene.shows("USB audio")
    await scene.press("space")
    await scene.shows("6.2 s")


async def _samples(scene: Scene, count: int) -> None:
    await _consent(scene)
    worth = (7.1, 6.4, 8.0, 6.2, 7.7)
    _stage(scene).voices.worth = [
        fake_voices.quality(net_seconds=net, level_dbfs=-20.0 - net) for net in worth[:count]
    ]
    _stage(scene).voices.matches = [0.86, 0.81, 0.88, 0.84][: max(count - 1, 0)]
    await scene.press("y")
    await scene.shows("USB audio")
    await scene.press("enter")
    await scene.shows("Sample 1 of 5")
    await _take(scene, count)


async def _take(scene: Scene, count: int) -> None:
    wizard = scene.app.screen
    if isinstance(wizard, TakingDialog) and count:
        before = len(_stage(scene).voices.clips)
        wizard.took([Take(audio=b"RIFF %d" % number) for number in range(before, before + count)])


async def _record(scene: Scene) -> None:
    await _samples(scene, 3)
    await scene.shows("Sample 4 of 5")
    _stage(scene).voices.worth = [fake_voices.quality(Fault.TOO_QUIET, level_dbfs=-56.0)]
    await _take(scene, 1)
    await scene.shows("left out")
    await scene.press("space")
    await scene.shows("6.2 s")


async def _agreement(scene: Scene) -> None:
    await _samples(scene, 5)
    await scene.shows("5 samples are there")
    await scene.press("enter")
    await scene.shows("Do the samples agree?")


async def _check(scene: Scene) -> None:
    await _agreement(scene)
    await scene.press("enter")
    await scene.shows("One more")
    _stage(scene).voices.matches = [0.41]
    await _take(scene, 1)
    await scene.shows("not recognised")


async def _sign(scene: Scene) -> None:
    await _check(scene)
    await _take(scene, 1)
    await scene.shows("✓ recognised")
    scene.unlock()
    await scene.press("enter")
    await scene.shows("Enroll the voice of op-2", "You sign this")


async def _saved(scene: Scene) -> None:
    await _sign(scene)
    await scene.press("y")
    await scene.shows("op-2 is enrolled")


async def _abandon(scene: Scene) -> None:
    await _samples(scene, 2)
    await scene.shows("Sample 3 of 5")
    await scene.press("Q")
    await scene.shows("Leave it for good?")


async def _step_up(scene: Scene) -> None:
    _stage(scene).voices.until = None
    await _voices(scene)
    await scene.press("V")
    await scene.shows("USB audio")
    await scene.press("space")
    await scene.shows("6.2 s")


VOICES: Final = (
    Picture("voices", "Who is enrolled, verified and locked out", VIEW, _voices, voices=True),
    Picture("voices-degraded", "Without a model nobody can be verified", VIEW, _degraded, voices=True),
    Picture("voice-delete", "A voice is forgotten for good", "VoiceDialog", _delete, voices=True),
    Picture("enroll-consent", "An enrollment begins with consent", WIZARD, _consent, voices=True),
    Picture("enroll-source", "A microphone is listened to", WIZARD, _source, voices=True),
    Picture("enroll-samples", "A sample is recorded", WIZARD, _record, voices=True),
    Picture("enroll-agreement", "Do the samples agree?", WIZARD, _agreement, voices=True),
    Picture("enroll-check", "A fresh sample that is not recognised", WIZARD, _check, voices=True),
    Picture("enroll-sign", "What is signed of an enrollment", "VoiceDialog", _sign, voices=True),
    Picture("enroll-abandon", "An enrollment is left for good", "ConfirmDialog", _abandon, voices=True),
    Picture("enroll-saved", "A voice is enrolled", WIZARD, _saved, voices=True),
    Picture("step-up", "An operator shows his voice", "StepUpDialog", _step_up, voices=True),
)
