"""Front ends that leave the house with a model."""

from __future__ import annotations

import pytest
import torch

from aural.errors import OptionError
from aural.representations import CQT, CWT, MFCC, STFT, Chroma, Gammatone, KernelCQT, LogMel, Loudness, MultiResolutionLogMel, Spectrogram
from aural.representations.travel import Travelling

from .signals import RATE, noise

# Name → the part, and how far from it a traveller may be, as a share of the largest value.
PARTS = {
    "power": (lambda: Spectrogram(RATE, 160, 512), 1e-5),
    "magnitude": (lambda: Spectrogram(RATE, 160, 400, 512, power=1), 1e-5),
    "log mel": (lambda: LogMel(RATE, 160, 512, 40), 1e-4),
    "log mel of magnitudes": (lambda: LogMel(RATE, 160, 512, 40, power=1, compression="log1p", factor=1000), 1e-4),
    "mfcc": (lambda: MFCC(RATE, 160, 512, 40, 13, range_db=80.0), 1e-4),
    "chroma": (lambda: Chroma(RATE, 160), 1e-4),
    "loudness": (lambda: Loudness(RATE, 160, 512, "K"), 1e-4),
    "cqt": (lambda: CQT(RATE, 160, 65.4, 60), 2e-3),
    "vqt": (lambda: CQT(RATE, 160, 65.4, 120, 24, gamma=12, shape="frequency"), 2e-3),
    "Brown's constant Q": (lambda: KernelCQT(RATE, 160, 65.4, 60, engine="direct"), 1e-5),
    "Morlet wavelets": (lambda: CWT(RATE, 160, 100, 48, 8, engine="direct"), 1e-5),
    "gammatones": (lambda: Gammatone(RATE, 160, 20), 1e-5),
}


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize("samples", [16_000, 5001, 1])
def test_a_traveller_makes_what_the_part_makes(name: str, samples: int) -> None:
    make, away = PARTS[name]
    part, x = make(), noise(samples, 2, 1)
    here, there = part(x), Travelling(part)(x)
    assert here.shape == there.shape
    assert (here - there).abs().max() <= away * max(float(here.abs().max()), 0.01)


@pytest.mark.parametrize("name", PARTS)
def test_exported_it_is_the_same_at_every_length(name: str) -> None:
    part = Travelling(PARTS[name][0]()).eval()
    time = torch.export.Dim("time", min=160, max=1_000_000)  # from two frames on
    made = torch.export.export(part, (noise(8000, 1, 1),), dynamic_shapes=({2: time},)).module()
    for samples in (8000, 12_345):
        x = noise(samples, 1, 1)
        torch.testing.assert_close(made(x), part(x))


def test_a_traveller_has_no_complex_numbers() -> None:
    graph = torch.export.export(Travelling(LogMel(RATE, 160, 512, 40)), (noise(8000, 1, 1),)).graph
    values = [node.meta["val"] for node in graph.nodes if isinstance(node.meta.get("val"), torch.Tensor)]
    assert values
    assert not any(value.is_complex() for value in values)
    assert {value.dtype for value in values if value.is_floating_point()} == {torch.float32}


@pytest.mark.parametrize("make", [lambda: STFT(RATE, 160, 512), lambda: LogMel(RATE, 160, 512, 40), lambda: MFCC(RATE, 160, 512, 40, 13)])
def test_the_house_s_own_way_is_exported_too(make) -> None:
    part, x = make(), noise(8000, 1, 1)
    made = torch.export.export(part, (x,)).module()
    torch.testing.assert_close(made(x), part(x), rtol=1e-4, atol=1e-4)


def test_half_precision_samples_give_float32_features() -> None:
    x = noise(8000, 1, 1)
    part = Travelling(LogMel(RATE, 160, 512, 40))
    torch.testing.assert_close(part(x.half()), part(x.half().float()))


ONNX = [name if name == "log mel" else pytest.param(name, marks=pytest.mark.slow) for name in PARTS]


@pytest.mark.parametrize("name", ONNX)
def test_onnx_runs_it(name: str, tmp_path) -> None:
    pytest.importorskip("onnxscript")
    reference = pytest.importorskip("onnx.reference")
    part, x = Travelling(PARTS[name][0]()).eval(), noise(8000, 1, 1)
    path = tmp_path / "part.onnx"
    torch.onnx.export(part, (x,), str(path), dynamo=True, input_names=["sound"], verbose=False)
    (made,) = reference.ReferenceEvaluator(str(path)).run(None, {"sound": x.numpy()})
    torch.testing.assert_close(torch.from_numpy(made), part(x), rtol=1e-3, atol=1e-3)


def test_what_cannot_travel_says_so() -> None:
    with pytest.raises(OptionError, match="MultiResolutionLogMel is not known to travel"):
        Travelling(MultiResolutionLogMel(RATE, 160, fmax=8000))
