"""Processor seconds and memory for a minute of sound, system by system, each in a process of its own.

    python benchmarks/systems.py [SOUND] [--minutes 4] > results/speed-systems.md

The sound (default: the example recording) is repeated to the length. A system that reads beats is given those of the default beat
system, which are not counted. Start-up (imports, weights) is a column of its own: a batch pays it once.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path

EXAMPLE = Path(__file__).parents[1] / "examples" / "vibe-ace.ogg"


def measured(name: str, path: Path, minutes: float) -> dict[str, float]:
    """Of one system, in this process."""
    began = time.process_time()
    import numpy as np
    import torch

    from aural import read, tasks
    from aural.running import run
    from aural.sound import Sound
    from aural.system import build, load, weights_of

    torch.set_num_threads(1)
    system = load(name) if weights_of(name) else build(name).eval()
    imported = time.process_time() - began
    short = read(path)
    n = round(minutes * 60 * short.rate)
    sound = Sound(np.tile(short.samples, (1, -(-n // short.samples.shape[1])))[:, :n], short.rate)
    given = {"sound": sound}
    if "beats" in system.input.reads:
        given["beats"] = run(tasks.task("beat").default, sound=sound)["beats"]
    run(system, {**given, "sound": sound.cut(0, 10)})
    began, wall = time.process_time(), time.perf_counter()
    run(system, given)
    return {
        "start": imported,
        "cpu": (time.process_time() - began) / minutes,
        "wall": (time.perf_counter() - wall) / minutes,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sound", type=Path, nargs="?", default=EXAMPLE)
    parser.add_argument("--minutes", type=float, default=4.0)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given.one, given.sound, given.minutes)))
        return 0
    from aural import registry

    print(f"`python {' '.join(['benchmarks/systems.py', *sys.argv[1:]])}`\n\n# Systems: seconds for a minute of sound, one thread\n")
    print(f"{given.minutes:g} minutes of sound at once; {platform.machine()}, Python {platform.python_version()}.\n")
    print("| system | processor s / min | wall s / min | start-up, processor s | peak memory, MB |\n|---|---|---|---|---|")
    for card in registry.cards():
        words = [sys.executable, __file__, str(given.sound), "--minutes", str(given.minutes), "--one", card.name]
        ended = subprocess.run(words, capture_output=True, text=True)
        if ended.returncode:
            print(f"{card.name}: {ended.stderr.strip().splitlines()[-1]}", file=sys.stderr)
            continue
        row = json.loads(ended.stdout.splitlines()[-1])
        print(f"| {card.name} | {row['cpu']:.2f} | {row['wall']:.2f} | {row['start']:.1f} | {row['memory']:.0f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
