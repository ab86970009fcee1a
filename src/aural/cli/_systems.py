"""`aural systems`, `aural show`, `aural run`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from .. import registry
from ._verb import options_of, put, table, threads, verb

SYSTEMS = """
aural systems                  all of them
aural systems onset            those of one task
aural systems --json | jq '.systems[].name'
"""
SHOW = """
aural show beat/boeck11        paper, input, output, what differs, options, weights and their licence
aural show onset/schlueter13 --json
"""
RUN = """
aural run onset/schlueter13 song.wav
aural run beat/boeck11 song.mp3 decoder=peaks
aural run runs/small/weights.safetensors a.wav b.wav --json
aural run beat/boeck11 *.wav -o out --format csv,audacity
"""


def add(app: typer.Typer) -> None:
    @verb(app, "systems", "list the systems", SYSTEMS)
    def systems(
        task: Annotated[str, typer.Argument(metavar="[TASK]", help="Only those of this task.")] = "",
        json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """List the systems, by task: name, what it is, the paper's key in the survey, its weights."""
        cards = [card for card in registry.cards() if not task or card.task == task]
        if task and not cards:
            from .. import tasks

            name = tasks.task(task).name
            cards = [card for card in registry.cards() if card.task == name]
        if json:
            put({"systems": [{"name": c.name, "title": c.title, "cites": c.cites, "weights": _tag(c.name)} for c in cards]})
            return
        last = ""
        width = max((len(card.name) for card in cards), default=0)
        for card in cards:
            if card.task != last:
                print(f"{'' if not last else chr(10)}{card.task}")
                last = card.task
            marks = [f"[{card.cites}]"] if card.cites else []
            marks += [f"weights {_tag(card.name)}"] if _tag(card.name) else []
            print("  ".join([f"  {card.name:<{width}}", card.title.rstrip("."), *marks]).rstrip())
        if not cards:
            print(f"no system answers {task!r} yet; docs/add-a-system.md says how to add one")

    @verb(app, "show", "one system's card", SHOW)
    def show(
        name: Annotated[str, typer.Argument(metavar="NAME", help="A system (TASK/NAME) or a weights file.")],
        json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    ) -> None:
        """Show a system's card: paper, input, output, what differs, its options, its weights and what they may be used for."""
        weights = registry.header(name) if registry.is_weights(name) else {}
        card = registry.card(str(weights.get("system", name)))
        path = name if weights else registry.weights_of(card.name)
        if path and not weights:
            weights = registry.header(path)
        if json:
            options = {option: {"type": kind, "default": default} for option, (kind, default) in card.options.items()}
            put({"name": card.name, "title": card.title, "cites": card.cites, **card.about, "options": options, "weights": weights})
            return
        print(f"{card.name}\n{card.title}\n")
        print(table([(field, text) for field, text in card.about.items()]))
        if card.options:
            print("\nOptions\n" + table([(option, kind, f"= {default}") for option, (kind, default) in card.options.items()]))
        print("\nWeights")
        if not weights:
            print(f"  none installed; a system that learns needs some: aural train {card.name}")
            return
        hidden = {"system", "words"}
        print(table([("file", path), *((key, value) for key, value in weights.items() if key not in hidden and value not in ("", {}, []))]))

    @verb(app, "run", "one system on sounds", RUN)
    def run(
        name: Annotated[str, typer.Argument(metavar="NAME", help="A system (TASK/NAME) or a weights file.")],
        sounds: Annotated[list[str], typer.Argument(metavar="SOUND… [option=value…]", help="Sound files, and options of the system.")],
        out: Annotated[str | None, typer.Option("-o", "--out", help="Folder for files; default: print the answer.")] = None,
        format: Annotated[str, typer.Option(help="With -o, of jams,csv,lab,midi,musicxml,audacity,sv,rekordbox,reaper.")] = "csv",
        device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps.")] = "auto",
        n_threads: Annotated[int, typer.Option("--threads", metavar="N", min=1)] = 1,
        json: Annotated[bool, typer.Option("--json", help="One JSON object: {file: {field: answer}}.")] = False,
    ) -> None:
        """Run one system on sounds and print what it answers: a line an event, tab-separated. Beats that a person has corrected in
        NAME.aural.toml beside a sound are as they are there."""
        from pathlib import Path

        files, options = options_of(sounds)
        if not files:
            raise typer.BadParameter("name at least one sound file", param_hint="SOUND")
        threads(n_threads)
        from ..analysis import answer
        from ..analysis import device as found
        from ..formats import write, write_file
        from ..sound import Sound
        from ..system import load

        system = load(Path(name) if registry.is_weights(name) else name, **options).to(found(device))
        answers: dict[str, dict[str, Any]] = {}
        for file in files:
            made = answer(system, file)
            if out is not None:
                for kind in format.split(","):
                    for written, data in write(kind.strip(), Path(file).stem, made, system.tasks).items():
                        write_file(Path(out) / written, data)
                        print(Path(out) / written)
                for field, value in made.items():
                    if isinstance(value, Sound):
                        value.write(Path(out) / f"{Path(file).stem}.{field}.wav")
                        print(Path(out) / f"{Path(file).stem}.{field}.wav")
            elif json:
                answers[file] = {field: _plain(value) for field, value in made.items()}
            else:
                if len(files) > 1:
                    print(f"# {file}")
                for field, value in made.items():
                    if len(made) > 1:
                        print(f"# {field}")
                    sys.stdout.write(_text(value))
        if json:
            put(answers)


def _tag(name: str) -> str:
    """What the weights of a system are called: songs-1 of boeck11.songs-1.safetensors."""
    path = registry.weights_of(name)
    return path.name.removesuffix(".safetensors").partition(".")[2] if path else ""


def _plain(value: Any) -> Any:
    """Arrays as lists, dataclasses as objects, sound as what it is."""
    import dataclasses

    import numpy as np

    from ..sound import Sound

    if isinstance(value, Sound):
        return {"rate": value.rate, "channels": value.channels, "duration": value.duration}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _text(value: Any) -> str:
    """Lines of time, label, confidence; what is no list of events as JSON."""
    import json

    import numpy as np

    from ..annotations import Events, Intervals, Notes

    if not isinstance(value, Events | Intervals | Notes):
        return json.dumps(_plain(value), ensure_ascii=False) + "\n"
    names = ("times", "starts", "ends", "pitches", "labels", "confidence")
    columns = [column for name in names if (column := getattr(value, name, None)) is not None]
    rows = zip(*columns, strict=True)
    return "".join("\t".join(f"{cell:.3f}" if isinstance(cell, float | np.floating) else str(cell) for cell in row) + "\n" for row in rows)
