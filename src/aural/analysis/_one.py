"""One file after the other: the systems are loaded once."""

from __future__ import annotations

import json
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__, registry, tasks
from ..annotations import Example
from ..errors import AuralError, OptionError, OutputError
from ..formats import About, Used, always, write, write_file
from ..report import Fact, facts_of, page
from ..report._media import LONGEST
from ..sound import Recording, Sound, loudness
from ..tasks import Task
from ._places import Place, link, printable
from ._plan import PICTURES, Plan, split
from ._sounds import Held, stretch
from ._tables import Outcome, doubts, failure, summed

if TYPE_CHECKING:
    from ..system import System

Listener = Callable[[dict[str, Any]], None]


class Analyst:
    """The systems of a plan, loaded once, and what they say of one file after the other."""

    def __init__(self, plan: Plan, emit: Listener) -> None:
        import torch

        from ..system import load

        torch.set_num_threads(plan.threads)
        self.plan, self.emit = plan, emit
        self.device = device(plan.device)
        emit({"event": "device", "device": str(self.device)})
        loaded: list[tuple[System, list[Task]]] = []
        for spec, names in plan.systems:
            name, options = split(spec)
            system = load(Path(name) if registry.is_weights(name) else name, **options).to(self.device)
            loaded.append((system, [tasks.task(task) for task in names]))
        maker = {task.makes: i for i, (_, answered) in enumerate(loaded) for task in answered}
        # A system that reads what another makes comes after it.
        before = {i: {maker[field] for field in system.input.reads if field in maker} - {i} for i, (system, _) in enumerate(loaded)}
        self.systems = [loaded[i] for i in TopologicalSorter(before).static_order()]
        keys = [key for system, _ in self.systems for key in _keys(system.input)]
        self.shared = len(set(keys)) < len(keys)

    def __call__(self, place: Place, digest: str) -> Outcome:
        """Analyzes and writes one file; what goes wrong with it is in the outcome."""
        try:
            return self._analyzed(place, digest)
        except Exception as error:  # one bad file must not stop the others, whatever is bad in it
            if not isinstance(error, AuralError | MemoryError):
                self.emit({"event": "trace", "file": place.file, "trace": traceback.format_exc()})
            return failure(place, error)

    def _analyzed(self, place: Place, digest: str) -> Outcome:
        plan, told = self.plan, {"event": "stage", "file": place.file, "device": str(self.device)}
        self.emit({**told, "stage": "reading", "share": 0.0})
        recording = Recording(place.path)
        sound = stretch(recording, plan.start, plan.end)
        result = Example()
        memo: dict[Any, Any] | None = {} if self.shared and isinstance(sound, Held | Sound) else None
        from ..running import run

        for system, answered in self.systems:
            stage = ", ".join(task.plural or task.makes for task in answered)
            self.emit({**told, "stage": stage, "share": 0.0})
            made = run(system, {"sound": sound, **result}, memo=memo, progress=self._progress({**told, "stage": stage}))
            result.update({task.makes: made[task.makes] for task in answered})
        Example({"sound": sound, **result}).validate(list(result))
        self.emit({**told, "stage": "writing", "share": 0.0})
        return self._written(place, digest, recording, sound, result)

    def _progress(self, event: Mapping[str, Any]) -> Callable[[float], None]:
        return lambda share: self.emit({**event, "share": round(share, 3)})

    def _written(self, place: Place, digest: str, recording: Recording, sound: Recording | Sound, result: Example) -> Outcome:
        """Makes all files of a sound, then writes them, the JAMS last."""
        plan, asked, stem = self.plan, self.plan.tasks, Path(place.stem).name
        about, level = self._about(place, recording), loudness(sound)
        row = {
            "title": about.title,
            "artist": about.artist,
            "duration": round(recording.duration, 3),
            "loudness": round(level, 1) if math.isfinite(level) else None,
            **summed(result),
        }
        placed = Example({name: shifted(value, plan.start) for name, value in result.items()})
        files = always(stem, placed, asked)
        for name in plan.formats:
            if name not in PICTURES and name != "jams":
                files.update(write(name, stem, placed, asked, about))
        linked = ""
        if "html" in plan.formats:
            part = plan.start > 0 or plan.end < recording.duration
            embed = plan.embed and sound.duration <= LONGEST and (isinstance(sound, Sound) or not part)
            linked = "" if embed or part else link(place.path, plan.out / place.stem)
            named = [(name.removeprefix(stem).lstrip("."), name) for name in sorted([*files, f"{stem}.jams"])]
            html = self._page(about, sound, result, row, named, part, embed, linked)
            files[f"{stem}.html"] = html.encode("utf-8", "replace")
        (jams,) = write("jams", stem, placed, asked, about).values()
        whole = json.loads(jams)
        endings = sorted(name.removeprefix(stem) for name in files)
        whole["sandbox"]["aural"]["finished"] = {"digest": digest, "endings": endings, "link": linked, "row": row}
        home = (plan.out / place.stem).parent
        mark = home / f"{stem}.jams"
        try:
            mark.unlink(missing_ok=True)  # what it speaks of is about to change
        except OSError as error:
            raise OutputError(f"{mark}: {error.strerror or error}; choose another place for the results") from None
        for name, data in sorted(files.items()):
            write_file(home / name, data)
        write_file(mark, (json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n").encode())
        return Outcome(place.file, place.path, place.stem, "done", row, about.notes)

    def _about(self, place: Place, recording: Recording) -> About:
        used = [
            Used(task.makes, system.name, str(system.card.get("sha256", "")), str(system.card.get("version", "")))
            for system, answered in self.systems
            for task in answered
        ]
        return About(
            title=recording.metadata.title,
            artist=recording.metadata.artist,
            duration=recording.duration,
            file=printable(place.path.name),
            rate=recording.rate,
            decoder=recording.decoder,
            offset=recording.delay,
            systems=tuple(used),
            version=__version__,
            notes=tuple(recording.notes),
        )

    def _page(
        self,
        about: About,
        sound: Recording | Sound,
        result: Example,
        row: Mapping[str, Any],
        files: Sequence[tuple[str, str]],
        part: bool,
        embed: bool,
        linked: str,
    ) -> str:
        facts, notes = facts_of(result), list(about.notes)
        if row["loudness"] is not None:
            facts.append(Fact("loudness", f"{row['loudness']:.1f} LUFS".replace("-", "−")))
        if part:
            notes.append(f"This page is of a part: 0 on it is {self.plan.start:g} s in {about.file} and in the files beside it.")
        command = self.plan.command(about.file)
        return page(
            result,
            self.plan.tasks,
            sound=sound,
            title=about.title,
            artist=about.artist,
            file_name=about.file,
            facts=facts,
            doubts=doubts(result, sound.duration),
            files=files,
            made_by=[
                {"system": used.system, "weights": used.digest[:12], "version": f"aural {__version__}", "command": command}
                for used in about.systems
            ],
            notes=notes,
            embed=embed,
            link=linked,
        )


def _keys(part: Any) -> list[str]:
    items = getattr(part, "items", None)
    return [key for _, inner in items() for key in _keys(inner)] if callable(items) else [part.key]


def device(name: str) -> Any:
    """The torch device of that name; "auto" is cuda, mps, else cpu. Raises OptionError where it isn't there."""
    import torch

    if name == "auto":
        mps = getattr(torch.backends, "mps", None)
        name = "cuda" if torch.cuda.is_available() else "mps" if mps is not None and mps.is_available() else "cpu"
    try:
        found = torch.device(name)
        torch.zeros(1, device=found)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise OptionError(f"device={name!r} can't be used here ({str(error).splitlines()[0]}); choose auto or cpu") from None
    return found


def shifted(value: Any, by: float) -> Any:
    """An annotation with all its times later by so many seconds."""
    if not by:
        return value
    moved = {name: getattr(value, name) + by for name in ("times", "starts", "ends") if isinstance(getattr(value, name, None), np.ndarray)}
    return replace(value, **moved) if moved else value
