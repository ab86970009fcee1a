"""Songs by what is hard about them, and the table that tells them apart (benchmarks/)."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from aural.annotations import Curves, Example, Intervals, Notes
from aural.data.songs.styles import STYLES
from aural.evaluation import Piece, Report

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import tables

        return tables
    finally:
        sys.path.remove(str(BENCHMARKS))


def test_every_song_lies_in_the_stratum_that_it_was_made_for(tables: ModuleType) -> None:
    strata = sys.modules["strata"]
    songs = strata.SongsOfStrata(4, seconds=12.0, length=2 * len(strata.STRATA), sampled=False)
    for index in range(songs.size):
        score, _, _ = songs.score(index)
        drums = "drums" if any(track.drum for track in score.tracks) else "no drums"
        assert list(strata.STRATA)[index % len(strata.STRATA)] in strata.strata_of((score.metre, drums, *score.tags))


def test_the_styles_of_the_strata_are_there(tables: ModuleType) -> None:
    assert {style for _, styles in sys.modules["strata"].STRATA.values() for style in styles} <= set(STYLES)


def test_a_made_song_carries_the_words_that_its_strata_follow_from(tables: ModuleType) -> None:
    strata_of = sys.modules["strata"].strata_of
    assert strata_of(("4/4", "drums", "ska")) == ("off-beat",)
    assert strata_of(("12/8", "no drums", "tripballad", "rubato")) == ("12/8", "no drums", "rubato", "slow ballad")
    assert strata_of(("off-beat", "swing")) == ("swing", "off-beat")  # those that a folder of strata says itself
    assert strata_of(("4/4", "drums", "rock")) == ()


def test_the_table_of_strata_says_of_how_many_songs_each_row_is(tables: ModuleType) -> None:
    pieces = (
        Piece("a", ("3/4", "drums"), {"F": 1.0}),
        Piece("b", ("3/4", "swing"), {"F": 0.5}),
        Piece("c", ("4/4", "rockers"), {"F": 0.25}),
        Piece("d", ("4/4", "rock"), {"F": 0.0}),
    )
    lines = tables.by_stratum([Report("beat/groove", "songs:0", "beat", pieces)]).splitlines()
    assert lines[0] == "| F in | n | beat/groove |"
    assert [line.split(" | ")[:2] for line in lines[2:]] == [["| 3/4", "2"], ["| swing", "1"], ["| off-beat", "1"]]
    assert "0.750" in lines[2]


def test_a_clips_chord_is_the_one_that_lasts_longest(tables: ModuleType) -> None:
    truth = Intervals(np.zeros(1), np.array([4.0]), ("A:min",))
    heard = Intervals(np.array([0.0, 2.0, 2.5]), np.array([2.0, 2.5, 4.0]), ("N", "C:maj", "A:min"))
    assert tables.of_one_label(truth, heard) == {"root": 1.0, "majmin": 1.0, "exact": 1.0}
    assert tables.of_one_label(truth, Intervals(np.zeros(1), np.array([4.0]), ("A:min7",))) == {"root": 1.0, "majmin": 1.0, "exact": 0.0}
    assert tables.of_one_label(truth, Intervals(np.zeros(1), np.array([4.0]), ("N",)))["root"] == 0.0


def test_a_song_without_a_leading_voice_is_none_to_find_it_in(tables: ModuleType) -> None:
    class Songs:
        name, size = "songs", 2

        def __call__(self, index: int) -> Example:
            notes = Notes(np.zeros(index), np.ones(index), np.full(index, 60.0))
            return Example(melody_notes=notes, melody=Curves(np.zeros(1), np.array([[440.0 if index else -440.0]])))

    for field in ("melody", "melody_notes"):
        assert [field in tables.Sounding(Songs(), field)(i) for i in (0, 1)] == [False, True]


def test_what_a_peer_answered_stands_where_the_truth_would(tables: ModuleType, tmp_path: Path) -> None:
    from aural import tasks

    (tmp_path / "one.lab").write_text("0.0 1.0 C:maj\n1.0 2.0 G:7\n")

    class Untold:
        name, size = "untold", 1

        def labels(self, field: str) -> list[str]:
            return []

        def __call__(self, index: int) -> Example:
            return Example(name="one")

    agreed = tables.Agreed(Untold(), tasks.task("chord"), tmp_path)
    assert (agreed.name, agreed.size) == ("untold", 1)
    assert agreed(0)["chords"].labels == ("C:maj", "G:7")
    assert agreed(0)["name"] == "one"
