"""Representations against their peers: wall time and peak memory, on two threads; or on a GPU.

Rows       STFT power, log-mel 128 in dB, MFCC 20, chroma 12, CQT 84, HCQT 6 × 360, PCEN of 128 mel bands, there and back (STFT and
           its inverse), µ-law classes, wavelets (db4, 8 levels), each of `long` (4 minutes) and `batch` (32 × 10 s); Griffin-Lim
           (8 fast rounds), Morlet wavelets 84, gammatones 64 and NSGT of `short` (10 s); 44,100 Hz mono noise, n_fft 2048, hop 512,
           float32
Peers      librosa; torch.stft with the same matrices; nnAudio, torchlibrosa, PyWavelets and essentia (AGPL: by hand) where they are there;
           scipy.
           PyWavelets' Morlet wavelets and scipy's gammatones (real, recursive) are made at every sample, ours at every frame
Time       all contenders of a row take turns in one process, so that whatever else the machine does meets all alike;
           medians. Modules are made once; a first call on one second and an uncounted turn warm every contender. Who
           needs five times as long as the fastest there takes one counted turn only
Memory     each contender once in a process of its own: the peak over what imports, input and warm-up hold on to (VmHWM, or ru_maxrss)
Ratio      our median over that of the fastest peer
Device     --device cuda: ours and, for the first four rows, torch.stft with the same matrices, on tensors that are there already;
           milliseconds, and which share of the bandwidth of a large copy, measured first, a row would have that read its input
           once and wrote its result once
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
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
KINDS = ("stft", "logmel", "mfcc", "chroma", "cqt", "hcqt", "pcen", "istft", "mulaw", "dwt", "griffinlim", "cwt", "gammatone", "nsgt")
INPUTS = {"long": (240 * RATE,), "batch": (32, 10 * RATE), "short": (10 * RATE,)}
SHORT = KINDS[-4:]  # of these the short input, of the others both longer ones
ROUNDS = 8
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
    return {kind: on_torch(part, channel=True) for kind, part in our_parts().items()}


def our_parts() -> dict[str, Callable]:
    from aural.representations import (
        CQT,
        CWT,
        DWT,
        HCQT,
        MFCC,
        NSGT,
        PCEN,
        STFT,
        Chroma,
        Gammatone,
        LogMel,
        MuLaw,
        Spectrogram,
        griffin_lim,
    )

    stft = STFT(RATE, HOP, N_FFT)
    return {
        "stft": Spectrogram(RATE, HOP, N_FFT),
        "logmel": LogMel(RATE, HOP, N_FFT, 128, compression="db", range_db=80),
        "mfcc": MFCC(RATE, HOP, N_FFT, 128, 20, range_db=80),
        "chroma": Chroma(RATE, HOP, N_FFT),
        "cqt": CQT(RATE, HOP, bands=84, scale="length"),
        "hcqt": HCQT(RATE, HOP, bands=360, per_octave=60, harmonics=HARMONICS, scale="length"),
        "pcen": PCEN(LogMel(RATE, HOP, N_FFT, 128, power=1, compression="none")),
        "istft": torch_module(stft, lambda x: stft.invert(stft(x), x.shape[-1])),
        "mulaw": MuLaw(RATE, as_classes=True),
        "dwt": DWT(RATE, "db4", 8),
        "griffinlim": torch_module(stft, lambda x: griffin_lim(stft(x).abs(), stft, x.shape[-1], rounds=ROUNDS)),
        "cwt": CWT(RATE, HOP),
        "gammatone": Gammatone(RATE, HOP),
        "nsgt": NSGT(RATE, 16, per_octave=24),
    }


def torch_module(part: Callable, run: Callable) -> Callable:
    """What runs a part, and goes to a device as it does."""
    import torch

    class Run(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.part = part

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return run(x)

    return Run()


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
        "pcen": lambda y: librosa.pcen(f.melspectrogram(y=y, sr=RATE, n_mels=128, power=1, **frames) * 2**31, sr=RATE, hop_length=HOP),
        "istft": lambda y: librosa.istft(librosa.stft(y, **frames), hop_length=HOP, length=y.shape[-1]),
        "mulaw": lambda y: librosa.mu_compress(y, mu=255, quantize=True),
        "griffinlim": lambda y: librosa.griffinlim(
            np.abs(librosa.stft(y, **frames)), n_iter=ROUNDS, length=y.shape[-1], random_state=0, **frames
        ),
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
        "istft": on_torch(
            lambda x: torch.istft(
                torch.stft(x, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True), N_FFT, HOP, window=window
            )
        ),
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


def of_pywavelets() -> dict[str, Contender]:
    import pywt

    hz = C1 * 2 ** (np.arange(84) / 12)
    scales = pywt.central_frequency("cmor2.0-0.955") * RATE / hz  # ω = 6

    def cwt(y: np.ndarray) -> np.ndarray:
        return np.abs(pywt.cwt(y, scales, "cmor2.0-0.955", method="fft")[0])

    return {"dwt": lambda y: pywt.wavedec(y, "db4", mode="zero", level=8), "cwt": cwt}


def of_scipy() -> dict[str, Contender]:
    import scipy.signal

    from aural.representations.gammatone import erb_centres

    filters = [scipy.signal.gammatone(hz, "iir", fs=RATE) for hz in erb_centres(64, 50, 0.45 * RATE)]
    return {"gammatone": lambda y: np.stack([scipy.signal.lfilter(b, a, y) for b, a in filters])}


def of_essentia() -> dict[str, Contender]:
    """Frame by frame, as its users write it."""
    import essentia
    import essentia.standard as es

    essentia.log.infoActive = False
    window = es.Windowing(type="hann", size=N_FFT, normalized=False, zeroPhase=False)
    power = es.PowerSpectrum(size=N_FFT)
    options = {"sampleRate": RATE, "inputSize": N_FFT // 2 + 1, "numberBands": 128, "highFrequencyBound": RATE / 2}
    mel, mfcc = es.MelBands(**options, log=True), es.MFCC(**options, numberCoefficients=20)

    def of_frames(then: Callable[[np.ndarray], np.ndarray]) -> Contender:
        def run(y: np.ndarray) -> list[np.ndarray]:
            cut = (es.FrameGenerator(one, frameSize=N_FFT, hopSize=HOP) for one in y.reshape(-1, y.shape[-1]))
            return [np.stack([then(power(window(frame))) for frame in frames], -1) for frames in cut]

        return run

    return {"stft": of_frames(lambda x: x), "logmel": of_frames(mel), "mfcc": of_frames(lambda x: mfcc(x)[1])}


CONTENDERS = {
    "ours": ours,
    "librosa": of_librosa,
    "torch.stft": of_torch,
    "nnAudio": of_nnaudio,
    "torchlibrosa": of_torchlibrosa,
    "PyWavelets": of_pywavelets,
    "essentia": of_essentia,
    "scipy": of_scipy,
}
PACKAGES = {"nnAudio": "nnAudio", "torchlibrosa": "torchlibrosa", "PyWavelets": "pywt", "essentia": "essentia"}


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
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # or what imports and warm-up have freed would be taken again, and not be counted
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


def on_device(rows: list[str], device: str, reps: int, as_json: bool) -> None:
    """Prints what each row takes on a device, and how near that is to the least that its memory allows."""
    import torch

    def waited() -> float:
        if device != "cpu":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def median(run: Callable, *given: object) -> float:
        """Seconds a call, of many in one measurement where they are short."""
        run(*given), run(*given)
        start = waited()
        run(*given)
        calls = max(1, min(100, int(0.02 / max(waited() - start, 1e-6))))
        spent = []
        for _ in range(reps):
            start = waited()
            for _ in range(calls):
                run(*given)
            spent.append((waited() - start) / calls)
        return statistics.median(spent)

    large = torch.ones(1 << (28 if device != "cpu" else 25), device=device)  # 1 GiB of float32
    bandwidth = 2 * large.nbytes / median(torch.empty_like(large).copy_, large)
    del large
    name = torch.cuda.get_device_name(device) if device != "cpu" else "processor"
    about = {"device": name, "torch": torch.__version__, "bandwidth_gb_s": round(bandwidth / 1e9, 1)}
    if as_json:
        print(json.dumps(about), flush=True)
    else:
        print("`" + " ".join(["script/bench", *sys.argv[1:]]) + "`\n")
        print(f"{name}, torch {torch.__version__}; a copy moves {bandwidth / 1e9:.0f} GB/s\n")
        print("| row | ours, ms | torch.stft, ms | MB in and out | share of the bandwidth |\n|---|---|---|---|---|", flush=True)
    parts = our_parts()
    window = torch.hann_window(N_FFT, device=device)
    for row in rows:
        kind, given = row.split("-")
        x = torch.from_numpy(signal(given).reshape(-1, 1, INPUTS[given][-1])).to(device)
        part = parts[kind].to(device)
        plain = plainly(kind, part, window)
        try:
            with torch.inference_mode():
                made = part(x)
                moved = x.nbytes + made.nbytes
                del made
                seconds = median(part, x)
                theirs = median(plain, x[:, 0]) if plain else None
        except torch.cuda.OutOfMemoryError:
            print(json.dumps({"row": row, "error": "out of memory"}) if as_json else f"| {row} | out of memory | | | |", flush=True)
            continue
        ms = {"ours_ms": round(1000 * seconds, 3), "torch_ms": theirs and round(1000 * theirs, 3)}
        found = {"row": row, **ms, "mb": round(moved / 1e6, 1), "share": round(moved / seconds / bandwidth, 3)}
        cells = [row, *("–" if v is None else str(v) for v in (*ms.values(), found["mb"], found["share"]))]
        print(json.dumps(found) if as_json else "| " + " | ".join(cells) + " |", flush=True)
        part.cpu()
        if device != "cpu":
            torch.cuda.empty_cache()


def plainly(kind: str, part: Callable, window: object) -> Callable | None:
    """torch.stft and the part's own matrices, for the rows that are no more than those."""
    import torch

    def power(x: torch.Tensor) -> torch.Tensor:
        spectrum = torch.stft(x, N_FFT, HOP, window=window, pad_mode="constant", return_complex=True)
        return spectrum.real.square() + spectrum.imag.square()

    def decibels(x: torch.Tensor) -> torch.Tensor:
        y = 10 * (matrix @ power(x)).clamp(min=1e-10).log10()
        return torch.maximum(y, y.amax((-2, -1), keepdim=True) - 80)

    if kind not in ("stft", "logmel", "mfcc", "chroma"):
        return None
    matrix = part.matrix().float().to(window.device) if kind != "stft" else None
    if kind == "chroma":
        return lambda x: torch.nn.functional.normalize(matrix @ power(x), p=float("inf"), dim=-2)
    return {"stft": power, "logmel": decibels, "mfcc": lambda x: part.cosines @ decibels(x)}[kind]


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one object a line in place of the table")
    parser.add_argument("--rows", default="", help="some rows only, as stft,cqt-long (default: all)")
    parser.add_argument("--reps", type=int, default=7, help="turns of each contender (default: 7)")
    parser.add_argument("--no-memory", action="store_true", help="times only")
    parser.add_argument("--device", default="", help="cpu, cuda, cuda:1: what ours takes there, and the share of its memory's bandwidth")
    parser.add_argument("--memory-of", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(memory_here(*options.memory_of))
        return

    known = [f"{kind}-{given}" for kind in KINDS for given in INPUTS if (given == "short") == (kind in SHORT)]
    wanted = [row for row in options.rows.split(",") if row]
    rows = [row for row in known if not wanted or row in wanted or row.split("-")[0] in wanted or row.split("-")[1] in wanted]
    unknown = [w for w in wanted if w not in known and w not in KINDS and w not in INPUTS]
    if unknown or options.reps < 1:
        parser.error(f"no row {', '.join(unknown)}; rows: {', '.join(known)}" if unknown else "--reps starts at 1")

    if options.device:
        on_device(rows, options.device, options.reps, options.json)
        return
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
        best = min((ms for name, ms in spent.items() if name != "ours"), default=None)
        ratio = best and spent["ours"] / best
        if options.json:
            others = {name: ms for name, ms in spent.items() if name != "ours"}
            line = {"row": row, "ours_ms": round(spent["ours"], 1), "peers_ms": rounded(others), "ratio": ratio and round(ratio, 3)}
            if taken:
                line |= {"ours_mb": round(taken["ours"], 1), "peers_mb": rounded({n: mb for n, mb in taken.items() if n != "ours"})}
            print(json.dumps(line), flush=True)
        else:
            cells = [f"{spent[n]:.0f}" + (f" ({taken[n]:.0f})" if n in taken else "") if n in spent else "–" for n in ["ours", *peers]]
            print(f"| {row} | " + " | ".join(cells) + (f" | {ratio:.2f} |" if ratio else " | – |"), flush=True)


def platform_line() -> str:
    import platform
    from importlib.metadata import version

    names = ["torch", "numpy", "librosa", "scipy", *(name for name, p in PACKAGES.items() if importlib.util.find_spec(p) is not None)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"Python {platform.python_version()}, " + ", ".join(f"{n} {version(n)}" for n in names) + f"; 2 threads on {cores} cores"


if __name__ == "__main__":
    main()
