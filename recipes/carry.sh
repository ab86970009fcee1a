#!/usr/bin/env bash
# Fills .carry/ (ignored by git) with what the GPU machine lacks: wheels for its Python, sound fonts, one-shots, scores.
#   recipes/carry.sh                              here
#   source recipes/there.sh                       there: installs the wheels into .site and sets the paths
# AURAL_DATA names the data packs; fonts come from Debian: apt-get install fluidr3mono-gm-soundfont timgm6mb-soundfont
# musescore-general-soundfont-small; the Salamander piano from npm
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON_VERSION:-3.12}
: "${AURAL_DATA:?export AURAL_DATA=/path/to/packs}"
pip=${PIP:-$([ -x .venv/bin/pip ] && echo .venv/bin/pip || echo pip)}

mkdir -p .carry/wheels .carry/fonts .carry/data
"$pip" download --quiet --no-deps --python-version "$python" --only-binary=:all: \
  --platform manylinux_2_28_x86_64 --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 --platform any \
  -d .carry/wheels \
  tinysoundfont soundfile soxr cffi pycparser mir_eval decorator safetensors typer click shellingham annotated-doc \
  typing-extensions rich pygments markdown-it-py mdurl mido packaging mutagen jinja2 markupsafe

cp -L /usr/share/sounds/sf3/FluidR3Mono_GM.sf3 /usr/share/sounds/sf2/TimGM6mb.sf2 .carry/fonts/
for pack in midi/pop909 midi/openscore_lieder midi/mma_paired midi/groove midi/billboard notes_free rir_noise; do
  mkdir -p ".carry/data/$(dirname "$pack")"
  cp -r "$AURAL_DATA/$pack" ".carry/data/$(dirname "$pack")/"
done
[ -d .carry/pianos/salamander-left ] ||
  PYTHONPATH=src "${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}" recipes/pianos.py .carry/pianos
# Of the one-shots only those that weights may learn from (column licence).
mkdir -p .carry/data/drum_oneshots
"${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}" - "$AURAL_DATA/drum_oneshots" .carry/data/drum_oneshots <<'PYTHON'
import csv
import shutil
import sys
from pathlib import Path

from aural.data.songs.fonts import FREE

here, there = Path(sys.argv[1]), Path(sys.argv[2])
with (here / "labels.csv").open(newline="") as file:
    rows = [row for row in csv.DictReader(file) if row["licence"] in FREE]
with (there / "labels.csv").open("w", newline="") as file:
    out = csv.DictWriter(file, rows[0])
    out.writeheader()
    out.writerows(rows)
for row in rows:
    (there / row["file"]).parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(here / row["file"], there / row["file"])
PYTHON
chmod -R u+w .carry
du -sh .carry/* .carry
size=$(du -sm .carry | cut -f1)
if [ "$size" -gt 55 ]; then echo "carry.sh: .carry holds $size MB; the machine takes 64 in all: leave something out" >&2; exit 1; fi
