"""Does a confidence of 0.8 mean right four times in five? Beats, downbeats or tempi of a system on made songs that nothing was fitted on.

    python benchmarks/reliability.py beat [--on songs:5] [--limit 64] [--picture docs/images/confidence.svg] > results/confidence.md
    python benchmarks/reliability.py tempo [--calibrate SONGS] > results/confidence-tempo.md

--calibrate says by how much the probabilities of tempi should be sharper (SHARPNESS in aural.encodings.tempo times that), and goes on
with it; the order of candidates stays. SONGS is a folder of made songs that are in neither training nor --on.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path

import numpy as np

from aural import tasks
from aural.annotations import Events, Example, Tempo
from aural.data import source
from aural.encodings.meter import TOLERANCE
from aural.encodings.tempo import TempoOfBeats
from aural.running import complete, estimate, run
from aural.system import System, load
from aural.tasks.tempo import TOLERANCE as SHARE

BINS = np.linspace(0, 1, 11)
Pair = tuple[np.ndarray, np.ndarray]  # confidences, and whether each was right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("system", help="a system, or a task: its default")
    parser.add_argument("--on", default="songs:5")
    parser.add_argument("--limit", type=int, default=64)
    parser.add_argument("--picture", type=Path, help="an SVG of the curves")
    parser.add_argument("--calibrate", metavar="SONGS", help="folder of songs to fit how sure tempi may be")
    given = parser.parse_args()
    system = load(given.system if "/" in given.system else tasks.task(given.system).default)
    songs = source(given.on, "test")
    scale = calibrated(system, given.calibrate) if given.calibrate else None
    said: dict[str, list[Pair]] = {}
    for i in range(min(given.limit, songs.size)):
        example = songs(i)
        for field, value in run(system, {"sound": example["sound"]}).items():
            for name, pair in judged(field, value, example.get(field)):
                said.setdefault(name, []).append(pair)
    print(f"`{shlex.join(['python', 'benchmarks/reliability.py', *sys.argv[1:]])}`\n")
    print(f"# confidence of {system.name} on {given.on}, {min(given.limit, songs.size)} pieces\n")
    if scale is not None:
        print(f"Probabilities of tempi made sharper by {scale:.2f}, as fits {given.calibrate}.\n")
    curves = {}
    for name, pairs in said.items():
        sure, right = (np.concatenate([pair[k] for pair in pairs]) for k in (0, 1))
        curves[name] = curve(sure, right)
        print(f"\n## {name}\n\n| confidence | mean of it | right | n |\n|---|---|---|---|")
        for low, high, mean, share, n in curves[name]:
            print(f"| {low:.1f}-{high:.1f} | {mean:.3f} | {share:.3f} | {n} |")
        error = sum(n * abs(mean - share) for _, _, mean, share, n in curves[name]) / len(sure)
        print(f"\nexpected calibration error {error:.3f}; right in all {right.mean():.3f}")
    if given.picture:
        given.picture.parent.mkdir(parents=True, exist_ok=True)
        given.picture.write_text(svg(curves), encoding="utf-8")
    return 0


def judged(field: str, made: object, truth: object) -> list[tuple[str, Pair]]:
    """What was said with a confidence, by name: events, the first tempo, all tempi."""
    if isinstance(made, Tempo) and isinstance(truth, Tempo) and len(made.bpms) and len(truth.bpms):
        right = np.abs(made.bpms / truth.bpms[0] - 1) <= SHARE
        return [("first tempo", (made.probabilities[:1], right[:1])), ("all tempi", (made.probabilities, right))]
    if (
        isinstance(made, Events)
        and isinstance(truth, Events)
        and field in ("beats", "downbeats")
        and made.confidence is not None
        and len(made)
    ):
        far = np.abs(made.times[:, None] - truth.times).min(1) if len(truth) else np.full(len(made), np.inf)
        return [(field, (made.confidence, far <= TOLERANCE))]
    return []


def calibrated(system: System, folder: str) -> float:
    """How much sharper the probabilities of tempi became."""
    if not isinstance(system.output, TempoOfBeats):
        raise SystemExit(f"{system.name}: only the probabilities of tempo/from_beats are calibrated here")
    songs, pairs = source(folder, "test"), []
    for i in range(songs.size):
        example = songs(i)
        given = Example({**complete({"sound": example["sound"]}, system), "tempo": example["tempo"]})
        pairs.append((*estimate(system, given), given))
    return system.output.calibrate(pairs)


def curve(sure: np.ndarray, right: np.ndarray) -> list[tuple[float, float, float, float, int]]:
    """(from, to, mean confidence, share right, n) of the bins that hold something."""
    bins = np.clip(np.digitize(sure, BINS) - 1, 0, len(BINS) - 2)
    return [
        (float(BINS[b]), float(BINS[b + 1]), float(sure[bins == b].mean()), float(right[bins == b].mean()), int((bins == b).sum()))
        for b in range(len(BINS) - 1)
        if (bins == b).any()
    ]


def svg(curves: dict[str, list[tuple[float, float, float, float, int]]]) -> str:
    """Share right over confidence; the dotted line is what it should be."""
    size, edge = 300, 44
    colours = dict(zip(curves, ("#1f77b4", "#d95f02", "#1b9e77", "#7570b3"), strict=False))

    def at(x: float, y: float) -> str:
        return f"{edge + size * x:.1f},{edge / 2 + size * (1 - y):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size + 2 * edge} {size + 1.5 * edge}" font-family="sans-serif" '
        'font-size="12">',
        f'<rect x="{edge}" y="{edge / 2}" width="{size}" height="{size}" fill="white" stroke="#888"/>',
        f'<polyline points="{at(0, 0)} {at(1, 1)}" fill="none" stroke="#888" stroke-dasharray="3 3"/>',
    ]
    for field, points in curves.items():
        line = " ".join(at(mean, share) for _, _, mean, share, _ in points)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colours[field]}" stroke-width="2"/>')
        most = max(n for *_, n in points)
        for _, _, mean, share, n in points:
            x, y = at(mean, share).split(",")
            parts.append(f'<circle cx="{x}" cy="{y}" r="{2 + 6 * (n / most) ** 0.5:.1f}" fill="{colours[field]}" fill-opacity="0.6"/>')
        x, y = at(0.03, 0.95 - 0.06 * list(curves).index(field)).split(",")
        parts.append(f'<text x="{x}" y="{y}" fill="{colours[field]}">{field}</text>')
    for value in (0, 0.5, 1):
        x, y = at(value, 0).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 16}" text-anchor="middle">{value:g}</text>')
        x, y = at(0, value).split(",")
        parts.append(f'<text x="{float(x) - 6}" y="{float(y) + 4}" text-anchor="end">{value:g}</text>')
    parts.append(f'<text x="{edge + size / 2}" y="{size + 1.4 * edge}" text-anchor="middle">confidence</text>')
    parts.append(f'<text transform="translate(12 {size / 2 + edge / 2}) rotate(-90)" text-anchor="middle">share that is right</text>')
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    sys.exit(main())
