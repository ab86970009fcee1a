"""MIDI: what is read back lies where it was, beats fall on quarters, bars on bar lines."""

from __future__ import annotations

import io
from itertools import pairwise

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aural.annotations import Events, Example, Intervals, Notes, Tempo
from aural.errors import AnnotationError
from aural.formats import About, midi


def parsed(fields) -> mido.MidiFile:
    return mido.MidiFile(file=io.BytesIO(midi.dumps(fields)))


def messages(fields, kind: str, track: int = 0) -> list[tuple[int, mido.MetaMessage]]:
    """(tick, message) of a kind in a track."""
    tick, found = 0, []
    for message in parsed(fields).tracks[track]:
        tick += message.time
        if message.type == kind:
            found.append((tick, message))
    return found


def test_no_note_is_a_file_of_empty_tracks():
    none = Notes([], [], [])
    fields = {"beats": Events([0.5, 1.0, 1.5, 2.0]), "notes": none, "melody_notes": none}
    file = mido.MidiFile(file=io.BytesIO(midi.notes(fields)))
    assert [track.name for track in file.tracks] == ["tempo", "melody", "notes"]
    assert not any(message.type == "note_on" for track in file.tracks for message in track)
    again = midi.loads(midi.notes(fields))
    assert len(again["notes"]) == len(again["melody_notes"]) == 0


def test_notes_beats_and_onsets_come_back_within_a_millisecond(result):
    again = midi.loads(midi.dumps(result))
    for name in ("beats", "downbeats", "onsets"):
        np.testing.assert_allclose(again[name].times, result[name].times, atol=0.001)
    assert again["beats"].labels == result["beats"].labels
    notes, true = again["notes"], result["notes"]
    order = np.lexsort((np.round(true.pitches), true.starts))
    np.testing.assert_allclose(notes.starts, true.starts[order], atol=0.001)
    np.testing.assert_allclose(notes.ends, true.ends[order], atol=0.001)
    np.testing.assert_array_equal(notes.pitches, np.round(true.pitches[order]))
    np.testing.assert_array_equal(notes.velocities, true.velocities[order])
    np.testing.assert_array_equal(notes.tracks, true.tracks[order])
    assert notes.names == true.names


gaps = st.lists(st.floats(0.15, 2.0) | st.floats(2.0, 40.0), min_size=0, max_size=24)


@settings(max_examples=40, deadline=None)
@given(start=st.floats(0, 30), gaps=gaps, bar=st.integers(1, 7), first=st.integers(0, 6))
def test_every_beat_falls_on_a_quarter_and_sounds_on_time(start, gaps, bar, first):
    times = start + np.concatenate([[0.0], np.cumsum(gaps)])
    beats = Events(times, tuple(str((i + first) % bar + 1) for i in range(len(times))))
    onsets = Events(np.sort(np.concatenate([times, times + 0.0713])))
    again = midi.loads(midi.dumps(Example(beats=beats, onsets=onsets)))
    np.testing.assert_allclose(again["beats"].times, times, atol=0.001)
    np.testing.assert_allclose(again["onsets"].times, onsets.times, atol=0.001)
    grid = midi.Map(beats)
    assert np.ptp(grid.beats % grid.ticks) == 0
    # Bar lines follow from the time signatures: every downbeat lies on one.
    signs = [*grid.bars, (10**9, 4, 4)]
    lines = {t for (a, n, unit), (b, *_) in pairwise(signs) for t in range(a, min(b, grid.beats[-1] + 1), n * grid.ticks * 4 // unit)}
    ones = [int(tick) for tick, label in zip(grid.beats, beats.labels or (), strict=True) if label == "1"]
    assert set(ones) <= lines


def test_a_waltz_with_a_pickup_starts_with_a_short_bar():
    beats = Events(0.5 + 0.5 * np.arange(8), tuple("31231231"))
    signs = messages({"beats": beats}, "time_signature")
    assert [(tick, m.numerator, m.denominator) for tick, m in signs] == [(0, 2, 4), (960, 3, 4)]
    assert [m.tempo for _, m in messages({"beats": beats}, "set_tempo")][:1] == [500_000]


def test_a_change_of_metre_is_written():
    beats = Events(0.5 * np.arange(11), tuple("12341231231"))
    signs = [(tick, m.numerator) for tick, m in messages({"beats": beats}, "time_signature")]
    assert signs == [(0, 4), (4 * 480, 3)]


@pytest.mark.parametrize(
    ("words", "signatures"),
    [
        (["1", "2", "3", ""] * 2, [(0, 3), (3, 1), (4, 3)]),
        ([*"123", *[""] * 7, *"123"], [(0, 3), (9, 1), (10, 3)]),
        ([*"123", *[""] * 7], [(0, 3)]),
        (["1", "", "", ""] * 2, [(0, 4)]),
    ],
)
def test_beats_that_are_not_counted_go_on_in_bars_as_before(words, signatures):
    grid = midi.Map(Events(0.5 * np.arange(len(words)), tuple(words)))
    assert [(tick // grid.ticks, size) for tick, size, _ in grid.bars] == signatures


def test_tempo_alone_is_a_constant_map():
    assert [m.tempo for _, m in messages({"tempo": Tempo(np.array([100.0]))}, "set_tempo")] == [600_000]


def test_slow_music_gets_finer_ticks():
    assert parsed({"beats": Events(np.arange(4) * 0.5)}).ticks_per_beat == 480
    assert parsed({"beats": Events(np.arange(4) * 1.5)}).ticks_per_beat == 1920


def test_chords_are_markers_and_keys_key_signatures():
    fields = {
        "chords": Intervals([0.0, 1.0], [1.0, 2.0], ("C:maj", "G:7")),
        "key": Intervals([0.0, 1.0], [1.0, 2.0], ("A:minor", "H:odd")),
    }
    assert [(tick, m.text) for tick, m in messages(fields, "marker")][:2] == [(0, "C:maj"), (0, "A:minor")]
    assert [m.key for _, m in messages(fields, "key_signature")] == ["Am"]


def test_drums_sound_on_channel_10():
    file = parsed({"drums": Events([0.1, 0.2, 0.3], ("BD", "42", "cowbell?"))})
    assert [(m.channel, m.note) for m in file.tracks[1] if m.type == "note_on"] == [(9, 36), (9, 42), (9, 37)]


def test_a_repeated_note_is_not_swallowed():
    notes = Notes([0.0, 0.5, 0.5], [1.0, 1.5, 0.8], [60, 60, 64])
    again = midi.loads(midi.dumps({"notes": notes}))["notes"]
    np.testing.assert_allclose(again.starts, [0, 0.5, 0.5], atol=0.001)
    np.testing.assert_allclose(again.ends, [0.5, 1.5, 0.8], atol=0.001)


def test_other_peoples_files_are_read(tmp_path):
    file = mido.MidiFile(type=1, ticks_per_beat=100, charset="latin1")
    head = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=1_000_000), mido.MetaMessage("set_tempo", tempo=500_000, time=100)])
    piano = mido.MidiTrack([
        mido.MetaMessage("track_name", name="Flügel"),
        mido.Message("note_on", note=60, velocity=80, time=100), mido.Message("note_on", note=60, velocity=0, time=100),
        mido.Message("note_on", note=62, velocity=70), mido.MetaMessage("end_of_track", time=100),
    ])  # fmt: skip
    drums = mido.MidiTrack(
        [mido.Message("note_on", channel=9, note=36, velocity=99), mido.Message("note_off", channel=9, note=36, time=50)]
    )
    file.tracks += [head, piano, drums]
    file.save(tmp_path / "a.mid")
    example = midi.loads((tmp_path / "a.mid").read_bytes())
    assert example["notes"].starts.tolist() == [1.0, 1.5]
    assert example["notes"].ends.tolist() == [1.5, 2.0]
    assert example["notes"].names == ("Flügel",)
    assert example["drums"].pitches.tolist() == [36]


@pytest.mark.parametrize("data", [b"", b"RIFF", b"MThd\0\0\0\6\0\1\0\1\1\xe0MTrk\0\0\1\0\0\xff"])
def test_a_damaged_file_is_an_error(data):
    with pytest.raises(AnnotationError, match=r"^a\.mid: "):
        midi.loads(data, "a.mid")


# ---- melody, bass and notes with bends


def sounding(file: mido.MidiFile) -> list[tuple[float, float, str, int]]:
    """(start, end, track, key) as mido plays the file: another clock than ours."""
    found = []
    tempi = mido.merge_tracks([file.tracks[0]])
    for track in file.tracks[1:]:
        now, tempo, open_ = 0.0, 500_000, {}
        for message in mido.merge_tracks([tempi, track]):
            now += mido.tick2second(message.time, file.ticks_per_beat, tempo)
            if message.type == "set_tempo":
                tempo = message.tempo
            elif message.type == "note_on" and message.velocity:
                open_[message.channel, message.note] = now
            elif message.type in ("note_on", "note_off"):
                found.append((open_.pop((message.channel, message.note)), now, track.name, message.note))
    return sorted(found)


def test_the_file_of_the_notes_holds_melody_bass_and_notes_on_the_beats(result):
    file = mido.MidiFile(file=io.BytesIO(midi.notes(result)))
    assert (file.type, file.ticks_per_beat) == (1, 480)
    assert [track.name for track in file.tracks] == ["tempo", "melody", "bass", "piano", "bass"]
    heard = sounding(file)
    for field, track in (("melody_notes", "melody"), ("bass", "bass")):
        own = [(a, b, key) for a, b, name, key in heard if name == track]
        for start, end, pitch in zip(result[field].starts, result[field].ends, result[field].pitches, strict=True):
            assert min(abs(a - start) + abs(b - end) for a, b, key in own if key == round(pitch)) < 0.002
    again = midi.loads(midi.notes(result))
    assert set(again) == {"melody_notes", "bass", "notes"}
    for field in ("melody_notes", "bass"):
        np.testing.assert_allclose(again[field].starts, result[field].starts, atol=0.001)
        np.testing.assert_allclose(again[field].ends, result[field].ends, atol=0.001)
        np.testing.assert_array_equal(again[field].pitches, result[field].pitches)
    np.testing.assert_array_equal(again["melody_notes"].velocities, result["melody_notes"].velocities)


def test_beats_lie_on_ticks_as_another_clock_counts(result):
    file = mido.MidiFile(file=io.BytesIO(midi.notes(result)))
    now, tick, tempo, at = 0.0, 0, 500_000, {}
    quarters = range(0, 100 * 480, 60)
    for message in [*file.tracks[0], mido.MetaMessage("end_of_track", time=100 * 480)]:
        for quarter in quarters:
            if tick <= quarter < tick + message.time:
                at[quarter] = now + mido.tick2second(quarter - tick, 480, tempo)
        now += mido.tick2second(message.time, 480, tempo)
        tick += message.time
        tempo = message.tempo if message.type == "set_tempo" else tempo
    grid = midi.Map(result["beats"])
    for beat, time in zip(grid.beats, result["beats"].times, strict=True):
        assert abs(at[int(beat)] - time) < 0.0002


def test_without_beats_the_tempo_is_120_and_times_are_kept():
    notes = Notes([0.1, 1.234], [0.9, 2.345], [60, 62])
    assert [m.tempo for _, m in messages({"notes": notes}, "set_tempo")] == [500_000]
    again = midi.loads(midi.notes({"notes": notes}))["notes"]
    np.testing.assert_allclose([again.starts, again.ends], [notes.starts, notes.ends], atol=0.001)
    assert midi.loads(midi.notes({"notes": Notes([], [], [])}))["notes"].starts.tolist() == []


def glides(n: int = 40, seed: int = 5, depth: float = 1.5) -> Notes:
    """Notes that overlap, two of three with a bend."""
    rng = np.random.default_rng(seed)
    starts = np.sort(rng.uniform(0, 10, n))
    ends = starts + rng.uniform(0.1, 1.0, n)
    spans = zip(starts, ends, strict=True)
    bends = [np.stack([np.arange(a, b, 0.02), depth * np.sin(9 * np.arange(a, b, 0.02))]) for a, b in spans]
    pitches = rng.permutation(np.arange(40, 40 + n)).astype(float)
    return Notes(starts, ends, pitches, bends=[None if i % 3 == 0 else bend for i, bend in enumerate(bends)])


@pytest.mark.parametrize("depth", [0.4, 1.9, 7.0])
def test_bends_come_back(depth):
    true = glides(depth=depth)
    again = midi.loads(midi.notes({"notes": true}))["notes"]
    np.testing.assert_array_equal(again.pitches, true.pitches)
    for i in range(len(true)):
        if not true.bends[i].size:
            assert not again.bends[i].size
            continue
        times = np.linspace(true.starts[i] + 0.03, true.ends[i] - 0.03, 9)
        times = times[np.abs(np.interp(times, *true.bends[i])) < 0.4 * depth]
        step = np.searchsorted(again.bends[i][0], times, "right") - 1
        wheel, last = again.bends[i][1][step], 9 * depth * 0.022  # a step lasts 20 ms
        np.testing.assert_allclose(wheel, np.interp(times, *true.bends[i]), atol=last)


def test_a_wheel_turns_for_one_note_alone_and_rests_after_it():
    file = mido.MidiFile(file=io.BytesIO(midi.notes({"notes": glides(), "bass": Notes([0.0], [10.0], [30])})))
    tick, wheel, on, bent = 0, {}, {}, 0
    for message in mido.merge_tracks(file.tracks):
        if message.time:  # all messages of the tick before are through
            for channel, value in wheel.items():
                assert len(on.get(channel, ())) == (1 if value else len(on.get(channel, ())))
        tick += message.time
        if message.type == "pitchwheel":
            wheel[message.channel] = message.pitch
            bent += message.pitch != 0
        elif message.type == "note_on" and message.velocity:
            assert message.note != 30 or not wheel.get(message.channel)
            on.setdefault(message.channel, set()).add(message.note)
        elif message.type in ("note_off", "note_on"):
            on[message.channel].discard(message.note)
    assert bent > 100
    assert not any(wheel.values())


def test_the_range_of_the_wheel_is_said_before_it_turns():
    (track,) = [t for t in parsed({"notes": glides(depth=5.0)}).tracks if t.name == "notes"]
    said: dict[int, list[tuple[int, int]]] = {}
    for message in track:
        if message.type == "control_change":
            said.setdefault(message.channel, []).append((message.control, message.value))
        elif message.type == "pitchwheel":
            assert said[message.channel] == [(101, 0), (100, 0), (6, 5), (38, 0), (101, 127), (100, 127)]


def test_bends_can_be_left_out_and_are_where_no_channel_is_free():
    def turns(notes: Notes, **wanted) -> int:
        tracks = mido.MidiFile(file=io.BytesIO(midi.notes({"notes": notes}, About(**wanted)))).tracks
        return sum(message.type == "pitchwheel" for track in tracks for message in track)

    assert turns(glides()) > 0
    assert turns(glides(), bends=False) == 0
    assert turns(Notes([0.0], [1.0], [60], bends=[np.zeros((2, 5))])) == 0
    # Twenty bent notes at once: as many as there are channels bend, all sound.
    bend = np.array([[0.0, 0.5], [0.0, 1.0]])
    many = Notes(np.zeros(20), np.ones(20), np.arange(40, 60), bends=[bend] * 20)
    again = midi.loads(midi.notes({"notes": many}))["notes"]
    assert len(again) == 20
    assert sum(own.size > 0 for own in again.bends) == 14


def test_a_fractional_pitch_is_part_of_the_bend():
    notes = Notes([0.0], [1.0], [60.4], bends=[np.array([[0.0, 1.0], [0.0, 0.0]])])
    again = midi.loads(midi.notes({"notes": notes}))["notes"]
    assert again.pitches.tolist() == [60]
    np.testing.assert_allclose(again.bends[0][1], 0.4, atol=0.001)


def test_a_glide_that_is_known_by_its_ends_is_smooth():
    notes = Notes([0.0], [1.0], [60], bends=[np.array([[0.0, 1.0], [-1.0, 1.0]])])
    assert np.abs(np.diff(midi.loads(midi.notes({"notes": notes}))["notes"].bends[0][1])).max() < 0.06


# ---- quantised


def test_quantised_notes_lie_on_quarters_of_the_beat_or_on_thirds():
    rng = np.random.default_rng(0)
    beats = Events(np.cumsum(0.5 + 0.05 * np.sin(np.arange(33) / 3)))
    true = np.concatenate([np.arange(0, 8, 0.25), np.arange(8, 16, 1 / 3), np.arange(16, 30, 0.5)])
    starts = np.interp(true, np.arange(33), beats.times)
    length = np.diff(np.append(true, 31))
    ends = np.interp(true + length, np.arange(33), beats.times)
    early = rng.uniform(-0.02, 0.02, (2, len(true)))
    notes = Notes(np.sort(starts + early[0]), np.maximum(ends + early[1], starts + 0.03), np.full(len(true), 60))
    again = midi.loads(midi.notes({"beats": beats, "notes": notes}, About(quantize=True)))["notes"]
    np.testing.assert_allclose(again.starts, starts, atol=0.001)
    np.testing.assert_allclose(again.ends, ends, atol=0.001)


def test_quantised_without_beats_nothing_moves(result):
    fields = {"notes": result["notes"]}
    assert midi.notes(fields, About(quantize=True)) == midi.notes(fields)


def test_bends_move_with_their_notes():
    beats = Events(0.5 * np.arange(1, 9))
    notes = Notes([1.04], [1.46], [60], bends=[np.array([[1.04, 1.25, 1.4], [0.0, 1.0, 0.5]])])
    (bend,) = midi.loads(midi.notes({"beats": beats, "notes": notes}, About(quantize=True)))["notes"].bends
    assert bend[1].max() == pytest.approx(1.0, abs=0.001)
    assert bend[0][bend[1].argmax()] == pytest.approx(1.25, abs=0.01)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), quantize=st.booleans())
def test_whatever_is_written_can_be_read(seed, quantize):
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(0, 30)), int(rng.integers(0, 12))
    starts = np.sort(rng.uniform(0, 8, n))
    beats = Events(np.sort(rng.uniform(0, 8, m)), tuple(str(k) for k in rng.integers(0, 5, m)))
    bends = [np.stack([np.sort(rng.uniform(a, a + 1, 4)), rng.normal(0, 9, 4)]) for a in starts]
    notes = Notes(starts, starts + rng.uniform(0, 1, n), rng.uniform(0, 127, n), bends=bends)
    again = midi.loads(midi.notes(Example(beats=beats, notes=notes), About(quantize=quantize)))
    assert len(again["notes"]) == n
