"""Fits chord/sheh03 and key/profiles on made songs, scores them on others, and writes the weights that ship.

    python recipes/harmony.py chords SONGS OUT [songs=160 iterations=10 …]    learns from sequences of chords, not from their times
    python recipes/harmony.py changes WEIGHTS SONGS OUT      chord/mcfee17, or what else makes ChordFrames: what follows what
    python recipes/harmony.py confide WEIGHTS SONGS OUT [beats=true]         the confidences, on songs that were not learned from
    python recipes/harmony.py score-chords WEIGHTS SONGS [SONGS …] [songs=20 beats=true vocabulary=sevenths]    beside templates, and
                                                                             beside one chord all the time
    python recipes/harmony.py key SONGS OUT [songs=300 truth=chart reach=32 …]
    python recipes/harmony.py score-key WEIGHTS SONGS [SONGS … songs=1000 truth=chart]     each transposed at random
    python recipes/harmony.py ship WEIGHTS TAG [key=value …]

Made songs do not say their key: truth=chart is the key that the true chords fit best, by rule; truth=progressions takes only songs that
are made of known progressions by degree, and their tonic. SONGS are folders of `aural data songs`; beats are those that the default system
finds, in scoring too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

FIELDS = ("chords", "beats", "downbeats")
STARTED = time.time()
CHORDS = ("root", "majmin", "sevenths", "mirex", "exact")


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


def songs(folder: Path, count: int = 10**9) -> Iterator[Any]:
    """Those with chords."""
    from aural.data.songs import FolderOfSongs

    source, given = FolderOfSongs(folder, FIELDS), 0
    for i in range(source.size):
        example = source(i)
        if given < count and len(example.get("chords", ())):
            given += 1
            yield example


def learn_chords(folder: Path, out: Path, options: dict[str, str]) -> None:
    import torch

    from aural.system import build, save

    torch.set_num_threads(1)
    count = int(options.pop("songs", "160"))
    system = build("chord/sheh03", **options).eval()
    pairs, known = [], []
    for example in songs(folder, count):
        x, y = system.collate([example])
        pairs.append((system.features(x), y))
        known.append((None, system.times(example), example))
    say(len(pairs), "songs heard")
    system.net.fit(pairs)
    system.output.fit(known)
    say("log-likelihoods", [round(v) for v in system.net.likelihoods])
    say(save(system, out))


def heard(example: Any, beats: str) -> Any:
    """What is given of a song: its sound, and beats: "made" by the default system, or the "true" ones."""
    from aural.annotations import Example
    from aural.running import complete
    from aural.system import load

    true = {k: example[k] for k in ("beats", "downbeats") if k in example} if beats == "true" else {}
    return complete(Example(sound=example["sound"], **true), load("chord/templates"))


def score_chords(weights: str, folders: list[Path], options: dict[str, str]) -> None:
    """A system beside the floor, and beside one chord all the time; and whether its confidences are how often it is right."""
    import torch

    from aural.annotations import Intervals
    from aural.running import run
    from aural.system import load
    from aural.tasks.chord import score

    torch.set_num_threads(1)
    count, beats = int(options.pop("songs", "1000")), options.pop("beats", "made")
    systems = [load(weights, **options), load("chord/templates")]
    rows: dict[str, list[dict[str, float]]] = {name: [] for name in (*(system.name for system in systems), "C:maj throughout")}
    sure: list[tuple[float, float]] = []
    for folder in folders:
        for example in songs(folder, count):
            truth, given = example["chords"], heard(example, beats)
            for system in systems:
                found = run(system, given)["chords"]
                rows[system.name].append(score(truth, found))
                if system is systems[0]:
                    sure += rightness(found, truth)
            rows["C:maj throughout"].append(score(truth, Intervals(np.zeros(1), np.array([given.duration]), ("C:maj",))))
    for name, found_rows in rows.items():
        say(f"{name:18}", {k: round(float(np.mean([row[k] for row in found_rows])), 4) for k in CHORDS}, len(found_rows), "songs")
    told, right = np.array(sure).T
    bins = np.minimum((10 * told).astype(int), 9)
    shares = [((bins == k).sum(), told[bins == k].mean(), right[bins == k].mean()) for k in sorted(set(bins.tolist()))]
    for n, mean, share in shares:
        say(f"  confidence {mean:.2f}: right in {share:.2f} of the time of {n} chords")
    say("calibration error", round(float(sum(n * abs(mean - share) for n, mean, share in shares) / len(told)), 4))


def rightness(found: Any, truth: Any) -> list[tuple[float, float]]:
    """(confidence, share of its time that root and quality are right in) of each chord; X is left out."""
    from aural.encodings.chords import UNKNOWN, states_at

    made = []
    for start, end, label, sure in zip(found.starts, found.ends, found.labels, found.confidence, strict=True):
        at = np.arange(start + 0.025, end, 0.05)
        if not len(at):
            continue
        true, own = states_at(truth, at), states_at(type(found)([start], [end], (label,)), at[:1])[0]
        if (true != UNKNOWN).any():
            made.append((float(sure), float((true[true != UNKNOWN] == own).mean())))
    return made


def changes(weights: str, folder: Path, out: Path, options: dict[str, str]) -> None:
    """What follows what, and how long chords last, from the truth of songs; no sound is read."""
    from aural.system import load, save

    system = load(weights)
    lessons = list(songs(folder, int(options.get("songs", "100000"))))
    of_chords(system).fit_changes(lessons)
    say(len(lessons), "songs; a chord goes on", of_chords(system).stays.tolist())
    say(save(system, out))


def confide(weights: str, folder: Path, out: Path, options: dict[str, str]) -> None:
    """The confidences, from songs that were not learned from."""
    import torch

    from aural.running import estimate
    from aural.system import load, save

    torch.set_num_threads(1)
    system = load(weights)
    lessons = []
    for example in songs(folder, int(options.get("songs", "100000"))):
        given = heard(example, options.get("beats", "made"))
        y, times = estimate(system, given)
        given["chords"] = example["chords"]
        lessons.append((y if isinstance(y, torch.Tensor) else y["chords"], times, given))
    output = of_chords(system)
    if hasattr(output, "confide"):
        system.options["sure"] = output.confide(lessons)
    else:
        output.fit(lessons)
    say(len(lessons), "songs; weights", np.array(output.sure).tolist())
    say(save(system, out))


def of_chords(system: Any) -> Any:
    """The encoding of a system's chords."""
    from aural.part import Parts

    return system.output.parts["chords"] if isinstance(system.output, Parts) else system.output


# ---- keys


def turning(progression: str) -> tuple[list[tuple[int, str]], bool]:
    """A progression by degree as (semitones over the tonic, quality) without repeats, and whether its tonic chord is minor."""
    from aural.data.songs.harmony import degree

    words = progression.split()
    chords = [(c.root, c.quality) for c in (degree(word, 0) for word in words)]
    minor = any(c[0] == 0 and c[1] in ("min", "min7", "min6") for c in chords) and not any(c[0] == 0 and c[1][:3] != "min" for c in chords)
    return [c for i, c in enumerate(chords) if not i or c != chords[i - 1]], minor


def key_of_made(example: Any) -> str:
    """The key in which a made song was composed, read off its true chords: that of the progressions that they are, from their first chord
    on, for the most time; "" where less than 60 % of the song is one of them, or another key explains nearly as much."""
    from aural.data.songs.harmony import PROGRESSIONS, harte
    from aural.harmony import key_name

    chords = example["chords"]
    spans: list[tuple[float, float, tuple[int, str]]] = []
    for start, end, label in zip(chords.starts, chords.ends, chords.labels, strict=True):
        chord = harte(label)
        if chord is None:
            continue
        if spans and spans[-1][2] == (chord.root, chord.quality):
            spans[-1] = (spans[-1][0], end, spans[-1][2])
        else:
            spans.append((start, end, (chord.root, chord.quality)))
    whole = sum(end - start for start, end, _ in spans)
    explained: dict[str, float] = {}
    for progression in PROGRESSIONS:
        wanted, minor = turning(progression)
        if len(wanted) < 2:
            continue
        for tonic in range(12):
            own = [((root + tonic) % 12, quality) for root, quality in wanted]
            covered, i = 0.0, 0
            while i + len(own) <= len(spans):
                if [span[2] for span in spans[i : i + len(own)]] == own:
                    covered += sum(end - start for start, end, _ in spans[i : i + len(own)])
                    i += len(own)
                else:
                    i += 1
            name = key_name(tonic, minor)
            explained[name] = max(explained.get(name, 0.0), covered)
    best = sorted(explained, key=lambda name: -explained[name])
    sure = whole and explained[best[0]] > 0.6 * whole and explained[best[1]] < 0.8 * explained[best[0]]
    return best[0] if sure else ""


def key_of_chart(example: Any) -> str:
    """The key that a made song's true chords fit best, by the rule that names are spelled by."""
    from aural import harmony

    chords = example["chords"]
    return harmony.key_of_chords([harmony.parse(label) for label in chords.labels], chords.ends - chords.starts)


TRUTHS = {"chart": key_of_chart, "progressions": key_of_made}


def learn_key(folder: Path, out: Path, options: dict[str, str]) -> None:
    import torch

    from aural.annotations import Intervals
    from aural.system import build, save

    torch.set_num_threads(1)
    count, truth = int(options.pop("songs", "300")), TRUTHS[options.pop("truth", "chart")]
    system = build("key/profiles", **options).eval()
    pairs: list[tuple[torch.Tensor, torch.Tensor]] = []
    for example in songs(folder):
        name = truth(example) if len(pairs) < count else ""
        if name:
            example["key"] = Intervals(np.zeros(1), np.array([example.duration]), (name,))
            x, y = system.collate([example])
            pairs.append((system.features(x), system.targets(y)))
    say(len(pairs), "songs in a key")
    system.net.fit(pairs)
    say("weights", system.net.means.numpy().round(1).tolist(), system.net.more.tolist(), system.net.flat)
    say(save(system, out))


def transposed(example: Any, semitones: int) -> Any:
    """The sound that many semitones higher (and as much shorter), by resampling."""
    from aural.sound import Sound

    sound = example["sound"].read()
    return Sound(sound.at(round(sound.rate / 2 ** (semitones / 12))).samples, sound.rate)


def score_key(weights: Path, folders: list[Path], count: int, key_of: Callable[[Any], str]) -> None:
    """MIREX's weighted score of held-out songs, each transposed by a random interval of -4 to 4 semitones."""
    import torch

    from aural import harmony
    from aural.annotations import Label
    from aural.running import run
    from aural.system import load
    from aural.tasks.key import full, name_of

    torch.set_num_threads(1)
    system, rng = load(weights), np.random.default_rng(0)
    rows, spans = [], []
    for folder in folders:
        for example in songs(folder):
            name = key_of(example) if len(rows) < count else ""
            if not name:
                continue
            up = int(rng.integers(-4, 5))
            tonic, minor = harmony.read_key(name)
            truth = Label(harmony.key_name((harmony.pitch_class(tonic) + up) % 12, minor))
            found = run(system, {"sound": transposed(example, up)})["key"]
            rows.append(full(truth, found)["Weighted Score"])
            spans.append(len(found))
            if rows[-1] < 1:
                say(example["name"], example["strata"], truth.name, "heard as", name_of(found) or "none", rows[-1])
    say("weighted", round(float(np.mean(rows)), 4), "exact", round(float(np.mean([r == 1 for r in rows])), 4), len(rows), "songs")
    say("keys a song", round(float(np.mean(spans)), 2))


def ship(weights: Path, tag: str, facts: dict[str, str]) -> None:
    from ship import DATA, LICENCE, NOT_FOR  # beside this file

    from aural.registry import WEIGHTS
    from aural.running import probe
    from aural.system import load, save

    system = load(weights)
    path = WEIGHTS / f"{system.name}.{tag}.safetensors"
    facts = {"licence": LICENCE, "trained_on": DATA, "not_for": NOT_FOR, **facts}
    save(system, path, **facts)
    save(load(path), path, **facts, probe=probe(load(path)))
    say(path, load(path).card)


def main(argv: list[str]) -> None:
    verb, *rest = argv
    plain = [word for word in rest if "=" not in word]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    verbs: dict[str, Callable[[], None]] = {
        "chords": lambda: learn_chords(Path(plain[0]), Path(plain[1]), options),
        "score-chords": lambda: score_chords(plain[0], [Path(p) for p in plain[1:]], options),
        "changes": lambda: changes(plain[0], Path(plain[1]), Path(plain[2]), options),
        "confide": lambda: confide(plain[0], Path(plain[1]), Path(plain[2]), options),
        "key": lambda: learn_key(Path(plain[0]), Path(plain[1]), options),
        "score-key": lambda: score_key(
            Path(plain[0]), [Path(p) for p in plain[1:]], int(options.get("songs", "1000")), TRUTHS[options.get("truth", "chart")]
        ),
        "ship": lambda: ship(Path(plain[0]), plain[1], options),
    }
    if verb not in verbs:
        raise SystemExit(f"{verb}: {', '.join(verbs)}")
    verbs[verb]()


if __name__ == "__main__":
    main(sys.argv[1:])
