"""Makes a pack of short mixtures: made songs of a few players, each clip with the families of instruments that are heard in it.

    python recipes/mixtures.py FOLDER [train=256] [test=128] [seconds=10] [seed=12] [jobs=1]

Songs     of MadeSongs, its split "train" and its split "test": other fonts, other styles, other scores, never mixed up
Words     families of General MIDI (aural.tasks.tag.FAMILIES), of what is heard: a family whose players have at least 1/300 (-25 dB) of
          the clip's energy. Programs past the synth pads (effects, folk instruments, noises) have no word
Players   most parts but basses and drums are given to an instrument of any family, all families alike: or three words would be frequent
          and ten rare, and the style would tell them
Levels    players are called by their family in place of their part, so that a lead is no louder than what it is accompanied by
Files     FOLDER/audio/NAME.ogg (mono, 44,100 Hz), FOLDER/labels.csv (file, split, tags), FOLDER/README.md: a pack that AURAL_DATA may
          hold as made_mixtures, which is what recipes/which_input.py asks for
"""

from __future__ import annotations

import csv
import sys
import warnings
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from aural.data.songs import MadeSongs, fonts, render
from aural.data.songs.score import Track
from aural.errors import AnnotationError
from aural.tasks.tag import FAMILIES

HEARD = 1 / 300
RECAST = 0.7  # of the parts
MELODIC = [family for family in FAMILIES if family not in ("bass", "drums")]
DEFAULTS = {"train": "256", "test": "128", "seconds": "10", "seed": "12", "jobs": "1"}


def family(program: int, drum: bool = False) -> str:
    """The word for a General MIDI program; "other" where there is none."""
    if drum:
        return "drums"
    if program in range(52, 55):  # choirs, which General MIDI has among the ensembles
        return "voice"
    return FAMILIES[program // 8] if program < 96 else "other"


def recast(track: Track, rng: np.random.Generator) -> Track:
    """The same part, maybe on another instrument, called by its family. Never an orchestra's hit (55), for which fonts take a choir too."""
    if not track.drum and track.name != "bass" and rng.random() < RECAST:
        chosen = MELODIC[rng.integers(len(MELODIC))]
        track = replace(track, program=int(rng.choice([p for p in range(96) if family(p) == chosen and p != 55])))
    return replace(track, name=family(track.program, track.drum))


def clip(split: fonts.Split, seed: int, index: int, seconds: float) -> tuple[np.ndarray, tuple[str, ...]] | None:
    """(time,) samples at 44,100 Hz and the families heard, in the order of FAMILIES; None where no song could be made."""
    songs = MadeSongs(seed, split, 1.5 * seconds)
    sources = fonts.load(split)
    for attempt in range(20):
        score, rng, length = songs.score(index, attempt)
        if score is None:
            continue
        own = np.random.default_rng((seed, len(split), index, attempt))
        named = replace(score, tracks=tuple(recast(track, own) for track in score.tracks))
        try:
            example = render.render(named, sources, rng, length, stems=True)
        except (AnnotationError, ValueError, IndexError) as error:  # one odd song must not stop the others
            warnings.warn(f"{split} {index}: {score.name} left out ({error})", stacklevel=2)
            continue
        if example is None:
            continue
        size = round(seconds * fonts.RATE)
        whole = example["sound"].samples[0, :size]
        parts: dict[str, np.ndarray] = {}
        for name, sound in example["stems"].sounds.items():
            word = name.partition(" ")[2]
            if word:  # the room has none
                parts[word] = parts.get(word, 0) + sound.samples[0, :size]
        loud = {word: float(np.square(part).sum()) for word, part in parts.items()}
        heard = tuple(word for word in FAMILIES if loud.get(word, 0.0) >= HEARD * float(np.square(whole).sum()))
        if heard and len(whole) == size:
            return whole, heard
    return None


def written(job: tuple[Path, fonts.Split, int, int, float]) -> tuple[str, str, str] | None:
    """A row of the table, its sound written."""
    import soundfile

    folder, split, seed, index, seconds = job
    made = clip(split, seed, index, seconds)
    if made is None:
        return None
    name = f"audio/{split}-{index:04d}.ogg"
    with soundfile.SoundFile(folder / name, "w", fonts.RATE, 1, format="OGG", subtype="VORBIS", compression_level=0.7) as file:
        for block in np.array_split(made[0], 20):  # libvorbis overflows its stack on one long block
            file.write(block)
    return name, split, ";".join(made[1])


def main(argv: list[str]) -> None:
    folder, given = Path(argv[0]), dict(word.split("=", 1) for word in argv[1:])
    unknown = set(given) - set(DEFAULTS)
    if unknown:
        raise SystemExit(f"mixtures.py: no setting {', '.join(sorted(unknown))}; there are {', '.join(DEFAULTS)}")
    settings = {**DEFAULTS, **given}
    seed, seconds, jobs = int(settings["seed"]), float(settings["seconds"]), int(settings["jobs"])
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    splits: tuple[fonts.Split, ...] = ("train", "test")
    todo = [(folder, split, seed, index, seconds) for split in splits for index in range(int(settings[split]))]
    if jobs > 1:
        with ProcessPoolExecutor(jobs) as pool:
            rows = list(pool.map(written, todo, chunksize=4))
    else:
        rows = list(map(written, todo))
    kept = [row for row in rows if row is not None]
    with (folder / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("file", "split", "tags"), *kept])
    counts = {word: [sum(s == split and word in tags.split(";") for _, s, tags in kept) for split in splits] for word in FAMILIES}
    lines = [f"{word}: {a} of the clips to learn from, {b} of the others" for word, (a, b) in counts.items() if a or b]
    about = f"# Made mixtures\n\n{len(kept)} clips of {seconds:g} s by `recipes/mixtures.py`, seed {seed}. Families heard:\n\n"
    (folder / "README.md").write_text(about + "\n".join(f"- {line}" for line in lines) + "\n", encoding="utf-8")
    print(about + "\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1:])
