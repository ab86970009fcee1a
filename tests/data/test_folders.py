"""A person's own folder is a source: sounds, each with what lies beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural.data import source
from aural.errors import AnnotationError, DataError
from aural.evaluation import evaluate
from aural.sound import Recording


def sound(path: Path, seconds: float = 2.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.zeros(int(8000 * seconds), np.float32), 8000)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    sound(tmp_path / "one.wav")
    (tmp_path / "one.beats").write_text("0.5\t4\n1.0\t1\n1.5\t2\n")
    (tmp_path / "one.onsets.csv").write_text("time\n0.25\n0.5\n")
    sound(tmp_path / "below" / "Größe 'q' [live].flac")
    (tmp_path / "below" / "Größe 'q' [live].lab").write_text("0 1 C:maj\n1 2 A:min\n")
    sound(tmp_path / "bare.wav")
    return tmp_path


def test_each_sound_has_what_lies_beside_it(folder: Path) -> None:
    found = source(folder)
    examples = {found(i)["name"]: found(i) for i in range(found.size)}
    assert sorted(examples) == ["bare", "below/Größe 'q' [live]", "one"]
    assert examples["one"]["onsets"].times.tolist() == [0.25, 0.5]
    assert examples["one"]["beats"].labels == ("4", "1", "2")
    assert examples["one"]["downbeats"].times.tolist() == [1.0]
    assert examples["below/Größe 'q' [live]"]["chords"].labels == ("C:maj", "A:min")
    assert set(examples["bare"]) == {"name", "strata", "sound"}
    assert isinstance(examples["bare"]["sound"], Recording)
    assert found.labels("chords") == ["A:min", "C:maj"]


def test_sub_folders_train_and_test_are_the_splits(tmp_path: Path) -> None:
    sound(tmp_path / "train" / "a.wav")
    sound(tmp_path / "test" / "b.wav")
    assert source(f"{tmp_path}/", "train")(0)["name"] == "a"
    assert source(f"{tmp_path}/", "test")(0)["name"] == "b"


def test_a_folder_without_sounds_or_that_is_none_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no sound files"):
        source(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        source(tmp_path / "nowhere")
    with pytest.raises(DataError, match="a file, not a folder"):
        source(sound(tmp_path / "a.wav"))


def test_peers_are_scored_on_a_folder_and_a_broken_label_file_loses_no_other_piece(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    peer = tmp_path_factory.mktemp("peer")
    (peer / "one.txt").write_text("0.25\n0.51\n")
    (folder / "bare.onsets.csv").write_text("time\nsoon\n")
    report = evaluate("onset", folder, peer)
    assert [(piece.name, piece.scores["F25"]) for piece in report.pieces] == [("one", 1.0)]
    assert [name for name, _ in report.failures] == ["bare"]
    assert "bare.onsets.csv:2" in report.failures[0][1]
    with pytest.raises(AnnotationError, match=r"bare\.onsets\.csv:2"):
        source(folder)(0)
