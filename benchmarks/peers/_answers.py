"""Shared by the peers' scripts; standard library only, so that it runs in any environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path


def serve(answers: Mapping[str, Callable[[str], Iterable[object]]]) -> None:
    """Reads lines `WAV<tab>FILE` and writes each file: a row a line, times in seconds with 5 decimals, words as they are."""
    answer = answers[sys.argv[1]]
    for line in sys.stdin.read().splitlines():
        wav, target = line.split("\t")
        rows = [row if isinstance(row, (list, tuple)) else [row] for row in answer(wav)]
        text = "".join(
            "\t".join([f"{float(row[0]):.5f}", *(word if isinstance(word, str) else str(int(word)) for word in row[1:])]) + "\n"
            for row in rows
        )
        part = Path(target + ".part")
        part.write_text(text)
        os.replace(part, target)
        print(f"{target}: {len(rows)}", file=sys.stderr, flush=True)
