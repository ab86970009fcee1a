"""`aural data`, `aural picture`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from ._verb import put, table, verb, words

LIST = """
aural data list                                    packs in AURAL_DATA, and what else can be named
aural data list mdb_drums                          what a source holds
"""
SONGS = """
aural data songs --hours 1 --seed 0 -o songs       an hour of songs with the truth of every beat, onset, chord and note
aural data songs --hours 0.1 --split test --jobs 2 -o held-out
aural train beat/boeck11 --data songs
"""
PICTURE = """
aural picture song.wav                             song.mel.png
aural picture song.wav --as mel,cqt,chroma -o out  out/song.mel.png, out/song.cqt.png, out/song.chroma.png
aural picture song.wav -o song.png --start 30 --end 40 --width 200
"""

KINDS = (
    "Of stft, mel, cqt, chroma; reim, if, griffinlim, multi, pcen, mfcc, whitened, brown, sparse, nsgt, hcqt, cwt, dwt, gammatone, "
    "loudness, mulaw, lpc, cepstrum, sfnmf, sms, similarity, lags."
)


def add(app: typer.Typer) -> None:
    data = typer.Typer(no_args_is_help=True, help="Sources of examples: packs, folders, made songs.", rich_markup_mode=None)
    app.add_typer(data, name="data", epilog="\b\nExamples:\n  aural data list\n  aural data songs --hours 1 --seed 0 -o songs")

    @verb(data, "list", "what sources there are", LIST)
    def list_(
        name: Annotated[str, typer.Argument(metavar="[SOURCE]", help="A source to look into.")] = "",
        json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """List the packs in AURAL_DATA, or what one source holds."""
        import os
        from pathlib import Path

        from ..data import packs, source

        if name:
            found = source(name, "test")
            example = found(0)
            fields = {field: type(value).__name__ for field, value in example.items() if field not in ("name", "strata")}
            if json:
                put({"source": found.name, "size": found.size, "fields": fields})
            else:
                print(f"{found.name}: {found.size} pieces; the first, {example.get('name', '')}:\n{table(fields.items())}")
            return
        root = os.environ.get("AURAL_DATA")
        names = packs.names(Path(root)) if root else []
        if json:
            put({"root": root, "packs": names})
            return
        if root:
            print(f"packs in {root}\n" + "\n".join(f"  {pack}" for pack in names))
        else:
            print("AURAL_DATA is not set: export AURAL_DATA=/path/to/packs")
        print("besides: songs:SEED (made songs), a folder (sounds beside JAMS, CSV, LAB or .beats), mirdata:NAME[:FOLDER]")

    @verb(data, "songs", "make songs with exact truth", SONGS)
    def songs(
        out: Annotated[str, typer.Option("-o", "--out", metavar="FOLDER", help="Where the songs go.")],
        hours: Annotated[float, typer.Option(help="How much music.")] = 1.0,
        seed: Annotated[int, typer.Option(help="The same seed gives the same songs.")] = 0,
        split: Annotated[Literal["train", "test"], typer.Option(help="test has fonts and styles of its own.")] = "train",
        jobs: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
        seconds: Annotated[float, typer.Option(help="Length of a song.")] = 60.0,
        format: Annotated[Literal["wav", "flac"], typer.Option()] = "wav",
    ) -> None:
        """Make songs by rule and from open scores, rendered with effects: sound, JAMS, and an index. What is finished is kept."""
        if hours <= 0:
            raise typer.BadParameter("more than 0", param_hint="--hours")
        from ..data.songs import make_songs
        from ._progress import Bar

        with Bar(f"songs → {out}") as bar:
            n = make_songs(
                out, hours, seed, split, jobs, format, lambda done, of: bar(done / max(1, of), f"{done} of {of}"), seconds=seconds
            )
        print(f"{n} songs in {out}")

    @verb(app, "picture", "spectrograms as PNG", PICTURE)
    def picture(
        sound: Annotated[str, typer.Argument(metavar="SOUND", help="A sound file.")],
        kinds: Annotated[str, typer.Option("--as", metavar="KINDS", help=KINDS)] = "mel",
        out: Annotated[str | None, typer.Option("-o", "--out", help="A folder, or one file that ends in .png; default: here.")] = None,
        start: Annotated[float, typer.Option(min=0, metavar="SECONDS")] = 0.0,
        end: Annotated[float | None, typer.Option(metavar="SECONDS")] = None,
        width: Annotated[float, typer.Option(min=1, help="Columns a second.")] = 50.0,
    ) -> None:
        """Draw a sound as a picture: time to the right, high frequencies on top."""
        import math
        from pathlib import Path

        from ..analysis import stretch
        from ..errors import OptionError
        from ..formats import write_file
        from ..representations.picture import picture as drawn
        from ..representations.picture import png
        from ..sound import Recording

        asked = words(kinds)
        one_file = out is not None and out.lower().endswith(".png")
        if one_file and len(asked) != 1:
            raise OptionError(f"{out}: one file for {len(asked)} pictures; give a folder")
        if end is not None and end <= start:
            raise OptionError(f"start={start:g}, end={end:g}: a part ends after its start")
        heard = stretch(Recording(sound), start, math.inf if end is None else end)
        if not heard.frames:
            raise OptionError(f"{sound}: no samples in it, so there is nothing to draw; choose another sound or part")
        for kind in asked:
            path = Path(out) if one_file and out else Path(out or ".") / f"{Path(sound).stem}.{kind}.png"
            write_file(path, png(drawn(heard, kind, width)))
            print(path)
