"""A peer's answers on a source of ours, as files that `aural evaluate TASK --on SOURCE --estimates FOLDER` scores.

    python benchmarks/peers/run.py librosa beat mdb_drums FOLDER
    python benchmarks/peers/run.py madmom onset maps_piano60s FOLDER --python /path/to/an/environment/with/madmom/bin/python

FOLDER is best called SOURCE/TASK.PEER: benchmarks/tables.py finds it by that name.

Each piece is decoded to a 16-bit mono WAV of 44.1 kHz (what every peer reads) in a temporary folder, and the peer's script
beside this file, run by the interpreter that has the peer, writes NAME.beats, NAME.lab or NAME.txt. Answers already there are kept while
the sound they were made from (its digest is in sounds.json) is the same: made songs change when their maker does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import soundfile

from aural.data import source
from aural.sound import Sound

ENDINGS = {
    "beat": ".beats",
    "downbeat": ".beats",
    "onset": ".txt",
    "chord": ".lab",
    "key": ".lab",
    "note": ".txt",
    "melody": ".txt",
    "melody_note": ".txt",
}
RATE = 44_100


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peer", choices=sorted(p.stem.removeprefix("with_") for p in Path(__file__).parent.glob("with_*.py")))
    parser.add_argument("task", choices=sorted(ENDINGS))
    parser.add_argument("source", help="a pack, a folder, songs:SEED …")
    parser.add_argument("folder", type=Path, help="where the answers go")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the environment that has the peer (default: this one)")
    parser.add_argument(
        "--answer", help="which of the peer's programs answers (madmom's downbeat tracker tracks beats too; default: the task's)"
    )
    parser.add_argument("--limit", type=int, help="the first so many pieces only")
    given = parser.parse_args()
    pieces = source(given.source, "test", given.task)
    record = given.folder / "sounds.json"
    heard = json.loads(record.read_text()) if record.exists() else {}
    script = Path(__file__).with_name(f"with_{given.peer}.py")
    jobs, now = [], {}
    with tempfile.TemporaryDirectory() as scratch:
        for i in range(min(pieces.size, given.limit or pieces.size)):
            example = pieces(i)
            name = str(example["name"])
            wav = decoded(example["sound"], Path(scratch) / f"{i}.wav")
            now[name] = hashlib.sha256(wav.read_bytes()).hexdigest()[:16]
            answer = given.folder / f"{name}{ENDINGS[given.task]}"
            if answer.exists() and heard.get(name) == now[name]:
                wav.unlink()
                continue
            answer.parent.mkdir(parents=True, exist_ok=True)
            jobs.append(f"{wav}\t{answer.absolute()}")
        done = subprocess.run([given.python, str(script), given.answer or given.task], input="\n".join(jobs), text=True, check=False)
    if done.returncode == 0:
        record.write_text(json.dumps(heard | now, indent=0, sort_keys=True) + "\n")
    print(f"{given.folder}: {len(jobs)} new", file=sys.stderr)
    return done.returncode


def decoded(sound: object, path: Path) -> Path:
    """The sound as the peers want it."""
    whole = sound if isinstance(sound, Sound) else sound.read()  # type: ignore[attr-defined]
    soundfile.write(path, whole.mono().at(RATE).samples[0], RATE, subtype="PCM_16")
    return path


if __name__ == "__main__":
    sys.exit(main())
