"""The words that phrases are made of: concrete English nouns and a few others, each unlike all the rest.

Any two are at least four letters apart (Levenshtein) and three phonemes, by espeak-ng's en-us and en-gb; none
is part of another. The first of these a test holds. Words with two spellings are not among them.
"""

from __future__ import annotations

from typing import Final

WORDS: Final = tuple(
    """
acrobat airport alphabet anchor antelope apricot armchair asteroid athlete autumn avocado badger bagpipe
balcony banana bathtub bedroom bicycle biscuit blanket blossom blueberry bonfire bookcase boulder bracelet
breakfast buffalo bulldog buzzard cabbage campfire canyon caravan cathedral chapel charcoal cherry chestnut
chimney chipmunk cinema circus citizen clarinet classroom coconut compass concert country crocodile crystal
curtain cyclone daffodil deadline dentist desert diamond dictionary dinosaur dolphin domino duckling
earthquake eclipse electric elephant elevator emerald episode evening evergreen factory family festival
fiddle fireplace flamingo football freckle fungus furnace galaxy garden giraffe glacier goblet goldfish
gorilla granite grapefruit guitar hamburger hamster harmonica harvest hazelnut hedgehog helicopter holiday
horizon hospital hurricane iceberg island jaguar journal juggler kangaroo keyboard kingdom lantern laptop
lavender leopard lettuce library lighthouse lilac limestone lollipop lunchbox macaroni machine magnet
mahogany marathon marmalade mattress melody meteor midnight molasses monkey monument mosaic mosquito
motorcycle museum mushroom musician necklace nephew notebook nutmeg oatmeal ocean octopus orchard orchestra
ostrich outfit oxygen pancake parachute peacock peanut pebble pelican penguin perfume picnic pineapple
pioneer pistachio plastic platypus plumber popcorn porcupine postcard potato prairie propeller pumpkin
pyramid quarter question quicksand raccoon radio railway rainbow raspberry reindeer reptile restaurant
rhubarb safari sandal sandwich saxophone scarlet scissors scooter scorpion seagull seahorse shampoo sidewalk
skeleton skyscraper snowflake spaghetti sparrow spinach sponge squirrel station sticker stocking submarine
suitcase sunflower syrup tablecloth tangerine telescope television termite thimble tornado tortoise tourist
traffic treasure triangle trombone trousers trumpet tulip tunnel tuxedo typewriter ukulele umbrella uniform
universe vacuum vegetable velvet vineyard violin volleyball vulture waffle walrus waterfall watermelon
weather wigwam woodpecker workshop yellow zipper
""".split()  # noqa: SIM905 - one word a line would be 256 lines
)
"""256 of them: eight bits each."""

FILLERS: Final = frozenset({"and", "er", "erm", "hm", "please", "uh", "um"})
"""Words that take nothing back and add nothing."""

REFUSALS: Final = frozenset(
    """
abandon abort cancel cannot cant denied deny dont fake false forget halt hold joke kidding later leave nah nay
neither never no nobody none nope nor not nothing quit refuse refused reject scrap stop undo unless wait
without wont wrong
""".split()  # noqa: SIM905 - as above
)
"""Words with which nothing is a yes, wherever they stand: also in the place of a word that was missed."""
