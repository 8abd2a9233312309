"""What is said of a clip: each fault for its reason alone, with the number that shows it."""

from __future__ import annotations

import numpy as np
import pytest

from govd.contract import voice_limits as limits
from govd.contract.voice import Fault
from govd.voice.intake import measuring, rules
from govd.voice.intake.wireform import Measures
from tests.support import speech

GOOD = Measures(5.0, 4.5, -20.0, 30.0, 0.004, 7_000.0, 0.02, 8.0, 0.05, 0.0)


def faults(intake, data: bytes) -> list[Fault]:
    return list(intake.take(data).quality.faults)


def heard(data: bytes) -> tuple[measuring.Frames, Measures]:
    """What the decoder measures, without its process."""
    audio = speech.samples(data)
    found = measuring.frames(audio)
    return found, measuring.measure(audio, found, measuring.cut_silence(audio, found))


@pytest.mark.parametrize("voice", list(speech.VOICES))
def test_clean_voices_have_no_fault(intake, voice):
    taken = intake.take(speech.speak(voice, speech.TEXTS[3]))

    assert taken.quality.faults == []
    assert taken.quality.net_seconds > 4


VARIANTS = ("", "+m3", "+f1", "+f2", "+f3", "+f4", "+f5", "+croak")
PITCHES = (0, 35, 65, 99)
PACES = (100, 160, 260)
LANGUAGES = ("en-us", "en-gb-scotland", "de", "fr", "es", "pl", "fi", "ru", "ja", "cmn")


@pytest.mark.parametrize("pitch", range(len(PITCHES)))
@pytest.mark.parametrize("variant", range(len(VARIANTS)))
def test_clean_speech_is_speech_whatever_the_pitch_the_pace_and_the_language(variant, pitch):
    """Also what is drawled, high and on one note, and so alike to itself for longer than a melody is."""
    at = variant * len(PITCHES) + pitch
    name = LANGUAGES[at % len(LANGUAGES)] + VARIANTS[variant]
    voice = speech.espeak(name, PITCHES[pitch], PACES[(variant + pitch) % len(PACES)])
    found, said = heard(speech.speak(voice, speech.TEXTS[at % len(speech.TEXTS)]))
    sounding = found.rms > max(0.001, 0.018 * np.percentile(found.rms, 95))

    assert rules.quality_of(said).faults == []
    assert np.mean(found.speech) > 0.9 * np.mean(sounding)


@pytest.mark.parametrize(
    ("name", "pitch", "pace", "text"),
    [("tr+m2", 99, 80, 10), ("cmn+f5", 85, 100, 4), ("ar+f5", 99, 100, 2), ("sv+f4", 99, 130, 4)],
)
def test_a_voice_on_one_note_is_no_music(name, pitch, pace, text):
    """Each of these was called music by how alike it is to itself 0.12 s before, at a limit of 0.4."""
    _found, said = heard(speech.speak(speech.espeak(name, pitch, pace), speech.TEXTS[text]))

    assert rules.quality_of(said).faults == []


def test_silence_is_too_quiet_and_holds_no_speech(intake):
    taken = intake.take(speech.silence(5))

    assert taken.quality.faults == [Fault.TOO_SHORT, Fault.TOO_QUIET]
    assert taken.quality.net_seconds == 0
    assert taken.pcm == b""


def test_the_hiss_of_a_sound_card_is_as_good_as_silence(intake):
    assert faults(intake, speech.noise(5, level=1e-4)) == [Fault.TOO_SHORT, Fault.TOO_QUIET]


@pytest.mark.parametrize("seconds", [0.002, 0.01, 0.05, 1.0])
def test_ten_milliseconds_are_too_short(intake, seconds):
    assert faults(intake, speech.tone(seconds)) == [Fault.TOO_SHORT]


def test_a_single_sample_is_a_clip_too(intake):
    assert Fault.TOO_SHORT in faults(intake, speech.tone(1 / 16_000))


def test_speech_below_two_seconds_is_too_short_however_long_the_file_is(intake):
    short = speech.speak("us-m3", "Only these few words.")
    taken = intake.take(speech.joined(speech.silence(4), short, speech.silence(4)))

    assert taken.quality.faults == [Fault.TOO_SHORT]
    assert taken.quality.seconds > 8
    assert 0.5 < taken.quality.net_seconds < 2


def test_silence_between_words_is_cut_out(intake):
    one, other = (speech.speak("flite-slt", text) for text in speech.TEXTS[:2])
    together = intake.take(speech.joined(one, other, gap=5)).quality
    apart = [intake.take(one).quality.net_seconds, intake.take(other).quality.net_seconds]

    assert together.net_seconds == pytest.approx(sum(apart), abs=0.4)


@pytest.mark.parametrize("level", [0.02, 0.1, 0.3])
def test_white_noise_is_no_speech(intake, level):
    taken = intake.take(speech.noise(5, level=level))

    assert taken.quality.faults == [Fault.NOT_SPEECH]
    assert taken.quality.net_seconds == 0


@pytest.mark.parametrize("hertz", [100, 440, 1_000, 3_000])
def test_a_tone_is_no_speech(intake, hertz):
    assert faults(intake, speech.tone(5, hertz)) == [Fault.NOT_SPEECH]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_music_is_no_speech(intake, seed):
    assert faults(intake, speech.music(6, seed=seed)) == [Fault.NOT_SPEECH]


def test_clipped_speech_is_told_also_after_it_was_made_quieter_and_compressed(intake, clip):
    loud = speech.clipped(clip, 20)

    assert faults(intake, loud) == [Fault.CLIPPED]
    assert faults(intake, speech.louder(loud, -12)) == [Fault.CLIPPED]
    assert faults(intake, speech.encoded(speech.louder(loud, -6), "opus")) == [Fault.CLIPPED]


def test_a_quiet_voice_is_too_quiet(intake, clip):
    taken = intake.take(speech.louder(clip, -32))

    assert Fault.TOO_QUIET in taken.quality.faults
    assert taken.quality.level_dbfs < limits.MIN_LEVEL_DBFS


def test_level_is_the_speechs_and_not_the_files(intake, clip):
    alone = intake.take(clip).quality.level_dbfs
    among = intake.take(speech.joined(speech.silence(6), clip, speech.silence(6))).quality.level_dbfs

    assert among == pytest.approx(alone, abs=0.5)


@pytest.mark.parametrize("snr", [20, 10])
def test_the_noise_that_is_measured_is_the_noise_that_was_added(intake, clip, snr):
    taken = intake.take(speech.with_noise(clip, snr))

    assert taken.quality.faults == []
    assert taken.quality.snr_db == pytest.approx(snr, abs=2.5)


def test_a_voice_in_noise_is_noisy(intake, clip):
    assert faults(intake, speech.with_noise(clip, 3)) == [Fault.NOISY]


def test_a_voice_without_its_upper_half_is_narrow(intake, clip):
    taken = intake.take(speech.low_passed(clip, 2_000))

    assert taken.quality.faults == [Fault.NARROW_BAND]
    assert taken.quality.bandwidth_hz == pytest.approx(2_000, abs=100)


def test_two_speakers_are_speech(intake):
    """Who speaks is the encoder's to tell."""
    two = speech.joined(speech.speak("us-m3", speech.TEXTS[0]), speech.speak("flite-slt", speech.TEXTS[1]))
    assert intake.take(two).quality.faults == []


def test_good_numbers_have_no_fault():
    assert rules.quality_of(GOOD).faults == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"seconds": 1.9, "net_seconds": 1.8}, Fault.TOO_SHORT),
        ({"net_seconds": limits.MIN_NET_SECONDS - 0.01}, Fault.TOO_SHORT),
        ({"level_dbfs": limits.MIN_LEVEL_DBFS - 0.1}, Fault.TOO_QUIET),
        ({"clipped": limits.MAX_CLIPPED + 0.001}, Fault.CLIPPED),
        ({"snr_db": limits.MIN_SNR_DB - 0.1}, Fault.NOISY),
        ({"bandwidth_hz": limits.MIN_BANDWIDTH_HZ - 1}, Fault.NARROW_BAND),
        ({"flatness": limits.MAX_FLATNESS + 0.01}, Fault.NOT_SPEECH),
        ({"spread_db": limits.MIN_SPREAD_DB - 0.01}, Fault.NOT_SPEECH),
        ({"steadiness": limits.MAX_STEADINESS + 0.01}, Fault.NOT_SPEECH),
        ({"net_seconds": 0.0}, Fault.NOT_SPEECH),
    ],
)
def test_each_number_over_its_limit_is_its_own_fault(change, fault):
    assert rules.quality_of(Measures(**{**vars(GOOD), **change})).faults == [fault]


@pytest.mark.parametrize(
    "edge",
    [
        {"net_seconds": limits.MIN_NET_SECONDS},
        {"level_dbfs": limits.MIN_LEVEL_DBFS},
        {"clipped": limits.MAX_CLIPPED},
        {"snr_db": limits.MIN_SNR_DB},
        {"bandwidth_hz": limits.MIN_BANDWIDTH_HZ},
        {"flatness": limits.MAX_FLATNESS},
        {"spread_db": limits.MIN_SPREAD_DB},
        {"steadiness": limits.MAX_STEADINESS},
        {"steadiness": limits.MAX_STEADINESS + limits.STEADINESS_FOR_HISS, "hiss": 1.0},
    ],
)
def test_at_its_limit_a_number_is_good(edge):
    assert rules.quality_of(Measures(**{**vars(GOOD), **edge})).faults == []


def test_several_faults_are_all_named():
    poor = rules.quality_of(Measures(5.0, 1.0, -60.0, 1.0, 0.2, 1_000.0, 0.02, 8.0, 0.0, 0.0))

    assert poor.faults == [
        Fault.TOO_SHORT, Fault.TOO_QUIET, Fault.CLIPPED, Fault.NOISY, Fault.NARROW_BAND,
    ]  # fmt: skip
