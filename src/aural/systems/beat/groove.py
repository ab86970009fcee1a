"""Beats, bars and onsets: dilated convolutions over a mel and a semitone view.

Paper     none: our own; after Foscarin, Schlüter & Widmer, Beat This!, ISMIR 2024 (stem, loss, sum of heads), and Davies & Böck,
          Temporal convolutional networks for musical audio beat tracking, EUSIPCO 2019 (dilations)
Survey    4.1, Beat-tracking and downbeat-tracking
In        sound, any rate; inside 22,050 Hz mono
Inside    log-mel of 46 ms windows, 128 bands of 30-11,000 Hz, beside 72 semitones from 55 Hz of 186 ms windows, 50 frames a second
Out       beats: Events labelled with their positions in the bar; downbeats, onsets: Events; seconds from the start. With heads= also
          drums: Events labelled with General MIDI's names; voice, sections: Intervals; tags: words for the whole
Differs   convolutions in place of attention; bars from a hidden Markov model over the beats that were found; learned from made songs
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from aural.encodings import BarPointer, BeatsInBars, FrameClasses, FrameEvents, PeakPicking
from aural.encodings.tags import ClipTags
from aural.errors import OptionError, UnknownName
from aural.nets.blocks import DilatedConv1d, Residual
from aural.nets.padding import Chain, Contrast, heard
from aural.objectives import Supervised, binary, classes, shift_tolerant, weighted_binary
from aural.part import Lengths, Part
from aural.representations import LogMel, Semitones, Standardised, Views
from aural.system import Recipe, System, system
from aural.tasks.beat import beat
from aural.tasks.downbeat import downbeat
from aural.tasks.onset import onset
from aural.tasks.tag import FAMILIES, tag

MEL, SEMITONES = 128, 72
LATE = (32, 64, 128, 256, 1, 8, 32, 128, 2, 16, 64, 4)  # dilations of the late layers, as many as are asked for
DRUMS = (
    "Bass Drum 1", "Side Stick", "Acoustic Snare", "Electric Snare", "Hand Clap", "Closed Hi Hat", "Pedal Hi-Hat", "Open Hi-Hat",
    "Ride Cymbal 1", "Ride Bell", "Crash Cymbal 1", "High Floor Tom", "Low Tom", "Hi-Mid Tom", "Cowbell", "Tambourine", "Maracas",
)  # fmt: skip
SECTIONS = ("intro", "verse", "chorus", "bridge", "solo", "instrumental", "outro", "N")
# Of each head: the layers it reads ("early" ones hear ±1.2 s, "late" ones ±31 s), and how many rows it has.
HEADS = {
    "onsets": ("early", 1), "beats": ("late", 2), "drums": ("early", len(DRUMS)), "voice": ("early", 2),
    "sections": ("late", len(SECTIONS)), "tags": ("late", len(FAMILIES)),
}  # fmt: skip
LOSSES: dict[str, Any] = {
    "beats": (shift_tolerant(3, 10.0), 1.0), "onsets": (weighted_binary(3.0), 0.5), "drums": (weighted_binary(3.0), 0.5),
    "voice": (classes, 0.2), "sections": (classes, 0.2), "tags": (binary, 0.2),
}  # fmt: skip


@system()
def groove(
    width: int = 96,
    channels: int = 12,
    dropout: float = 0.1,
    heads: tuple[str, ...] = ("beats", "onsets"),
    contrast: float = 0.0,
    late: int = 8,
) -> System:
    if not 1 <= late <= len(LATE):
        raise OptionError(f"late={late}: how many late layers there are, 1 to {len(LATE)}")
    for name in heads:
        if name not in HEADS:
            raise UnknownName.among("head", name, HEADS)
    if "beats" not in heads:
        raise OptionError(f"heads={','.join(heads)}: beats must be among them, such as heads=beats,{heads[0] if heads else 'onsets'}")
    views = Standardised(
        Views(
            LogMel(22_050, 441, 1024, MEL, 30.0, 11_000.0, norm=None, power=1, compression="log1p", factor=30.0),
            Semitones(22_050, 441, 4096, SEMITONES, 55.0, factor=100.0),
        )
    )
    return System(
        task=(beat, downbeat, *((onset,) if "onsets" in heads else ()), *((tag,) if "tags" in heads else ())),
        input={"views": views, "lengths": Lengths(views)},
        net=Groove(width, channels, dropout, heads, round(contrast * 50), late),
        output={name: output(name) for name in heads},
        objective=Supervised(**{name: LOSSES[name] for name in heads}),
        recipe=Recipe(data="songs:0", seconds=30, batch=16, steps=20_000, rate=2e-3, average=0.999, augment="realaug"),
        window=300.0,
        context=31.0 + contrast / 2,
    )


def output(head: str) -> Part:
    """What a head's rows mean; fields that an example lacks cost no loss."""
    hits = PeakPicking(threshold=0.4, combine=0.03)
    if head == "beats":
        return BeatsInBars(BarPointer(widest=2), sure=0.4)
    if head in ("onsets", "drums"):
        return FrameEvents(head, DRUMS if head == "drums" else ("",), hits, widen=((1, 0.3),))
    if head == "tags":
        return ClipTags("tags", FAMILIES)
    return FrameClasses(head, SECTIONS if head == "sections" else ("N", "voice"), spoken=False, stay=0.99)


class Groove(nn.Module):
    """(batch, 1, band, frame) → {"beats": (batch, 2, frame) logits of beats and downbeats, "onsets": (batch, 1, frame), …}; tags are
    (batch, word).

    Each view is folded along its bands by strided convolutions, the sum of both goes through residual convolutions dilated by
    1 … 256 frames and back: up to ±31 s are heard. A downbeat is a beat: its logit is part of the beats'. contrast: first, every band is
    compared with so many of its frames.
    """

    def __init__(
        self,
        width: int = 96,
        channels: int = 12,
        dropout: float = 0.1,
        heads: tuple[str, ...] = ("beats", "onsets"),
        contrast: int = 0,
        late: int = 8,
    ) -> None:
        super().__init__()
        self.contrast = Contrast(contrast) if contrast else None
        c, self.heads = channels, heads
        self.mel = Chain(folded(1, c, 4), folded(c, 2 * c, 2), folded(2 * c, 4 * c, 2), nn.Flatten(1, 2), nn.Conv1d(MEL // 4 * c, width, 1))
        self.semitones = Chain(
            folded(1, c, 3), folded(c, 2 * c, 2), folded(2 * c, 3 * c, 2), nn.Flatten(1, 2), nn.Conv1d(SEMITONES // 4 * c, width, 1)
        )
        self.early = Chain(*(residual(width, 2**k, dropout) for k in range(5)))
        self.late = Chain(*(residual(width, d, dropout) for d in LATE[:late]))
        for name in [name for name in HEADS if name in heads]:
            self.add_module(name, nn.Conv1d(width, HEADS[name][1], 1))

    def forward(self, views: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        own = heard(lengths, views.shape[-1])
        if self.contrast is not None:
            views = self.contrast(views, own)
        early = self.early(self.mel(views[:, :, :MEL], own) + self.semitones(views[:, :, MEL:], own), own)
        layers = {"early": early, "late": self.late(early, own)}
        rows: dict[str, Tensor] = {name: self.get_submodule(name)(layers[HEADS[name][0]]) for name in self.heads}
        any_beat, downbeats = rows["beats"].unbind(1)
        rows["beats"] = torch.stack([any_beat + downbeats, downbeats], 1)
        if "tags" in rows:
            rows["tags"] = rows["tags"].mean(-1) if own is None else (rows["tags"] * own).sum(-1) / own.sum(-1)
        return rows


def folded(into: int, out: int, bands: int) -> nn.Sequential:
    """Three frames and `bands` bands at a time; so many times fewer bands come out."""
    return nn.Sequential(nn.Conv2d(into, out, (bands, 3), (bands, 1), (0, 1), bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True))


def residual(width: int, dilation: int, dropout: float) -> Residual:
    """x + a convolution over five frames, `dilation` apart."""
    return Residual(
        nn.Sequential(
            DilatedConv1d(width, width, 5, dilation, bias=False),
            nn.BatchNorm1d(width),
            nn.ReLU(inplace=True),
            nn.Dropout1d(dropout),
            nn.Conv1d(width, width, 1),
        )
    )
