"""What a person agrees to before his voice is enrolled, and what he may read aloud.

The text and its version change together: every template keeps both, with the time.
"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1"

TEXT: Final = (
    "From these recordings a voiceprint is computed: numbers that describe this voice. It is stored "
    "encrypted on this machine and used to tell whether a voice note, or a clip recorded in the console, "
    "comes from this person. The recordings themselves are not kept. A voiceprint is never the only thing "
    "that a decision rests on: a recording or an imitation of a voice can pass. The voiceprint can be "
    "deleted at any time, which cannot be undone. The person whose voice this is has read this and agrees."
)

PROMPTS: Final = (
    "This morning I walked along the river, and the water was higher than it has been all year.",
    "Please move the meeting to Thursday afternoon, and tell the others that I will bring the figures.",
    "My grandmother kept seven hens behind the house, and each of them had a name and a temper.",
    "The train leaves at a quarter past nine, stops twice, and arrives shortly before noon.",
    "If the weather holds we could paint the fence on Saturday; otherwise I will sort the workshop.",
    "She asked how much it would cost, thought about it for a while, and then ordered two.",
    "Between the old library and the market there is a bakery that opens long before sunrise.",
    "I would like a bowl of soup, some dark bread, and a large glass of cold water.",
    "The committee read the report, argued about the third chapter, and accepted it in the end.",
    "Turn left behind the bridge, follow the road uphill, and ring at the green door.",
)
"""Everyday sentences of some six seconds each."""
