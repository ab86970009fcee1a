"""Made songs: the score, the players, the sound sources, the rendering, the folder."""

from __future__ import annotations

import importlib
import json
import os
from pathlib import Path

import numpy as np
import pytest

from aural.annotations import Events, Example, Intervals
from aural.data.songs import INDEX, FolderOfSongs, MadeSongs, composer, corpora, fonts, harmony, keep, make_songs, plan, players, styles
from aural.data.songs import render as rendering
from aural.data.songs.score import Score, Track, root_of, transposed_chord
from aural.data.songs.soundfont import Preset, Zone, write_soundfont
from aural.errors import DataError, OptionError, OutputError, UnknownName
from aural.sound import Sound

tinysoundfont = pytest.importorskip("tinysoundfont")
RATE = fonts.RATE


def rng(*seed: int) -> np.random.Generator:
    return np.random.default_rng(seed or 0)


def small(**more) -> MadeSongs:
    """A source that needs nothing installed."""
    return MadeSongs(**{"seed": 3, "seconds": 8.0, "banks": 1, "sampled": False, **more})


@pytest.fixture(scope="module")
def sounds() -> fonts.Fonts:
    return fonts.load("train", banks=1, sampled=False)


# ---- score and harmony


def test_a_faster_song_is_shorter_and_a_transposed_one_keeps_its_drums():
    notes = [(1.0, 2.0, 60, 90, 0), (1.0, 1.1, 36, 90, 1)]
    chords = Intervals([0.0], [4.0], ("Bb:maj7/5",))
    score = Score("a", "rock", (Track("piano"), Track("drums", drum=True)), np.array(notes), np.arange(5.0), [1, 2, 3, 4, 1], chords=chords)
    double = score.faster(2).transposed(3)
    np.testing.assert_allclose(double.beats, np.arange(5) / 2)
    assert double.bpm == 120
    assert double.notes[:, 2].tolist() == [63, 36]
    assert double.chords.labels == ("Db:maj7/5",)
    part = score.cut(0.5, 3.0)
    assert part.beats.tolist() == [0.5, 1.5]
    assert part.positions.tolist() == [2, 3]
    assert part.notes[0, :2].tolist() == [0.5, 1.5]


@pytest.mark.parametrize(("chord", "steps", "moved"), [("C:maj", 1, "Db:maj"), ("F#:min7", -6, "C:min7"), ("N", 5, "N"), ("Cb", 1, "C")])
def test_chords_are_transposed_by_their_root(chord, steps, moved):
    assert transposed_chord(chord, steps) == moved


def test_degrees_are_chords_of_a_key():
    assert harmony.degree("bVII", 2).label == "C:maj"
    assert harmony.degree("ii7", 0).label == "D:min7"
    assert harmony.degree("V7sus4", 0).label == "G:sus4"
    for line in harmony.PROGRESSIONS:
        for word in line.split():
            assert harmony.degree(word, 0).quality in harmony.QUALITIES


def test_a_billboard_chart_is_read_by_bars():
    text = "# metre: 4/4\n0.0\tA, intro, | C:maj | F:maj G:7 |\n" + "1.0\t| A:min . . E:7 | N |\n" * 8
    chart = corpora.chart_of(text)
    assert chart is not None
    assert chart.sections == (0,)
    assert [(beat, chord.label) for beat, chord in chart.bars[1]] == [(0.0, "F:maj"), (2.0, "G:7")]
    assert [(beat, chord.label) for beat, chord in chart.bars[2]] == [(0.0, "A:min"), (3.0, "E:7")]
    assert [chord.label for _, chord in chart.bars[3]] == ["E:7"]  # a bar without a chord goes on with the last one


def test_a_chart_has_the_keys_of_its_tonics():
    head = "# metre: 4/4\n# tonic: A\n"
    text = head + "0.0\tA, verse, | A:min | D:min |\n" * 5 + "# tonic: C\n" + "1.0\tB, chorus, | C:maj/3 | F:maj |\n" * 5
    chart = corpora.chart_of(text)
    assert chart.keys == ("A:minor",) * 10 + ("C:major",) * 10
    assert chart.bars[10][0][1] == harmony.Chord(0, "maj", "3")
    assert corpora.chart_of(text.replace("A:min", "E:min")).keys == ()  # the tonic is never heard
    assert corpora.chart_of(text.replace("# tonic: A\n", "")).keys == ()


def test_the_mode_of_a_progression_is_the_third_of_its_tonic():
    small = {line: harmony.is_minor(line) for line in harmony.PROGRESSIONS}
    assert small["i7 IV7"]
    assert small["iiø V7 i6 i6"]
    assert not small["ii7 V7 Imaj7 vi7"]
    assert not small["IVmaj7 iv6 iii7 vi7"]
    for line, minor in small.items():
        chords = [harmony.degree(word, 0) for word in line.split()]
        thirds = {3 in harmony.QUALITIES[c.quality] for c in chords if c.root == 0 and {3, 4} & set(harmony.QUALITIES[c.quality])}
        assert not thirds or (minor in thirds and (len(thirds) == 1 or not minor))


def test_composed_chords_belong_to_their_key():
    inside, thirds, changes = [], [], 0
    for seed in range(150):
        bars, _, keys = harmony.composed_chart(rng(seed), [4] * 32)
        assert len(keys) == len(bars) == 32
        changes += len({key.partition(":")[0] for key in keys}) > 1
        for bar, key in zip(bars, keys, strict=True):
            tonic, minor = root_of(key), key.endswith("minor")
            scale = [0, 2, 3, 5, 7, 8, 10] if minor else [0, 2, 4, 5, 7, 9, 11]
            inside += [(chord.root - tonic) % 12 in scale for _, chord in bar]
            thirds += [(3 in harmony.QUALITIES[c.quality]) == minor for _, c in bar if c.root == tonic and c.quality in ("maj", "min")]
    assert np.mean(inside) > 0.9
    assert np.mean(thirds) > 0.99
    assert 8 < changes < 40


def test_some_songs_have_inverted_chords_and_their_bass_plays_them():
    slashed = 0
    for seed in range(120):
        bars, *_ = harmony.composed_chart(rng(seed), [4] * 24)
        slashed += any(chord.bass for bar in bars for _, chord in bar)
    assert 12 < slashed < 45
    song = plan.planned(rng(4), styles.STYLES["rock"], 32, [])
    song = plan.Plan(song.style, song.metre, song.lengths, [((0.0, harmony.Chord(0, "min7", "b3")),)] * len(song.lengths), song.sections, 4)
    for kind in ("root", "long", "eight", "fifth"):
        part = players.bass(rng(0), song, kind, np.zeros((0, 4)))
        assert set(part[:, 2] % 12) == {3}
    left = players.left_hand(rng(0), song, "alberti")
    assert left[:, 2].min() % 12 == 3


@pytest.mark.parametrize(
    ("label", "chord", "again"),
    [
        ("C:maj/3", (0, "maj", "3"), "C:maj/3"),
        ("Bb:min7/b7", (10, "min7", "b7"), "Bb:min7/b7"),
        ("F#:sus4(b7)/5", (6, "sus4", "5"), "Gb:sus4/5"),
        ("D:7/1", (2, "7", ""), "D:7"),
        ("D:maj/x", (2, "maj", ""), "D:maj"),
    ],
)
def test_a_label_keeps_its_bass(label, chord, again):
    assert harmony.harte(label) == harmony.Chord(*chord)
    assert harmony.harte(label).label == again
    assert transposed_chord(again, 0) == again


def test_the_bass_of_a_chord_is_its_degree():
    assert harmony.Chord(2, "maj", "3").low == 6
    assert harmony.Chord(2, "min", "b3").low == 5
    assert harmony.Chord(2, "7", "b7").low == 0
    assert harmony.Chord(2, "maj").low == 2
    for seed in range(40):
        for quality, pitches in harmony.QUALITIES.items():
            chord = harmony.inverted(rng(seed), harmony.Chord(4, quality))
            assert (chord.low - 4) % 12 in {p % 12 for p in pitches}


# ---- styles and players


@pytest.mark.parametrize("name", styles.STYLES)
def test_every_style_composes_a_song_whose_beats_run_through_it(name):
    style = styles.STYLES[name]
    for seed in range(3):
        song = composer.compose(rng(seed, 5), 30.0, name)
        assert song.beats[-1] > 30
        assert (np.diff(song.beats) > 0).all()
        assert song.metre == style.metre
        first = song.positions == 1
        steps = np.diff(song.positions)
        assert ((steps == 1) | first[1:]).all()  # counts on, or starts a bar
        assert np.bincount(np.diff(np.flatnonzero(first))).argmax() == styles.METRES[style.metre][0]
        assert len(song.notes) > 10
        assert (song.notes[:, 1] > song.notes[:, 0]).all()
        assert song.notes[:, 2].min() >= 0
        assert song.notes[:, 2].max() < 128


@pytest.mark.parametrize("name", styles.STYLES)
def test_the_drums_of_a_grid_share_its_beats(name):
    beats = styles.METRES[styles.STYLES[name].metre][0]
    for grid in filter(None, styles.STYLES[name].grids):
        rows = styles.strokes(grid, beats)
        assert rows[:, 0].max() < beats
        assert np.allclose(rows[:, 0] * 24, np.round(rows[:, 0] * 24))  # on a whole part of the beat


def test_a_backbeat_is_where_it_belongs():
    rows = styles.strokes("K:X... .... x... .... S:.... X... .... X...", 4)
    assert rows[rows[:, 1] == 36, 0].tolist() == [0, 2]
    assert rows[rows[:, 1] == 38, 0].tolist() == [1, 3]


def test_held_styles_are_never_drawn_for_training():
    drawn = {styles.draw(rng(i)) for i in range(800)}
    held = {styles.draw(rng(i), held=True) for i in range(200)}
    assert not drawn & held
    assert held == {name for name, style in styles.STYLES.items() if style.held}


def test_swing_moves_the_off_beat_only():
    np.testing.assert_allclose(plan.swung(np.array([0, 0.5, 1, 1.5]), 2 / 3, 0.5), [0, 2 / 3, 1, 5 / 3])
    np.testing.assert_allclose(plan.swung(np.array([0, 0.25, 0.5, 0.75, 1]), 0.5, 0.6), [0, 0.3, 0.5, 0.8, 1])


@pytest.mark.parametrize("feel", ["strict", "drift", "rubato", "steps", "slide"])
def test_the_clock_goes_forward_near_its_tempo(feel):
    for seed in range(10):
        seconds = plan.clock(rng(seed), 120, 100, feel)
        assert len(seconds) == 101
        assert (np.diff(seconds) > 0.2).all()
        assert 35 < seconds[-1] < 70


def test_a_bass_plays_the_roots():
    song = plan.planned(rng(4), styles.STYLES["rock"], 32, [])
    song.early = 0.0
    part = players.bass(rng(0), song, "root", np.zeros((0, 4)))
    assert len(part) == song.beats
    assert [int(p) % 12 for p in part[:, 2]] == [song.chord(b).root for b in part[:, 0]]


def test_composing_depends_on_the_seed_alone():
    a, b, c = (composer.compose(rng(s), 20.0) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.notes, b.notes)
    assert len(a.notes) != len(c.notes) or (a.notes != c.notes).any()


def test_piano_pieces_are_played_by_one_piano_and_some_are_fast():
    pieces = [composer.piano_piece(rng(i), 20.0) for i in range(40)]
    assert {len(p.tracks) for p in pieces} == {1}
    assert max(len(p.notes) / p.end for p in pieces) > 15  # notes a second
    assert any(p.tracks[0].pedal for p in pieces)


def test_a_solo_is_one_legato_line_in_its_instruments_range():
    alone = 0
    for seed in range(40):
        song = composer.solo_piece(rng(seed), 20.0)
        assert "solo" in song.tags
        track, own = song.tracks[0], song.notes[song.notes[:, 4] == 0]
        low, high = players.RANGES[track.program]
        assert track.name == "lead"
        assert not any(t.drum or t.name == "bass" for t in song.tracks)
        assert ((own[:, 2] >= low) & (own[:, 2] <= high)).mean() > 0.98
        alone += len(song.tracks) == 1
        if len(song.tracks) == 1:
            assert song.chords.labels == ("N",)
    assert 10 < alone < 30


def test_a_bow_on_two_strings_leads_on_both():
    resting = 0.0
    for seed in range(20):
        song = composer.bowed_piece(rng(seed), 20.0)
        assert [track.name for track in song.tracks] == ["lead", "second"]
        assert song.tracks[0].program == song.tracks[1].program in (40, 41, 42)
        upper, under = (song.notes[song.notes[:, 4] == k] for k in (0, 1))
        assert (under[:, 2] >= players.RANGES[song.tracks[0].program][0]).all()
        for on, off, *_ in under:
            together = upper[(upper[:, 0] < off - 0.05) & (upper[:, 1] > on + 0.05)]
            resting += 0 if len(together) else 1
        at_once = np.abs(upper[:, 0][:, None] - under[:, 0]) < 1e-6
        assert (upper[:, 2][:, None] - under[:, 2])[at_once].min(initial=3) >= 1
    assert resting > 10


def test_the_melody_of_a_bow_is_the_second_string_where_the_first_rests():
    song = MadeSongs(3, "test", seconds=20.0, sampled=False, mix="bowed")(0)
    notes, melody = song["notes"], song["melody"]
    heard = np.interp(melody.times, *_sounding(notes, melody.times)) > 0.5
    assert (melody.values[0] > 0)[heard].mean() > 0.9


def _sounding(notes, times):
    on = np.zeros(len(times))
    for start, end in zip(notes.starts, notes.ends, strict=True):
        on[(times >= start + 0.03) & (times < end - 0.03)] = 1
    return times, on


def test_a_few_songs_are_solos():
    kinds = [small().score(i)[0].style for i in range(300)]
    assert 4 <= kinds.count("solo") <= 30


def test_melodies_keep_to_the_scale_of_their_key():
    inside = []
    for seed in range(20):
        song = plan.planned(rng(seed), styles.STYLES["rock"], 64, [])
        bar = np.searchsorted(song.starts, (part := players.melody(rng(seed, 1), song))[:, 0], "right") - 1
        for at, pitch in zip(bar, part[:, 2], strict=True):
            tonic = root_of(song.keys[at])
            scale = {0, 2, 3, 5, 7, 8, 10} if song.keys[at].endswith("minor") else {0, 2, 4, 5, 7, 9, 11}
            inside.append((pitch - tonic) % 12 in scale)
    assert np.mean(inside) > 0.85


def test_a_performance_off_its_grid_is_dropped():
    hits = np.stack([np.arange(64) / 2, np.full(64, 38), np.full(64, 90)], 1)
    assert corpora.on_grid(hits)
    assert not corpora.on_grid(hits + np.array([1 / 12, 0, 0]))


# ---- sound sources


def tone(path: Path, **more) -> None:
    wave = (np.sin(2 * np.pi * 440 * np.arange(32_000) / 32_000) * 20_000).astype(np.int16)
    write_soundfont(path, [Preset(0, 5, "sine", (Zone(wave, 32_000, 69, loop=(0, 32_000), **more),))])


def played(path: Path, key: int, seconds: float = 1.0) -> np.ndarray:
    synth = tinysoundfont.Synth(gain=0, samplerate=RATE)
    synth.program_select(0, synth.sfload(str(path)), 0, 5)
    synth.noteon(0, key, 100)
    return np.frombuffer(synth.generate_simple(int(seconds * RATE)), np.float32).reshape(-1, 2).mean(1)


def frequency(wave: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    return float(spectrum.argmax() * RATE / (8 * len(wave)))


def test_a_written_soundfont_sounds_its_pitch(tmp_path):
    tone(tmp_path / "a.sf2")
    assert frequency(played(tmp_path / "a.sf2", 69)) == pytest.approx(440, abs=0.3)
    assert frequency(played(tmp_path / "a.sf2", 81)) == pytest.approx(880, abs=0.5)
    tone(tmp_path / "b.sf2", cents=50.0)  # the recording is 50 cents sharp, so it is played flat
    assert frequency(played(tmp_path / "b.sf2", 69)) == pytest.approx(440 * 2 ** (-50 / 1200), abs=0.3)


@pytest.mark.parametrize("family", range(16))
def test_synthesised_instruments_are_in_tune(sounds, family):
    font = next(f for f in sounds.fonts if len(f.programs) > 8)
    for program in (p for p in font.programs if p // 8 == family):
        font.select(0, 0, program)
        font.synth.set_tuning(0, 0.0)
        font.synth.noteon(0, 57, 100)
        wave = np.frombuffer(font.synth.generate_simple(RATE), np.float32).reshape(-1, 2).mean(1)
        font.hush(0)
        assert np.abs(wave).max() > 1e-3
        spectrum = np.abs(np.fft.rfft(wave[RATE // 20 :] * np.hanning(RATE - RATE // 20), 4 * RATE))
        strong = spectrum.argmax() / 4
        # Some multiple of 220 Hz or half of it, but for bells and FM at odd ratios, which have partials of their own.
        cents = 1200 * np.log2(strong / (110 * max(1, round(strong / 110))))
        if any(kind in font.synth.sfpreset_name(font.index, 0, program) for kind in ("pluck", "organ", "saw", "pulse", "pipe", "reed")):
            assert abs(cents) < 12, (program, strong)


def test_training_and_testing_share_no_source():
    train, test = {p.name for p in fonts.sources("train")}, {p.name for p in fonts.sources("test")}
    assert not train & test
    ours = {f.name for f in fonts.load("train", banks=1, sampled=False).fonts}
    assert not ours & {f.name for f in fonts.load("test", sampled=False).fonts}


def test_fonts_of_a_folder_are_for_training_unless_they_are_held_out(tmp_path, monkeypatch):
    for name in ("mine.sf2", "TimGM6mb.sf2"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.setenv("AURAL_FONTS", str(tmp_path))
    assert "mine.sf2" in {p.name for p in fonts.sources("train")}
    assert "TimGM6mb.sf2" not in {p.name for p in fonts.sources("train")}
    assert tmp_path.resolve() / "TimGM6mb.sf2" in fonts.sources("test")


def test_without_tinysoundfont_the_remedy_is_named(tmp_path, monkeypatch):
    def missing(name: str, *_: object) -> None:
        raise ImportError(name)

    tone(tmp_path / "a.sf2")
    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(DataError, match="pip install --no-deps tinysoundfont"):
        fonts._loaded(tmp_path / "a.sf2", 1.0)


def test_a_broken_font_is_named(tmp_path):
    (tmp_path / "broken.sf2").write_bytes(b"RIFF nothing")
    with pytest.raises(DataError, match=r"broken\.sf2"):
        fonts._loaded(tmp_path / "broken.sf2", 1.0)


# ---- rendering


def drum_score(times: np.ndarray, keys: list[int]) -> Score:
    notes = np.array([(t, t + 0.1, k, 110, 0) for t, k in zip(times, keys, strict=True)])
    beats = np.arange(0.5, 7.5, 0.5)
    return Score("click", "test", (Track("drums", drum=True),), notes, beats, np.arange(len(beats)) % 4 + 1)


def rises(wave: np.ndarray, threshold: float = 0.02) -> np.ndarray:
    """Where a wave first exceeds the threshold after 100 ms below it, seconds."""
    loud = np.flatnonzero(np.abs(wave) > threshold * np.abs(wave).max())
    return loud[np.diff(loud, prepend=-RATE) > RATE // 10] / RATE


def test_onsets_are_where_the_sound_rises(sounds):
    score = drum_score(np.arange(0.5, 7.5, 0.5), [42] * 14)  # short hats
    found = []
    for seed in range(6):
        song = rendering.render(score, sounds, rng(seed), 8.0)
        assert song is not None
        heard = rises(song["sound"].samples[0])
        near = np.abs(song["onsets"].times[:, None] - heard[None]).min(1)
        found.append(np.median(near))
        assert len(song["onsets"]) == len(song["drums"])
        assert set(song["drums"].labels) == {"Closed Hi Hat"}
        assert np.abs(song["onsets"].times - song["beats"].times[: len(song["onsets"])]).max() < 0.025
    assert np.median(found) < 0.002


def test_a_slow_attack_is_compensated_and_marked(tmp_path):
    tone(tmp_path / "slow.sf2", attack=0.4)
    font = fonts._loaded(tmp_path / "slow.sf2", 1.0)
    font.select(0, 0, 5)
    late, swells = font.rise(0, 0, 5, 69)
    assert swells
    assert late == pytest.approx(0.4 * 10 ** (-12 / 20), abs=0.004)  # of a straight ramp
    tone(tmp_path / "fast.sf2", attack=0.001)
    font = fonts._loaded(tmp_path / "fast.sf2", 1.0)
    font.select(0, 0, 5)
    assert font.rise(0, 0, 5, 69)[1] is False


@pytest.mark.parametrize("cents", [-50.0, 0.0, 30.0])
def test_a_detuned_song_is_detuned(tmp_path, cents):
    tone(tmp_path / "sine.sf2")
    font = fonts._loaded(tmp_path / "sine.sf2", 1.0)
    score = Score("a", "test", (Track("lead", 5),), np.array([[0.1, 3.0, 69, 100, 0]]), np.arange(4.0), [1, 2, 3, 4])
    stem = rendering._played(score.tracks[0], score.notes, score, fonts.Fonts("train", [font]), font, rng(3), 2 * RATE, cents)
    assert stem is not None
    assert 1200 * np.log2(frequency(stem.sound[RATE // 2 :]) / 440) == pytest.approx(cents, abs=12)  # a player is off by 3 cents, as a rule


def test_a_key_struck_again_is_released_first():
    on, off, pitch = np.array([0, 1000, 1100]), np.array([5000, 3000, 2000]), np.array([60, 60, 60])
    keep = rendering._unstruck(on, off, pitch)
    assert keep.tolist() == [True, True, False]  # within 10 ms it is the same note
    assert off[0] == 999


def test_a_stem_leaves_nothing_in_the_next_one(sounds):
    font = next(f for f in sounds.fonts if len(f.programs) > 8)
    font.select(0, 0, next(p for p in font.programs if p // 8 == 2))  # an organ that holds its note
    one = rendering._stem(font, 0, np.array([0]), np.array([10**6]), np.array([60]), np.array([120]), RATE)
    assert np.abs(one[-1000:]).max() > 1e-3
    silent = rendering._stem(font, 0, np.array([RATE // 2]), np.array([RATE]), np.array([60]), np.array([120]), RATE)
    assert np.abs(silent[: RATE // 2]).max() == 0
    np.testing.assert_array_equal(silent[RATE // 2 :], one[: RATE // 2])


def test_stems_and_room_sum_to_the_mix():
    song = small(stems=True)(1)
    total = np.sum([s.samples for s in song["stems"].sounds.values()], 0)
    assert len(song["stems"].sounds) > 1
    np.testing.assert_allclose(total * 32767 / 32768, song["sound"].samples, atol=1.01 / 32768)


def test_songs_are_loud_enough_never_clip_and_tell_the_truth_within_their_length():
    source = small()
    for index in range(8):
        song = source(index)
        peak = np.abs(song["sound"].samples).max()
        assert 0.24 < peak < 0.95
        assert song["sound"].rate == RATE
        assert song["sound"].duration == 8
        song.validate()
        assert len(song["beats"]) > 5
        assert song["tempo"].bpms[0] == pytest.approx(60 / np.median(np.diff(song["beats"].times)), abs=0.01)
        assert np.isin(song["downbeats"].times, song["beats"].times).all()
        assert (np.diff(song["onsets"].times) > 0.03).all()
        assert song["strata"][1] in ("drums", "no drums")
        assert (len(song["drums"]) > 0) <= (song["strata"][1] == "drums")


# ---- the source


def test_an_example_depends_on_its_number_alone():
    forward = [small()(i) for i in (0, 1, 2)]
    import aural.data.songs as songs

    songs._rendered.cache_clear()
    for i in (2, 0, 1):
        again = small()(i)
        np.testing.assert_array_equal(again["sound"].samples, forward[i]["sound"].samples)
        np.testing.assert_array_equal(again["onsets"].times, forward[i]["onsets"].times)
    assert not np.array_equal(small(seed=4)(0)["sound"].samples, forward[0]["sound"].samples)


def test_the_test_split_is_another_one():
    source = small(split="test")
    assert source.size == 32
    song = source(0)
    assert 8 * 2 / 3 - 0.01 <= song["sound"].duration <= 8
    assert song["name"] == "test-3-000000"
    drawn = [source.score(i)[0].style for i in range(40)]
    assert {s for s in drawn if s in styles.STYLES and styles.STYLES[s].held}
    trained = [small().score(i)[0].style for i in range(200)]
    assert not [s for s in trained if s in styles.STYLES and styles.STYLES[s].held]


def test_labels_cover_what_songs_say():
    source = small()
    for index in range(4):
        song = source(index)
        assert set(song["drums"].labels or ()) <= set(source.labels("drums"))
        assert song["style"].name in source.labels("style")
        assert set(song["beats"].labels) <= set(source.labels("beats"))


def test_wrong_settings_are_refused():
    with pytest.raises(OptionError, match="train and test"):
        MadeSongs(split="valid")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="at least 5"):
        MadeSongs(seconds=1)


# ---- the folder


SHORT = {"seed": 3, "seconds": 8.0, "banks": 1, "sampled": False}


def test_a_folder_of_songs_is_the_same_with_any_number_of_jobs(tmp_path):
    calls: list[tuple[int, int]] = []
    assert make_songs(tmp_path / "one", 3 * 8 / 3600, jobs=1, progress=lambda *a: calls.append(a), **SHORT) == 3
    assert make_songs(tmp_path / "two", 3 * 8 / 3600, jobs=2, **SHORT) == 3
    assert calls == [(1, 3), (2, 3), (3, 3)]
    names = sorted(p.name for p in (tmp_path / "one").iterdir())
    assert names == sorted(p.name for p in (tmp_path / "two").iterdir())
    assert [n for n in names if n.startswith("train-3-000001")] == ["train-3-000001.jams", "train-3-000001.wav"]
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_folder_reads_back_what_was_made(tmp_path):
    from aural.formats import read_fields

    make_songs(tmp_path, 2 * 8 / 3600, **SHORT)
    folder, made = FolderOfSongs(tmp_path), small()
    assert folder.size == 2
    for index in range(2):
        back, song = folder(index), made(index)
        np.testing.assert_array_equal(back["sound"].read().samples, song["sound"].samples)
        assert set(back) == set(song)
        assert back["strata"] == song["strata"]
        assert back["style"] == song["style"]
        for field in ("beats", "downbeats", "onsets", "soft_onsets", "drums"):
            np.testing.assert_array_equal(back[field].times, song[field].times)
            assert back[field].labels == song[field].labels
        np.testing.assert_array_equal(back["notes"].starts, song["notes"].starts)
        np.testing.assert_array_equal(back["notes"].velocities, song["notes"].velocities)
        assert back["notes"].names == song["notes"].names
        assert back["chords"].labels == song["chords"].labels
        assert back["key"].labels == song["key"].labels
        assert back.get("tuning") == song.get("tuning")
        if "melody" in song:
            np.testing.assert_array_equal(back["melody"].values, song["melody"].values)
            np.testing.assert_array_equal(back["melody"].times, song["melody"].times)
            np.testing.assert_array_equal(back["melody_notes"].pitches, song["melody_notes"].pitches)
        cut = back.cut(2.0, 4.0)
        np.testing.assert_array_equal(cut["sound"].samples, song["sound"].samples[:, 2 * RATE : 4 * RATE])
        jams = read_fields(tmp_path / f"{song['name']}.jams")
        np.testing.assert_allclose(jams["beats"].times, song["beats"].times)
    only = FolderOfSongs(tmp_path, fields=("beats",))(0)
    assert set(only) == {"sound", "name", "strata", "style", "beats"}


def test_making_goes_on_where_it_stopped(tmp_path):
    make_songs(tmp_path / "whole", 3 * 8 / 3600, jams=False, **SHORT)
    make_songs(tmp_path / "cut", 3 * 8 / 3600, jams=False, **SHORT)
    index = tmp_path / "cut" / INDEX
    lines = index.read_bytes().splitlines(keepends=True)
    index.write_bytes(b"".join(lines[:2]) + lines[2][:100])  # killed while it wrote the second line
    (tmp_path / "cut" / "train-3-000002.wav").unlink()
    first = (tmp_path / "cut" / "train-3-000000.wav").stat().st_mtime_ns
    calls: list[int] = []
    make_songs(tmp_path / "cut", 3 * 8 / 3600, jams=False, progress=lambda done, _: calls.append(done), **SHORT)
    assert calls == [2, 3]
    assert (tmp_path / "cut" / "train-3-000000.wav").stat().st_mtime_ns == first
    for path in (tmp_path / "whole").iterdir():
        assert path.read_bytes() == (tmp_path / "cut" / path.name).read_bytes()


def test_a_folder_of_other_settings_is_refused(tmp_path):
    make_songs(tmp_path, 8 / 3600, jams=False, **SHORT)
    with pytest.raises(OutputError, match="seed=3"):
        make_songs(tmp_path, 8 / 3600, **{**SHORT, "seed": 4})
    (tmp_path / INDEX).write_text("no index\n")
    with pytest.raises(OutputError, match="not an index"):
        make_songs(tmp_path, 8 / 3600, **SHORT)


def test_a_folder_without_songs_says_how_to_make_some(tmp_path):
    with pytest.raises(DataError, match="aural data songs"):
        FolderOfSongs(tmp_path)
    (tmp_path / INDEX).write_text(json.dumps({"settings": {}}) + "\n")
    with pytest.raises(DataError, match="no song in it yet"):
        FolderOfSongs(tmp_path)


# ---- corpora


needs_packs = pytest.mark.skipif(not os.environ.get("AURAL_DATA"), reason="AURAL_DATA names no data packs")


@pytest.fixture(scope="module")
def packs() -> corpora.Corpora:
    return corpora.load(Path(os.environ["AURAL_DATA"]) / "midi")


def test_no_folder_is_no_corpora():
    assert corpora.load(None).names == []


@needs_packs
def test_corpora_are_read(packs):
    assert set(packs.names) <= {"pop909", "lieder", "mma"}
    if packs.grooves:
        assert len(packs.grooves) == 239  # 427 performances in 4/4, 188 of them off their grid
        assert all(corpora.on_grid(hits) for _, hits in packs.grooves)


@needs_packs
def test_songs_of_corpora_have_regular_bars(packs):
    for name in packs.names:
        drawn = [s for s in (packs.draw(name, rng(i), held=False) for i in range(30)) if s is not None]
        assert len(drawn) > 5
        for score in drawn:
            assert (np.diff(score.beats) > 0).all()
            lengths = np.diff(np.flatnonzero(score.positions == 1))
            assert (lengths == np.bincount(lengths).argmax()).mean() >= 0.9
            assert 30 < score.bpm < 260
            assert score.notes[:, 4].max() < len(score.tracks)
    if "pop909" in packs.names:  # the column of bars, not the one that marks every second beat
        pops = [s for s in (packs.draw("pop909", rng(i), held=False) for i in range(30)) if s is not None]
        assert np.mean([s.metre == "4/4" for s in pops]) > 0.8


@needs_packs
def test_the_keys_of_corpora_are_those_of_their_notes(packs):
    for name in packs.names:
        inside, known = [], 0
        for i in range(30):
            score = packs.draw(name, rng(i), held=False)
            if score is not None and score.keys is not None:
                tonic, minor = root_of(score.keys.labels[0]), score.keys.labels[0].endswith("minor")
                pitched = ~np.array([t.drum for t in score.tracks])[score.notes[:, 4].astype(int)]
                scale = [0, 2, 3, 5, 7, 8, 10, 11] if minor else [0, 2, 4, 5, 7, 9, 11]
                inside.append(np.isin((score.notes[pitched, 2] - tonic) % 12, scale).mean())
                known += 1
        assert known > 5
        assert np.mean(inside) > 0.85


@needs_packs
def test_added_drums_and_bass_fall_on_the_beats(packs):
    if "pop909" not in packs.names:
        pytest.skip("no POP909")
    shares = []
    for i in range(40):
        score = packs.draw("pop909", rng(i), held=False)
        drums = [] if score is None else [k for k, t in enumerate(score.tracks) if t.drum]
        if drums:
            kicks = score.notes[(score.notes[:, 4] == drums[0]) & (score.notes[:, 2] == 36), 0]
            halves = np.sort(np.concatenate([score.beats, (score.beats[1:] + score.beats[:-1]) / 2]))
            shares.append(np.mean([np.abs(halves - t).min() < 0.03 for t in kicks]) if len(kicks) else 1.0)
    assert np.median(shares) > 0.75


@needs_packs
def test_the_last_songs_of_a_corpus_are_for_testing(packs):
    for name in packs.names:
        train = {s.name for s in (packs.draw(name, rng(i), held=False) for i in range(150)) if s is not None}
        held = {s.name for s in (packs.draw(name, rng(i), held=True) for i in range(60)) if s is not None}
        assert held
        assert not train & held


@needs_packs
def test_one_shots_without_a_free_licence_are_never_loaded():
    folder = Path(os.environ["AURAL_DATA"]) / "drum_oneshots"
    if not folder.exists():
        pytest.skip("no one-shots")
    import csv

    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        licences = {row["licence"] for row in csv.DictReader(file) if row["licence"] in fonts.FREE}
    assert not [name for name in licences if "SA" in name or (name.startswith("GPL") and "grant you all rights" not in name)]


def test_beats_are_events_with_positions():
    beats = small()(0)["beats"]
    assert isinstance(beats, Events)
    assert beats.labels is not None
    assert {int(label) for label in beats.labels} <= set(range(1, 13))


class Said:
    """A source of two pieces, one with nothing to say."""

    name, size = "said", 2

    def __call__(self, index: int) -> Example:
        beats = Events(np.arange(1.0, 1.0 + 3 * index), tuple("123"[: 3 * index]), np.ones(3 * index))
        sound = Sound(np.full((2, 22_050 * 4), 0.25 + index / 2, np.float32), 22_050)
        return Example(sound=sound, beats=beats, beats_known=Intervals([0.5], [3.5], ("known",)))

    def labels(self, field: str) -> list[str]:
        return []


def test_what_a_source_says_can_be_kept_as_a_folder(tmp_path):
    kept = keep(Said(), tmp_path, wanted=lambda example: len(example["beats"]) > 0)
    assert len(kept) == 1
    folder = FolderOfSongs(tmp_path, ("beats", "beats_known"))
    assert folder.size == 1
    again = folder(0)
    assert again["beats"].times.tolist() == [1, 2, 3]
    assert again["beats"].labels == ("1", "2", "3")
    assert again["beats_known"].ends.tolist() == [3.5]
    sound = again["sound"].read()
    assert (sound.rate, sound.samples.shape) == (44_100, (1, 4 * 44_100))
    assert np.abs(sound.samples[0, 1000:-1000] - 0.75).max() < 1e-3


def test_the_mix_of_bands_has_fewer_odd_metres_and_more_heavy_styles():
    drawn = {usual: [styles.draw(rng(i), usual=usual) for i in range(2000)] for usual in (False, True)}
    common, heavy = (
        {usual: np.mean([test(styles.STYLES[name]) for name in names]) for usual, names in drawn.items()}
        for test in (lambda style: style.metre == "4/4", lambda style: style.heavy)
    )
    assert common[True] > common[False] + 0.08
    assert heavy[True] > heavy[False] + 0.05
    with pytest.raises(UnknownName, match="band"):
        MadeSongs(0, mix="brass")
