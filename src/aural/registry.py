"""Which systems there are, read from their source with `ast`: no torch is imported and nothing is run.

A system is one file `systems/TASK/NAME.py`; its name is its path. The module's docstring is its card, the function of the
file's own name, decorated with `@system(...)`, builds it, and that function's typed parameters are its options. More systems
come from packages that name themselves in the entry point group "aural.systems", and from the folders in the environment
variable AURAL_SYSTEMS, laid out alike.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

from .errors import UnknownName

HERE = Path(__file__).parent / "systems"
FIELDS = ("Paper", "Survey", "In", "Inside", "Out", "Differs")


@dataclass(frozen=True)
class Card:
    """What a system's file says of itself.

    name "task/name"; path of the file; title, the first line; about, the header fields (Paper, In, Out, Differs …);
    cites, keys of the survey ("" for our own); options, {name: (type, default)} as written in the source.
    """

    name: str
    path: Path
    title: str
    about: dict[str, str]
    cites: str
    options: dict[str, tuple[str, str]]

    @property
    def task(self) -> str:
        return self.name.split("/")[0]


def folders() -> list[Path]:
    """Where systems are looked for: ours, then installed packages', then AURAL_SYSTEMS."""
    found = [HERE]
    for entry in entry_points(group="aural.systems"):
        spec = find_spec(entry.value)
        found += [Path(place) for place in (spec.submodule_search_locations or []) if spec] if spec else []
    return found + [Path(place) for place in os.environ.get("AURAL_SYSTEMS", "").split(os.pathsep) if place]


def paths() -> dict[str, Path]:
    """{name: file} of every system, sorted by name."""
    found = {
        path.relative_to(folder).with_suffix("").as_posix(): path
        for folder in folders()
        for path in folder.glob("*/*.py")
        if not path.name.startswith("_")
    }
    return dict(sorted(found.items()))


def names(task: str = "") -> list[str]:
    """Names of all systems, or of one task's."""
    return [name for name in paths() if not task or name.split("/")[0] == task]


def cards() -> Iterator[Card]:
    """Every system's card."""
    for name in paths():
        yield card(name)


def card(name: str) -> Card:
    """One system's card. Raises UnknownName, offering the nearest names."""
    known = paths()
    if name not in known:
        raise UnknownName.among("system", name, known, "All: `aural systems`.")
    return _read(name, known[name])


@cache
def _read(name: str, path: Path) -> Card:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    title, _, rest = (ast.get_docstring(tree) or "").partition("\n")
    own = next((n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == path.stem and _decoration(n)), None)
    if own is None:
        raise UnknownName(f"{path}: no function {path.stem}() decorated with @system(): the file's name is the system's")
    cites = next((ast.literal_eval(k.value) for k in (_decoration(own) or ast.Call(keywords=[])).keywords if k.arg == "cites"), "")
    arguments = own.args.args + own.args.kwonlyargs
    defaults = [None] * (len(own.args.args) - len(own.args.defaults)) + list(own.args.defaults) + list(own.args.kw_defaults)
    options = {
        a.arg: (ast.unparse(a.annotation) if a.annotation else "str", ast.unparse(d) if d is not None else "")
        for a, d in zip(arguments, defaults, strict=True)
    }
    return Card(name, path, title.strip(), _header(rest), cites, options)


def _decoration(function: ast.FunctionDef) -> ast.Call | None:
    calls = (d for d in function.decorator_list if isinstance(d, ast.Call))
    return next((d for d in calls if getattr(d.func, "id", getattr(d.func, "attr", "")) == "system"), None)


def _header(text: str) -> dict[str, str]:
    """`Paper     Böck & Schedl …` lines; a line that starts with a space goes on the field above."""
    about: dict[str, str] = {}
    last = ""
    for line in text.splitlines():
        found = re.match(rf"({'|'.join(FIELDS)})\s+(\S.*)", line)
        if found:
            last = found[1]
            about[last] = found[2].strip()
        elif last and line.startswith(" ") and line.strip():
            about[last] += " " + line.strip()
        else:
            last = ""
    return about
