"""Pianos for the bank: made by physics, read from folders, played in mixed songs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from aural.data.songs import bank as banks
from aural.data.songs import pianos
from aural.data.songs.bank import Bank, Stock
from aural.data.songs.pianos import RATE
from aural.data.songs.score import Score, Track
from aural.data.songs.synth import _kit
from aural.data.songs.tables import _touched, tabled
from aural.errors import DataError

SEEDS = range(len(pianos.KINDS))


def struck(seed: int, key: int, *velocities: int, hold: float = 1.0) -> np.ndarray:
    return pianos.struck(pianos.piano(seed), key, velocities or (80,), hold)


def peak(wave: np.ndarray, near: float, width: float) -> float:
    """Hz of the strongest partial within `width` of a frequency."""
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 8 * len(wave)))
    hertz = np.fft.rfftfreq(8 * len(wave), 1 / RATE)
    inside = np.flatnonzero(np.abs(hertz - near) < width)
    return float(hertz[inside[spectrum[inside].argmax()]])


def centre(wave: np.ndarray) -> float:
    """Hz of the centre of its spectrum, between 200 Hz, where knocks are, and 8 kHz."""
    power = np.abs(np.fft.rfft(wave[: RATE // 5])) ** 2
    hertz = np.fft.rfftfreq(RATE // 5, 1 / RATE)
    heard = (hertz > 200) & (hertz < 8000)
    return float((power * hertz)[heard].sum() / power[heard].sum())


def decibels(wave: np.ndarray, seconds: float) -> np.ndarray:
    """(window,) levels one after the other."""
    size = round(seconds * RATE)
    windows = wave[: len(wave) // size * size].reshape(-1, size)
    return 10 * np.log10(np.square(windows, dtype=float).mean(1) + 1e-12)


def test_the_same_seed_is_the_same_piano_and_another_seed_is_another():
    assert np.array_equal(struck(3, 60), struck(3, 60))
    assert not np.allclose(struck(3, 60), struck(11, 60))  # of the same kind


@pytest.mark.parametrize("seed", [s for s in SEEDS if pianos.KINDS[s] in ("grand", "upright", "felt")])
def test_middle_keys_are_in_tune_to_five_cents(seed):
    for key in (57, 60, 65, 69):
        wanted = 440 * 2 ** ((key - 69) / 12)
        assert abs(1200 * np.log2(peak(struck(seed, key)[0][1000:], wanted, 0.02 * wanted) / wanted)) < 5


def test_upper_partials_are_sharp_by_the_stiffness_of_the_strings():
    own, key = pianos.piano(0), 57
    wave = struck(0, key, 110)[0][1000:]
    first = peak(wave, 220, 5)
    b = pianos.stiffness(key, own.stiff)
    for h in (4, 6):
        stiff = h * np.sqrt((1 + b * h * h) / (1 + b))
        assert peak(wave, stiff * first, 20) / first == pytest.approx(stiff, rel=1.5e-3)
        assert stiff > h * 1.001


def test_octaves_are_stretched_at_both_ends_only():
    assert pianos.stretched(60) == 0 == pianos.stretched(69)
    assert pianos.stretched(108) == pytest.approx(25)
    assert pianos.stretched(21) == pytest.approx(-15)


def test_a_held_note_only_decays_and_lower_ones_ring_longer():
    left = []
    for seed in SEEDS:
        for key in (36, 60, 96):
            levels = decibels(struck(seed, key, hold=3.0)[0], 0.75)
            assert (np.diff(levels) < 0).all()
            left.append(levels[0] - levels[-1])
    assert min(left) > 6
    assert max(left) < 75
    low, middle, high = np.reshape(left, (-1, 3)).mean(0)
    assert low < middle < high - 3


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_struck_harder_is_louder_and_brighter(seed):
    for key in (40, 60, 80):
        waves = struck(seed, key, *pianos.VELOCITIES)
        loud = [decibels(w, 0.2)[0] for w in waves]
        assert (np.diff(loud) > 2).all()
        assert 14 < loud[-1] - loud[0] < 35
        soft, hard = centre(waves[0]), centre(waves[-1])
        assert hard > (1.1 * soft if key < 70 else soft)  # of high keys little more than the fundamental is heard


def test_a_note_is_heard_when_it_is_struck():
    """The energy rises within 10 ms of where the bank says that a note is heard."""
    for seed in SEEDS:
        for key in (33, 60, 87):
            wave = struck(seed, key)[0]
            heard, swells = banks.risen(wave)
            energy = np.square(wave[: 50 * 110]).reshape(-1, 50).mean(1)
            rise = int(np.argmax(energy > 0.05 * energy.max())) * 50 / RATE
            assert abs(rise - heard) < 0.01
            assert heard < 0.03
            assert not swells


def written(folder: Path, velocities: tuple[int, ...] = (40, 100)) -> Path:
    soundfile = pytest.importorskip("soundfile")
    folder.mkdir(parents=True)
    for key in (48, 60, 72):
        for velocity, wave in zip(velocities, struck(1, key, *velocities, hold=0.6), strict=True):
            soundfile.write(str(folder / f"{key:03d}-{velocity:03d}.ogg"), wave, RATE)
    return folder


def test_a_folder_of_notes_is_a_recorded_piano(tmp_path, monkeypatch):
    folder = written(tmp_path / "pianos" / "upstairs")
    (tmp_path / "pianos" / "notes.txt").write_text("no piano")
    monkeypatch.setenv("AURAL_FONTS", str(tmp_path / "pianos"))
    assert pianos.folders() == [folder]
    read = list(pianos.recorded(folder, 0.5))
    assert [(key, velocity) for key, velocity, *_ in read] == [(k, v) for k in (48, 60, 72) for v in (40, 100)]
    assert np.abs(read[1][3]).max() > 3 * np.abs(read[0][3]).max()  # levels as recorded
    assert all(len(wave) == RATE // 2 for *_, wave in read)


def test_a_recorded_piano_has_every_velocity_of_every_key(tmp_path):
    folder = written(tmp_path / "hole")
    (folder / "060-100.ogg").unlink()
    with pytest.raises(DataError, match="key 60 lacks the velocity 100"):
        list(pianos.recorded(folder))


def test_a_bank_changes_with_the_recorded_pianos_and_only_those_for_training_hold_them(tmp_path, monkeypatch):
    before = {split: Stock(split)._digest() for split in ("train", "test")}
    written(tmp_path / "upstairs")
    monkeypatch.setenv("AURAL_FONTS", str(tmp_path))
    assert Stock("train")._digest() != before["train"]
    assert Stock("test")._digest() == before["test"]


@pytest.fixture(scope="module")
def bank(tmp_path_factory) -> Bank:
    """An instrument that is no piano, a kit, two pianos."""
    from aural.data.songs.synth import _program

    path = tmp_path_factory.mktemp("bank") / "small.npz"
    programs = [_program(0, p) for p in (0, 16, 24, 32, 40, 48, 56, 64, 73)]
    jobs = [
        partial(banks._of_presets, "synth", 1.0, lambda: [*programs, _kit(0, 0)], 1.0),
        *(partial(banks._of_piano, str(seed), weight, partial(pianos.notes, seed, 1.0)) for seed, weight in ((0, 1.0), (1, 3.0))),
    ]
    banks.build(path, jobs, [], 1)
    return Bank(path)


def test_the_bank_keeps_pianos_apart_from_other_sources(bank):
    assert bank.fonts.names == ["synth"]
    assert list(bank.pianos.values()) == [1.0, 3.0]
    rng = np.random.default_rng(0)
    drawn = [bank.piano(rng) for _ in range(400)]
    assert drawn.count(max(bank.pianos)) / 400 == pytest.approx(0.75, abs=0.08)
    for number in bank.pianos:
        pitch, velocity = np.array([60, 60, 60, 60, 100, 21]), np.array([8, 60, 90, 127, 50, 50])
        picked = bank.pick(number, pitch, velocity)
        assert (np.abs(bank.key[picked] - pitch) <= 1.5).all()
        assert bank.velocity[picked].tolist() == [25, 52, 82, 115, 52, 52]
        assert (np.diff(bank.level[picked[:4]]) > 0).all()


def score() -> Score:
    beats = np.arange(0, 14, 0.5)
    rows = [(t, t + 0.4, 48 + int(2 * t) % 5 + 7 * k, 80, 0) for t in beats for k in range(3)]
    return Score("a", "piano", (Track("piano", 0),), np.array(rows), beats, np.arange(len(beats)) % 4 + 1)


def test_every_other_piano_song_is_played_on_one_of_the_banks_pianos(bank):
    first = bank.offset[bank.first[min(bank.pianos)]]
    grand = []
    for seed in range(60):
        made = tabled(score(), bank, np.random.default_rng(seed), 6.0)
        assert made is not None
        on_piano = made[0].whole[2] >= first
        assert on_piano.all() or not on_piano.any()
        grand.append(bool(on_piano[0]))
    assert np.mean(grand) == pytest.approx(0.5, abs=0.2)


def test_pianists_play_from_very_soft_to_very_loud_and_bring_out_the_top():
    start = np.repeat(np.arange(40) * 0.5, 3)
    pitch = np.tile([48, 55, 72], 40)
    means, tops = [], []
    for seed in range(40):
        velocity = _touched(start, pitch, np.full(120, 80), np.random.default_rng(seed))
        assert velocity.min() >= 18
        assert velocity.max() <= 127
        means.append(velocity.mean())
        tops.append(velocity[2::3].mean() - velocity[::3].mean())
    assert min(means) < 45
    assert max(means) > 85
    assert np.mean(tops) > 5
