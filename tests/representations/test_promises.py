"""What every representation promises."""

from __future__ import annotations

import pickle
import threading

import pytest
import torch

from aural.representations import (
    CQT,
    CWT,
    DWT,
    HCQT,
    LPC,
    MFCC,
    NSGT,
    PCEN,
    STFT,
    Cepstrum,
    Chroma,
    ChromaCQT,
    Gammatone,
    InstantaneousFrequency,
    KernelCQT,
    Lags,
    LogMel,
    Loudness,
    MuLaw,
    MultiResolutionLogMel,
    RealImaginary,
    SelfSimilarity,
    SlicedNSGT,
    SoundPart,
    SourceFilter,
    Spectrogram,
    Standardised,
    Waveform,
    Whitened,
    WithMedianDifference,
    griffin_lim,
)

from .signals import RATE, noise

MAKERS = {
    "waveform": lambda: Waveform(RATE),
    "stft": lambda: STFT(RATE, 160, 512),
    "power": lambda: Spectrogram(RATE, 160, 512),
    "magnitude": lambda: Spectrogram(RATE, 160, 512, power=1),
    "log mel": lambda: LogMel(RATE, 160, 512, 40),
    "log mel of magnitudes": lambda: LogMel(RATE, 160, 512, 40, power=1, compression="log1p", factor=1000),
    "three log mels": lambda: MultiResolutionLogMel(RATE, 160, fmax=8000),
    "mfcc": lambda: MFCC(RATE, 160, 512, 40, 13),
    "chroma": lambda: Chroma(RATE, 160),
    "cqt": lambda: CQT(RATE, 160, 65.4, 60),
    "vqt in dB": lambda: CQT(RATE, 160, 65.4, 120, 24, gamma=12, shape="frequency", compression="db"),
    "hcqt": lambda: HCQT(RATE, 160, 65.4, 48, 12, (0.5, 1, 2, 3)),
    "chroma of cqt": lambda: ChromaCQT(RATE, 160, 5),
    "standardised": lambda: Standardised(LogMel(RATE, 160, 512, 40)),
    "real and imaginary": lambda: RealImaginary(RATE, 160, 512),
    "instantaneous frequency": lambda: InstantaneousFrequency(RATE, 160, 512),
    "cepstrum": lambda: Cepstrum(RATE, 160, 512),
    "linear prediction": lambda: LPC(RATE, 160, 512),
    "linear prediction of Burg": lambda: LPC(RATE, 160, 512, 8, method="burg"),
    "wavelets": lambda: DWT(RATE, "db4", 6),
    "Morlet wavelets": lambda: CWT(RATE, 160, 100, 48, 8),
    "Brown's constant Q": lambda: KernelCQT(RATE, 160, 65.4, 60, engine="direct"),
    "Brown and Puckette's constant Q": lambda: KernelCQT(RATE, 160, 65.4, 60),
    "invertible constant Q": lambda: NSGT(RATE, 20, 220),
    "invertible constant Q of slices": lambda: SlicedNSGT(RATE, 20, 220, slice=0.1),
    "gammatones": lambda: Gammatone(RATE, 160, 20),
    "loudness": lambda: Loudness(RATE, 160, 512),
    "pcen": lambda: PCEN(LogMel(RATE, 160, 512, 40, compression="none")),
    "mu law": lambda: MuLaw(RATE),
    "self-similarity": lambda: SelfSimilarity(LogMel(RATE, 1600, 512, 40)),
    "lags": lambda: Lags(LogMel(RATE, 1600, 512, 40), 10),
    "whitened": lambda: Whitened(LogMel(RATE, 160, 512, 40)),
    "median difference": lambda: WithMedianDifference(MultiResolutionLogMel(RATE, 160, (512, 1024), 20, fmax=8000)),
}


# The invertible constant Q hears the whole sound as a circle, and the rows of a self-similarity are all its frames.
OF_THE_WHOLE = (NSGT, SelfSimilarity)


@pytest.fixture(params=MAKERS, ids=lambda name: name.replace(" ", "_"))
def part(request: pytest.FixtureRequest) -> SoundPart:
    return MAKERS[request.param]()


def close(a: torch.Tensor, b: torch.Tensor, share: float = 1e-5) -> bool:
    return a.shape == b.shape and bool((a - b).abs().max() <= share * (1 + b.abs().max()))


def test_a_batch_is_its_single_examples(part: SoundPart) -> None:
    x = noise(20_000, 3, 1)
    assert close(part(x), torch.cat([part(one[None]) for one in x]))


def test_a_padded_example_has_the_frames_it_has_alone(part: SoundPart) -> None:
    if isinstance(part, OF_THE_WHOLE) and not isinstance(part, Lags):
        pytest.skip("depends on the whole sound")
    x = noise(12_345)
    alone, padded = part(x), part(torch.nn.functional.pad(x, (0, 30_000)))
    assert close(padded[..., : alone.shape[-1]], alone, 2e-3)  # other blocks for the constant-Q transforms


def test_the_path_of_gradients_equals_the_path_of_blocks(part: SoundPart) -> None:
    x = noise(70_000, 2, 1)  # more than one block
    assert close(part(x.clone().requires_grad_()).detach(), part(x), 3e-5)


def test_the_gradient_is_the_slope(part: SoundPart) -> None:
    part.double()
    x = noise(1500).double().requires_grad_()
    y = part(x)
    weights = noise(y.numel(), seed=3).double().reshape(y.shape)
    (slope,) = torch.autograd.grad((y * weights).real.sum(), x)
    assert slope.isfinite().all()
    step = 1e-6 * noise(1500, seed=4).double()
    with torch.no_grad():
        rise = ((part(x + step) - part(x - step)) * weights).real.sum() / 2
    assert rise.item() == pytest.approx((slope * step).sum().item(), rel=1e-3)
    assert abs(rise) > 0


def test_silence_and_single_samples_have_finite_features_and_gradients(part: SoundPart) -> None:
    for samples in (0, 1, 100):
        x = torch.zeros(1, 1, samples)
        assert part(x).isfinite().all() if not part(x).is_complex() else part(x).abs().isfinite().all()
    x = torch.zeros(1, 1, 2000, requires_grad=True)
    (slope,) = torch.autograd.grad(part(x).abs().sum(), x)
    assert slope.isfinite().all()


def test_float64_has_all_its_digits(part: SoundPart) -> None:
    x = noise(20_000).double()
    single = part(x.float())
    double = part.double()(x)
    assert double.dtype in (torch.float64, torch.complex128)
    assert close(single.to(double.dtype), double, 2e-4)
    for name, value in part.named_buffers():
        if (
            value.is_floating_point()
            and value.numel()
            and value.abs().max() > 0
            and name.split(".")[-1] in ("window", "bank", "gains", "cosines")
        ):
            assert (value.float().double() != value).any()  # not a rounded float32


def test_the_number_of_threads_changes_nothing(part: SoundPart) -> None:
    x, threads = noise(200_000, 2, 1), torch.get_num_threads()
    answers = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            with torch.inference_mode():
                answers.append(part(x))
            assert torch.get_num_threads() == count
            fresh = []
            thread = threading.Thread(target=lambda kept=fresh: kept.append(torch.get_num_threads()))
            thread.start()
            thread.join()
            assert fresh == [count]
    finally:
        torch.set_num_threads(threads)
    # Where an operation of the whole goes last (a product, an exponential, an angle) its last digit may differ.
    assert torch.equal(*answers) if not isinstance(part, MFCC | ChromaCQT | PCEN | InstantaneousFrequency) else close(*answers)


def test_everything_moves_to_another_device(part: SoundPart) -> None:
    """Torch's "meta" device computes shapes only, and refuses a tensor that stayed behind."""
    shape = part(noise(5000, 2, 1)).shape
    moved = part.to("meta")(torch.empty(2, 1, 5000, device="meta"))
    assert moved.device.type == "meta"
    assert moved.shape == shape


def test_the_ways_back_move_to_another_device_too() -> None:
    x = torch.empty(2, 1, 5000, device="meta")
    stft = STFT(RATE, 160, 512).to("meta")
    backs = [griffin_lim(stft(x).abs(), stft, 5000, rounds=2)]
    for name in ("stft", "real and imaginary", "instantaneous frequency", "wavelets", "invertible constant Q"):
        part = MAKERS[name]().to("meta")
        backs.append(part.invert(part(x), 5000))
    part = LPC(RATE, 160, 512).to("meta")
    backs.append(part.synthesize(part.residual(x, part(x)), part(x)))
    assert all(back.shape == x.shape and back.device.type == "meta" for back in backs)
    found = SourceFilter(RATE, 320, fmin=100, fmax=200, rounds=2).to("meta")(x)
    assert found.device.type == "meta"


def test_features_made_in_inference_do_not_spoil_later_gradients(part: SoundPart) -> None:
    with torch.inference_mode():
        part(noise(3000))
    x = noise(3000).requires_grad_()
    part(x).abs().sum().backward()
    assert x.grad is not None


def test_the_input_stays_as_it_was(part: SoundPart) -> None:
    x = noise(5000)
    before = x.clone()
    part(x)
    assert torch.equal(x, before)


def test_equal_parameters_have_equal_keys_and_nothing_is_saved_but_what_is_fitted(part: SoundPart, request: pytest.FixtureRequest) -> None:
    name = request.node.callspec.params["part"]
    assert part.key == MAKERS[name]().key
    assert set(part.state_dict()) <= {"mean", "deviation", "matrix", "back"}
    assert sum(MAKERS[other]().key == part.key for other in MAKERS) == 1


def test_parts_travel_to_loader_workers(part: SoundPart) -> None:
    x = noise(3000)
    assert torch.equal(pickle.loads(pickle.dumps(part))(x), part(x))


RISING = ["stft", "log mel", "cqt", "chroma", "Brown's constant Q", "invertible constant Q", "Morlet wavelets", "gammatones"]


@pytest.mark.parametrize("name", RISING)
def test_bands_have_frequencies(name: str) -> None:
    part = MAKERS[name]()
    hz = part.frequencies()
    assert len(hz) == part(noise(1000)).shape[-2]
    assert (hz[1:] > hz[:-1]).all()
