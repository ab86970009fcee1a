"""Notes, melody, bass, chords and key by one net on a constant-Q transform.

Paper     none: our own; after Bittner et al., A lightweight instrument-agnostic model for polyphonic note transcription, ICASSP 2022
          (stacked harmonics, notes beside onsets), Kong et al., High-resolution piano transcription, 2020 (onsets between frames),
          and McFee & Bello, Structured training for large-vocabulary chord recognition, ISMIR 2017 (root, bass and tones)
Survey    4.1, Multi-pitch estimation, Melody, Chords
In        sound, any rate; inside 22,050 Hz mono
Inside    309 bins of a constant-Q transform, three a semitone from A0, 43 frames a second, whose bins are read at eight harmonics
Out       notes: Notes; melody: Curves, and melody_notes, bass: Notes; chords, key: Intervals; seconds from the start
Differs   one trunk for all; dilated convolutions in place of recurrence; learned from made songs
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from aural.encodings.chords import ChordFrames
from aural.encodings.keys import KeyFrames
from aural.encodings.notes import NoteFrames
from aural.encodings.pitch_track import PitchTrack
from aural.errors import OptionError
from aural.nets.padding import Chain, Contrast, heard
from aural.nets.pieces import by_pieces
from aural.objectives import Supervised, chord_frames, classes, note_frames, pitch_track
from aural.part import Lengths
from aural.representations import CQT, Standardised
from aural.system import Recipe, System, system
from aural.tasks.bass import bass
from aural.tasks.chord import chord
from aural.tasks.key import key
from aural.tasks.melody import melody
from aural.tasks.melody_note import melody_note
from aural.tasks.note import note

A0, FINE = 27.5, 3  # Hz; bins a semitone
PITCHES, BASS = 88, 48
HARMONICS = (-36, 0, 36, 57, 72, 84, 93, 101)  # bins from a tone to its 1/2, 1, 2, 3, 4, 5, 6 and 7-fold
CHORD_HEADS = (13, 13, 12)  # root, bass, tones; 170 classes follow


@system()
def pitch(
    channels: int = 32,
    width: int = 320,
    dropout: float = 0.1,
    vocabulary: Literal["majmin", "sevenths", "full"] = "full",
    near: int = 3,
    again: int = 0,
    contrast: float = 0.0,
) -> System:
    if near < 0 or again < 0:
        raise OptionError(f"near={near}, again={again}: how many local layers there are, 0 or more")
    cqt = Standardised(CQT(22_050, 512, A0, 309, 36, gamma=12.0, shape="frequency", compression="log1p", factor=1000.0))
    return System(
        task=(note, melody, melody_note, bass, chord, key),
        input={"cqt": cqt, "lengths": Lengths(cqt)},
        net=Pitch(channels, width, dropout, near, again, round(contrast * 22_050 / 512)),
        output={
            "notes": NoteFrames(),
            "melody": PitchTrack("melody", 21.0, PITCHES * FINE, FINE),
            "bass": PitchTrack("bass", 21.0, BASS, 1, change=0.02),
            "chords": ChordFrames(vocabulary),
            "key": KeyFrames(),
        },
        objective=Supervised(
            notes=(note_frames(), 20.0),
            melody=(pitch_track(), 0.3),
            bass=(pitch_track(), 0.2),
            chords=(chord_frames(), 0.2),
            key=(classes, 0.1),
        ),
        recipe=Recipe(data="mixed:0", seconds=20, batch=32, steps=20_000, rate=1.5e-3, average=0.999, augment="realaug"),
        window=300.0,
        context=17.0 + contrast / 2,
    )


class Pitch(nn.Module):
    """(batch, 1, 309, frame) → {"notes": (batch, 4, 88, frame), "melody": (batch, 265, frame), "bass": (batch, 49, frame), "chords":
    (batch, 208, frame), "key": (batch, 25, frame)}; `aural.encodings` says what each row is.

    Every semitone sees its harmonics; a path over all of them at once tells which of the pitches that fit together are really
    played, and hears chords and keys over ever longer stretches. near, again: local layers before and after that path. contrast:
    every bin is seen beside what it is among so many of its frames, too.
    """

    def __init__(
        self, channels: int = 32, width: int = 320, dropout: float = 0.1, near: int = 3, again: int = 0, contrast: int = 0
    ) -> None:
        super().__init__()
        self.contrast = Contrast(contrast) if contrast else None
        self.hears = 1 + 2 * near, 3 + 2 * again  # frames to either side, `_near` and `_maps`
        c, few, n = channels, 8, len(HARMONICS) * (2 if contrast else 1)
        self.stem = Chain(*_conv2d(n, c, (7, 3), (FINE, 1), (2, 1)))
        self.near = nn.ModuleList(Local(c) for _ in range(near))
        self.fold = Chain(nn.Conv2d(c, few, 1), nn.Flatten(1, 2), nn.Conv1d(few * PITCHES, width, 1))
        self.far = Chain(*(Separable(width, d, dropout) for d in (1, 2, 4, 8, 16, 32)))
        self.unfold = Chain(nn.Conv1d(width, few * PITCHES, 1), nn.Unflatten(1, (few, PITCHES)))
        self.joined = Chain(*_conv2d(c + few, c + few, 3, 1, 1), *_conv2d(c + few, c + few, (5, 3), 1, (2, 1)))
        self.again = nn.ModuleList(Local(c + few) for _ in range(again))
        self.maps = nn.Conv2d(c + few, 6, 1)  # four of notes, bass, leading voice
        self.fine = Chain(*_conv2d(n, few, (5, 3), 1, (2, 1)))
        self.contour = Chain(*_conv2d(few + 4, few, (5, 3), 1, (2, 1)), nn.Conv2d(few, 1, 1))
        self.absent = nn.Conv1d(width, 2, 1)  # no melody, no bass
        self.harmony = Chain(*(Separable(width, d, dropout) for d in (4, 16, 64)))
        self.root_bass_tones = nn.Conv1d(width, sum(CHORD_HEADS), 1)
        self.chords = nn.Conv1d(width + sum(CHORD_HEADS), 170, 1)
        self.longer = Chain(*(Separable(width, d, dropout) for d in (64, 128)))
        self.key = nn.Conv1d(width, 25, 1)

    def forward(self, cqt: Tensor, lengths: Tensor | None = None) -> dict[str, Tensor]:
        own = heard(lengths, cqt.shape[-1])
        if self.contrast is not None:
            cqt = torch.cat([cqt, self.contrast(cqt, own)], 1)
        if self.training or own is not None:
            near, folded = self._near(cqt, own)
        else:
            near, folded = by_pieces(self._near, cqt, reach=self.hears[0])
        far = self.far(folded, own)
        if self.training or own is not None:
            maps, contour = self._maps(cqt, near, far, own)
        else:
            maps, contour = by_pieces(self._maps, cqt, near, far, reach=self.hears[1])
        no_melody, no_bass = self.absent(far).split(1, 1)
        harmony = self.harmony(far, own)
        parts = self.root_bass_tones(harmony)
        return {
            "notes": maps[:, :4],
            "melody": torch.cat([contour, no_melody], 1),
            "bass": torch.cat([maps[:, 4, :BASS], no_bass], 1),
            "chords": torch.cat([parts, self.chords(torch.cat([harmony, parts], 1))], 1),
            "key": self.key(self.longer(harmony, own)),
        }

    def _near(self, cqt: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """What each semitone hears (batch, channel, 88, frame), and all of them together (batch, width, frame)."""
        near = self.stem(harmonics(cqt), own)
        for layer in self.near:
            near = layer(near, own)
        return near, self.fold(near, own)

    def _maps(self, cqt: Tensor, near: Tensor, far: Tensor, own: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Maps of semitones (batch, 6, 88, frame) and of the melody in thirds of them (batch, 264, frame)."""
        joined = self.joined(torch.cat([near, self.unfold(far, own)], 1), own)
        for layer in self.again:
            joined = layer(joined, own)
        maps = self.maps(joined) if own is None else self.maps(joined) * own[:, None]
        voice = maps[:, [0, 1, 4, 5]].repeat_interleave(FINE, 2)  # onset, sounding, bass, leading voice
        return maps.contiguous(), self.contour(torch.cat([self.fine(harmonics(cqt), own), voice], 1), own)[:, 0] + voice[:, 3]


def harmonics(cqt: Tensor) -> Tensor:
    """(batch, view, bin, frame) → (batch, view · harmonic, 264, frame): at each tone's bin, what lies at each of its harmonics; 0
    outside."""
    low, high = -min(HARMONICS), max(HARMONICS) + PITCHES * FINE - cqt.shape[-2]
    wide = F.pad(cqt, (0, 0, low, max(0, high)))
    return torch.stack([wide[..., low + shift : low + shift + PITCHES * FINE, :] for shift in HARMONICS], 2).flatten(1, 2)


def _conv2d(
    into: int, out: int, size: int | tuple[int, int], step: int | tuple[int, int], around: int | tuple[int, int]
) -> list[nn.Module]:
    return [nn.Conv2d(into, out, size, step, around, bias=False), nn.BatchNorm2d(out), nn.ReLU(inplace=True)]


class Local(nn.Module):
    """x + two convolutions over three semitones and three frames."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        second = nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels)
        self.change = Chain(*_conv2d(channels, channels, 3, 1, 1), *second)

    def forward(self, x: Tensor, heard: Tensor | None = None) -> Tensor:
        return F.relu(x + self.change(x, heard))


class Separable(nn.Module):
    """x + a convolution over five frames, `dilation` apart, each row by itself, and then over the rows."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation, groups=width, bias=False),
            nn.BatchNorm1d(width),
            nn.Conv1d(width, width, 1),
            nn.ReLU(inplace=True),
            nn.Dropout1d(dropout),
            nn.Conv1d(width, width, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.change(x)
