"""What happens, while it happens, on stderr: bars for people, lines for files, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from ._verb import plain


class Lines(AbstractContextManager["Lines"]):
    """A listener of `analyze`: a line for each file that is finished; where stderr is a terminal, bars for those that are not.

    One bar is of all files, and one of each file that is being analyzed, with its stage and the device that works on it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self.console = Console(stderr=True, highlight=False, soft_wrap=True)
        columns = (TextColumn("{task.description}"), BarColumn(30), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
        self.bars = Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal)
        self.rows: dict[str, Any] = {}
        self.all: Any = None
        self.number = self.total = 0
        self.device = ""

    def __enter__(self) -> Lines:
        self.bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bars.stop()

    def __call__(self, event: dict[str, Any]) -> None:
        match event["event"]:
            case "start":
                self.total = event["files"]
                if self.total > 1:
                    self.all = self.bars.add_task(f"{self.total} sounds", total=self.total)
            case "device":
                self.device = event["device"]
            case "stage":
                self._stage(event["file"], f"{event['stage']} on {event['device']}", event["share"])
            case "trace":
                self.console.print(event["trace"], markup=False, style="dim")
            case "done" | "skipped" | "failed":
                self._end(event)

    def _stage(self, file: str, text: str, share: float) -> None:
        from rich.markup import escape

        if file not in self.rows:
            self.rows[file] = self.bars.add_task("", total=1.0)
        self.bars.update(self.rows[file], description=f"{escape(_short(file))}  {text}", completed=share)

    def _end(self, event: dict[str, Any]) -> None:
        from rich.text import Text

        self.number += 1
        if event["file"] in self.rows:
            self.bars.remove_task(self.rows.pop(event["file"]))
        if self.all is not None:
            self.bars.update(self.all, completed=self.number)
        what = {"skipped": "finished before", "failed": "failed: {reason}; {remedy}"}.get(event["event"], "done on {device}")
        count = f"[{self.number}/{self.total}] " if self.total > 1 else ""
        text = what.format(reason=event.get("reason"), remedy=event.get("remedy"), device=self.device)
        line = Text(f"{count}{plain(event['file'])}: {text}", style="red" if event["event"] == "failed" else "")
        self.console.print(line)


class JsonLines(AbstractContextManager["JsonLines"]):
    """A listener that writes each event as one line of JSON."""

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: dict[str, Any]) -> None:
        print(json.dumps(event), file=sys.stderr, flush=True)


class Profile(AbstractContextManager["Profile"]):
    """A listener that passes events on, and at the end tells how many seconds each stage took, over all files."""

    def __init__(self, listener: Any) -> None:
        self.listener = listener
        self.seconds: dict[str, float] = {}
        self.running: dict[str, tuple[str, float]] = {}

    def __enter__(self) -> Profile:
        self.listener.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.listener.__exit__(*error)
        whole = sum(self.seconds.values())
        for stage, seconds in sorted(self.seconds.items(), key=lambda pair: -pair[1]):
            print(f"{seconds:8.2f} s {100 * seconds / max(whole, 1e-9):4.0f} %  {stage}", file=sys.stderr)

    def __call__(self, event: dict[str, Any]) -> None:
        now = time.perf_counter()
        if "file" in event:
            stage, since = self.running.pop(event["file"], ("", now))
            if stage:
                self.seconds[stage] = self.seconds.get(stage, 0.0) + now - since
            if event["event"] == "stage":
                self.running[event["file"]] = (event["stage"], now)
        self.listener(event)


class Quiet(AbstractContextManager["Quiet"]):
    """A listener that tells failures only."""

    def __exit__(self, *_: object) -> None:
        return None

    def __call__(self, event: dict[str, Any]) -> None:
        if event["event"] == "failed":
            print(f"aural: {plain(event['file'])}: {event['reason']}; {event['remedy']}", file=sys.stderr)


class Bar(AbstractContextManager["Bar"]):
    """One bar on stderr for a share in 0..1 of one job; nothing where stderr is no terminal."""

    def __init__(self, text: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        console = Console(stderr=True, highlight=False)
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(30),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self.bars = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.text, self.row = text, self.bars.add_task(text, total=1.0)

    def __enter__(self) -> Bar:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def __call__(self, share: float, more: str = "") -> None:
        self.bars.update(self.row, completed=share, description=f"{self.text}  {more}".rstrip())


def _short(file: str, width: int = 40) -> str:
    file = plain(file)
    return file if len(file) <= width else "…" + file[-width + 1 :]
