"""What a clip may cost and what it must hold, in one place for the intake, the wizard and the pages.

Limits alone: must compute nothing and import nothing. Where the figures come from is said beside each.
"""

from __future__ import annotations

from typing import Final

MAX_CLIP_BYTES: Final = 25 * 1024 * 1024
"""A file as it is sent. 25 MiB of FLAC silence would be 49 hours: hence the next one."""

MAX_CLIP_SECONDS: Final = 120.0
"""Decoded seconds; one more block and the clip is refused, while it is being decoded."""

MIN_SAMPLE_RATE: Final = 4_000
MAX_SAMPLE_RATE: Final = 192_000
"""Hz, of the file. Telephones have 8000; below 4000 there are no formants left to tell voices by."""

MAX_CHANNELS: Final = 8
"""Of the file; they are mixed down to one."""

MIN_NET_SECONDS: Final = 2.0
"""Speech in one clip, silence cut out: for a verification and for each sample of an enrollment."""

MIN_LEVEL_DBFS: Final = -50.0
"""RMS of the speech, dB of full scale. A normal voice in front of a laptop has -35 to -15."""

MIN_SNR_DB: Final = 6.0
"""Speech over what lies between the words. Below it the search for speech itself fails: at 3 dB noise is
taken for speech, at 0 dB speech for noise."""

MAX_CLIPPED: Final = 0.025
"""Share of speech samples in the top fifth of the clip's own height. Measured: clean voices, recorded and
synthetic, 0.003 to 0.013; cut off by 10 dB and sent as Opus, MP3 or at 8 kHz, 0.02 to 0.13."""

MIN_BANDWIDTH_HZ: Final = 2_500.0
"""Below it lie 99 % of the speech's energy. A telephone passes (3400); what was cut at 2000 does not."""

MAX_FLATNESS: Final = 0.42
"""Median spectral flatness: white noise has 0.56, clean voices below 0.03, a voice in as much noise 0.4."""

MIN_SPREAD_DB: Final = 3.0
"""Standard deviation of the level from 10 ms to 10 ms: voices 4.4 to 20, noise, tones, organs, sirens, brooks
and steady music 0 to 2.8."""

MAX_STEADINESS: Final = 0.58
STEADINESS_FOR_HISS: Final = 0.3
"""How alike harmonics may be to those 0.08 s before, and how much more so where something hisses as sibilants
do: a voice of one pitch comes to 0.7, most instruments have 0.7 to 1. Measured on 1706 clips of synthetic
voices, a third of them drawled, monotonous or robots: 13 are called no speech; of 184 kinds of music and
noise 169 are. With 0.4 over 0.12 s, for all, it was 104 and the same 169."""

NEAR_DUPLICATE_BITS: Final = 64
"""Clips are one recording if most 3-second prints (256 bits) of one lie within so many bits of some print of
the other (`intake.rules.distance`). Other words of one voice are about 105 apart; what was measured stands in
`intake/fingerprint.py`."""

PROMPTS: Final = (
    "Read a few lines of whatever lies on your desk.",
    "Say what you did this morning, in your own words.",
    "Describe the way from your door to the nearest shop.",
    "Count down from thirty, and say every number as a word.",
    "Tell what you would cook for four people, and how.",
    "Name the months, and one thing that each is good for.",
    "Explain your last piece of work to somebody new.",
    "Say a verse, a song or a rule that you know by heart.",
    "Describe the room around you, from left to right.",
    "Say what the weather is, and what you would like it to be.",
)
"""What to read or say aloud for each sample; any words do, and other words than last time are better."""
