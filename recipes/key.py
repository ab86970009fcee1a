"""Learns key/equivariant from made songs: on paper first, then as they sound; scores it on others.

    python recipes/key.py paper SEED FIRST LAST OUT.npz           songs on paper, heard as tones by rule: no sound is made
    python recipes/key.py hear SPLIT SEED FIRST LAST OUT.npz      songs rendered and heard, their sound not kept
    python recipes/key.py learn RUN paper=A.npz,… heard=B.npz,… held=C.npz [start=WEIGHTS steps=1500 …]
    python recipes/key.py score WEIGHTS SONGS [SONGS …]           folders of `aural data songs`; prints each piece that is not right

Weights ship by `recipes/ship.py RUN/weights.safetensors TAG tune=SONGS without=beats,downbeats`, which also fits the confidence.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

STARTED = time.time()
SECONDS = 60.0
# Semitones from a note to its first ten partials.
PARTIALS = (0, 12, 19, 24, 28, 31, 34, 36, 38, 40)
BANDS, LOWEST = 103, 21


def say(*words: object) -> None:
    print(f"[{time.time() - STARTED:6.1f} s]", *words, flush=True)


# ---- songs as tones


def simulated(score: Any, seconds: float, cell: float, rng: np.random.Generator) -> tuple[np.ndarray, bool]:
    """About what `Tones` would hear of a score (103, cell), and whether anything pitched is played: each track with partials and a decay
    of its own, over a noise that is louder where drums are struck."""
    n = int(np.ceil(seconds / cell))
    made, struck, pitched = np.zeros((BANDS, n)), np.zeros(n), False
    for index, track in enumerate(score.tracks):
        own = score.notes[score.notes[:, 4] == index]
        if not len(own) or rng.random() < 0.08:
            continue
        if track.drum:
            np.add.at(struck, np.clip(own[:, 0] / cell, 0, n - 1).astype(int), (own[:, 3] / 127) ** 2 * rng.uniform(0.3, 1))
            continue
        pitched = True
        gain, gamma = 10 ** (rng.normal(0, 6) / 20), rng.uniform(0.6, 1.7)
        decay = np.inf if rng.random() < 0.45 else rng.uniform(0.2, 2.5)
        partials = np.arange(1, 11.0) ** -rng.uniform(0.4, 2.6) * rng.uniform(0.25, 1, 10)
        partials[0] *= rng.choice([1, 1, 1, 0.3])
        if rng.random() < 0.25:  # a clarinet's
            partials[1::2] *= 0.15
        roll = np.zeros((128, n))
        for on, off, pitch, velocity, _ in own:
            cells = np.arange(int(on / cell), min(int(off / cell), n - 1) + 1)
            start = np.maximum(cells * cell, on)
            lasting = np.maximum(np.minimum((cells + 1) * cell, off + 0.05) - start, 0) / cell
            roll[int(pitch) % 128, cells] += gain * (velocity / 127) ** gamma * lasting * np.exp(-(start - on) / decay)
        for step, strength in zip(PARTIALS, partials, strict=True):
            source = roll[LOWEST : LOWEST + BANDS - step]
            made[step : step + len(source)] += strength * source
    made *= np.exp(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 6), rng.normal(0, 0.5, 6)))[:, None]
    floor = np.exp(rng.uniform(np.log(3e-4), np.log(2e-2))) + rng.uniform(0, 0.12) * struck / max(struck.max(), 1e-9)
    noise = rng.exponential(1, (BANDS, n)) * floor * (made.max() or 1.0)
    noise *= np.exp(np.interp(np.arange(BANDS), np.linspace(0, BANDS - 1, 5), rng.normal(0, 1, 5)))[:, None]
    noise[:, made.max(0) + struck <= 1e-9] = 0
    made += noise
    wide = np.pad(made, ((6, 6), (0, 0)), mode="edge")
    return np.maximum(made - np.stack([wide[i : i + BANDS] for i in range(13)]).mean(0) / 3, 0), pitched


def kept(tones: np.ndarray) -> np.ndarray:
    """As float16, which holds no large range: fourth roots of shares of the largest."""
    return np.asarray((tones / (tones.max() or 1.0)).clip(min=0) ** 0.25).astype(np.float16)


def write(out: Path, rows: list[dict[str, Any]]) -> None:
    np.savez(out.with_suffix(".part.npz"), rows=np.array(rows, dtype=object))
    out.with_suffix(".part.npz").replace(out)


def read(paths: str) -> list[dict[str, Any]]:
    return [row for path in paths.split(",") if path for row in np.load(path, allow_pickle=True)["rows"]]


def paper(seed: int, first: int, last: int, out: Path) -> None:
    from aural.data.songs import MadeSongs
    from aural.data.songs.render import arranged
    from aural.system import build

    system = build("key/equivariant")
    cell = float(system.input.unit) * system.net.stride
    source, rows = MadeSongs(seed, "train", SECONDS), []
    for i in range(first, last):
        score, rng, seconds = source.score(i)
        if score is None or len(score.notes) < 12:
            continue
        score = arranged(score, rng, seconds)
        tones, pitched = simulated(score, seconds, cell, np.random.default_rng((seed, i, 9)))
        spans = (score.keys.starts, score.keys.ends, score.keys.labels) if score.keys is not None and len(score.keys) else None
        if not pitched:
            spans = (np.zeros(1), np.array([seconds]), ("N",))
        if spans is not None:
            rows.append({"name": f"{seed}-{i}", "style": score.style, "seconds": seconds, "key": spans, "tones": kept(tones)})
        if len(rows) % 500 == 0 or i == last - 1:
            write(out, rows)
            say(i, len(rows), "songs on paper")


def hear(split: Any, seed: int, first: int, last: int, out: Path) -> None:
    import torch

    from aural import Example
    from aural.data.songs import MadeSongs, _rendered
    from aural.system import build

    torch.set_num_threads(1)
    system = build("key/equivariant")
    source, rows = MadeSongs(seed, split, SECONDS, last), []
    for i in range(first, last):
        example = source(i)
        _rendered.cache_clear()
        key = example.get("key")
        with torch.no_grad():
            tones = system.net.tones(system.features(system.input.read(Example(sound=example["sound"]))[None]))[0].numpy()
        if key is not None:
            rows.append(
                {
                    "name": example["name"], "style": example["style"].name, "seconds": example["sound"].duration,
                    "key": (key.starts, key.ends, key.labels), "tones": kept(tones),
                }
            )  # fmt: skip
        if len(rows) % 25 == 0 or i == last - 1:
            write(out, rows)
            say(i, len(rows), "songs heard")


# ---- learning


def chromas(rows: list[dict[str, Any]]) -> list[tuple[Any, Any]]:
    """(register, 12, cell) and classes (cell,) of every song."""
    import torch

    from aural.annotations import Example, Intervals
    from aural.system import build
    from aural.systems.key.equivariant import chroma

    system = build("key/equivariant")
    cell = float(system.input.unit) * system.net.stride
    made = []
    for row in rows:
        x = chroma(torch.from_numpy(row["tones"].astype(np.float32))[None] ** 4)[0]
        truth = Intervals(*row["key"][:2], tuple(row["key"][2]))
        made.append((x, system.output.read(Example(key=truth), (np.arange(x.shape[-1]) + 0.5) * cell)))
    return made


def drawn(songs: list[tuple[Any, Any]], batch: int, cells: int, rng: np.random.Generator) -> tuple[Any, Any]:
    """A batch of crops; three in ten go on as another song in another key, some lack a register or are noisier."""
    import torch

    def crop(n: int) -> tuple[Any, Any]:
        x, y = songs[int(rng.integers(len(songs)))]
        at = int(rng.integers(max(1, x.shape[-1] - n + 1)))
        x, y = x[..., at : at + n], y[at : at + n]
        missing = n - x.shape[-1]
        return torch.nn.functional.pad(x, (0, missing)), torch.nn.functional.pad(y, (0, missing), value=-1)

    xs, ys = [], []
    for _ in range(batch):
        if rng.random() < 0.3:
            first = int(rng.integers(cells // 4, 3 * cells // 4))
            (a, p), (b, q) = crop(first), crop(cells - first)
            up = int(rng.integers(12))
            q = torch.where((q >= 0) & (q < 24), (q + up) % 12 + 12 * (q >= 12), q)
            x, y = torch.cat([a, b.roll(up, 1)], -1), torch.cat([p, q])
        else:
            x, y = crop(cells)
        if rng.random() < 0.2:
            x = x * torch.from_numpy((rng.random((3, 1, 1)) < 0.6).astype(np.float32))
        if rng.random() < 0.3:
            heard = (x.abs().sum((0, 1)) > 0).float()
            x = x + float(rng.uniform(0, 0.15)) * torch.from_numpy(rng.exponential(1, x.shape).astype(np.float32)) * heard
        xs.append(x)
        ys.append(y)
    return torch.stack(xs), torch.stack(ys)


def weighted(system: Any, rows: list[dict[str, Any]], songs: list[tuple[Any, Any]]) -> float:
    """MIREX's weighted score over songs that are heard already."""
    import torch

    from aural.annotations import Example, Intervals
    from aural.tasks.key import score

    system.eval()
    cell, found = float(system.input.unit) * system.net.stride, []
    for row, (x, _) in zip(rows, songs, strict=True):
        with torch.no_grad():
            logits = system.net.keys(x[None])[0]
        guess = system.output.decode(logits, (np.arange(x.shape[-1]) + 0.5) * cell, Example())
        found.append(score(Intervals(*row["key"][:2], tuple(row["key"][2])), guess)["weighted"])
    return float(np.mean(found))


def learn(run: Path, options: dict[str, str]) -> None:
    import torch

    from aural.objectives import classes
    from aural.system import build, load, save

    torch.set_num_threads(int(options.get("threads", "1")))
    torch.manual_seed(int(options.get("seed", "0")))
    rng = np.random.default_rng(int(options.get("seed", "0")))
    steps, minutes, share = int(options.get("steps", "1500")), float(options.get("minutes", "1e9")), float(options.get("share", "0.5"))
    batch, cells, rate = int(options.get("batch", "32")), int(options.get("cells", "72")), float(options.get("rate", "3e-3"))
    groups = [chromas(read(options.get(name, ""))) for name in ("paper", "heard")]
    held = read(options.get("held", ""))
    known = chromas(held)
    say([len(group) for group in groups], "songs to learn from,", len(held), "held out")
    start = options.get("start", "")
    system = load(start) if start else build("key/equivariant")
    optimiser = torch.optim.AdamW(system.net.parameters(), rate, weight_decay=0.02)
    mean = torch.optim.swa_utils.AveragedModel(system.net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
    losses, began = [], time.time()
    for step in range(steps):
        done = max(step / steps, (time.time() - began) / 60 / minutes)
        if done >= 1:
            break
        for group in optimiser.param_groups:
            group["lr"] = rate * min(1, (step + 1) / 50) * (0.5 + 0.5 * np.cos(np.pi * done))
        system.train()
        heard = round(batch * share) if groups[1] and groups[0] else batch * bool(groups[1])
        parts = [drawn(songs, n, cells, rng) for songs, n in zip(groups, (batch - heard, heard), strict=True) if n]
        x, y = (torch.cat([part[i] for part in parts]) for i in range(2))
        loss = classes(system.net.keys(x), y)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(system.net.parameters(), 1.0)
        optimiser.step()
        mean.update_parameters(system.net)
        losses.append(float(loss.detach()))
        if (step + 1) % 100 == 0:
            say(
                step + 1,
                "loss",
                round(float(np.mean(losses[-100:])), 4),
                "held out",
                round(weighted(system, held, known), 4) if held else "",
            )
    system.net.load_state_dict(mean.module.state_dict())
    say("mean of weights, held out", round(weighted(system, held, known), 4) if held else "")
    say(save(system, run / "weights.safetensors"))


def scored(weights: str, folders: list[Path]) -> None:
    import torch

    from aural.annotations import Example
    from aural.running import run
    from aural.system import load
    from aural.tasks.key import name_of, score

    torch.set_num_threads(1)
    system, rows = load(weights), []
    for folder in folders:
        for example in songs(folder):
            found = run(system, Example(sound=example["sound"]))["key"]
            rows.append((score(example["key"], found)["weighted"], str(example["style"].name)))
            if rows[-1][0] < 1:
                say(example["name"], rows[-1][1], name_of(example["key"]), "heard as", name_of(found), rows[-1][0])
    values = np.array([value for value, _ in rows])
    say(weights, "weighted", round(float(values.mean()), 4), "exact", round(float((values == 1).mean()), 4), len(rows), "songs")
    styles = Counter(style for _, style in rows)
    say({s: (n, round(float(np.mean([v for v, own in rows if own == s])), 3)) for s, n in styles.most_common()})


def songs(folder: Path) -> Iterator[Any]:
    """Those whose key is known."""
    from aural.data.songs import FolderOfSongs

    source = FolderOfSongs(folder, ("key", "style"))
    yield from (example for example in map(source, range(source.size)) if "key" in example)


def main(argv: list[str]) -> None:
    verb, *rest = argv
    plain = [word for word in rest if "=" not in word]
    options = dict(word.split("=", 1) for word in rest if "=" in word)
    if verb == "paper":
        paper(int(plain[0]), int(plain[1]), int(plain[2]), Path(plain[3]))
    elif verb == "hear":
        hear(plain[0], int(plain[1]), int(plain[2]), int(plain[3]), Path(plain[4]))
    elif verb == "learn":
        learn(Path(plain[0]), options)
    elif verb == "score":
        scored(plain[0], [Path(folder) for folder in plain[1:]])
    else:
        raise SystemExit(f"{verb}: paper, hear, learn, score")


if __name__ == "__main__":
    main(sys.argv[1:])
