"""Makes the weights file that ships out of a training run: threshold fitted on held-out made songs, float16, metadata, probe.

    python recipes/ship.py RUN/weights.safetensors TAG [tune=SONGS,… [without=beats,…]] [key=value …]

`without`: fields of the songs that the system is not given, but has made by the default systems, as it will be.

SONGS are folders of made songs (`aural data songs`), other than those that were learned from or that figures are taken on.
"""

from __future__ import annotations

import sys
from pathlib import Path

from aural.data.songs import FolderOfSongs
from aural.registry import WEIGHTS
from aural.running import adapt, probe
from aural.system import build, load, save

NOT_FOR = "no test pack was heard in training; scores on made songs of seed 0 (train) would be of songs it knows"
LICENCE = "Apache-2.0"
DATA = (
    "made songs only: composed by rule, POP909 (MIT), Groove MIDI (CC BY 4.0), OpenScore Lieder (CC0), accompaniments made from charts "
    "of McGill Billboard (CC0); rendered through FluidR3 and MuseScore General (MIT), own synthesis, drum one-shots (CC0, CC BY, "
    "granted), Salamander piano (CC BY)"
)


def main(argv: list[str]) -> None:
    path, tag = Path(argv[0]), argv[1]
    more = dict(word.split("=", 1) for word in argv[2:])
    system = load(path) if path.exists() else build(argv[0])  # a name: nothing was learned, all is fitted here
    tune = more.pop("tune", "")
    if tune:
        songs = [FolderOfSongs(folder) for folder in tune.split(",")]
        hidden = more.pop("without", "").split(",")
        adapt(system, [{k: v for k, v in folder(i).items() if k not in hidden} for folder in songs for i in range(folder.size)])
        print("threshold", getattr(system.output, "threshold", None))
    name = WEIGHTS / f"{system.name}.{tag}.safetensors"
    facts = {"licence": LICENCE, "trained_on": DATA, "not_for": NOT_FOR, **more}
    save(system, name, half=True, **facts)
    save(load(name), name, half=True, **facts, probe=probe(load(name)))  # the probe is of the weights as they ship
    print(name, load(name).card)


if __name__ == "__main__":
    main(sys.argv[1:])
