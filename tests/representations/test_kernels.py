"""Facts of Brown's constant-Q transforms, direct and sparse."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.signal import lfilter

from aural.errors import AuralError
from aural.representations import CQT, KernelCQT

from .signals import noise

RATE = 22_050


def tone(*hz: float, seconds: float = 2.0) -> torch.Tensor:
    t = torch.arange(int(seconds * RATE), dtype=torch.float64) / RATE
    return sum(torch.sin(2 * torch.pi * f * t) for f in hz)[None, None]  # type: ignore[union-attr]


def direct(**options: object) -> KernelCQT:
    return KernelCQT(RATE, 1024, 65.4, **{"bands": 60, "engine": "direct", **options}).double()  # type: ignore[arg-type]


@pytest.mark.parametrize(("per_octave", "q"), [(12, 16.817), (24, 34.127), (36, 51.44), (60, 86.06)])
def test_the_quality_of_so_many_bins_an_octave(per_octave: int, q: float) -> None:
    assert KernelCQT(RATE, 512, 1000, 3, per_octave).q == pytest.approx(q, abs=6e-3)


def test_is_the_sum_that_defines_it() -> None:
    part, x = direct(), noise(RATE, seed=1).double()
    made, padded = part.transform(x)[0, 0].numpy(), np.pad(x[0, 0].numpy(), RATE)
    for k in (0, 31, 59):
        period = RATE / part.frequencies()[k]
        n = np.arange(-int(part.q * period / 2), int(part.q * period / 2) + 1)
        window = 0.5 + 0.5 * np.cos(2 * np.pi * n / (part.q * period))
        for frame in (0, 10, made.shape[-1] - 1):
            heard = padded[RATE + frame * 1024 + n]
            assert abs(2 / window.sum() * (heard * window * np.exp(-2j * np.pi * n / period)).sum() - made[k, frame]) < 1e-12


@pytest.mark.parametrize("window", ["hann", "hamming"])
def test_without_a_threshold_the_engines_are_one(window: str) -> None:
    x = noise(RATE, seed=1).double()
    one = direct(window=window).transform(x)
    other = direct(window=window, engine="sparse", threshold=0).transform(x)
    assert (one - other).abs().max() < 1e-12


@pytest.mark.parametrize(("threshold", "kept", "error"), [(0.0054, 0.01, 0.006), (0.01, 0.008, 0.01)])
def test_a_few_percent_of_the_entries_say_nearly_all(threshold: float, kept: float, error: float) -> None:
    x = noise(RATE, seed=1).double()
    part, exact = direct(engine="sparse", threshold=threshold), direct().transform(x)
    assert part.density() < kept
    assert (part.transform(x) - exact).norm() < error * exact.norm()


@pytest.mark.parametrize("engine", ["direct", "sparse"])
def test_a_sine_gives_its_amplitude(engine: str) -> None:
    part = direct(engine=engine)
    for k in (3, 20, 50):
        middle = part(0.5 * tone(part.frequencies()[k]))[0, 0, :, 20]
        assert int(middle.argmax()) == k
        assert middle[k].item() == pytest.approx(0.5, rel=2e-3)


def test_transposition_by_three_semitones_shifts_the_bins() -> None:
    low, high = (direct(bands=72)(tone(*(f * h for h in range(1, 5))))[0, 0, :, 15:30] for f in (220.0, 220.0 * 2**0.25))
    assert (high[3:] - low[:-3]).norm() < 0.01 * low.norm()


def test_what_has_fixed_formants_does_not_shift() -> None:
    """The survey's warning: a voice that sings higher keeps its mouth."""
    resonance = [1, -2 * 0.97 * np.cos(2 * np.pi * 900 / RATE), 0.97**2]

    def heard(f0: float, through: bool) -> torch.Tensor:
        x = tone(*(f0 * h for h in range(1, 6)))
        x = torch.from_numpy(lfilter([1], resonance, x.numpy())) if through else x
        return direct(bands=72)(x)[0, 0, :, 15:30]

    def error(through: bool) -> float:
        low, high = heard(220.0, through), heard(220.0 * 2**0.25, through)
        return float((high[3:] - low[:-3]).norm() / low.norm())

    assert error(False) < 0.02
    assert error(True) > 10 * error(False)


def test_the_fast_transform_of_the_house_agrees_within_its_own_q() -> None:
    """Its Q is librosa's, 17.33, 3 % higher than Brown's at 12 bins an octave."""
    x = noise(RATE * 2, seed=1)
    ours, fast = KernelCQT(RATE, 512, 65.4, 60, engine="direct")(x), CQT(RATE, 512, 65.4, 60)(x)
    assert (ours - fast).norm() < 0.03 * fast.norm()


def test_equals_nnaudios_within_2_percent() -> None:
    from nnAudio.features import CQT1992v2

    x = noise(RATE * 2, seed=1)
    theirs = CQT1992v2(sr=RATE, hop_length=512, fmin=65.4, n_bins=60, pad_mode="constant", verbose=False, output_format="Magnitude")(x[0])
    ours = KernelCQT(RATE, 512, 65.4, 60, engine="direct", window="hann")(x)[0]
    theirs = theirs / torch.tensor(np.sqrt(np.ceil(16.817 * RATE / 65.4 / 2 ** (np.arange(60) / 12))))[None, :, None] * 2  # "librosa" scale
    assert (ours - theirs).norm() < 0.02 * ours.norm()


def test_long_sounds_go_in_blocks_and_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    x, part = noise(RATE, 2, 1), KernelCQT(RATE, 256, 65.4, 60)
    whole = part(x)
    monkeypatch.setattr("aural.representations.kernels.SAMPLES", 2**14)
    assert (part(x) - whole).abs().max() < 1e-6


def test_bins_above_half_the_rate_are_refused() -> None:
    with pytest.raises(AuralError, match="11025 Hz"):
        KernelCQT(RATE, 512, bands=120)
    with pytest.raises(AuralError, match="engine"):
        KernelCQT(RATE, 512, engine="dense")
