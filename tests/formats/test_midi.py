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
from aural.formats import midi


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
