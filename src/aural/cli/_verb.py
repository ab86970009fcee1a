"""What all verbs share: errors without traceback, examples in the help, options written as name=value."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable
from typing import Any, ParamSpec, TypeVar

import typer

from ..errors import AuralError, OptionError

P = ParamSpec("P")
R = TypeVar("R")


def verb(app: typer.Typer, name: str, short: str, examples: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A command, `short` in a list of commands, whose help ends with examples, one a line, and whose errors are one line on stderr."""
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())

    def register(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except AuralError as error:
                print(f"aural: {error}", file=sys.stderr)
                raise typer.Exit(2) from None
            except KeyboardInterrupt:
                print("aural: stopped; what is finished is kept", file=sys.stderr)
                raise typer.Exit(130) from None
            except BrokenPipeError:  # `| head` has seen enough
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                raise typer.Exit(0) from None

        app.command(name, short_help=short, epilog=f"\b\nExamples:\n{lines}")(guarded)
        return guarded

    return register


def put(value: Any) -> None:
    """One JSON object on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=None, default=str))


def plain(text: str) -> str:
    """Text of files and tags as it may stand on a terminal: one line, no control characters."""
    return "".join(sign if sign.isprintable() else "�" for sign in text)


def words(text: str | None) -> list[str]:
    """ "beats, onsets" → its words."""
    return [word.strip() for word in (text or "").split(",") if word.strip()]


def options_of(values: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Words and options: `layers=2` is an option unless a file has that name."""
    plain: list[str] = []
    options: dict[str, str] = {}
    for value in values:
        if re.match(r"[A-Za-z_]\w*=", value) and not os.path.exists(value):
            name, _, given = value.partition("=")
            if name in options:
                raise OptionError(f"{name}: given twice ({options[name]} and {given})")
            options[name] = given
        else:
            plain.append(value)
    return plain, options


def none_left(left: Iterable[str], what: str) -> None:
    """Raises OptionError where words are left over."""
    for word in left:
        raise OptionError(f"{word!r} is neither an option=value nor {what}")


def table(rows: Iterable[Iterable[Any]], indent: str = "  ") -> str:
    """Left-aligned columns."""
    cells = [[str(cell) for cell in row] for row in rows]
    if not cells:
        return ""
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    return "\n".join(indent + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells)


def threads(n: int) -> None:
    """Sets the number of torch's threads: one is the fastest for small nets."""
    import torch

    torch.set_num_threads(n)
