"""Facts of what runs beside and what is shared: the answers are those of one after the other."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from aural import Example, Sound
from aural.analysis import analyze
from aural.analysis._ahead import Ahead
from aural.part import Lengths, Parts
from aural.representations import CQT, LogMel, Standardised
from aural.running import estimate
from aural.system import System
from aural.tasks.onset import onset


def song(path: Path, seconds: float = 9.0) -> Path:
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * 22_050)) / 22_050
    tones = sum(np.sin(2 * np.pi * hz * time) for hz in (220.0, 277.2, 329.6)) * np.exp(-3 * (time % 0.5))
    samples = 0.1 * np.stack([tones, tones]) + 0.02 * rng.standard_normal((2, len(time)))
    soundfile.write(str(path), samples.T, 22_050)
    return path


def test_side_by_side_gives_the_same_bytes(tmp_path):
    path = song(tmp_path / "song.wav")
    for threads in (1, 2, 4):
        assert analyze(path, tmp_path / str(threads), threads=threads).done == 1
    alone, *beside = ({f.name: f.read_bytes() for f in (tmp_path / n).iterdir()} for n in ("1", "2", "4"))
    assert beside == [alone, alone]


def test_what_goes_wrong_beside_is_told_of_the_file(tmp_path, monkeypatch):
    def broken(*_: object) -> None:
        raise OSError("the disk is on fire")

    monkeypatch.setattr("aural.analysis._one.media", broken)
    summary = analyze(song(tmp_path / "song.wav", 2.0), tmp_path / "out", ["tuning"], threads=2)
    assert summary.failed == 1
    assert "the disk is on fire" in summary.outcomes[0].reason


def test_a_promise_is_kept_by_another_thread():
    with Ahead(1) as ahead:
        promise = ahead.promise(lambda _: threading.get_ident())
        assert promise(lambda _: None) != threading.get_ident()
    with Ahead(0) as ahead:
        assert ahead.promise(lambda _: threading.get_ident())(lambda _: None) == threading.get_ident()


def test_progress_is_told_where_the_answer_is_awaited(monkeypatch):
    monkeypatch.setattr("aural.analysis._ahead.OFTEN", 0.01)
    told, further = [], threading.Event()

    def work(progress):
        progress(0.5)
        further.wait(5)
        return "done"

    def heard(share: float) -> None:
        told.append((share, threading.get_ident()))
        further.set()

    with Ahead(1) as ahead:
        assert ahead.promise(work)(heard) == "done"
    assert told == [(0.5, threading.get_ident()), (1.0, threading.get_ident())]


def test_an_error_comes_to_who_asks():
    def work(_: object) -> None:
        raise ValueError("no")

    with Ahead(1) as ahead, pytest.raises(ValueError, match="no"):
        ahead.promise(work)(lambda _: None)


# ---- shared features


class Counted(CQT):
    made = 0

    def forward(self, raw):
        Counted.made += 1
        return super().forward(raw)


class Mean(torch.nn.Module):
    def forward(self, x, lengths=None):
        return x.mean(-2)


def hears(part) -> System:
    from aural.encodings import FrameEvents

    return System(onset, part, Mean(), FrameEvents("onsets")).eval()


def test_what_is_fitted_to_two_systems_is_computed_once():
    sound = Example(sound=Sound(np.random.default_rng(0).standard_normal((1, 22_050)).astype(np.float32), 22_050))
    plain, first, second = Counted(22_050, 512), Standardised(Counted(22_050, 512)), Standardised(Counted(22_050, 512))
    first.mean, second.deviation = torch.ones(1, 84, 1), 2 * torch.ones(1, 84, 1)
    alone = [estimate(hears(part), sound)[0] for part in (plain, first, second)]
    Counted.made, memo = 0, {}
    shared = [estimate(hears(part), sound, memo)[0] for part in (plain, first, second)]
    assert Counted.made == 1
    for a, b in zip(alone, shared, strict=True):
        assert torch.equal(a, b)


def test_numbers_of_frames_are_shared_by_none_that_counts_others():
    slow, fast = LogMel(8000, 160, 256, 16), LogMel(8000, 80, 256, 16)
    assert Lengths(slow).key != Lengths(fast).key
    sound = Example(sound=Sound(np.zeros((1, 8000), np.float32), 8000))
    memo: dict = {}
    for part in (slow, fast):
        estimate(hears(Parts({"x": part, "lengths": Lengths(part)})), sound, memo)
    assert sorted(int(v) for v in memo.values() if v.ndim == 1) == [51, 101]
