"""Tagging: a convolutional network over six harmonics of every pitch, whose filters learn how wide they are.

Paper     Won, Chun, Nieto & Serra, Data-driven harmonic filters for audio representation learning, ICASSP 2020 [WCNS20]
Survey    3.2
In        sound, any rate; inside 16,000 Hz mono; clips of 5 s
Inside    STFT of 512 samples every 256; triangles at 1 to 6 times 128 quarter-tone pitches from C1; dB; then seven layers of 3 × 3
Out       tags: Labels; or one Label of the field `of`
Differs   AdamW; plain layers, and channels of our choice, as the paper's were not found; the survey has the filters in time, the paper
          (and this) on the spectrogram
"""

from __future__ import annotations

from torch import Tensor, nn

from aural.encodings.tags import clip_words
from aural.frontends import Harmonic
from aural.nets.cnn import CNN, Classifier
from aural.nets.segments import Segments
from aural.objectives import Supervised, binary, classes
from aural.part import Lengths
from aural.representations import Spectrogram
from aural.system import Recipe, System, system
from aural.tasks import task
from aural.tasks.tag import FAMILIES

RATE, HOP = 16_000, 256


@system(cites="WCNS20")
def harmonic_cnn(
    labels: tuple[str, ...] = FAMILIES,
    of: str = "tags",
    harmonics: int = 6,
    channels: tuple[int, ...] = (64, 64, 128, 128, 128, 256, 256),
    n_fft: int = 512,
    seconds: float = 5.0,
) -> System:
    """`n_fft`: at 1024 no triangle is narrower than a bin, and all learn."""
    spectrogram = Spectrogram(RATE, HOP, n_fft)
    frames = round(seconds * RATE) // HOP
    return System(
        task=task(of),
        input={"x": spectrogram, "lengths": Lengths(spectrogram)},
        net=Segments(Classifier(HarmonicCNN(harmonics, channels, n_fft, frames), len(labels), "max", dropout=0.5), frames, at_once=2),
        output=clip_words(of, labels),
        objective=Supervised(binary if of == "tags" else classes),
        recipe=Recipe(seconds=seconds, batch=16, steps=10_000, rate=1e-3),
    )


class HarmonicCNN(nn.Module):
    """A power spectrogram (batch, 1, bin, frame) → (batch, channels[-1], band, frame'); each layer halves bands and frames, as long as
    there are two of them."""

    def __init__(self, harmonics: int, channels: tuple[int, ...], n_fft: int, frames: int) -> None:
        super().__init__()
        self.harmonic = Harmonic(RATE, n_fft, harmonics)
        self.norm = nn.BatchNorm2d(harmonics)
        bands = len(self.harmonic.centres)
        pools = [(2 if bands >> i > 1 else 1, 2 if frames >> i > 1 else 1) for i in range(len(channels))]
        self.layers = CNN(harmonics, channels, 3, pools)
        self.channels, self.stride = channels[-1], self.layers.stride

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(self.norm(self.harmonic(x)))
