"""Representations against their peers: wall time and peak memory, on two threads.

Rows       STFT power, log-mel 128 in dB, MFCC 20, chroma 12, CQT 84, HCQT 6 × 360; each of `long` (4 minutes) and `batch`
           (32 × 10 s); 44,100 Hz mono noise, n_fft 2048, hop 512, float32
Peers      librosa; torch.stft with the same matrices; nnAudio and torchlibrosa where they are installed
Time       all contenders of a row take turns in one process, so that whatever else the machine does meets all alike;
           medians. Modules are made once; a first call on one second and an uncounted turn warm every contender. Who
           needs five times as long as the fastest there takes one counted turn only
Memory     each contender once in a process of its own: the peak over what imports, input and warm-up took (VmHWM, or ru_maxrss)
Ratio      our median over that of the fastest peer
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "2"
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402

RATE, N_FFT, HOP = 44_100, 2048, 512
KINDS = ("stft", "logmel", "mfcc", "chroma", "cqt", "hcqt")
INPUTS = {"long": (240 * RATE,), "batch": (32, 10 * RATE)}
HARMONICS = (0.5, 1, 2, 3, 4, 5)
C1 = 32.703195662574764
SLOW = 5  # times the fastest

Contender = Callable[[np.ndarray], object]


def signal(name: str) -> np.ndarray:
    """(time,) or (example, time)."""
    return (0.1 * np.random.default_rng(0).standard_normal(INPUTS[name])).astype(np.float32)


def on_torch(part: Callable, channel: bool = False) -> Contender:
    """From an array to a tensor (which shares its memory), without gradients."""
    import torch

    torch.set_num_threads(2)

    def run(y: np.ndarray) -> object:
        with torch.inference_mode():
            x = torch.from_numpy(y.reshape(-1, y.shape[-1]))
            return part(x[:, None] if channel else x)

    return run


def ours() -> dict[str, Contender]:
    from aural.representations import CQT, HCQT, MFCC, Chroma, LogMel, Spectrogram

    parts = {
        "stft": Spectrogram(RATE, HOP, N_FFT),
        "logmel": LogMel(RATE, HOP, N_FFT, 128, compression="db", range_db=80),
        "mfcc": MFCC(RATE, HOP, N_FFT, 128, 20, range_db=80),
        "chroma": Chroma(RATE, HOP, N_FFT),
        "cqt": CQT(RATE, HOP, bands=84, scale="length"),
        "hcqt": HCQT(RATE, HOP, bands=360, per_octave=60, harmonics=HARMONICS, scale="length"),
    }
    return {kind: on_torch(part, channel=True) for kind, part in parts.items()}


def of_librosa() -> dict[str, Contender]:
    import librosa

    f, frames = librosa.feature, {"n_fft": N_FFT, "hop_length": HOP}

    def cqt(y: np.ndarray, **options: float) -> np.ndarray:
        return np.abs(librosa.cqt(y, sr=RATE, hop_length=HOP, tuning=0.0, **options))

    return {
        "stft": lambda y: np.abs(librosa.stft(y, **frames)) ** 2,
        "logmel": lambda y: librosa.power_to_db(f.melspectrogram(y=y, sr=RATE, n_mels=128, **frames)),
        "mfcc": lambda y: f.mfcc(y=y, sr=RATE, n_mfcc=20, n_mels=128, **frames),
        "chroma": lambda y: f.chroma_stft(y=y, sr=RATE, tuning=0.0, **frames),
        "cqt": lambda y: cqt(y, n_bins=84),
        "hcqt": lambda y: np.stack([cqt(y, fmin=h * C1, n_bins=360, bins_per_octave=60) for h in HARMONICS], -3),
    }


def of_torch() -> dict[str, Contender]:
    """The least that plain torch takes: torch.stft, then a matrix."""
    import librosa
    import scipy.fft
    import torch

    window = torch.hann_window(N_FFT)
    mel = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=N_FFT, n_mels=128))
    classes = torch.from_numpy(librosa.filters.chroma(sr=RATE, n_fft=N_FFT, tuning=0.0)).float()
    cosines = torch.from_numpy(scipy.fft.dct(np.eye(128), axis=0, norm="ortho")[:20]).float()

    def power(x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(x, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        return spectrum.real.square() + spectrum.imag.square()

    def decibels(x: torch.Tensor) -> torch.Tensor:
        return 10 * (mel @ power(x)).clamp(min=1e-10).log10()

    return {
        "stft": on_torch(power),
        "logmel": on_torch(decibels),
        "mfcc": on_torch(lambda x: cosines @ decibels(x)),
        "chroma": on_torch(lambda x: torch.nn.functional.normalize(classes @ power(x), p=float("inf"), dim=-2)),
    }


def of_nnaudio() -> dict[str, Contender]:
    from nnAudio import features as f

    options = {"sr": RATE, "hop_length": HOP, "verbose": False}
    stft = f.STFT(n_fft=N_FFT, output_format="Magnitude", **options)
    mel = f.MelSpectrogram(n_fft=N_FFT, n_mels=128, **options)
    cqt = f.CQT1992v2(n_bins=84, fmin=C1, output_format="Magnitude", **options)
    mfcc = f.MFCC(n_mfcc=20, n_fft=N_FFT, n_mels=128, **options)
    return {
        "stft": on_torch(lambda x: stft(x).square()),
        "logmel": on_torch(lambda x: 10 * mel(x).clamp(min=1e-10).log10()),
        "mfcc": on_torch(mfcc),
        "cqt": on_torch(cqt),
    }


def of_torchlibrosa() -> dict[str, Contender]:
    from torchlibrosa.stft import LogmelFilterBank, Spectrogram

    power = Spectrogram(n_fft=N_FFT, hop_length=HOP).eval()
    mel = LogmelFilterBank(sr=RATE, n_fft=N_FFT, n_mels=128, fmin=0, fmax=RATE // 2, is_log=True).eval()
    return {"stft": on_torch(power), "logmel": on_torch(lambda x: mel(power(x)))}


CONTENDERS = {"ours": ours, "librosa": of_librosa, "torch.stft": of_torch, "nnAudio": of_nnaudio, "torchlibrosa": of_torchlibrosa}
PACKAGES = {"nnAudio": "nnAudio", "torchlibrosa": "torchlibrosa"}


def contenders() -> dict[str, dict[str, Contender]]:
    return {
        name: make() for name, make in CONTENDERS.items() if name not in PACKAGES or importlib.util.find_spec(PACKAGES[name]) is not None
    }


def times(runs: dict[str, Contender], y: np.ndarray, reps: int) -> dict[str, float]:
    """Median milliseconds of each contender, taking turns."""
    for run in runs.values():
        run(y[..., :RATE])
    taken: dict[str, list[float]] = {name: [] for name in runs}
    first: dict[str, float] = {}
    for turn in range(reps + 1):
        for name, run in runs.items():
            if turn > 1 and first[name] > SLOW * min(first.values()) and name != "ours" and len(runs) > 2:
                continue
            start = time.perf_counter()
            run(y)
            spent = time.perf_counter() - start
            if turn:
                taken[name].append(spent)
            else:
                first[name] = spent
    return {name: 1000 * statistics.median(seconds) for name, seconds in taken.items()}


def resident(mark: str) -> float:
    """MB of this process: now (VmRSS) or at most since it was last cleared (VmHWM). Without Linux' /proc the most so far."""
    if not os.path.exists("/proc/self/status"):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(mark)) / 1024


def memory(name: str, kind: str, given: str) -> float:
    """MB that one call takes, in a process of its own."""
    command = [sys.executable, __file__, "--memory-of", name, kind, given]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def memory_here(name: str, kind: str, given: str) -> float:
    run, y = CONTENDERS[name]()[kind], signal(given)
    run(y[..., :RATE])
    if os.path.exists("/proc/self/clear_refs"):
        with open("/proc/self/clear_refs", "w") as marks:
            marks.write("5")  # the highest mark so far is forgotten
    before = resident("VmRSS")
    kept = run(y)
    most = resident("VmHWM")
    del kept
    return most - before


def rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 1) for name, value in values.items()}


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object a line in place of the table")
    parser.add_argument("--rows", default="", help="some rows only, as stft,cqt-long (default: all)")
    parser.add_argument("--reps", type=int, default=7, help="turns of each contender (default: 7)")
    parser.add_argument("--no-memory", action="store_true", help="times only")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(memory_here(*options.memory_of))
        return

    known = [f"{kind}-{given}" for kind in KINDS for given in INPUTS]
    wanted = [row for row in options.rows.split(",") if row]
    rows = [row for row in known if not wanted or row in wanted or row.split("-")[0] in wanted or row.split("-")[1] in wanted]
    unknown = [w for w in wanted if w not in known and w not in KINDS and w not in INPUTS]
    if unknown or options.reps < 1:
        parser.error(f"no row {', '.join(unknown)}; rows: {', '.join(known)}" if unknown else "--reps starts at 1")

    everyone = contenders()
    if not options.json:
        peers = [name for name in everyone if name != "ours"]
        print("`" + " ".join(["script/bench", *sys.argv[1:]]) + "`\n")
        print(f"{platform_line()}\n")
        print("Milliseconds (and MB at the peak, beyond input and imports); the ratio is ours to the fastest peer.\n")
        print("| row | ours | " + " | ".join(peers) + " | ratio |\n|---|---|" + "---|" * len(peers) + "---|", flush=True)
    for row in rows:
        kind, given = row.split("-")
        runs = {name: made[kind] for name, made in everyone.items() if kind in made}
        spent = times(runs, signal(given), options.reps)
        taken = {} if options.no_memory else {name: memory(name, kind, given) for name in runs}
        best = min(ms for name, ms in spent.items() if name != "ours")
        if options.json:
            others = {name: ms for name, ms in spent.items() if name != "ours"}
            line = {"row": row, "ours_ms": round(spent["ours"], 1), "peers_ms": rounded(others), "ratio": round(spent["ours"] / best, 3)}
            if taken:
                line |= {"ours_mb": round(taken["ours"], 1), "peers_mb": rounded({n: mb for n, mb in taken.items() if n != "ours"})}
            print(json.dumps(line), flush=True)
        else:
            cells = [f"{spent[n]:.0f}" + (f" ({taken[n]:.0f})" if n in taken else "") if n in spent else "–" for n in ["ours", *peers]]
            print(f"| {row} | " + " | ".join(cells) + f" | {spent['ours'] / best:.2f} |", flush=True)


def platform_line() -> str:
    import platform
    from importlib.metadata import version

    names = ["torch", "numpy", "librosa", *(p for p in PACKAGES.values() if importlib.util.find_spec(p) is not None)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names) + f"; 2 threads on {cores} cores"


if __name__ == "__main__":
    main()
