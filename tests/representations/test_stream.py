"""A sound that comes in pieces has the frames of the whole."""

from __future__ import annotations

import pytest
import torch

from aural.errors import AuralError
from aural.representations import HCQT, LPC, NSGT, SMS, LogMel, SourceFilter, Stream

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
]


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


def test_frames_come_as_soon_as_their_window_is_full() -> None:
    stream = Stream(LogMel(RATE, 160, 512, 40))
    assert stream(noise(255)).shape[-1] == 0
    assert stream(noise(1)).shape[-1] == 1
    assert stream(noise(159)).shape[-1] == 0
    assert stream(noise(1)).shape[-1] == 1


@pytest.mark.parametrize("part", [HCQT(), NSGT(RATE, 20, 220), SMS(RATE), SourceFilter(), LogMel(RATE, 160, range_db=80.0)])
def test_what_hears_the_whole_cannot_be_streamed(part) -> None:
    with pytest.raises(AuralError, match=r"all of it|whole"):
        Stream(part)


def test_a_stream_without_samples_has_no_end() -> None:
    with pytest.raises(AuralError, match="no samples"):
        Stream(LPC(RATE, 160)).end()
