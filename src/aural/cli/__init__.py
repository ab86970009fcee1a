"""The command line: `aural VERB …`. One module a group of verbs; nothing heavy is imported before a verb needs it.

Exit codes   0 all done · 1 some files failed · 2 usage, or what a person can put right · 130 stopped by Ctrl-C
Streams      stdout is for answers (`--json`: one object and nothing else), stderr for progress and errors
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from .. import __version__
from . import _align, _analyze, _data, _doctor, _evaluate, _systems, _train

app = typer.Typer(
    name="aural",
    help="What deep learning hears in music and sound: analyze files, run and train the systems of the survey, measure them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with: aural analyze song.mp3 -o out",
)
for module in (_analyze, _align, _systems, _train, _evaluate, _data, _doctor):
    module.add(app)


def _version(asked: bool) -> None:
    if asked:
        print(f"aural {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")] = False,
) -> None:
    pass


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command line; always ends in SystemExit."""
    for stream in (sys.stdout, sys.stderr):  # a name that the terminal can't show must not stop the work
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    app(args=None if argv is None else list(argv), prog_name="aural")
