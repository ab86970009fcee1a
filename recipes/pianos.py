"""Packs recorded pianos small, as songs.pianos reads them: NAME/KEY-VELOCITY.ogg, mono at 22,050 Hz, as long as a bank holds notes.

    python recipes/pianos.py OUT

Salamander Grand Piano (Alexander Holm, CC BY 3.0) comes from npm, four of its sixteen layers, each microphone a piano of its own; two
pianos of MuseScore_General (MIT; Splendid Grand Piano, public domain) where Debian's musescore-general-soundfont-small is installed.
"""

from __future__ import annotations

import io
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from aural.data.songs import fonts
from aural.data.songs.bank import _struck
from aural.data.songs.pianos import RATE
from aural.sound import Sound

LAYERS = {1: 22, 6: 48, 10: 76, 14: 104}  # of Salamander, and the velocities that play them
POWER = 0.6  # of the loudness by velocity that a sampler adds to the layers' own
SECONDS = 3.3
NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
MUSESCORE = {0: "musescore-grand", 1: "musescore-bright"}


def write(path: Path, wave: np.ndarray) -> None:
    import soundfile

    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(str(path), wave, RATE, format="OGG", subtype="VORBIS", compression_level=0.6)


def salamander(out: Path) -> None:
    import soundfile

    for layer, velocity in LAYERS.items():
        with tempfile.TemporaryDirectory() as folder:
            package = f"@audio-samples/piano-velocity{layer}@1.0.5"
            packed = subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, capture_output=True, text=True)
            with tarfile.open(Path(folder) / packed.stdout.split()[-1]) as archive:
                for member in archive:
                    match = re.search(r"/([A-G]#?)(\d)v\d+\.ogg$", member.name)
                    file = archive.extractfile(member)
                    if match is None or file is None:
                        continue
                    samples, rate = soundfile.read(io.BytesIO(file.read()), dtype="float32", always_2d=True)
                    key = NAMES.index(match[1]) + 12 * (int(match[2]) + 1)
                    for side, wave in zip(("left", "right"), samples.T, strict=True):
                        first = max(0, int(np.argmax(np.abs(wave) > 0.02 * np.abs(wave).max())) - rate // 500)
                        wave = np.ascontiguousarray(wave[first : first + int(SECONDS * rate)])
                        sound = Sound(wave, rate).at(RATE).samples[0] * np.float32((velocity / 127) ** POWER)
                        write(out / f"salamander-{side}" / f"{key:03d}-{velocity:03d}.ogg", sound)


def musescore(out: Path) -> None:
    path = next((path for path in fonts.sources("train") if path.name.startswith("MuseScore")), None)
    if path is None:
        print("pianos.py: no MuseScore_General is installed: its pianos are left out", file=sys.stderr)
        return
    font = fonts._loaded(path, 1.0)
    for program, name in MUSESCORE.items():
        font.select(0, 0, program)
        for key in range(24, 109, 4):
            for velocity in (30, 70, 110):
                write(out / name / f"{key:03d}-{velocity:03d}.ogg", 4 * _struck(font, 0, key, velocity, (SECONDS, 0.0)))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("pianos.py OUT: name the folder that the pianos go to")
    salamander(Path(sys.argv[1]))
    musescore(Path(sys.argv[1]))
