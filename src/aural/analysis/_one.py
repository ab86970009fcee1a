"""One file after the other: the systems are loaded once."""

from __future__ import annotations

import json
import math
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .. import __version__, registry, rhythm, tasks
from ..annotations import Events, Example, Notes, Tempo
from ..corrections import PULSE, Corrections, corrected, corrections_of, harmonised
from ..errors import AuralError, OptionError, OutputError
from ..formats import SOUNDS, About, Used, always, render, write, write_file
from ..report import Fact, facts_of, page
from ..report._media import LONGEST, Media, media
from ..sound import Recording, Sound, loudness
from ..tasks import Task
from ._ahead import Ahead
from ._places import Place, link, printable
from ._plan import PICTURES, Plan, split
from ._sounds import Held, stretch
from ._tables import Outcome, doubts, failure, summed

if TYPE_CHECKING:
    from ..system import System

Listener = Callable[[dict[str, Any]], None]

ABREAST = 2  # systems that run side by side where nobody says how many, if there are so many processors


class Analyst:
    """The systems of a plan, loaded once, and what they say of one file after the other."""

    def __init__(self, plan: Plan, emit: Listener) -> None:
        import torch

        from ..system import load

        torch.set_num_threads(1)  # sums are of another order, and answers of other last digits, where threads share them
        self.plan, self.emit = plan, emit
        self.device = device(plan.device)
        emit({"event": "device", "device": str(self.device)})
        loaded: list[tuple[System, list[Task]]] = []
        for spec, names in plan.systems:
            name, options = split(spec)
            options |= {"vocabulary": plan.vocabulary} if plan.vocabulary and "chord" in names else {}
            system = load(Path(name) if registry.is_weights(name) else name, **options).to(self.device)
            loaded.append((system, [tasks.task(task) for task in names]))
        maker = {task.makes: i for i, (_, answered) in enumerate(loaded) for task in answered}
        pulse = {maker[field] for field in PULSE if field in maker}
        # A system that reads what another makes, or whose decoder wants it, comes after that one; beats and downbeats, when both are
        # what they will be.
        heeded = [{*system.input.reads, *system.output.wants} for system, _ in loaded]
        before = {i: {maker[field] for field in fields if field in maker} - {i} for i, fields in enumerate(heeded)}
        for i, fields in enumerate(heeded):
            if i not in pulse and set(PULSE) & fields:
                before[i] |= pulse
        order = list(TopologicalSorter(before).static_order())
        self.systems = [loaded[i] for i in order]
        self.maker = {field: order.index(i) for field, i in maker.items()}
        self.pulse = max((order.index(i) for i in pulse), default=-1)  # after this one, beats and bars are complete
        self.read = {field for fields in heeded for field in fields}
        self.defaults: dict[str, System] = {}  # of fields that nobody asked for
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
        self.emit({"event": "stage", "file": place.file, "device": str(self.device), "stage": "reading", "share": 0.0})
        recording = Recording(place.path)
        said = corrections_of(place.path, recording.duration)
        sound = stretch(recording, self.plan.start, self.plan.end)
        abreast = self.plan.threads > 1 and self.device.type == "cpu" and isinstance(sound, Held | Sound)
        with Ahead(self.plan.threads if abreast else 0) as ahead:
            return self._answered(place, digest, recording, said, sound, ahead)

    def _answered(
        self, place: Place, digest: str, recording: Recording, said: Corrections | None, sound: Recording | Sound, ahead: Ahead
    ) -> Outcome:
        from ..harmony import respelled
        from ..running import complete, hear
        from ..running import said as said_by

        plan, told = self.plan, {"event": "stage", "file": place.file, "device": str(self.device)}
        given, result = Example(sound=sound), Example()
        memo: dict[Any, Any] | None = {} if self.shared and isinstance(sound, Held | Sound) else None
        mended = said if said is not None and said.rhythm is not None and {*self.maker, *self.read} & set(PULSE) else None
        part = (plan.start, plan.start + sound.duration)
        harmony = said.harmony.cut(*part) if said is not None and said.harmony is not None else None
        played = ahead.promise(lambda _: media(sound)) if self._embeds(sound, recording) else None
        alone = Example(given)
        promised = {
            i: ahead.promise(partial(hear, system, alone, memo))
            for i, (system, _) in enumerate(self.systems)
            if set(system.input.reads) <= set(alone)
        }
        if mended is not None and "beats" not in self.maker:
            given.update(self._unasked("beats", given))
        heard = self._settled(mended, given, result) if self.pulse < 0 else None
        for i, (system, answered) in enumerate(self.systems):
            stage = ", ".join(task.plural or task.makes for task in answered)
            self.emit({**told, "stage": stage, "share": 0.0})
            example, progress = complete({**given, **result}, system), self._progress({**told, "stage": stage})
            estimated = promised.pop(i)(progress) if i in promised else hear(system, example, memo, progress)
            made = said_by(system, estimated, example)
            del estimated  # of hours it is large
            result.update({task.makes: made[task.makes] for task in answered})
            result.update({field: value for field, value in made.items() if field.endswith("_views")})  # who argued for what
            if {"chords", "key"} <= {*result} and {"chords", "key"} & {task.makes for task in answered}:
                result["chords"] = respelled(result["chords"], result["key"])
            if harmony is not None:
                result.update(harmonised(harmony, result, sound.duration))
            if i == self.pulse:
                heard = self._settled(mended, given, result)
        Example({"sound": sound, **result}).validate(list(result))
        self.emit({**told, "stage": "writing", "share": 0.0})
        if harmony is not None and {*harmony.fields} & {*result}:
            mended = said
        play = None if played is None else played(self._progress({**told, "stage": "writing"}))
        return self._written(place, digest, recording, sound, result, mended, heard, play)

    def _embeds(self, sound: Recording | Sound, recording: Recording) -> bool:
        """Is the sound put into a page?"""
        whole = self.plan.start <= 0 and self.plan.end >= recording.duration
        short = 0 < sound.duration <= LONGEST and (isinstance(sound, Sound) or whole)
        return "html" in self.plan.formats and self.plan.embed and short

    def _unasked(self, field: str, given: Example) -> Example:
        """Beats, or downbeats, that no system of the plan makes, by the default system: what a person corrects must be there."""
        from ..running import run
        from ..system import load

        task = tasks.maker(field)
        if task is None or not task.default:
            return Example()
        if task.default not in self.defaults:
            self.defaults[task.default] = load(task.default).to(self.device)
        answer = run(self.defaults[task.default], given)
        return Example({name: answer[name] for name in PULSE if name in answer and name not in self.maker and name not in given})

    def _settled(self, mended: Corrections | None, given: Example, result: Example) -> Events | None:
        """Makes beats and downbeats agree with each other and with what a person said; the beats as they were heard, where that
        changes them.

        Downbeats of another system than the beats' number the beats; where nobody makes any, those that the beats' own numbers say
        are given to whoever reads them."""
        beats, downbeats = (result.get(field, given.get(field)) for field in PULSE)
        if not isinstance(beats, Events):
            return None
        if mended is not None and downbeats is None and "downbeats" in self.read and not rhythm.positions(beats).any():
            downbeats = self._unasked("downbeats", Example({**given, "beats": beats})).get("downbeats")
        others = self.maker.get("beats") != self.maker.get("downbeats")
        if isinstance(downbeats, Events) and (others or not rhythm.positions(beats).any()):
            beats = rhythm.in_bars(beats, downbeats.times)
        if downbeats is None and rhythm.positions(beats).any():
            downbeats = rhythm.downbeats(beats)
        heard = None
        if mended is not None and mended.rhythm is not None:
            sound = given["sound"]
            heard, span = beats, (self.plan.start, self.plan.start + sound.duration)
            beats, downbeats = corrected(mended.rhythm.cut(*span), beats, downbeats, sound.duration)
        for field, value in zip(PULSE, (beats, downbeats), strict=True):
            if value is not None:
                (result if field in result else given)[field] = value
        return heard

    def _progress(self, event: Mapping[str, Any]) -> Callable[[float], None]:
        return lambda share: self.emit({**event, "share": round(share, 3)})

    def _written(
        self,
        place: Place,
        digest: str,
        recording: Recording,
        sound: Recording | Sound,
        result: Example,
        mended: Corrections | None,
        heard: Events | None,
        play: Media | None,
    ) -> Outcome:
        """Makes all files of a sound, then writes them, the JAMS last."""
        plan, asked, stem = self.plan, self.plan.tasks, Path(place.stem).name
        about, level = self._about(place, recording, mended), loudness(sound)
        row = {
            "title": about.title,
            "artist": about.artist,
            "duration": round(recording.duration, 3),
            "loudness": round(level, 1) if math.isfinite(level) else None,
            **summed(result),
        }
        placed = Example({name: shifted(value, plan.start) for name, value in result.items()})
        writers: dict[str, Callable[[Path], None]] = {}
        for name in plan.formats:
            if name in SOUNDS:
                made, note = render(name, stem, result, place.path, sound, asked, about)
                writers.update(made)
                about = replace(about, notes=(*about.notes, *filter(None, [note])))
        files = always(stem, placed, asked, about)
        for name in plan.formats:
            if name not in PICTURES and name not in SOUNDS and name != "jams":
                files.update(write(name, stem, placed, asked, about))
        linked = ""
        if "html" in plan.formats:
            part = plan.start > 0 or plan.end < recording.duration
            linked = "" if self._embeds(sound, recording) or part else link(place.path, plan.out / place.stem)
            named = [(name.removeprefix(stem).lstrip("."), name) for name in sorted([*files, *writers, f"{stem}.jams"])]
            html = self._page(about, sound, result, row, named, part, play, linked, mended, heard)
            files[f"{stem}.html"] = html.encode("utf-8", "replace")
        (jams,) = write("jams", stem, placed, asked, about).values()
        whole = json.loads(jams)
        endings = sorted(name.removeprefix(stem) for name in [*files, *writers])
        whole["sandbox"]["aural"]["finished"] = {"digest": digest, "endings": endings, "link": linked, "row": row}
        home = (plan.out / place.stem).parent
        mark = home / f"{stem}.jams"
        try:
            mark.unlink(missing_ok=True)  # what it speaks of is about to change
        except OSError as error:
            raise OutputError(f"{mark}: {error.strerror or error}; choose another place for the results") from None
        for name, data in sorted(files.items()):
            write_file(home / name, data)
        for name, written in sorted(writers.items()):
            written(home / name)
        write_file(mark, (json.dumps(whole, ensure_ascii=False, allow_nan=False) + "\n").encode())
        return Outcome(place.file, place.path, place.stem, "done", row, about.notes)

    def _about(self, place: Place, recording: Recording, mended: Corrections | None) -> About:
        by = "" if mended is None else printable(mended.name)
        used = [
            Used(
                task.makes,
                system.name,
                str(system.card.get("sha256", "")),
                str(system.card.get("version", "")),
                by if mended is not None and task.makes in mended.fields else "",
            )
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
            notes=(*recording.notes, *([f"corrected by {by}"] if by else [])),
            path=os.path.abspath(place.path),
            quantize=self.plan.quantize,
            bends=self.plan.bends,
        )

    def _page(
        self,
        about: About,
        sound: Recording | Sound,
        result: Example,
        row: Mapping[str, Any],
        files: Sequence[tuple[str, str]],
        part: bool,
        play: Media | None,
        linked: str,
        mended: Corrections | None,
        heard: Events | None,
    ) -> str:
        facts, notes = facts_of(result), list(about.notes)
        if mended is not None and heard is not None:
            facts = _with_word(facts, f"corrected by {printable(mended.name)}")
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
                *(
                    {"system": name, "weights": digest[:12]} if digest else {"system": name}
                    for name, digest in dict.fromkeys((used.system, used.digest) for used in about.systems)
                ),
                {"version": f"aural {__version__}", "command": command},
            ],
            notes=notes,
            played=play,
            embed=False,
            link=linked,
            corrections="" if mended is None else mended.text,
            heard=heard,
            offset=self.plan.start if part else 0.0,
        )


def _with_word(facts: Sequence[Fact], word: str) -> list[Fact]:
    """The facts, the first one of the rhythm with a word behind its note."""
    at = next((i for i, fact in enumerate(facts) if fact.name in ("BPM", "beats a bar")), None)
    if at is None:
        return [*facts, Fact("rhythm", "corrected", word)]
    told = facts[at]._replace(note=" · ".join(filter(None, [facts[at].note, word])))
    return [*facts[:at], told, *facts[at + 1 :]]


def _keys(part: Any) -> list[str]:
    """Of what is computed for a part, as far as systems may share it."""
    items = getattr(part, "items", None)
    if callable(items):
        return [key for _, inner in items() for key in _keys(inner)]
    return _keys(part.part) if getattr(part, "after", None) else [part.key]


def answer(system: System, path: Path | str) -> Example:
    """What one system says of a sound file; beats and downbeats, given or made, are as the file's sidecar says."""
    from ..running import complete, run
    from ..system import load

    sound = Recording(path)
    said = corrections_of(Path(path), sound.duration)
    heeded = {*system.input.reads, *system.output.wants} & set(PULSE)
    fields = heeded | ({task.makes for task in system.tasks} & set(PULSE))
    word = said.rhythm if said is not None else None
    harmony = said.harmony if said is not None else None

    def harmonious(made: Example) -> Example:
        return made if harmony is None else Example({**made, **harmonised(harmony, made, sound.duration)})

    if word is None or not fields:
        return harmonious(run(system, sound=sound))

    def mend(given: Example, own: Example) -> None:
        beats = own.get("beats", given.get("beats"))
        if beats is None:
            beats = run(load(tasks.task("beat").default), sound=sound)["beats"]
        settled = corrected(word, beats, own.get("downbeats", given.get("downbeats")), sound.duration)
        own.update({field: value for field, value in zip(PULSE, settled, strict=True) if field in own})

    given = complete(Example(sound=sound), system, wants=True)
    if heeded:
        mend(given, given)
    made = run(system, given)
    if set(PULSE) & set(made):
        mend(given, made)
    return harmonious(made)


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
    if isinstance(value, Tempo):
        return value.later(by)
    moved = {name: getattr(value, name) + by for name in ("times", "starts", "ends") if isinstance(getattr(value, name, None), np.ndarray)}
    if isinstance(value, Notes) and value.bends is not None:
        moved["bends"] = tuple(bend + np.array([[by], [0.0]]) for bend in value.bends)
    return replace(value, **moved) if moved else value
