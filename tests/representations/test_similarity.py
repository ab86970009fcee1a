"""Facts of self-similarity and lag matrices, and of whitening."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA

from aural.errors import AuralError
from aural.part import Part
from aural.representations import ChromaCQT, Lags, LogMel, SelfSimilarity, Whitened, from_lags, to_lags

from .signals import RATE, noise


class Given(Part):
    """Features as they come; ten frames a second."""

    rate, hop = 10, 1


def tone(hz: float, seconds: float = 1.0, rate: int = 22_050) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hz * torch.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize("options", [{}, {"context": 4}, {"kind": "distance"}, {"kind": "distance", "width": 3.0, "context": 2}])
def test_every_moment_is_like_itself_and_likeness_is_mutual(options: dict) -> None:
    matrix = SelfSimilarity(Given(), **options).double()(noise(50, 2, 1, 12).double())
    assert matrix.shape == (2, 1, 50, 50)
    assert (matrix - matrix.mT).abs().max() < 1e-12
    assert (matrix.diagonal(dim1=-2, dim2=-1) - 1).abs().max() < 1e-7
    assert torch.linalg.eigvalsh(matrix).min() > -1e-7  # both are kernels


def test_a_b_a_has_a_line_at_the_distance_of_the_two_a() -> None:
    sound = torch.cat([tone(hz) for hz in (220, 277, 330, 247, 415, 370, 220, 277, 330)])[None, None]
    chroma = ChromaCQT(22_050, 2205, 5)
    lags = Lags(chroma, 80)(sound)[0, 0]
    line = lags[:, 62:88].mean(-1)
    assert int(line[10:].argmax()) + 10 == 60
    assert line[60] > 0.95
    full = SelfSimilarity(chroma)(sound)
    assert (to_lags(full)[0, 0, :80] - lags).abs().max() < 1e-5


def test_lags_and_back() -> None:
    matrix = SelfSimilarity(Given())(noise(30, 2, 1, 5))
    assert torch.equal(from_lags(to_lags(matrix)), matrix)
    skew = noise(30, 1, 30)
    assert torch.equal(from_lags(to_lags(skew, circular=True), circular=True), skew)
    theirs = librosa.segment.recurrence_to_lag(matrix[0, 0].numpy(), pad=False)
    ours = to_lags(matrix, circular=True)[0, 0].numpy()
    assert all(np.array_equal(theirs[lag], np.roll(ours[lag], -lag)) for lag in range(30))  # librosa looks ahead


def test_silence_is_like_silence_and_gradients_are_finite() -> None:
    for part in (SelfSimilarity(Given()), SelfSimilarity(Given(), "distance"), Lags(Given(), 5, context=3)):
        x = torch.zeros(1, 1, 4, 9, requires_grad=True)
        made = part(x)
        assert made.isfinite().all()
        (slope,) = torch.autograd.grad(made.sum(), x)
        assert slope.isfinite().all()
    assert (SelfSimilarity(Given())(torch.zeros(1, 1, 4, 9)) > 0.999).all()


def test_chroma_turned_by_a_fifth_is_most_alike_when_turned_back() -> None:
    sound = torch.cat([tone(hz) for hz in (220, 277, 330)])[None, None]
    chroma = ChromaCQT(22_050, 2205, 5)(sound)[0, 0]
    higher = chroma.roll(7, 0)
    alike = torch.stack([(higher.roll(-turn, 0) * chroma).sum() for turn in range(12)])
    assert int(alike.argmax()) == 7


def test_one_lag_too_few_is_refused() -> None:
    with pytest.raises(AuralError, match="lag"):
        Lags(Given(), 0)
    with pytest.raises(AuralError, match="kind"):
        SelfSimilarity(Given(), "angle")


# ---- whitening


def batches(rows: int = 6) -> list[torch.Tensor]:
    return [noise(4000, 2, 1, seed=s) for s in range(rows)]


def mel() -> LogMel:
    return LogMel(RATE, 160, 512, 20)


def frames(features: torch.Tensor) -> torch.Tensor:
    """(frame, band)"""
    return features[:, 0].transpose(0, 1).flatten(1).T


@pytest.mark.parametrize("options", [{}, {"components": 7}, {"symmetric": True}])
def test_the_training_set_becomes_uncorrelated_and_of_deviation_1(options: dict) -> None:
    part = Whitened(mel(), **options)
    part.fit(iter(batches()))
    x = torch.cat([frames(part(b)) for b in batches()]).double()
    kept = options.get("components", 20)
    assert x.mean(0).abs().max() < 1e-3
    assert (x.T @ x / len(x) - torch.eye(kept)).abs().max() < 1e-3


def test_equals_scikit_learns_components_up_to_sign() -> None:
    part = Whitened(mel(), 7)
    part.fit(batches())
    x = torch.cat([frames(mel()(b)) for b in batches()]).numpy().astype(np.float64)
    theirs = PCA(7, whiten=True, svd_solver="full").fit(x).transform(x)
    ours = torch.cat([frames(part(b)) for b in batches()]).numpy()
    signs = np.sign((ours * theirs).sum(0))
    theirs *= np.sqrt(len(x) / (len(x) - 1))  # theirs divides by n - 1
    assert np.abs(ours - signs * theirs).max() < 1e-4 * np.abs(theirs).max()


def test_symmetric_whitening_is_symmetric_and_keeps_the_bands_apart() -> None:
    part = Whitened(mel(), symmetric=True)
    part.fit(batches())
    assert (part.matrix - part.matrix.mT).abs().max() < 1e-5
    assert (part.matrix.abs().argmax(-1) == torch.arange(20)).all()


def test_whitened_and_back_is_the_projection_on_what_was_kept() -> None:
    whole, few = Whitened(mel()), Whitened(mel(), 7)
    whole.fit(batches())
    few.fit(batches())
    x = mel()(batches()[0])
    assert (whole.invert(whole(batches()[0])) - x).abs().max() < 1e-3
    once = few.invert(few(batches()[0]))
    again = few.invert(few.matrix @ (once - few.mean))
    assert (again - once).abs().max() < 1e-3
    assert 0 < (once - x).norm() < (x - few.mean).norm()


def test_what_is_fitted_is_saved_and_loaded() -> None:
    part, other = Whitened(mel(), 7), Whitened(mel(), 7)
    part.fit(batches())
    assert other(batches()[0]).shape == part(batches()[0]).shape
    assert set(part.state_dict()) == {"mean", "matrix", "back"}
    with pytest.raises(AuralError, match="no batch"):
        other.fit([])
    with pytest.raises(AuralError, match="20 bands"):
        Whitened(mel(), 21).fit(batches())
