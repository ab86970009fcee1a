"""Facts of source/filter factorization."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.decomposition import NMF

from aural.errors import AuralError
from aural.representations import SourceFilter, nmf
from aural.representations.sf_nmf import combs, divergence, glottal

from .signals import noise

RATE = 16_000


def small(**options: object) -> SourceFilter:
    return SourceFilter(RATE, 320, 1024, **{"fmin": 100.0, "fmax": 400.0, "components": 3, "rounds": 20, **options})  # type: ignore[arg-type]


def vowel(seconds: float = 1.0) -> tuple[torch.Tensor, np.ndarray]:
    """Glottal pulses at a gliding pitch through two resonances, and the pitch at every sample."""
    hz = 200 * 2 ** (0.5 * np.sin(np.pi * np.arange(int(seconds * RATE)) / RATE))
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    harmonics = np.arange(1, 30)
    resonance = [sum(1 / (1 + ((h * hz - f) / 150) ** 2) for f in (600, 1300)) + 0.05 for h in harmonics]
    x = sum((c * np.exp(1j * h * phase)).real * r for h, c, r in zip(harmonics, glottal(harmonics), resonance, strict=True))
    return torch.from_numpy(np.asarray(x))[None, None].float(), hz


def test_pitches_of_the_paper() -> None:
    hz = SourceFilter().frequencies()
    assert len(hz) == 301
    assert hz[0] == 55
    assert hz[-1] == pytest.approx(1760)


def test_the_glottal_source_is_the_integral_it_stands_for() -> None:
    t = (np.arange(200_000) + 0.5) / 200_000
    flow = np.where(t < 0.5, 2 * 27 / 4 / 0.25 * t - 3 * 27 / 4 / 0.125 * t**2, 0)
    for h in (1, 2, 7):
        assert abs(glottal(np.array([h]))[0] - (flow * np.exp(-2j * np.pi * h * t)).mean()) < 1e-4
    assert abs(flow.mean()) < 1e-4  # what flows in flows out


def test_combs_stand_on_the_harmonics_and_fall() -> None:
    hz = np.array([250.0, 500.0])
    columns = combs(hz, RATE, 2048, 2048).numpy()
    assert np.allclose(columns.sum(0), 1)
    for f, column in zip(hz, columns.T, strict=True):
        for h in range(1, 6):
            near = round(h * f / RATE * 2048)
            assert column[near - 8 : near + 9].argmax() == 8
        tops = column[(np.arange(1, 12) * f / RATE * 2048).astype(int)]
        assert tops[10] < tops[0] / 10


def test_the_pitch_of_a_vowel_is_found_to_20_cents() -> None:
    x, hz = vowel()
    part = small()
    found = part.frequencies()[part(x)[0, 0].argmax(0).numpy()]
    true = hz[np.minimum(np.arange(len(found)) * 320, len(hz) - 1)]
    cents = np.abs(1200 * np.log2(found / true))[3:-3]
    assert (cents <= 20).mean() > 0.95


@pytest.mark.parametrize(("exponent", "rise"), [(0.5, 1e-9), (1.0, 1e-6)])
def test_the_cost_falls_and_factors_stay_positive(exponent: float, rise: float) -> None:
    part = small(exponent=exponent)
    power = torch.stack([torch.fft.rfft(noise(1024 * 20, seed=s).double().reshape(20, 1024)).abs().square().T for s in range(2)])
    model, costs = part.factored(power)
    steps = torch.stack(costs)
    assert (steps[1:] <= steps[:-1] * (1 + rise)).all()
    assert (steps[-1] < 0.8 * steps[0]).all()
    assert all((factor >= 0).all() for factor in model)
    for columns in (model.bumps, model.filters, model.spectra):
        assert (columns.sum(-2) - 1).abs().max() < 1e-9


def test_a_batch_is_its_examples_and_the_level_only_scales() -> None:
    part, x = small(rounds=5), torch.cat([vowel(0.5)[0], 0.1 * noise(8000)])
    both = part(x)
    assert (both[1:] - part(x[1:])).abs().max() < 1e-6 * both.abs().max()
    louder = part(2 * x)
    assert torch.allclose(louder, 4 * both, rtol=1e-3, atol=1e-6 * float(louder.max()))
    assert (part(torch.zeros(1, 1, 5000)) == 0).all()
    assert part.double()(x).dtype == torch.float64
    assert part.frames(8000) == both.shape[-1]


def test_long_sounds_go_in_pieces() -> None:
    part, x = small(rounds=3, seconds=0.4), vowel(1.0)[0]
    assert part(x).shape[-1] == part.frames(RATE)
    first = part(x[..., : 19 * 320 + 512])[..., :20]  # as far as the first piece's last window reaches
    assert torch.allclose(part(x)[..., :20], first, rtol=1e-3, atol=1e-6 * float(first.max()))


@pytest.mark.parametrize(("beta", "name"), [(2.0, "frobenius"), (1.0, "kullback-leibler"), (0.0, "itakura-saito")])
def test_plain_factorization_costs_what_scikit_learns_costs(beta: float, name: str) -> None:
    x = noise(30, 20).double().abs() + 0.1
    w, h = noise(4, 20, seed=1).double().abs() + 0.1, noise(30, 4, seed=2).double().abs() + 0.1
    start = float(divergence(x, w @ h, beta))
    ours = nmf(x, w, h, beta=beta, rounds=200)
    theirs = NMF(4, init="custom", solver="mu", beta_loss=name, max_iter=200, tol=0)
    found = theirs.fit_transform(x.numpy(), W=w.numpy().copy(), H=h.numpy().copy())
    cost, other = (float(divergence(x, torch.as_tensor(y), beta)) for y in (ours[0] @ ours[1], found @ theirs.components_))
    assert cost == pytest.approx(other, rel=0.01)
    assert cost < 0.7 * start


def test_pitches_above_half_the_rate_are_refused() -> None:
    with pytest.raises(AuralError, match="8000 Hz"):
        SourceFilter(RATE, fmax=9000)
