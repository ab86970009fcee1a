"""`aural analyze`: everything that is heard in files and folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from ._verb import plain, verb, words

if TYPE_CHECKING:
    from ..analysis import Outcome, Summary

EXAMPLES = """
aural analyze song.mp3 -o out                         one file; open out/song.html
aural analyze ~/Music -o out --jobs 2                 a folder and all below it, two at a time
aural analyze "takes/*.wav" -o out --tasks beats      a pattern, one task
aural analyze concert.flac -o out --start 60 --end 120 --format jams,csv,audacity,midi
aural analyze song.mp3 -o out --use "beat/boeck11 decoder=peaks"
aural analyze ~/Crate -o out --format rekordbox,tag   grids for a DJ program, copies with BPM and key tags
aural analyze demo.flac -o out --format musicxml --quantize   a lead sheet; notes.mid on the grid of a sequencer
"""


def add(app: typer.Typer) -> None:
    @verb(app, "analyze", "beats, onsets … of files and folders", EXAMPLES)
    def analyze(
        sounds: Annotated[list[str], typer.Argument(metavar="SOUND…", help="Files, folders, patterns.")],
        out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="Folder for the results.")],
        tasks: Annotated[str | None, typer.Option(metavar="TASKS", help="Such as beats,onsets; default: all.")] = None,
        format: Annotated[
            str,
            typer.Option(
                metavar="FORMATS",
                help="Of jams,csv,lab,midi,musicxml,audacity,sv,rekordbox,reaper,clicks,tag,html; jams is always written.",
            ),
        ] = "jams,html",
        use: Annotated[
            list[str] | None, typer.Option(metavar="SYSTEM", help="In place of a task's default; a name or weights file; may be repeated.")
        ] = None,
        vocab: Annotated[
            str | None, typer.Option(metavar="WORDS", help="Of chords: majmin, sevenths or full; default: the system's.")
        ] = None,
        quantize: Annotated[bool, typer.Option("--quantize", help="Notes of MIDI files lie on quarters or thirds of the beats.")] = False,
        no_bends: Annotated[bool, typer.Option("--no-bends", help="Notes of MIDI files have no pitch bends.")] = False,
        start: Annotated[float | None, typer.Option(metavar="SECONDS", help="Hear only from here …")] = None,
        end: Annotated[float | None, typer.Option(metavar="SECONDS", help="… to here. Times count from the start of the file.")] = None,
        device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
        jobs: Annotated[int, typer.Option(metavar="N", min=1, help="Processes, a file each.")] = 1,
        threads: Annotated[
            int | None,
            typer.Option(metavar="N", min=1, help="Systems side by side in each process, a thread each; default: 2, with --jobs 1."),
        ] = None,
        force: Annotated[bool, typer.Option("--force", help="Analyze again what is finished.")] = False,
        link_audio: Annotated[bool, typer.Option("--link-audio", help="Pages play the sound where it lies.")] = False,
        quiet: Annotated[bool, typer.Option("--quiet", help="Say nothing but what failed.")] = False,
        log_json: Annotated[bool, typer.Option("--log-json", help="Events on stderr, a JSON object a line.")] = False,
        profile: Annotated[bool, typer.Option("--profile", help="Tell how long each stage took, one after the other.")] = False,
    ) -> None:
        """Analyze sounds: beats, onsets and what else there are tasks for, as JAMS, text and a page to look at.

        Finished files are skipped. A file that can't be read does not stop the others: failures.csv keeps its reason and its
        remedy, and the exit code is 1. What NAME.aural.toml beside a sound says of its beats and bars counts as heard.
        """
        from ..analysis import analyze as analyzed
        from ._progress import JsonLines, Lines, Profile, Quiet

        shown: JsonLines | Quiet | Lines | Profile = JsonLines() if log_json else Quiet() if quiet else Lines()
        with Profile(shown) if profile else shown as listener:
            summary = analyzed(
                sounds,
                out,
                words(tasks) or None,
                use or (),
                words(format),
                start,
                end,
                device,
                jobs,
                1 if profile and threads is None else threads,
                force,
                not link_audio,
                listener,
                vocab,
                quantize,
                not no_bends,
            )
        if not quiet:
            print(text_of(summary))
        raise typer.Exit(1 if summary.failed else 0)


def text_of(summary: Summary) -> str:
    """The summary that a person reads."""
    lines = []
    if len(summary.outcomes) == 1:
        lines += _one(summary.outcomes[0])
    else:
        parts = [
            f"{number} {what}"
            for number, what in ((summary.done, "analyzed"), (summary.skipped, "finished before"), (summary.failed, "failed"))
            if number
        ]
        lines.append(f"{len(summary.outcomes)} sounds: {', '.join(parts)}")
        lines += [f"  failed  {outcome.file}: {outcome.reason}; {outcome.remedy}" for outcome in summary.of("failed")]
        lines.append(f"table   {summary.out / 'collection.csv'}")
    if summary.page is not None:
        lines.append(f"report  {summary.page}")
    return "\n".join(map(plain, lines))


def _one(outcome: Outcome) -> list[str]:
    row = outcome.row
    if outcome.status == "failed":
        return [f"failed  {outcome.file}: {outcome.reason}; {outcome.remedy}"]
    who = ", ".join(str(row[name]) for name in ("title", "artist") if row.get(name))
    minutes, seconds = divmod(round(row["duration"]), 60)
    lines = [" · ".join(word for word in (outcome.file, who, f"{minutes}:{seconds:02d}") if word)]
    for name, number in row["counts"].items():
        more = []
        if name == "beats":
            more = [f"{row['bpm']:.1f} BPM"] if row["bpm"] else []
            more += [f"{row['metre']} beats a bar"] if row["metre"] else []
        lines.append(f"  {name:<9} {number:>5}  {', '.join(more)}".rstrip())
    if row["key"]:
        lines.append(f"  key       {row['key']}" + (f" ({row['camelot']})" if row.get("camelot") else ""))
    if row["loudness"] is not None:
        lines.append(f"  loudness  {row['loudness']:>5} LUFS")
    lines += [f"  note      {note}" for note in outcome.notes]
    if outcome.status == "skipped":
        lines.append("  finished before; --force analyzes it again")
    return lines
