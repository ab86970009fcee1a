"""`analyze --vocab`: how much the chords say; and chords that follow the beats and the key of the same analysis."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from aural import Intervals, build, formats, harmony, save
from aural.analysis import analyze
from aural.errors import OptionError, UnknownName

PLAIN = "beat/spectral_flux"
SONG = ("D:min7", "G:7", "C:maj7", "A:min", "F:maj", "G:sus4", "C:maj")


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of each chord, struck twice a second."""
    rate = 8000
    time = np.arange(2 * rate) / rate
    pieces = []
    for label in SONG:
        chord = harmony.parse(label)
        pitches = [36 + chord.bass_class, *(60 + c for c in chord.pitch_classes)]
        tone = sum(np.sin(2 * np.pi * 440 * 2 ** ((p - 69) / 12) * h * time) / h**1.5 for p in pitches for h in range(1, 5))
        pieces.append(0.04 * tone * np.exp(-6 * (time % 0.5)))
    path = tmp_path_factory.mktemp("song") / "song.wav"
    soundfile.write(path, np.concatenate(pieces), rate)
    return path


def chords(song: Path, out: Path, *systems: str, vocabulary: str | None = None) -> Intervals:
    analyze(song, out, ["chord"], [PLAIN, *systems], ["jams"], vocabulary=vocabulary)
    found = formats.jams.loads((out / "song.jams").read_text(encoding="utf-8"))["chords"]
    assert isinstance(found, Intervals)
    return found


def qualities(found: Intervals) -> set[str]:
    return {harmony.parse(label).quality for label in found.labels}


@pytest.fixture
def net(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Weights of a net that says anything, and something else of each chord."""
    (tmp_path / "own" / "chord").mkdir(parents=True)
    (tmp_path / "own" / "chord" / "any.py").write_text(ANY, encoding="utf-8")
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path / "own"))
    torch.manual_seed(0)
    return str(save(build("chord/any"), tmp_path / "own" / "mine.safetensors"))


@pytest.mark.parametrize("of_net", [False, True], ids=["sheh03", "a weights file"])
def test_chords_say_as_much_as_is_asked_for(song, net, tmp_path, of_net):
    systems = [net] if of_net else []
    said = {name: chords(song, tmp_path / name, *systems, vocabulary=name) for name in ("majmin", "sevenths", "full")}
    for name, found in said.items():
        assert qualities(found) <= {*harmony.VOCABULARIES[name], "N"}
    assert len(qualities(said["majmin"])) < len(qualities(said["sevenths"]) | qualities(said["full"]))
    default = chords(song, tmp_path / "default", *systems)
    assert default.labels == said["full"].labels


def test_another_vocabulary_is_another_analysis_and_the_page_names_it(song, tmp_path):
    for name, status in ((None, "done"), ("majmin", "done"), ("majmin", "skipped"), ("sevenths", "done")):
        summary = analyze(song, tmp_path, ["chord"], formats=["jams", "html"], vocabulary=name)
        assert [outcome.status for outcome in summary.outcomes] == [status]
    assert "--vocab sevenths" in (tmp_path / "song.html").read_text(encoding="utf-8")


def test_the_verb_takes_it(song, tmp_path, capsys):
    from aural.cli import main

    def exit_of(*words: str) -> object:
        with pytest.raises(SystemExit) as end:
            main(["analyze", str(song), "-o", str(tmp_path), "--tasks", "chord", "--format", "jams", *words])
        return end.value.code

    assert not exit_of("--vocab", "majmin")
    labels = [line.split("\t")[2] for line in (tmp_path / "song.chords.lab").read_text().splitlines()]
    assert {harmony.parse(label).quality for label in labels} <= {"maj", "min", "N"}
    assert exit_of("--vocab", "jazz") == 2
    assert "sevenths" in capsys.readouterr().err


def test_a_vocabulary_that_nobody_has_is_refused(song, tmp_path):
    with pytest.raises(UnknownName, match="full"):
        analyze(song, tmp_path, ["chord"], vocabulary="fall")
    with pytest.raises(OptionError, match="no chords are asked for"):
        analyze(song, tmp_path, ["onset"], ["onset/spectral_flux"], vocabulary="full")
    assert not list(tmp_path.iterdir())


def test_chords_of_a_net_that_reads_no_beats_are_on_the_beats_of_the_analysis(song, net, tmp_path):
    found = chords(song, tmp_path, net)
    beats = formats.jams.loads((tmp_path / "song.jams").read_text(encoding="utf-8"))["beats"].times
    halves = np.interp(np.arange(2 * len(beats) - 1) / 2, np.arange(len(beats)), beats)
    inside = found.starts[(found.starts > beats[0]) & (found.starts < beats[-1])]
    assert len(inside) > 3
    assert all(np.abs(halves - start).min() < 1e-3 for start in inside)


def test_chords_are_named_as_in_the_key_that_is_found_with_them(song, tmp_path, monkeypatch):
    """A key system that says Cb major: C is still C, but B would be Cb, F# Gb."""
    (tmp_path / "key").mkdir()
    (tmp_path / "key" / "flat.py").write_text(FLAT, encoding="utf-8")
    monkeypatch.setenv("AURAL_SYSTEMS", str(tmp_path))
    analyze(song, tmp_path / "out", ["chord", "key"], ["key/flat"], ["jams"])
    made = formats.jams.loads((tmp_path / "out" / "song.jams").read_text(encoding="utf-8"))
    assert set(made["key"].labels) == {"Cb:major"}
    assert len(made["chords"]) > 3
    for label in made["chords"].labels:
        assert label == str(harmony.parse(label).spelled("Cb:major"))
    assert any(label.startswith(("Abb", "Bbb", "Ebb", "Fb", "Dbb")) for label in made["chords"].labels)


ANY = '''"""Chords: whatever comes to mind, a toy.

Paper     none: a toy of the tests
Survey    4.1
In        sound
Out       chords
Differs   nothing to differ from
"""

from torch import Tensor, nn

from aural.encodings import ChordFrames
from aural.representations import CQT
from aural.system import System, system
from aural.tasks.chord import chord


class Any(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.said = nn.Conv1d(84, 208, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return 100 * self.said(x[:, 0] - x[:, 0].mean(-1, keepdim=True))


@system()
def any(vocabulary: str = "full") -> System:
    return System(task=chord, input=CQT(8000, 512, bands=84, fmin=27.5, compression="unit"), net=Any(), output=ChordFrames(vocabulary))
'''

FLAT = '''"""Key: always C flat major, a toy.

Paper     none: a toy of the tests
Survey    4.1
In        sound
Out       key
Differs   nothing to differ from
"""

import numpy as np
from torch import Tensor, nn

from aural.annotations import Intervals
from aural.encodings import FrameClasses
from aural.representations import Waveform
from aural.system import System, system
from aural.tasks.key import key


class Flat(FrameClasses):
    def decode(self, estimate, times, given):
        return Intervals(np.zeros(1), np.array([given.duration]), ("Cb:major",))


@system()
def flat() -> System:
    return System(task=key, input=Waveform(8000), net=nn.Flatten(1, 2), output=Flat("key", ("Cb:major",)))
'''
