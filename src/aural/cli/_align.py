"""`aural align-chords`: a chart without times and a sound → when each chord sounds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ._verb import put, threads, verb

EXAMPLES = """
aural align-chords song.mp3 chart.txt                    writes song.chords.lab
aural align-chords song.mp3 chart.txt -o takes/one.lab
aural align-chords song.mp3 chart.txt --json             start, end, chord and confidence of each
"""


def add(app: typer.Typer) -> None:
    @verb(app, "align-chords", "find the times of a chart's chords", EXAMPLES)
    def align_chords(
        sound: Annotated[Path, typer.Argument(metavar="SOUND", help="The song.")],
        chart: Annotated[
            Path,
            typer.Argument(
                metavar="CHART",
                help='Chords in their order, "| Am7 D7 | G/B % |" or a line each; % repeats a bar, [words] are not read.',
            ),
        ],
        out: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE", help="Default: SOUND.chords.lab in this folder.")] = None,
        system: Annotated[str, typer.Option("--use", metavar="NAME", help="A chord system or its weights.")] = "chord/sheh03",
        n_threads: Annotated[int, typer.Option("--threads", metavar="N", min=1)] = 1,
        json: Annotated[bool, typer.Option("--json", help="One JSON object and nothing else; no file.")] = False,
    ) -> None:
        """Forced alignment: every chord of the chart gets its time, in order; the song may begin and end without one."""
        from ..errors import AnnotationError, OptionError
        from ..formats import lab, write_file
        from ..harmony import read_chart
        from ..sound import Recording
        from ..system import load
        from ..systems.chord.sheh03 import ChordSequence, align

        threads(n_threads)
        try:
            text = chart.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise AnnotationError(f"{chart}: can't be read as text ({getattr(error, 'strerror', None) or 'not UTF-8'})") from None
        try:
            chords = read_chart(text)
        except AnnotationError as error:
            raise AnnotationError(f"{chart}: {error}") from None
        loaded = load(Path(system) if system.endswith(".safetensors") else system)
        if not isinstance(loaded.output, ChordSequence):
            raise OptionError(f"--use {system}: charts are aligned by chord/sheh03 or weights of it")
        found = align(loaded, Recording(sound), chords)
        if json:
            sure = found.confidence if found.confidence is not None else [None] * len(found)
            rows = zip(found.starts.tolist(), found.ends.tolist(), found.labels, map(float, sure), strict=True)
            put({"chords": [dict(zip(("start", "end", "chord", "confidence"), row, strict=True)) for row in rows]})
            return
        path = out or Path(f"{sound.stem}.chords.lab")
        write_file(path, (lab.text(found) or "").encode())
        print(path)
