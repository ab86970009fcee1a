"""What a person has put right: it is read or refused with its line, it is kept, and everything that hears beats hears it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aural import build, rhythm
from aural.analysis import analyze, answer
from aural.annotations import Events, Intervals, Label
from aural.corrections import CorrectionError, Harmony, Rhythm, corrected, corrections_of, harmonised, loads, sidecar
from aural.formats import jams
from aural.tasks import task

PLACE = Path("music/song.aural.toml")


def read(text: str, duration: float = 60.0) -> Rhythm:
    found = loads(text, PLACE, duration).rhythm
    assert found is not None
    return found


def beats(bpm: float = 120.0, n: int = 32, metre: int = 4, start: float = 0.5, first: int = 1, sure: float = 0.8) -> Events:
    """A steady pulse with positions."""
    labels = tuple(str((i + first - 1) % metre + 1) for i in range(n))
    return Events(start + 60 / bpm * np.arange(n), labels, np.full(n, sure))


def put_right(heard: Events, duration: float = 60.0, **said) -> Events:
    made, downbeats = corrected(Rhythm(**said), heard, None, duration)
    made.validate(duration)
    np.testing.assert_array_equal(downbeats.times, made.times[rhythm.positions(made) == 1])
    return made


def labels(events: Events) -> str:
    return "".join(label or "?" for label in events.labels or ())


# ---- the file


def test_a_sidecar_is_named_after_its_sound():
    assert sidecar(Path("a/song.mp3")) == Path("a/song.aural.toml")
    assert sidecar(Path("a/song.v1.flac")) == Path("a/song.v1.aural.toml")


def test_what_is_written_is_read():
    text = '[rhythm]\nbar_starts = [30.0, 12.480]\ntempo = "half"\n'
    text += "[[rhythm.metre]]\nfrom = 20\nbeats = 3\n[[rhythm.metre]]\nfrom = 0\nbeats = 4\n"
    assert read(text) == Rhythm((12.48, 30.0), "half", ((0.0, 4), (20.0, 3)))
    assert read("rhythm.tempo = 127.5") == Rhythm(tempo=127.5)
    assert read("[rhythm]\nbar_starts = 2\ntempo = 90") == Rhythm((2.0,), 90.0)
    assert read("rhythm = {metre = [{from = 1, beats = 7}]}") == Rhythm(metres=((1.0, 7),))
    assert loads("", PLACE).rhythm is None


MISTAKES = {
    "[rhythm\ntempo = 3": (1, "not TOML"),
    "[rhythm]\ntempo = half": (2, "not TOML"),
    "[rhythm]\n\ntempo = 90\ntempo = 91": (4, "not TOML"),
    "[rhythm]\nbar_starts = [1.0,": (2, "not TOML"),
    "# mine\n[rythm]\ntempo = 90": (2, "no table 'rythm'; did you mean rhythm?"),
    "[rhythm]\ntempo = 90\nbar_start = [1.0]": (3, "no key 'bar_start' in [rhythm]; did you mean bar_starts?"),
    "[rhythm]\nxyz = 1": (2, "there are bar_starts, tempo, metre"),
    "\nrhythm = 3": (2, "write [rhythm]"),
    "[rhythm]\nbar_starts = [1.0, '2']": (2, "holds '2', not a time"),
    "[rhythm]\nbar_starts = [\n  1.0,\n  true,\n  2.0,\n]\ntempo = 90": (4, "holds true, not a time"),
    "[rhythm]\nbar_starts = [\n  1.0, # 5,\n\n  -2.5,\n]": (5, "lies before the start"),
    "[rhythm]\nbar_starts = 61.5": (2, "past the end of the sound (60.0 s)"),
    "[rhythm]\nbar_starts = [nan]": (2, "not a time"),
    "[rhythm]\ntempo = 'thrice'": (2, '"half"'),
    "[rhythm]\ntempo = true": (2, "tempo is true"),
    "[rhythm]\ntempo = 9000": (2, "20 to 400"),
    "[rhythm]\ntempo = 90\nmetre = {from = 1, beats = 3}": (3, "double brackets"),
    "[rhythm]\ntempo = 90\n[[rhythm.metre]]\nfrom = 0\nbeats = 3\n\n[[rhythm.metre]]\nfrom = 4\nbeats = 1": (9, "2 to 12"),
    "[[rhythm.metre]]\nfrom = 0\nbeats = 40": (3, "2 to 12"),
    "[[rhythm.metre]]\nfrom = 0\nbeats = '6/8'": (3, "how many beats"),
    "[[rhythm.metre]]\nfrom = 0\nbeats = 3.0": (3, "how many beats"),
    "[[rhythm.metre]]\nfrom = 0\nbeets = 3": (3, "did you mean beats?"),
    "tempo = 3": (1, "no table 'tempo'; there are rhythm, harmony"),
    "[[rhythm.metre]]\nbeats = 3": (1, "has no from"),
    "[rhythm]\nmetre = [\n  {from = 0, beats = 3},\n  {from = 99, beats = 4},\n]": (4, "past the end"),
    "[[rhythm.metre]]\nfrom = 7\nbeats = 3\n[[rhythm.metre]]\nfrom = 7\nbeats = 4": (5, "two metres from 7 s"),
    "[harmony]\nchord = 3": (2, "no key 'chord' in [harmony]; did you mean chords?"),
    "[harmony]\nkeys = {start = 0, end = 1, key = 'C'}": (2, "double brackets: [[harmony.keys]]"),
    "[[harmony.chords]]\nstart = 1\nend = 2\nlabel = 'Hm7'": (4, "'Hm7' is no chord; write it as Am7"),
    "[[harmony.chords]]\nstart = 1\nend = 2\nlabel = 7": (4, "label is 7; write it in quotes"),
    "[[harmony.chords]]\nstart = 1\nlabel = 'C'": (1, "has no end; add end = its last second"),
    "[[harmony.chords]]\nstart = 1\nend = 1\nlabel = 'C'": (3, "it ends at 1 s, not after its start"),
    "[[harmony.chords]]\nstart = 1\nend = 99\nlabel = 'C'": (3, "end 99 s lies past the end of the sound (60.0 s)"),
    "[[harmony.keys]]\nstart = 1\nend = 2\nlabel = 'C'": (4, "no key 'label' in [harmony.keys]; "),
    "[[harmony.keys]]\nstart = 0\nend = 9\nkey = 'C'\n\n[[harmony.keys]]\nstart = 4\nend = 12\nkey = 'H minor'": (9, "'H minor' is no key"),
    "[[harmony.keys]]\nstart = 4\nend = 9\nkey = 'C'\n[[harmony.keys]]\nstart = 1\nend = 5\nkey = 'Am'": (2, "before A:minor ends at 5 s"),
}


@pytest.mark.parametrize("text", MISTAKES, ids=repr)
def test_a_mistake_names_its_file_its_line_and_a_remedy(text):
    line, says = MISTAKES[text]
    with pytest.raises(CorrectionError) as caught:
        read(text)
    assert str(caught.value).startswith(f"{PLACE}:{line}: ")
    assert says in str(caught.value)
    assert "; " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_mistake_below_many_lines_is_found():
    text = "[rhythm]\nbar_starts = [\n" + "".join(f"  {i * 0.01:.2f}, # bar\n" for i in range(900)) + "  -1,\n]\n"
    with pytest.raises(CorrectionError, match=":903: "):
        read(text)


def test_bytes_that_are_no_text_name_their_line(tmp_path):
    (tmp_path / "a.aural.toml").write_bytes(b"[rhythm]\n# \xff\n")
    with pytest.raises(CorrectionError, match=r"a\.aural\.toml:2: .*UTF-8"):
        corrections_of(tmp_path / "a.mp3", 3.0)
    (tmp_path / "a.aural.toml").write_bytes(b"\xef\xbb\xbf[rhythm]\r\ntempo = 90\r\n")
    assert corrections_of(tmp_path / "a.mp3", 3.0).rhythm == Rhythm(tempo=90.0)
    assert corrections_of(tmp_path / "b.mp3", 3.0) is None


# ---- tempo


def test_half_keeps_every_second_beat_and_the_metre():
    heard = beats(240, 33)
    made = put_right(heard, tempo="half")
    np.testing.assert_allclose(made.times, heard.times[::2])
    assert labels(made) == "12341234123412341"


@pytest.mark.parametrize("phase", [0, 1])
def test_half_keeps_the_beats_that_bars_begin_on(phase):
    heard = beats(240, 32, first=4 if phase else 1)
    made = put_right(heard, tempo="half")
    np.testing.assert_allclose(made.times, heard.times[phase::2])
    assert labels(made).startswith("1234")


def test_half_keeps_the_beats_that_bar_starts_name_whatever_was_heard():
    heard = beats(240, 32)
    made = put_right(heard, tempo="half", bar_starts=(float(heard.times[5]),))
    np.testing.assert_allclose(made.times, heard.times[1::2])
    assert labels(made)[2] == "1"


def test_half_keeps_the_surer_beats_where_no_bar_is_known():
    sure = np.tile([0.2, 0.9], 16)
    heard = Events(0.25 * np.arange(32), None, sure)
    made = put_right(heard, tempo="half")
    np.testing.assert_allclose(made.times, heard.times[1::2])
    assert made.labels is None


def test_half_does_not_turn_round_at_an_unheard_beat_or_a_break():
    heard = beats(240, 64)
    kept = heard[np.array([i for i in range(64) if i != 21 and not 30 <= i < 40])]
    made = put_right(kept, tempo="half")
    assert set(np.round(made.times, 6)) <= set(np.round(heard.times[::2], 6))
    assert not ((made.times > heard.times[29]) & (made.times < heard.times[40])).any()


def test_double_puts_a_beat_between_two():
    made = put_right(beats(60, 16), tempo="double")
    np.testing.assert_allclose(np.diff(made.times), 0.5)
    assert len(made) == 31
    assert labels(made).startswith("12341234")
    assert made.confidence[1] == 1.0
    assert made.confidence[0] == 0.8


@pytest.mark.parametrize(
    ("bpm", "heard", "gives"),
    [(87, 174, 87), (174, 87.4, 174.8), (121, 120, 120), (180, 60, 180), (60, 180, 60), (90, 60, 90), (80, 120, 80), (118, 60, 120)],
)
def test_a_number_chooses_the_nearest_level(bpm, heard, gives):
    made = put_right(beats(heard, 49), tempo=float(bpm))
    np.testing.assert_allclose(60 / np.diff(made.times), gives)


def test_a_tempo_that_is_no_level_becomes_a_grid_through_the_bar_starts():
    made = put_right(beats(100, 40), tempo=127.5, bar_starts=(12.48,), metres=((0.0, 4),))
    np.testing.assert_allclose(np.diff(made.times), 60 / 127.5)
    one = int(np.abs(made.times - 12.48).argmin())
    assert abs(made.times[one] - 12.48) < 1e-9
    assert labels(made)[one : one + 5] == "12341"
    assert made.times[0] < 60 / 127.5
    assert 60.0 - made.times[-1] < 60 / 127.5
    assert (made.confidence == 1).all()


def test_a_grid_lies_where_the_heard_beats_lie_on_the_whole():
    heard = Events(0.2 + 0.5 * np.arange(60) + np.random.default_rng(0).normal(0, 0.01, 60))
    made = put_right(heard, tempo=47.0)  # a level would be 40 or 60
    np.testing.assert_allclose(np.diff(made.times), 60 / 47)
    made = put_right(heard, tempo=20.0)  # a level would be 40; every sixth beat is on this grid
    away = [np.abs(heard.times - t).min() for t in made.times if t < 30]
    assert max(away) < 0.05


def test_a_tempo_and_a_bar_start_are_enough_where_nothing_was_heard():
    made = put_right(Events(np.zeros(0), (), np.zeros(0)), tempo=120.0, bar_starts=(1.25,), metres=((0.0, 3),))
    np.testing.assert_allclose(made.times[:4], [0.25, 0.75, 1.25, 1.75])
    assert labels(made).startswith("2312312")
    assert len(put_right(Events(np.zeros(0)), tempo="half")) == 0
    assert labels(put_right(Events(np.zeros(0)), bar_starts=(1.25, 9.0))) == "11"


# ---- bars


def test_nothing_said_changes_nothing():
    heard = beats(first=3)
    made = put_right(heard)
    np.testing.assert_array_equal(made.times, heard.times)
    assert made.labels == heard.labels
    np.testing.assert_array_equal(made.confidence, heard.confidence)


def test_a_bar_start_in_the_middle_counts_forwards_and_backwards():
    heard = beats(n=16)
    made = put_right(heard, bar_starts=(float(heard.times[6]) + 0.05,))
    np.testing.assert_array_equal(made.times, heard.times)  # near enough: the beat is meant
    assert labels(made) == "3412341234123412"
    assert (made.confidence == 1).all()


def test_the_next_bar_start_ends_a_bar_early():
    heard = beats(n=16)
    made = put_right(heard, bar_starts=(float(heard.times[0]), float(heard.times[6])))
    assert labels(made) == "1234121234123412"
    assert made.confidence.tolist() == [1.0] + [0.8] * 5 + [1.0] * 10


def test_a_metre_holds_from_its_time_and_what_was_heard_before_stays():
    heard = beats(n=24)
    made = put_right(heard, metres=((float(heard.times[8]), 3),))
    assert labels(made) == "12341234" + "123" * 5 + "1"
    assert made.confidence[:8].tolist() == [0.8] * 8
    assert put_right(heard, metres=((float(heard.times[8]), 3), (float(heard.times[14]), 7))).labels[14:] == tuple("1234567123")


def test_a_metre_within_a_bar_waits_for_the_next_bar():
    heard = beats(n=24)
    between = float(heard.times[9] + heard.times[10]) / 2
    made = put_right(heard, metres=((between, 3),), bar_starts=(float(heard.times[0]),))
    assert labels(made) == "123412341234" + "123" * 4


def test_a_waltz_heard_in_four_is_counted_from_most_of_its_downbeats():
    truth = np.arange(24) % 3 == 1
    sure = np.where(truth, 0.9, 0.5)
    heard = Events(0.5 * np.arange(24), tuple(str(i % 4 + 1) for i in range(24)), sure)
    assert labels(put_right(heard, metres=((0.0, 3),))) == ("3" + "123" * 8)[:24]


def test_without_a_known_metre_only_the_bar_start_is_known():
    heard = Events(0.5 * np.arange(8))
    assert labels(put_right(heard, bar_starts=(1.0, 3.0))) == "??1???1?"


def test_positions_follow_from_downbeats_where_beats_have_none():
    made, down = corrected(Rhythm((1.0,)), Events(0.5 * np.arange(12)), Events([0.0, 2.0, 4.0]), 6.0)
    assert labels(made) == "341234123412"
    assert down.times.tolist() == [1.0, 3.0, 5.0]


def test_a_beat_moved_by_hand_lies_where_it_was_put_and_its_neighbours_give_way():
    heard = beats(n=32)
    wanted = float(heard.times[16]) + 0.1
    made = put_right(heard, bar_starts=(wanted,))
    moved = made.times - heard.times
    assert abs(moved[16] - 0.1) < 1e-9
    assert moved[15] > moved[14] > moved[13] > 0
    assert not moved[[*range(13), *range(20, 32)]].any()
    assert (np.diff(made.times) > 0.4).all()
    assert made.confidence[[14, 15, 16, 17]].tolist() == [1.0] * 4


def test_beats_heard_off_the_beat_are_all_moved():
    heard = beats(n=32)
    made = put_right(heard, bar_starts=(float(heard.times[8]) + 0.22,))
    np.testing.assert_allclose(made.times - heard.times, 0.22)
    halves = put_right(heard, bar_starts=(float(heard.times[8]) + 0.26, float(heard.times[24]) + 0.24))
    assert (np.abs(np.diff(halves.times) - 0.5) < 0.01).all()


def test_a_bar_start_where_no_beats_were_heard_adds_some():
    heard = beats(n=8, start=4.5)
    before = put_right(heard, bar_starts=(0.5,))
    np.testing.assert_allclose(before.times, 0.5 + 0.5 * np.arange(16))
    assert labels(before).startswith("1234")
    after = put_right(heard, bar_starts=(10.1,))
    assert after.times[-1] == 10.1
    assert np.abs(np.diff(after.times) - 0.5).max() < 0.05


def test_two_bar_starts_almost_at_one_place_do_not_break_anything():
    made = put_right(beats(n=16), bar_starts=(2.0, 2.01, 2.15, 2.3))
    assert (np.diff(made.times) >= 0).all()


def test_a_part_hears_what_was_said_of_it():
    said = Rhythm((1.0, 12.0, 30.0), "half", ((0.0, 4), (5.0, 3), (15.0, 5)))
    assert said.cut(10.0, 20.0) == Rhythm((2.0,), "half", ((0.0, 3), (5.0, 5)))
    assert said.cut(0.0, math.inf) == said


def test_corrections_settle():
    """What was corrected once and is heard so again is not changed any more."""
    for said in (Rhythm((4.6,)), Rhythm((3.75, 9.0), None, ((0.0, 3), (9.0, 5))), Rhythm(metres=((4.5, 7),))):
        once = corrected(said, beats(n=40), None, 60.0)[0]
        again = corrected(said, once, None, 60.0)[0]
        np.testing.assert_allclose(again.times, once.times, atol=1e-9)
        assert again.labels == once.labels


times = st.floats(0, 60)


@settings(max_examples=150, deadline=None)
@given(
    gaps=st.lists(st.floats(0, 1.5) | st.floats(1, 9), max_size=40),
    counted=st.booleans(),
    sure=st.booleans(),
    starts=st.lists(times, max_size=5),
    tempo=st.sampled_from([None, "half", "double"]) | st.floats(20, 400),
    metres=st.dictionaries(times, st.integers(2, 12), max_size=3),
)
def test_whatever_is_said_of_whatever_was_heard_gives_beats_in_order(gaps, counted, sure, starts, tempo, metres):
    at = np.cumsum(np.array(gaps))
    at = at[at <= 60]
    heard = Events(at, tuple(str(i % 4 + 1) for i in range(len(at))) if counted else None, np.full(len(at), 0.5) if sure else None)
    said = Rhythm(tuple(sorted(set(starts))), tempo, tuple(sorted(metres.items())))
    made, down = corrected(said, heard, None, 60.0)
    made.validate(60.0)
    assert (np.diff(made.times) >= 0).all()
    assert heard.confidence is None or made.confidence is not None
    for start in said.bar_starts:
        assert np.abs(down.times - start).min() <= 0.07 + 1e-6


# ---- harmony


def chords(*rows: tuple[float, float, str], sure: float | None = 0.5) -> Intervals:
    starts, ends, words = zip(*rows, strict=True)
    return Intervals(np.array(starts, float), np.array(ends, float), words, None if sure is None else np.full(len(rows), sure))


def rows(spans: Intervals) -> list[tuple[float, float, str]]:
    return [(a, b, label) for a, b, label in zip(spans.starts.tolist(), spans.ends.tolist(), spans.labels, strict=True)]


HEARD = chords((0, 4, "C:maj"), (4, 8, "F:maj"), (8, 12, "G:maj"))


def harmonious(*spans: tuple[float, float, str], found: Intervals = HEARD) -> Intervals:
    return harmonised(Harmony(chords=spans), {"chords": found}, 12.0)["chords"]


def test_chords_and_keys_are_read_as_people_write_them():
    text = '[[harmony.chords]]\nstart = 4\nend = 6\nlabel = "F#m7b5/C"\n[[harmony.chords]]\nstart = 0\nend = 4\nlabel = "A:min7/b3"\n'
    text += '[[harmony.chords]]\nstart = 6\nend = 7.5\nlabel = "N.C."\n'
    text += '[[harmony.keys]]\nstart = 0\nend = 30\nkey = "Gb major"\n[[harmony.keys]]\nstart = 30\nend = 60\nkey = "N"\n'
    said = loads(text, PLACE, 60.0).harmony
    assert said is not None
    assert said.chords == ((0.0, 4.0, "A:min7/b3"), (4.0, 6.0, "F#:hdim7/b5"), (6.0, 7.5, "N"))
    assert said.keys == ((0.0, 30.0, "Gb:major"), (30.0, 60.0, "N"))
    assert loads('harmony = {keys = [{start = 1, end = 2, key = "Am"}]}', PLACE).harmony == Harmony(keys=((1.0, 2.0, "A:minor"),))


def test_a_corrected_chord_replaces_what_was_heard_there_and_the_rest_stays():
    made = harmonious((6.0, 9.0, "D:min"))
    assert rows(made) == [(0, 4, "C:maj"), (4, 6, "F:maj"), (6, 9, "D:min"), (9, 12, "G:maj")]
    assert made.confidence is not None
    assert made.confidence.tolist() == [0.5, 0.5, 1.0, 0.5]
    assert rows(harmonious((4.0, 8.0, "D:min")))[1] == (4, 8, "D:min")
    assert rows(harmonious((0.0, 12.0, "N"))) == [(0, 12, "N")]
    assert harmonious((5.0, 6.0, "D:min"), found=chords((0, 8, "C:maj"), sure=None)).confidence is None


def test_a_chord_within_another_leaves_both_its_sides():
    assert rows(harmonious((5.0, 6.0, "D:min"), (6.0, 7.0, "A:min")))[1:5] == [
        (4, 5, "F:maj"), (5, 6, "D:min"), (6, 7, "A:min"), (7, 8, "F:maj"),
    ]  # fmt: skip


def test_an_edge_as_near_as_a_bar_start_would_be_leaves_no_sliver():
    assert rows(harmonious((4.05, 7.96, "D:min"))) == [(0, 4, "C:maj"), (4, 8, "D:min"), (8, 12, "G:maj")]
    assert rows(harmonious((3.98, 8.0, "D:min")))[:2] == [(0, 3.98, "C:maj"), (3.98, 8, "D:min")]
    assert rows(harmonious((4.05, 6.0, "D:min"), (6.0, 7.96, "A:min")))[1:3] == [(4, 6, "D:min"), (6, 8, "A:min")]


def test_what_nobody_heard_or_speaks_of_stays_as_it_is():
    assert harmonised(Harmony(keys=((0.0, 1.0, "N"),)), {"chords": HEARD}, 12.0) == {}
    empty = Intervals(np.zeros(0), np.zeros(0), (), np.zeros(0))
    assert rows(harmonious((1.0, 2.0, "D:min"), found=empty)) == [(1, 2, "D:min")]
    key = harmonised(Harmony(keys=((2.0, 4.0, "A:minor"),)), {"key": Label("C:major", 0.4)}, 12.0)["key"]
    assert rows(key) == [(0, 2, "C:major"), (2, 4, "A:minor"), (4, 12, "C:major")]


def test_a_part_of_a_sound_hears_its_part_of_the_chords():
    said = Harmony(((0.0, 4.0, "C:maj"), (4.0, 12.0, "D:min")), ((20.0, 30.0, "N"),))
    assert said.cut(3.0, 10.0) == Harmony(((0.0, 1.0, "C:maj"), (1.0, 7.0, "D:min")))
    assert said.cut(0.0, math.inf) == said


@settings(max_examples=100, deadline=None)
@example(edges=[0.0, 0.0625], said=[0.0, 1.0, 0.03125, 0.015625])
@given(edges=st.lists(times, min_size=2, max_size=9, unique=True), said=st.lists(times, min_size=2, max_size=8, unique=True))
def test_whatever_is_said_of_chords_that_cover_a_sound_still_covers_it(edges, said):
    heard, given_ = sorted(edges), sorted(said)
    found = Intervals(np.array(heard[:-1]), np.array(heard[1:]), tuple("CDEFGABC")[: len(heard) - 1])
    spans = tuple((a, b, f"X{i}") for i, (a, b) in enumerate(zip(given_[::2], given_[1::2], strict=False)))
    made = harmonised(Harmony(chords=spans), {"chords": found}, 60.0)["chords"]
    assert (made.ends[:-1] <= made.starts[1:] + 1e-9).all()
    for a, b, label in spans:
        i = made.labels.index(label)
        assert made.starts[i] <= a < b <= made.ends[i]
        assert b - a + 0.14 + 1e-6 >= made.ends[i] - made.starts[i]
    inside = np.linspace(heard[0], heard[-1], 50)[1:-1]
    assert "none" not in made.at(inside, "none")


# ---- whole analyses

CARD = '"""A toy that knows the answer.\n\nPaper     none\nSurvey    none\nIn        sound\nOut       its field\nDiffers   nothing\n"""\n'
HEAD = """
import numpy as np, torch
from torch import nn
from aural.annotations import Events, Intervals, Tempo
from aural.part import Part
from aural.system import System, system
from aural.tasks.{task} import {task}

class Given(Part):
    def __init__(self, *fields):
        super().__init__()
        self.fields = fields
    @property
    def reads(self):
        return self.fields
    def read(self, example, times=None):
        return torch.zeros(1)

class Answer(Part):
    framed = False
    def join(self, pieces):
        return pieces[0]
    def decode(self, estimate, times, given):
        n = int((given["sound"].duration - 0.25) / 0.5)
        {answer}

@system()
def {name}() -> System:
    return System(task={task}, input=Given({reads}), net=nn.Identity(), output=Answer())
"""
TOYS = {
    # Two beats a second from 0.25 s on: plain, or counted in fours.
    "beat/plain": ("'sound'", "return Events(0.25 + 0.5 * np.arange(n), None, np.full(n, 0.5))"),
    "beat/fours": ("'sound'", "return Events(0.25 + 0.5 * np.arange(n), [str(i % 4 + 1) for i in range(n)], np.full(n, 0.5))"),
    "downbeat/threes": ("'sound'", "return Events(0.25 + 1.5 * np.arange(n // 3))"),
    # What others make of beats.
    "tempo/median": ("'sound', 'beats'", "return Tempo(60 / np.median(np.diff(given['beats'].times), keepdims=True), np.ones(1))"),
    "chord/twos": (
        "'sound'",
        "n = int(given['sound'].duration / 2); bounds = 2.0 * np.arange(n + 1); "
        "return Intervals(bounds[:-1], bounds[1:], ('C:maj', 'A:min', 'F:maj', 'G:maj', 'C:maj')[:n], np.full(n, 0.5))",
    ),
    "key/only": ("'sound'", "return Intervals(np.zeros(1), np.array([given['sound'].duration]), ('C:major',), np.full(1, 0.5))"),
    "onset/late": ("'sound', 'downbeats'", "return Events(given['downbeats'].times + 0.1)"),
}


@pytest.fixture
def toys(tmp_path, monkeypatch) -> Path:
    for name, (reads, says) in TOYS.items():
        task, function = name.split("/")
        path = tmp_path / "systems" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CARD + HEAD.format(task=task, name=function, reads=reads, answer=says))
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path / "systems"))
    (tmp_path / "in").mkdir()
    soundfile.write(str(tmp_path / "in" / "song.wav"), np.random.default_rng(0).normal(0, 0.1, 10 * 4000), 4000)
    return tmp_path


def say(folder: Path, text: str, name: str = "song") -> None:
    (folder / "in" / f"{name}.aural.toml").write_text(text)


USUAL = ("beat/fours", "tempo/median", "onset/late")


def analyzed(folder: Path, systems=USUAL, formats=("jams",), out: str = "out", **more):
    tasks = [system.split("/")[0] for system in systems]
    return analyze(folder / "in" / "song.wav", folder / out, tasks, systems, formats, **more).outcomes[0]


def kept(folder: Path, out: str = "out"):
    return jams.loads((folder / out / "song.jams").read_text(encoding="utf-8"))


def test_everything_that_hears_beats_hears_the_corrected_ones(toys):
    analyzed(toys)
    before = kept(toys)
    say(toys, '[rhythm]\ntempo = "half"\nbar_starts = [0.75]\n')
    assert analyzed(toys).status == "done"
    after = kept(toys)
    np.testing.assert_allclose(after["beats"].times, before["beats"].times[1::2])
    assert labels(after["beats"]).startswith("12341")
    assert (before["tempo"].bpms[0], after["tempo"].bpms[0]) == (120, 60)
    np.testing.assert_allclose(after["onsets"].times, after["beats"].times[::4] + 0.1)


def test_a_sidecar_that_comes_changes_or_goes_makes_a_file_anew(toys):
    status = []
    for text in ("", '[rhythm]\ntempo = "half"', '[rhythm]\ntempo = "half"', '[rhythm]\ntempo = "half" # !', None, None):
        if text is None:
            sidecar(toys / "in" / "song.wav").unlink(missing_ok=True)
        elif text:
            say(toys, text)
        status.append(analyzed(toys).status)
    assert status == ["done", "done", "skipped", "done", "done", "skipped"]
    assert kept(toys)["tempo"].bpms[0] == 120


def test_the_jams_the_page_and_the_notes_say_by_what_it_was_corrected(toys):
    analyzed(toys, formats=("html",))
    says = "corrected by song.aural.toml"
    assert says not in (toys / "out" / "song.html").read_text(encoding="utf-8")
    say(toys, "[rhythm]\nbar_starts = [0.75]\n")
    assert says in analyzed(toys, formats=("html",)).notes
    assert says in (toys / "out" / "song.html").read_text(encoding="utf-8")
    jam = json.loads((toys / "out" / "song.jams").read_text(encoding="utf-8"))
    assert says in jam["sandbox"]["aural"]["notes"]
    tools = {one["sandbox"]["field"]: one["annotation_metadata"]["annotation_tools"] for one in jam["annotations"]}
    assert says in tools["beats"]
    assert says not in tools["onsets"]


def test_a_beat_moved_by_hand_survives_a_forced_analysis(toys):
    say(toys, "[rhythm]\nbar_starts = [4.4]\n")
    for force in (False, True):
        analyzed(toys, force=force)
        beats = kept(toys)["beats"]
        at = int(np.abs(beats.times - 4.4).argmin())
        assert abs(beats.times[at] - 4.4) < 1e-9
        assert beats.labels[at] == "1"
        assert beats.confidence[at] == 1


def test_a_part_is_corrected_by_the_times_of_the_whole_file(toys):
    say(toys, "[rhythm]\nbar_starts = [5.75]\n[[rhythm.metre]]\nfrom = 0\nbeats = 3\n")
    analyzed(toys, start=2.0, end=8.0)
    beats = kept(toys)["beats"]
    assert beats.times[0] == 2.25
    ones = beats.times[[label == "1" for label in beats.labels]]
    np.testing.assert_allclose(ones, [2.75, 4.25, 5.75, 7.25])


def test_a_bad_sidecar_fails_its_file_and_the_batch_goes_on(toys):
    soundfile.write(str(toys / "in" / "other.wav"), np.zeros(8000), 4000)
    say(toys, "[rhythm]\nbar_starts = [\n1.0,\n99.0]\n")
    summary = analyze(toys / "in", toys / "out", ["beat"], ["beat/fours"], ["jams"])
    assert [outcome.status for outcome in summary.outcomes] == ["done", "failed"]
    assert "song.aural.toml:4: bar_starts 99 s lies past the end of the sound (10.0 s)" in summary.outcomes[1].reason
    assert "seconds, not samples" in summary.outcomes[1].remedy
    assert "song.aural.toml:4" in (toys / "out" / "failures.csv").read_text()


def test_beats_are_counted_by_the_downbeats_of_another_system(toys):
    analyzed(toys, ("beat/plain", "downbeat/threes"))
    assert labels(kept(toys)["beats"]).startswith("1231231")
    analyzed(toys, ("beat/fours", "downbeat/threes"), out="both")
    assert labels(kept(toys, "both")["beats"]).startswith("1231231")


def test_downbeats_follow_from_counted_beats_where_nobody_makes_them(toys):
    analyzed(toys, ("beat/fours", "onset/late"))
    np.testing.assert_allclose(kept(toys)["onsets"].times, 0.25 + 2 * np.arange(5) + 0.1)


def test_downbeats_alone_are_corrected_too(toys, monkeypatch):
    monkeypatch.setattr("aural.tasks.beat.beat", replace(task("beat"), default="beat/fours"))
    monkeypatch.setattr("aural.system.load", build)
    say(toys, "[rhythm]\nbar_starts = [1.25]\n[[rhythm.metre]]\nfrom = 0\nbeats = 5\n")
    analyzed(toys, ("downbeat/threes",))
    assert set(kept(toys)) == {"downbeats"}
    np.testing.assert_allclose(kept(toys)["downbeats"].times, [1.25, 3.75, 6.25, 8.75])


def test_what_hears_no_beats_does_not_care(toys):
    (toys / "systems" / "onset" / "late.py").write_text(
        CARD + HEAD.format(task="onset", name="late", reads="'sound'", answer="return Events(np.arange(n) * 0.5)")
    )
    say(toys, "[rhythm]\ntempo = 90\n")
    assert analyzed(toys, ("onset/late",)).notes == ()


def test_one_system_alone_hears_the_corrections(toys):
    sound = toys / "in" / "song.wav"
    assert len(answer(build("beat/fours"), sound)["beats"]) == 19
    say(toys, "[rhythm]\ntempo = 'half'\nbar_starts = [0.75]\n")
    made = answer(build("beat/fours"), sound)["beats"]
    assert labels(made).startswith("1234")
    np.testing.assert_allclose(made.times[:2], [0.75, 1.75])


def test_chords_and_keys_that_a_person_corrected_survive_every_analysis(toys):
    text = '[[harmony.chords]]\nstart = 1.0\nend = 3.0\nlabel = "Dm7"\n[[harmony.keys]]\nstart = 5\nend = 10\nkey = "D major"\n'
    say(toys, text)
    systems = ("chord/twos", "key/only", "beat/fours")
    for force in (False, True):
        done = analyzed(toys, systems, ("jams", "html"), force=force)
        assert done.status == "done"
        chords_, key = kept(toys)["chords"], kept(toys)["key"]
        assert rows(chords_)[:3] == [(0, 1, "C:maj"), (1, 3, "D:min7"), (3, 4, "A:min")]
        assert rows(key) == [(0, 5, "C:major"), (5, 10, "D:major")]
        assert key.confidence.tolist() == [0.5, 1.0]
    assert "corrected by song.aural.toml" in done.notes
    jam = json.loads((toys / "out" / "song.jams").read_text(encoding="utf-8"))
    tools = {one["sandbox"]["field"]: one["annotation_metadata"]["annotation_tools"] for one in jam["annotations"]}
    assert ["corrected by" in tools[field] for field in ("chords", "key", "beats")] == [True, True, False]


def test_a_part_is_corrected_by_the_chords_of_the_whole_file(toys):
    say(toys, '[[harmony.chords]]\nstart = 3.0\nend = 5.0\nlabel = "Dm"\n')
    analyzed(toys, ("chord/twos",), start=4.0, end=9.0)
    assert rows(kept(toys)["chords"])[:2] == [(4, 5, "D:min"), (5, 6, "C:maj")]


def test_corrected_chords_change_nothing_where_nobody_asks_for_chords(toys):
    say(toys, '[[harmony.chords]]\nstart = 3.0\nend = 5.0\nlabel = "Dm"\n')
    assert analyzed(toys, ("beat/fours",)).notes == ()
    assert set(kept(toys)) == {"beats"}


def test_a_mistake_in_a_chord_fails_its_file_with_its_line(toys):
    say(toys, '# mine\n[[harmony.chords]]\nstart = 3.0\nend = 5.0\nlabel = "Cmoll"\n')
    assert "song.aural.toml:5: 'Cmoll' is no chord" in analyzed(toys, ("chord/twos",)).reason


def test_one_system_alone_hears_the_corrected_chords(toys):
    say(toys, '[rhythm]\ntempo = "half"\n[[harmony.chords]]\nstart = 0\nend = 8.0\nlabel = "E7"\n')
    found = answer(build("chord/twos"), toys / "in" / "song.wav")["chords"]
    assert rows(found) == [(0, 8, "E:7"), (8, 10, "C:maj")]
