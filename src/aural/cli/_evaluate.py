"""`aural evaluate`: two files, or a system on a source."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from .. import registry
from ._verb import none_left, options_of, put, table, threads, verb

EXAMPLES = """
aural evaluate reference.beats estimate.beats                  two files, mir_eval's whole set
aural evaluate reference.jams estimate.jams --task onset --json
aural evaluate onset/schlueter13 --on mdb_drums                a pack in AURAL_DATA
aural evaluate beat --on songs:7                               a task means its default system; made songs, seed 7
aural evaluate beat/boeck11 decoder=peaks --on my-folder       sounds beside JAMS, CSV or LAB
aural evaluate beat --on mdb_drums --estimates DIR             somebody else's answers through the same code
"""


def add(app: typer.Typer) -> None:
    @verb(app, "evaluate", "score files, or a system on a source", EXAMPLES)
    def evaluate(
        what: Annotated[
            list[str],
            typer.Argument(metavar="REF EST | NAME [option=value…]", help="Two files; with --on a system or task."),
        ],
        on: Annotated[str | None, typer.Option(metavar="SOURCE", help="A pack, a folder, songs:SEED, mirdata:NAME.")] = None,
        estimates: Annotated[str | None, typer.Option(metavar="DIR", help="Another program's answers, DIR/NAME.beats …")] = None,
        task: Annotated[
            str,
            typer.Option(
                metavar="TASK",
                help="Of files, or of a system that answers several: beat, downbeat, onset, tempo, key, chord, melody, note.",
            ),
        ] = "",
        limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="Only the first so many pieces.")] = None,
        n_threads: Annotated[int, typer.Option("--threads", metavar="N", min=1)] = 1,
        json: Annotated[bool, typer.Option("--json", help="One JSON object and nothing else.")] = False,
    ) -> None:
        """Measure: two files against each other, or a system on a source, with 95 % intervals over pieces."""
        if on is None:
            if len(what) != 2:
                raise typer.BadParameter("give two files (REF EST), or a system and --on SOURCE")
            from ..evaluation import score_files

            figures = score_files(what[0], what[1], task)
            if json:
                put(figures)
            else:
                print(table([(name, f"{value:.4f}") for name, value in figures.items()], indent=""))
            return
        (name, *left), options = options_of(what)
        none_left(left, "an option of the system (name=value)")
        threads(n_threads)
        from ..evaluation import evaluate as evaluated
        from ._progress import Bar

        system: Any = name
        if options:
            from pathlib import Path

            from .. import tasks
            from ..system import load

            known = registry.is_weights(name) or "/" in name
            system = load(Path(name) if registry.is_weights(name) else name if known else tasks.task(name).default, **options)
        with Bar(f"{name} on {on}") as bar:
            report = evaluated(system, on, estimates, bar, limit, task)
        if json:
            put(report.to_json())
        else:
            print(report)
