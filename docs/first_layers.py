"""First layers: what each hears before and after it has learned, and how much it minds when; and the page that shows them.

python docs/first_layers.py [steps=200]     writes docs/images/first-layers/NAME.png and docs/first-layers.md

Needs AURAL_DATA with philharmonia_notes: each layer learns, with a small net behind it, which of 15 instruments plays a note.
The same bytes every time on one machine; some minutes on one processor core.
"""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aural.data import source
from aural.formats import write_file
from aural.frontends import (
    TDNN,
    Gabor,
    Harmonic,
    MultiScale,
    Musical,
    PitchSpiral,
    SampleLevel,
    Sinc,
    Strided,
    responses,
    translation_change,
)
from aural.nets.blocks import ConvBlock
from aural.representations import CQT, MFCC, STFT, LogMel, Spectrogram
from aural.representations.picture import png
from aural.sound import Recording

HERE = Path(__file__).parent
MUSIC, START, SECONDS = HERE.parent / "examples" / "vibe-ace.ogg", 20.0, 5.0
RATE, HOP, CROP = 16_000, 160, 12_800  # 0.8 s
COLUMNS, ROWS, GAP = 240, 160, 8  # of a picture of filters; between those before and after
SEEN = (60.0, 8000.0)  # Hz


@dataclass(frozen=True)
class First:
    """A first layer: what it is called, what is said of it, how it is made, and what its picture shows.

    made: a module (batch, 1, time) at RATE → (batch, channel, frame) whose `layer` is what learns.
    seen: of that layer: (filter, column) gains along the axis that `across` names. None: nothing to learn, no picture.
    ordered: its filters are in order of frequency as they are made, and stay each in its row.
    """

    name: str
    title: str
    text: str
    made: Callable[[], nn.Module]
    seen: Callable[[nn.Module], np.ndarray] | None = None
    across: str = "60 Hz to 8 kHz, an octave as wide as another"
    ordered: bool = False


class Layer(nn.Module):
    """`layer` with a representation before it and a shape after it."""

    def __init__(self, layer: nn.Module, before: nn.Module | None = None, after: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.layer, self.before, self.after = layer, before, after

    def forward(self, x: Tensor) -> Tensor:
        y = self.layer(x if self.before is None else self.before(x))
        return y if self.after is None else self.after(y)


class Decibels(nn.Module):
    """A representation in dB, brought to about -1 … 1."""

    def __init__(self, part: nn.Module, flat: bool = False) -> None:
        super().__init__()
        self.part, self.flat = part, flat

    def forward(self, x: Tensor) -> Tensor:
        y = (self.part(x) + 40) / 20
        return y.flatten(1, 2) if self.flat else y


class Events(TDNN):
    """What a time-delay network hears when, before it is summed up over time."""

    def forward(self, x: Tensor) -> Tensor:
        return self.events(x)


def mel(bands: int, flat: bool = False) -> nn.Module:
    return Decibels(LogMel(RATE, HOP, 1024, bands, compression="db"), flat)


def gains(layer: nn.Module) -> np.ndarray:
    """Of a layer of waveforms at COLUMNS frequencies."""
    hz, each = layer.responses(RATE)  # type: ignore[operator]
    return np.stack([np.interp(np.geomspace(*SEEN, COLUMNS), hz, row) for row in each])


def combs(layer: nn.Module) -> np.ndarray:
    """Of harmonic triangles: those of one pitch together."""
    each = gains(layer)
    assert isinstance(layer, Harmonic)
    return np.asarray(each.reshape(layer.harmonics, -1, COLUMNS).sum(0))


def rows(layer: nn.Module) -> np.ndarray:
    """Of a layer of spectrograms: its own responses, columns repeated to a picture's width."""
    each = np.asarray(layer.responses())  # type: ignore[operator]
    return each[:, np.linspace(0, each.shape[1] - 1e-9, COLUMNS).astype(int)]


def heard(layer: nn.Module) -> np.ndarray:
    """Of a deep layer: how much more its outputs are moved by a sine than by the one that moves them least."""
    each = responses(layer, RATE, np.geomspace(*SEEN, COLUMNS), 0.2)
    return each - each.min(1, keepdims=True)


def parts(y: Tensor) -> Tensor:
    """Complex (batch, 1, bin, frame) → real and imaginary parts (batch, 2 · bin, frame)."""
    return torch.cat([y.real, y.imag], 2)[:, 0]


FIXED = [
    First("waveform", "the waveform itself", "", lambda: Layer(nn.Identity())),
    First("reim", "STFT, real and imaginary parts", "", lambda: Layer(STFT(RATE, HOP, 512), None, parts)),
    First("magnitude", "STFT, magnitudes", "", lambda: Layer(Spectrogram(RATE, HOP, 512, power=1), None, lambda y: y[:, 0])),
    First("logmel", "log-mel, 96 bands", "", lambda: Layer(mel(96, True))),
    First("mfcc", "MFCC, 20", "", lambda: Layer(MFCC(RATE, HOP, 1024, 96, 20), None, lambda y: y[:, 0] / 40)),
]
LEARNED = [
    First(
        "strided", "Strided", "free kernels of 16 ms every 10 ms, rectified [DS14]",
        lambda: Layer(Strided(64, 256, HOP), None, F.relu), gains,
    ),
    First(
        "pairs", "Strided in pairs", "the same, but the size of two kernels together, so that their phase need not matter",
        lambda: Layer(Strided(64, 256, HOP, pairs=True)), gains,
    ),
    First(
        "multiscale", "MultiScale", "kernels of 1, 5 and 10 ms side by side, rectified, the largest in each 10 ms [ZEH16]",
        lambda: Layer(MultiScale(96)), gains,
    ),
    First(
        "samplelevel", "SampleLevel", "three samples at a time, five times over [LPKN17]: how its last layer answers to sines",
        lambda: Layer(SampleLevel((32, 32, 48, 64, 64), 3)), heard,
    ),
    First(
        "sinc", "Sinc", "band-passes of which only the edges are learned [RB18]; |y|, the largest in each 10 ms",
        lambda: Layer(Sinc(RATE, 64, 251, 16), None, lambda y: F.max_pool1d(y.abs(), 10)), gains, ordered=True,
    ),
    First(
        "gabor", "Gabor", "complex kernels of which only the middle and the width are learned [NPM20]; their modulus",
        lambda: Layer(Gabor(RATE, 64, 401, HOP, modulus=True)), gains, ordered=True,
    ),
    First(
        "harmonic", "Harmonic", "of a spectrogram: triangles at a pitch and its harmonics, one width for all [WCNS20]; a pitch a row",
        lambda: Layer(Harmonic(RATE, 512), Spectrogram(RATE, HOP, 512), lambda y: (y.flatten(1, 2) + 40) / 20), combs, ordered=True,
    ),
    First(
        "musical", "Musical", "of log-mel: filters as tall as a spectrum's shape, the highest kept, and long ones over all bands [PLS16]: "
        "the tall ones", lambda: Layer(Musical(((67, 7, 32), (38, 7, 32)), ((65, 16), (33, 16))), mel(96)), rows,
        "96 mel bands from the filter's lowest",
    ),
    First(
        "spiral", "PitchSpiral", "of a constant-Q transform: filters that hear a pitch with its octaves [LC16]; the first of two",
        lambda: Layer(PitchSpiral(95), Decibels(CQT(RATE, HOP, bands=95, compression="db"))), rows,
        "semitones from the pitch upwards, two octaves",
    ),
    First(
        "tdnn", "TDNN", "of 16 mel bands: eight units that hear three frames, then one a class that hears five [WHH+90]; the eight",
        lambda: Layer(Events(16, 15, 8), mel(16, True)), rows, "16 mel bands",
    ),
]  # fmt: skip


# ---- learning


class Classifier(nn.Module):
    """A layer's channels, normalised, two convolutions, mean and maximum over time, a class."""

    def __init__(self, layer: nn.Module, channels: int, classes: int) -> None:
        super().__init__()
        self.first, self.norm = layer, nn.BatchNorm1d(channels)
        self.layers = nn.Sequential(ConvBlock(channels, 64, 3, dim=1, pool=2), ConvBlock(64, 64, 3, dim=1, pool=2))
        self.out = nn.Linear(128, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.layers(self.norm(self.first(x)))
        return self.out(torch.cat([y.mean(-1), y.amax(-1)], 1))


def notes(split: str) -> tuple[Tensor, Tensor]:
    """(note, 1, time) of 2 s at RATE, and the number of each one's instrument."""
    found = source("philharmonia_notes", split)  # type: ignore[arg-type]
    words, sounds, classes = found.labels("instrument"), [], []
    for i in range(found.size):
        example = found(i)
        wave = torch.from_numpy(example["sound"].read().mono().at(RATE).samples).float()[:, : 2 * RATE]
        sounds.append(F.pad(wave, (0, 2 * RATE - wave.shape[-1])))
        classes.append(words.index(example["instrument"].name))
    return torch.stack(sounds), torch.tensor(classes)


def learned(layer: nn.Module, train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor], steps: int) -> float:
    """Teaches the layer, and returns the share of the test notes that are told right."""
    x, y = train
    net = Classifier(layer, layer(x[:2, :, :CROP]).shape[1], int(y.max()) + 1)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    rng = np.random.default_rng(0)
    net.train()
    for _ in range(steps):
        chosen, starts = rng.integers(len(x), size=16), rng.integers(RATE // 2, size=16)
        crops = torch.stack([x[i, :, s : s + CROP] for i, s in zip(chosen, starts, strict=True)])
        optimiser.zero_grad()
        F.cross_entropy(net(crops), y[chosen]).backward()
        optimiser.step()
    net.eval()
    with torch.no_grad():
        said = torch.cat([net(some).argmax(1) for some in test[0].split(16)])
    return (said == test[1]).float().mean().item()


# ---- pictures and page


def drawn(before: np.ndarray, after: np.ndarray, ordered: bool) -> np.ndarray:
    """Gains of filters, high ones above, before learning (left) and after it: dark is 0, white the filter's highest."""

    def pixels(each: np.ndarray) -> np.ndarray:
        each = each[each.max(1) > 1e-3 * each.max()]  # some units of deep layers never answer
        each = each / each.max(1, keepdims=True)
        if not ordered:
            middles = (each**4 * np.arange(each.shape[1])).sum(1) / np.maximum((each**4).sum(1), 1e-12)
            each = each[np.argsort(middles, kind="stable")]
        each = each[::-1]
        return np.asarray(np.rint(31 * each[np.linspace(0, len(each) - 1e-9, ROWS).astype(int)]) * (255 / 31)).astype(np.uint8)

    return np.hstack([pixels(before), np.full((ROWS, GAP), 255, np.uint8), pixels(after)])


def change(layer: nn.Module, music: Tensor, shift: int) -> float:
    return translation_change(layer.eval(), music, shift, edge=5, offsets=False)


def page(fixed: list[str], learnt: list[str], command: str) -> str:
    """docs/first-layers.md."""
    head = "| layer | numbers learned | a frame every | 1 sample | 1 ms | 10 ms | notes right |\n|---|--:|--:|--:|--:|--:|--:|"
    pictures = [
        f"**{first.title}**: {first.text}. Across: {first.across}.\n\n![filters of {first.title}](images/first-layers/{first.name}.png)"
        for first in LEARNED
    ]
    return TEXT.format(command=command, head=head, rows="\n".join(fixed + learnt), pictures="\n\n".join(pictures))


TEXT = """# First layers

What learns in front: the room `aural.frontends`, from the waveform or from a spectrogram. Two questions of the survey's third section,
answered here for all of them: which frequencies does such a layer hear, and does it mind *when* something happens?

`{command}` made this page: each layer learned, with the same small net behind it, which of 15 instruments plays a note
(`philharmonia_notes`, 0.8 s at a time, tested on pitches that it had not heard). That is little learning, on purpose: what is seen is
where these layers start from and where they begin to go.

## How much it minds when

Five seconds of music (`examples/vibe-ace.ogg`) are moved by 1 sample, 1 ms and 10 ms. The figure is the mean of how much the features
then differ, over the mean of how far they are from each channel's mean: 0 is invariant to translation in time, above 1 nothing stays
(`aural.frontends.translation_change`). Before learning → after it.

{head}
{rows}

What is seen there:

- Magnitudes keep still and phases do not: moved by one sample, real and imaginary parts change fifty times as much as their magnitudes.
- Free kernels stay nearer to the waveform than to a spectrogram, rectified or not, and learning does not calm them. Taken in pairs they
  could: a sine beside a cosine is a magnitude. They do not find that out so soon.
- What is built in stays: the modulus of Gabor filters changes by one or two hundredths. Rectified band-passes (Sinc) flicker at one sample,
  but no more at a millisecond, as the largest of each 10 ms is kept.
- Layers of a spectrogram inherit its stillness, and here those that learn most make it stiller: tall and long filters, the spiral, the
  time-delay network. They also name more notes.
- Sinc and Gabor keep their numbers in kHz (and thousands of samples), so that Adam at the usual 0.001 moves an edge by 1 Hz a step. When
  the table of [Which input, which first layer?](which-input.md) was made they were in hertz, and an edge moved by less than half a hertz
  in 400 steps: there the first layers of `speech/sincnet` and `speech/gabor_cnn` were in effect fixed.

## What it hears

Left before learning, right after it. A row is a filter, those that hear high things above; dark is nothing, white is where that
filter hears most.

{pictures}
"""


def main(argv: list[str]) -> None:
    steps = int(dict(word.split("=", 1) for word in argv).get("steps", "200"))
    music = torch.from_numpy(Recording(MUSIC).cut(START, START + SECONDS).read().mono().at(RATE).samples).float()[None]
    shifts = (1, RATE // 1000, HOP)

    def row(first: First, layer: nn.Module, changes: list[str], right: str = "") -> str:
        count = sum(p.numel() for p in layer.parameters() if p.requires_grad)
        frame = music.shape[-1] / layer(music).shape[-1]
        every = "sample" if frame < 1.5 else f"{1000 * frame / RATE:.0f} ms"
        return f"| {first.title} | {f'{count:,}' if count else ''} | {every} | {' | '.join(changes)} | {right} |"

    fixed = []
    for first in FIXED:
        layer = first.made()
        fixed.append(row(first, layer, [f"{change(layer, music, shift):.3f}" for shift in shifts]))
    train, test = notes("train"), notes("test")
    learnt = []
    for first in LEARNED:
        torch.manual_seed(0)
        start, layer = time.time(), first.made()
        assert first.seen is not None
        before, changes = first.seen(layer.layer), [change(layer, music, shift) for shift in shifts]  # type: ignore[arg-type]
        right = learned(layer, train, test, steps)
        after = [change(layer, music, shift) for shift in shifts]
        write_file(HERE / "images" / "first-layers" / f"{first.name}.png", png(drawn(before, first.seen(layer.layer), first.ordered)))  # type: ignore[arg-type]
        learnt.append(row(first, layer, [f"{a:.3f} → {b:.3f}" for a, b in zip(changes, after, strict=True)], f"{right:.2f}"))
        print(f"{time.time() - start:5.0f} s", learnt[-1], flush=True)
    write_file(HERE / "first-layers.md", page(fixed, learnt, shlex.join(["python", "docs/first_layers.py", *argv])).encode())


if __name__ == "__main__":
    main(sys.argv[1:])
