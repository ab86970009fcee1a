"""The gallery: five seconds of real music in every representation, and the page that shows them.

python docs/gallery.py        writes docs/images/gallery/NAME.png and docs/gallery.md; the same bytes every time
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from aural.formats import write_file
from aural.representations.picture import NAMES, picture, png
from aural.sound import Recording

HERE = Path(__file__).parent
SOUND, START, SECONDS = HERE.parent / "examples" / "vibe-ace.ogg", 20.0, 5.0
COLUMNS, ROWS, GREYS = 96.0, 192, 32  # a second; at most; levels: small files

GROUPS = {
    "Spectra": {
        "stft": ("STFT, Spectrogram", "how strong every frequency is in every frame, evenly spaced up to 11 kHz; dB"),
        "reim": ("RealImaginary", "the same without loss as real (below) and imaginary parts; grey is 0, white positive, black negative"),
        "if": (
            "InstantaneousFrequency",
            "how far phases turn between frames, drawn as a partial's distance from the bin: bright above it, dark below; without loss",
        ),
        "griffinlim": ("griffin_lim", "the phases forgotten and found again from the magnitudes: the constant-Q transform of that sound"),
    },
    "Mel and what follows": {
        "mel": ("LogMel", "bands as wide as the ear's pitch sense has them; dB. The input of most nets"),
        "multi": ("MultiResolutionLogMel", "three windows, 23 to 93 ms, over each other: short ones for attacks, long ones for pitches"),
        "pcen": ("PCEN", "each band divided by its own recent past: what is steady fades, what is new stands out"),
        "mfcc": ("MFCC", "the shape of the mel spectrum in 19 numbers, broad features below, without the level"),
        "whitened": ("Whitened", "log-mel turned into uncorrelated components of equal strength, the strongest on top"),
    },
    "Logarithmic frequency": {
        "cqt": ("CQT", "36 bins an octave, wider filters for low notes; an octave is the same distance everywhere"),
        "brown": ("KernelCQT, direct", "Brown's definition of 1991: one windowed sine after the other"),
        "sparse": ("KernelCQT, sparse", "Brown and Puckette's of 1992: the same through spectra, with 1 % of the numbers"),
        "nsgt": ("NSGT", "the invertible one: the sound comes back to 1e-10; SlicedNSGT, while it comes in"),
        "hcqt": ("HCQT", "six of them over each other, at ½ to 5 times every frequency: the partials of a note meet in one bin"),
        "cwt": ("CWT", "Morlet's wavelets: the Gaussian window that fits both time and frequency best"),
        "dwt": ("DWT", "orthogonal wavelets, one row an octave, twice as many coefficients in each: nothing lost, nothing twice"),
        "chroma": ("Chroma, ChromaCQT", "the twelve pitch classes, C below, whatever the octave"),
    },
    "Hearing": {
        "gammatone": ("Gammatone", "filters with the shape and width of the inner ear's"),
        "loudness": ("Loudness", "A-weighted level, from -60 to 0 dB of full scale"),
        "mulaw": ("MuLaw", "the waveform itself on a logarithmic scale, as 256 classes say it"),
    },
    "Source and filter": {
        "lpc": ("LPC", "the envelope of linear prediction: 24 weights a frame, resonances without the partials"),
        "cepstrum": ("Cepstrum", "the spectrum of the log spectrum: a line where a pitch repeats, low ones on top"),
        "sfnmf": ("SourceFilter", "which pitches a lead voice would have, by factorization into sources, filters and the rest"),
        "sms": ("SMS", "sines that come and go; what is not drawn is left to noise"),
    },
    "Form": {
        "similarity": ("SelfSimilarity", "every moment against every other, by its chroma: blocks are sections, stripes repetitions"),
        "lags": ("Lags", "the same against the distance back in time: a repetition is a horizontal line"),
    },
}


def small(pixels: np.ndarray) -> np.ndarray:
    """At most `ROWS` rows, each the loudest of those it stands for, and at least half as many, in few greys."""
    pixels = pixels.repeat(max(1, -(-ROWS // 2 // len(pixels))), 0)
    edges = np.unique(np.linspace(0, len(pixels), min(ROWS, len(pixels)) + 1).astype(int))
    rows = np.maximum.reduceat(pixels, edges[:-1])
    return (np.rint(rows / 255 * (GREYS - 1)) * (255 / (GREYS - 1))).astype(np.uint8)


def page() -> str:
    """docs/gallery.md."""
    lines = [
        "# Gallery",
        "",
        f"The same {SECONDS:g} seconds of music (`examples/{SOUND.name}`, from {START:g} s) in every representation of",
        "`aural.representations`. Time goes to the right, high frequencies are on top, loud is bright. Each is a part: `part(x)` on",
        "(batch, 1, time), with `.times()`, `.frequencies()`, gradients (but for SourceFilter), float32 and float64, and `.invert()`",
        "where there is one. `Stream(part)` makes its frames while the sound comes in, where they don't need all of it.",
        "",
        "`aural picture FILE --as NAME` draws them; `python docs/gallery.py` made this page.",
        "",
    ]
    for title, kinds in GROUPS.items():
        lines += [f"## {title}", ""]
        for name, (part, text) in kinds.items():
            lines += [f"**{part}** (`--as {name}`): {text}.", "", f"![{part} of five seconds of music](images/gallery/{name}.png)", ""]
    return "\n".join(lines[:-1]) + "\n"


def main() -> None:
    sound = Recording(SOUND).cut(START, START + SECONDS)
    for name in NAMES:
        write_file(HERE / "images" / "gallery" / f"{name}.png", png(small(picture(sound, name, COLUMNS))))
    write_file(HERE / "gallery.md", page().encode())


if __name__ == "__main__":
    main()
