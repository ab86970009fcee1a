"""Facts about what one system tells another."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aural.annotations import Curves, Events, Example, Intervals, Notes
from aural.data.blended import faster
from aural.data.songs import FolderOfSongs, keep
from aural.encodings import BeatsInBars, FrameEvents, NoteFrames, PitchTrack
from aural.errors import OptionError
from aural.part import Part, Parts
from aural.reuse import pseudo_labels, sure_line, sure_of, sure_spans
from aural.sound import Sound
from aural.system import System
from aural.tasks.bass import bass
from aural.tasks.melody import melody
from aural.tasks.note import note

FPS = 50
TIMES = np.arange(4 * FPS) / FPS


def beats(confidence: list[float]) -> Events:
    return Events(np.arange(len(confidence)) * 0.5 + 1, tuple("1234"[i % 4] for i in range(len(confidence))), np.array(confidence))


def test_only_long_runs_of_sure_events_are_kept() -> None:
    heard = beats([0.9] * 4 + [0.2] + [0.9] * 6 + [0.1] * 3)
    kept, known = sure_of(heard, 0.8, 5)
    assert kept.times.tolist() == heard.times[5:11].tolist()
    assert kept.labels == heard.labels[5:11]
    assert known.starts.tolist() == [heard.times[4] + 0.25]
    assert known.ends.tolist() == [heard.times[10] + 0.25]


def test_events_without_confidence_are_not_sure() -> None:
    kept, known = sure_of(Events(np.arange(20.0)), 0.5, 3)
    assert len(kept) == len(known) == 0


def test_outside_of_what_is_known_nothing_is_asked() -> None:
    times = np.arange(101) / 10
    example = Example(onsets=Events(np.array([3.0, 4.0])), onsets_known=Intervals(np.array([2.5]), np.array([4.5]), ("known",)))
    (row,) = FrameEvents("onsets").read(example, times)
    known = ~torch.isnan(row).numpy()
    assert known[(times >= 2.5) & (times < 4.5)].all()
    assert not known[(times < 2.4) | (times > 4.6)].any()
    assert row[30] == row[40] == 1


def test_nothing_known_is_all_unknown() -> None:
    kept, known = sure_of(beats([0.1] * 20), 0.8, 5)
    rows = BeatsInBars().read(Example(beats=kept, beats_known=known), np.arange(100) / 50)
    assert torch.isnan(rows).all()


# ---- notes and lines


def on(part: Part, example: Example) -> torch.Tensor:
    """What a net says that knows what is true: logits of pitches, or of onsets and sounding and the rest as it is."""
    truth = torch.nan_to_num(part.read(example, TIMES))
    if isinstance(part, PitchTrack):
        return (truth + 1e-5).log()
    truth[:2] = (2 * truth[:2] - 1) * 6
    return truth


def hum() -> Example:
    """A second of A4, a second of nothing, a second of A4 again, and a second in which the net doesn't know."""
    grid = np.arange(401) / 100
    return Example(melody=Curves(grid, np.where((grid < 1) | (grid >= 2), 440.0, 0.0)[None], ("melody",)))


def hummed() -> torch.Tensor:
    logits = on(PitchTrack(), hum())
    logits[:, 3 * FPS :] = 0
    return logits


def test_a_line_is_known_where_its_pitch_is_sure_and_where_surely_none_is_heard() -> None:
    part = PitchTrack()
    curve, known = sure_line(part, hummed(), TIMES, part.decode(hummed(), TIMES, Example())["melody"], 0.9)
    line = part.line(Example(melody=curve, melody_known=known), TIMES)
    sung = (TIMES < 0.98) | ((TIMES > 2.02) & (TIMES < 2.96))
    np.testing.assert_allclose(line[sung], 69, atol=0.1)
    assert np.isneginf(line[(TIMES > 1.04) & (TIMES < 1.96)]).all()
    assert np.isnan(line[TIMES > 3.04]).all()


def test_a_moment_is_no_sure_line() -> None:
    part = PitchTrack()
    logits = torch.zeros(265, len(TIMES))
    logits[:, 100:103] = hummed()[:, :3]
    _, known = sure_line(part, logits, TIMES, part.decode(logits, TIMES, Example())["melody"], 0.9)
    assert len(known) == 0


def test_the_pitches_of_a_bass_line_are_whole_as_songs_hold_them() -> None:
    part = PitchTrack("bass", 21.0, 48, 1)
    logits = on(part, Example(bass=Notes([0.0], [3.0], [40.0])))
    made, known = sure_line(part, logits, TIMES, Notes([0.0], [3.0], [39.7]), 0.9)
    assert made.pitches.tolist() == [40.0]
    assert known.ends[0] > 2.9


def test_of_words_that_are_sure_the_inside_is_known() -> None:
    words = Intervals([0.0, 1.0, 2.0, 2.2], [1.0, 2.0, 2.2, 4.0], ("C:maj", "F:maj", "G:maj", "C:maj"), np.array([0.9, 0.4, 0.9, 0.8]))
    known = sure_spans(words, 0.8)
    assert known.starts.tolist() == [0.125, 2.325]
    assert known.ends.tolist() == [0.875, 3.875]
    assert len(sure_spans(Intervals([0.0], [1.0], ("C:maj",)), 0.8)) == 0


class Clock(Part):
    """Frames of a sound."""

    of = "sound"
    reads = ("sound",)

    def read(self, example: Example, times: np.ndarray | None = None) -> torch.Tensor:
        return torch.zeros(1, len(TIMES))

    def times(self, example: Example) -> np.ndarray:
        return TIMES


class Says(torch.nn.Module):
    def __init__(self, **said: torch.Tensor) -> None:
        super().__init__()
        self.said = said

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        return {name: logits[None] for name, logits in self.said.items()}


class Alone:
    name, size = "alone", 1

    def __call__(self, index: int) -> Example:
        return Example(sound=Sound(np.zeros((1, 4 * 44_100), np.float32), 44_100))


TRUE = Notes([0.5], [1.5], [60.0], np.array([64.0]))


def teacher() -> System:
    notes = on(NoteFrames(), Example(notes=TRUE))
    notes[:2, 43, 100:150] = -1.0  # may be a note
    parts = {"notes": NoteFrames(), "melody": PitchTrack(), "bass": PitchTrack("bass", 21.0, 48, 1)}
    low = on(parts["bass"], Example(bass=Notes([0.0], [3.0], [40.0])))
    return System((note, melody, bass), Clock(), Says(notes=notes, melody=hummed(), bass=low), parts)


def test_what_a_teacher_is_sure_of_is_kept_as_songs_and_moves_with_their_speed(tmp_path) -> None:
    lessons = pseudo_labels(teacher(), Alone(), keep=0.8, fields=("notes", "melody", "bass"))
    assert set(lessons(0)) == {"sound", "notes", "notes_unsure", "melody", "melody_known", "bass", "bass_known"}
    keep(lessons, tmp_path)
    output = teacher().output
    assert isinstance(output, Parts)
    example = FolderOfSongs(tmp_path, output.reads)(0)
    before, after = output.read(lessons(0), TIMES), output.read(example, TIMES)
    for name in before:
        torch.testing.assert_close(before[name], after[name], equal_nan=True, atol=0.02, rtol=0)
    assert before["notes"][0].eq(1).nonzero().tolist() == [[39, 25]]
    assert torch.isnan(before["notes"][:2, 43, 100:150]).all()
    assert torch.isnan(before["notes"][0]).float().mean() < 0.01
    quicker = faster(example, 2 ** (2 / 12))
    assert quicker["notes_unsure"].pitches.round().tolist() == [66.0]
    for name in ("notes_unsure", "melody_known", "bass_known"):
        np.testing.assert_allclose(quicker[name].starts * 2 ** (2 / 12), example[name].starts, rtol=1e-4)
        np.testing.assert_allclose(quicker[name].ends * 2 ** (2 / 12), example[name].ends, rtol=1e-4)


def test_a_teacher_is_asked_for_what_it_says() -> None:
    with pytest.raises(OptionError, match="outputs of the teacher are notes, melody, bass"):
        pseudo_labels(teacher(), Alone(), keep=0.8, fields=("beats",))
