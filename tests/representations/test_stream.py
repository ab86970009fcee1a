"""A sound that comes in pieces has the frames of the whole."""

from __future__ import annotations

import pytest
import torch

from aural.errors import AuralError
from aural.representations import (
    HCQT,
    LPC,
    NSGT,
    PCEN,
    SMS,
    Lags,
    LogMel,
    SelfSimilarity,
    Semitones,
    SourceFilter,
    Spectrogram,
    Standardised,
    Stream,
    Views,
)

from .signals import RATE, noise
from .test_promises import MAKERS, close

NAMES = [
    "waveform",
    "mu law",
    "stft",
    "real and imaginary",
    "instantaneous frequency",
    "log mel",
    "three log mels",
    "mfcc",
    "chroma",
    "cepstrum",
    "linear prediction",
    "linear prediction of Burg",
    "loudness",
    "pcen",
    "gammatones",
    "Morlet wavelets",
    "Brown's constant Q",
    "wavelets",
    "standardised",
    "whitened",
    "lags",
    "median difference",
    "invertible constant Q of slices",
]
# Filters that never quite end: how far from the whole, as a share of the peak.
ALMOST = {"cqt": 1e-4, "vqt in dB": 1e-3, "hcqt": 1e-4, "chroma of cqt": 1e-4}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sizes", [(1000,), (1, 159, 160, 4001, 7)])
def test_pieces_have_the_frames_of_the_whole(name: str, sizes: tuple[int, ...]) -> None:
    part, x, made, at = MAKERS[name](), noise(12_345, 2, 1), [], 0
    stream = Stream(part)
    while at < x.shape[-1]:
        size = sizes[len(made) % len(sizes)]
        made.append(stream(x[..., at : at + size]))
        at += size
    made.append(stream.end())
    assert close(torch.cat(made, -1), part(x))
    assert close(torch.cat([stream(x), stream.end()], -1), part(x))  # it begins anew


@pytest.mark.parametrize("name", ALMOST)
def test_pieces_have_nearly_the_frames_of_the_whole(name: str) -> None:
    part, x = MAKERS[name](), noise(30_000, 2, 1)
    stream = Stream(part)
    made = torch.cat([*(stream(piece) for piece in x.split(1701, -1)), stream.end()], -1)
    whole = part(x)
    assert made.shape == whole.shape
    if "dB" in name:
        made, whole = 10 ** (made / 20), 10 ** (whole / 20)
    assert (made - whole).abs().max() < ALMOST[name] * whole.abs().max()


def test_views_and_comparisons_of_several_frames_are_streamed() -> None:
    views = Views(LogMel(RATE, 160, 512, 40), Semitones(RATE, 160, 1024, 36, 110.0))
    for part in (views, Standardised(views), Lags(LogMel(RATE, 160, 512, 40), 7, context=4), PCEN(Standardised(Spectrogram(RATE, 160)))):
        x, stream = noise(9_000, 2, 1), Stream(part)
        assert close(torch.cat([*(stream(piece) for piece in x.split(701, -1)), stream.end()], -1), part(x))


def test_sines_are_followed_through_a_stream() -> None:
    part = SMS(RATE, 160, 1024, tracks=12, least=5, floor_db=-50.0).double()
    x, waits = noise(9_000, 2, 1).double(), []
    time = torch.arange(9_000, dtype=torch.float64) / RATE
    x = 0.05 * x + 0.3 * torch.sin(2 * torch.pi * (400 + 300 * time) * time) * (time > 0.1)
    whole, stream, made, heard = part(x), Stream(part), [], 0
    for piece in x.split(333, -1):
        made.append(stream(piece))
        heard += piece.shape[-1]
        waits.append(max(0, (heard - 512) // 160 + 1) - sum(some.shape[-1] for some in made))
    made.append(stream.end())
    assert torch.equal(torch.cat(made, -1)[:, 1] > 0, whole[:, 1] > 0)
    assert close(torch.cat(made, -1), whole)
    assert 0 < max(waits) < 5
    short = x[..., :400]  # fewer frames than a track lasts at least
    assert close(torch.cat([stream(short), stream.end()], -1), part(short))


def test_sources_and_filters_come_piece_by_piece() -> None:
    part = SourceFilter(RATE, 320, fmin=100, fmax=200, components=4, rounds=3, seconds=0.2)
    x, stream = noise(9_000, 2, 1), Stream(part)
    made = [stream(piece) for piece in x.split(701, -1)]
    assert {some.shape[-1] for some in made} == {0, 10}
    assert close(torch.cat([*made, stream.end()], -1), part(x))


def test_frames_come_as_soon_as_their_window_is_full() -> None:
    stream = Stream(LogMel(RATE, 160, 512, 40))
    assert stream(noise(255)).shape[-1] == 0
    assert stream(noise(1)).shape[-1] == 1
    assert stream(noise(159)).shape[-1] == 0
    assert stream(noise(1)).shape[-1] == 1


@pytest.mark.parametrize(
    "part",
    [
        HCQT(compression="unit"),
        NSGT(RATE, 20, 220),
        SelfSimilarity(LogMel(RATE, 1600)),
        Standardised(SMS(RATE)),
        PCEN(SourceFilter()),
        LogMel(RATE, 160, range_db=80.0),
    ],
)
def test_what_hears_the_whole_cannot_be_streamed(part) -> None:
    with pytest.raises(AuralError, match=r"all of it|whole"):
        Stream(part)


def test_a_stream_without_samples_has_no_end() -> None:
    with pytest.raises(AuralError, match="no samples"):
        Stream(LPC(RATE, 160)).end()
