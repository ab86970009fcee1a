"""mirdata's data sets work from a local root, and what is missing is said, never downloaded."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aural.data import source
from aural.errors import DataError, UnknownName

mirdata = pytest.importorskip("mirdata")


@pytest.fixture(autouse=True)
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a source asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def beatles(tmp_path: Path) -> Path:
    """One made-up track in the layout of the data set, with an index of its own."""
    home = tmp_path / "beatles"
    files = {"audio": "song.wav", "beat": "song.txt", "chords": "chords.lab", "keys": "keys.lab", "sections": "sections.lab"}
    home.mkdir()
    soundfile.write(home / "song.wav", np.zeros(8000, np.float32), 8000)
    (home / "song.txt").write_text("0.100 4\n0.300 1\n0.500 2\n")
    (home / "chords.lab").write_text("0.0 0.5 C\n0.5 1.0 A:min\n")
    (home / "keys.lab").write_text("0.0\t1.0\tKey\tC\n")
    (home / "sections.lab").write_text("0.0\t0.0\t1.0\tverse\n")
    (home / "beatles_index_1.2.json").write_text(
        json.dumps({"version": "1.2", "tracks": {"0111": {k: [v, "-"] for k, v in files.items()}}})
    )
    return home


def test_a_data_set_on_this_machine_is_a_source(beatles: Path) -> None:
    found = source(f"mirdata:beatles:{beatles}")
    example = found(0)
    assert (found.name, found.size, example["name"]) == ("mirdata:beatles", 1, "0111")
    assert example["beats"].labels == ("4", "1", "2")
    assert example["downbeats"].times.tolist() == [0.3]
    assert example["chords"].labels == ("C", "A:min")
    assert example["sound"].duration == 1.0


def test_aural_data_is_a_local_root(beatles: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURAL_DATA", str(beatles.parent))
    assert source("mirdata:beatles").size == 1


def test_what_is_missing_is_said(beatles: Path) -> None:
    (beatles / "song.wav").unlink()
    with pytest.raises(DataError, match=r"no sound of its 1 tracks.*mirdata:beatles:/path"):
        source(f"mirdata:beatles:{beatles}")
    (beatles / "beatles_index_1.2.json").unlink()
    with pytest.raises(DataError, match=r"beatles_index_1\.2\.json.*download\(\['index'\]\)"):
        source(f"mirdata:beatles:{beatles}")
    with pytest.raises(UnknownName, match="beatles"):
        source("mirdata:beatels")
