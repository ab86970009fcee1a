"""What `analyze` writes of the pitch half: the files that tasks declare and the formats asked for, of toys that know the answer."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import mido
import numpy as np
import pytest
import soundfile

from aural import formats
from aural.analysis import analyze
from aural.annotations import Curves, Notes
from aural.formats import jams, midi

RATE, SECONDS = 8000, 12.0
TOY = '''"""A toy that knows the answer.

Paper     none
Survey    none
In        sound
Out       its field
Differs   nothing
"""
import numpy as np, torch
from torch import nn
from aural.annotations import Curves, Events, Intervals, Notes, Score
from aural.part import Part
from aural.system import System, system
from aural.tasks.{task} import {task}

class Sound(Part):
    @property
    def reads(self):
        return ("sound",)
    def read(self, example, times=None):
        return torch.zeros(1)

class Answer(Part):
    framed = False
    def join(self, pieces):
        return pieces[0]
    def decode(self, estimate, times, given):
        k = np.arange(20)
        made = {answer}
        return made.cut(0.0, given["sound"].duration) if hasattr(made, "cut") else made

@system()
def toy() -> System:
    return System(task={task}, input=Sound(), net=nn.Identity(), output=Answer())
'''
BEND = "bends=[np.array([[s, s + 0.2], [0.0, 0.5]]) for s in 0.26 + k / 2]"
ANSWERS = {
    "beat": "Events(0.25 + k / 2, [str(i % 4 + 1) for i in k])",
    "note": f"Notes(0.26 + k / 2, 0.7 + k / 2, 60 + k % 7, 50 + k, {BEND})",
    "melody": "Curves(512 / 22050 * np.arange(400), np.full((1, 400), 440.0))",
    "melody_note": "Notes(0.24 + k / 2, 0.74 + k / 2, 72 + k % 5)",
    "bass": "Notes(0.25 + k[:10], 1.25 + k[:10], 36 + k[:10])",
    "chord": "Intervals(0.25 + 2.0 * k[:5], 2.25 + 2.0 * k[:5], ('C:maj', 'A:min7/b3', 'N', 'G:7', 'C:maj'))",
    "key": "Intervals(np.zeros(1), np.full(1, 12.0), ('A:minor',))",
    "tuning": "Score(442.0)",
}
USED = [f"{task}/toy" for task in ANSWERS]


@pytest.fixture
def song(tmp_path, monkeypatch) -> Path:
    for task, answer in ANSWERS.items():
        (tmp_path / "systems" / task).mkdir(parents=True)
        (tmp_path / "systems" / task / "toy.py").write_text(TOY.format(task=task, answer=answer))
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path / "systems"))
    (tmp_path / "in").mkdir()
    soundfile.write(str(tmp_path / "in" / "song.wav"), np.random.default_rng(0).normal(0, 0.1, int(SECONDS * RATE)), RATE)
    return tmp_path / "in" / "song.wav"


def written(song: Path, out: str = "out", given=(), **more) -> Path:
    summary = analyze(song, song.parent.parent / out, list(ANSWERS), USED, given or ["jams"], **more)
    assert not summary.failed, summary.outcomes
    return song.parent.parent / out


def test_the_files_that_the_tasks_declare_are_there(song):
    out = written(song)
    names = {path.name for path in out.iterdir()}
    assert {"song.jams", "song.beats", "song.chords.lab", "song.notes.mid", "song.melody.csv"} <= names
    held = midi.loads((out / "song.notes.mid").read_bytes())
    np.testing.assert_allclose(held["notes"].starts, 0.26 + np.arange(20) / 2, atol=0.001)
    np.testing.assert_allclose(held["melody_notes"].starts, 0.24 + np.arange(20) / 2, atol=0.001)
    np.testing.assert_allclose(held["bass"].ends, 1.25 + np.arange(10), atol=0.001)
    assert held["notes"].bends[3][1].max() == pytest.approx(0.5, abs=0.001)
    kept = jams.loads((out / "song.jams").read_text(encoding="utf-8"))
    assert {"notes", "melody", "melody_notes", "bass", "chords", "key", "tuning"} <= set(kept)
    assert (kept["tuning"].value, kept["key"].labels) == (442.0, ("A:minor",))
    assert kept["notes"].bends is not None
    rows = list(csv.DictReader(io.StringIO((out / "song.melody.csv").read_text())))
    assert [row["time"] for row in rows[:3]] == ["0.000000", "0.010000", "0.020000"]


def test_every_format_is_written_and_read(song):
    out = written(song, given=[*formats.FORMATS, "tag"])
    names = {path.name for path in out.iterdir()}
    assert {"song.mid", "song.lead.musicxml", "song.tagged.wav", "song.notes.csv", "song.bass.csv", "song.melody_notes.svl"} <= names
    assert isinstance(formats.read(out / "song.notes.csv", Notes), Notes)
    assert isinstance(formats.read(out / "song.melody.lab", Curves), Curves)
    assert 'Tonality="8A"' in (out / "song.rekordbox.xml").read_text()


def pitches_turned(path: Path) -> int:
    return sum(message.type == "pitchwheel" for track in mido.MidiFile(path).tracks for message in track)


def test_quantised_and_without_bends_is_another_analysis(song):
    plain = written(song)
    assert pitches_turned(plain / "song.notes.mid") > 0
    assert analyze(song, plain, list(ANSWERS), USED, ["jams"]).skipped == 1
    before = (plain / "song.notes.mid").read_bytes()
    written(song, quantize=True, bends=False)
    assert (plain / "song.notes.mid").read_bytes() != before
    assert pitches_turned(plain / "song.notes.mid") == 0
    starts = midi.loads((plain / "song.notes.mid").read_bytes())["notes"].starts
    np.testing.assert_allclose(starts, 0.25 + np.arange(20) / 2, atol=0.001)


def test_a_part_has_its_bends_where_they_sound(song):
    out = written(song, start=4.0, end=10.0)
    held = midi.loads((out / "song.notes.mid").read_bytes())["notes"]
    np.testing.assert_allclose(held.starts, 4.26 + np.arange(len(held)) / 2, atol=0.001)
    for start, bend in zip(held.starts[:10], held.bends[:10], strict=True):
        assert bend[0, 0] == pytest.approx(start, abs=0.001)
        assert bend[0, -1] == pytest.approx(start + 0.2, abs=0.03)


def test_a_collection_says_key_and_tuning(song):
    out = song.parent.parent / "all"
    analyze([song, song.parent], out, list(ANSWERS), USED, ["jams"])
    (row,) = csv.DictReader(io.StringIO((out / "collection.csv").read_text()))
    assert (row["key"], row["camelot"], row["tuning"], row["chords"], row["notes"]) == ("A minor", "8A", "442.0", "5", "20")
