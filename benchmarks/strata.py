"""Made songs of what is hard, as many of each: metres, no drums, rubato, swing, off-beat, slow ballads, double-time.

    python benchmarks/strata.py FOLDER [--each 6] [--seconds 45] [--seed 0]
    aural evaluate beat --on FOLDER                    # a row a stratum; so does benchmarks/tables.py

The songs are composed in styles that training knows too, and played by the fonts that it does not. A song may lie in several strata.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aural.annotations import Example
from aural.data.songs import MadeSongs, composer, keep
from aural.data.songs.score import Score

# A stratum: the words of a made song (metre, style, feel) that put it there, and the styles that songs of it are composed in.
STRATA: dict[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "3/4": (frozenset({"3/4"}), ("waltz", "rock3", "jazzwaltz", "waltz2")),
    "6/8": (frozenset({"6/8"}), ("slow6", "jig")),
    "12/8": (frozenset({"12/8"}), ("tripballad", "afro12")),
    "9/8": (frozenset({"9/8"}), ("nine",)),
    "2/4": (frozenset({"2/4"}), ("polka",)),
    "5/4": (frozenset({"5/4"}), ("five",)),
    "7/4": (frozenset({"7/4"}), ("seven",)),
    "no drums": (frozenset({"no drums"}), ("folk", "chamber", "ambient", "ballad", "waltz")),
    "rubato": (frozenset({"rubato"}), ("folk", "chamber", "ambient", "ballad", "waltz")),
    "swing": (frozenset({"swing"}), ("swing", "shuffle", "halfshuffle", "jazzwaltz")),
    "off-beat": (frozenset({"ska", "onedrop", "rockers", "skank"}), ("ska", "onedrop", "rockers", "skank")),
    "slow ballad": (frozenset({"ballad", "tripballad", "slow6"}), ("ballad", "ballad", "tripballad", "slow6")),
    "double-time": (frozenset({"double", "thrash", "dbeat", "blast"}), ("double", "thrash", "dbeat", "blast")),
}


def strata_of(words: Iterable[str]) -> tuple[str, ...]:
    """The strata that a song of these words (or strata) lies in."""
    own = set(words)
    return tuple(stratum for stratum, (any_of, _) in STRATA.items() if stratum in own or own & any_of)


@dataclass(frozen=True)
class SongsOfStrata(MadeSongs):
    """Song i is of the stratum i modulo their number; its strata are those of STRATA alone."""

    split: str = "test"  # type: ignore[assignment]

    @property
    def name(self) -> str:
        return f"strata:{self.seed}"

    def score(self, index: int, attempt: int = 0) -> tuple[Score | None, np.random.Generator, float]:
        stratum = list(STRATA)[index % len(STRATA)]
        own = self._corpora()
        for again in range(100):
            rng = np.random.default_rng((self.seed, 2, index, attempt, again))
            seconds = round(float(rng.uniform(2 / 3, 1) * self.seconds), 2)
            score = composer.compose(rng, seconds * 1.25 + 4, str(rng.choice(STRATA[stratum][1])), own.charts, own.grooves)
            drums = "drums" if any(track.drum for track in score.tracks) else "no drums"
            if stratum in strata_of((score.metre, drums, *score.tags)):
                return score, rng, seconds
        return None, rng, seconds

    def __call__(self, index: int) -> Example:
        example = super().__call__(index)
        return Example({**example, "strata": strata_of(example["strata"])})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--each", type=int, default=6, help="songs of each stratum")
    parser.add_argument("--seconds", type=float, default=45.0, help="of the longest song; the shortest has two thirds of it")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    songs = SongsOfStrata(given.seed, seconds=given.seconds, length=given.each * len(STRATA))
    kept = keep(songs, given.folder)
    for stratum in STRATA:
        print(f"{stratum:12} {sum(stratum in example['strata'] for example in kept)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
