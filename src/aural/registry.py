"""Which systems there are, read from their source with `ast`: no torch is imported and nothing is run.

A system is one file `systems/TASK/NAME.py`; its name is its path. The module's docstring is its card, the function of the
file's own name, decorated with `@system(...)`, builds it, and that function's typed parameters are its options. More systems
come from packages that name themselves in the entry point group "aural.systems", and from the folders in the environment
variable AURAL_SYSTEMS, laid out alike. Weights lie in `weights/TASK/NAME.TAG.safetensors`; their headers are read here too.
"""

from __future__ import annotations

import ast
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .errors import UnknownName, WeightsError

HERE = Path(__file__).parent / "systems"
WEIGHTS = Path(__file__).parent / "weights"
LARGEST_HEADER = 100_000_000  # bytes; safetensors' own limit
FIELDS = ("Paper", "Survey", "In", "Inside", "Out", "Differs")


@dataclass(frozen=True)
class Card:
    """What a system's file says of itself.

    name "task/name"; path of the file; title, the first line; about, the header fields (Paper, In, Out, Differs …);
    cites, keys of the survey ("" for our own); options, {name: (type, default)} as written in the source; tasks, names of those
    that it answers, the file's own first.
    """

    name: str
    path: Path
    title: str
    about: dict[str, str]
    cites: str
    options: dict[str, tuple[str, str]]
    tasks: tuple[str, ...]

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
    decoration = _decoration(own)
    cites = next((ast.literal_eval(k.value) for k in (decoration.keywords if decoration else []) if k.arg == "cites"), "")
    arguments = own.args.args + own.args.kwonlyargs
    defaults = [None] * (len(own.args.args) - len(own.args.defaults)) + list(own.args.defaults) + list(own.args.kw_defaults)
    options = {
        a.arg: (ast.unparse(a.annotation) if a.annotation else "str", ast.unparse(d) if d is not None else "")
        for a, d in zip(arguments, defaults, strict=True)
    }
    return Card(name, path, title.strip(), _header(rest), cites, options, _tasks(own, name.split("/")[0]))


def _tasks(function: ast.FunctionDef, first: str) -> tuple[str, ...]:
    """`task=(beat, downbeat)` of the System that a function returns, as written there."""
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        if getattr(call.func, "id", getattr(call.func, "attr", "")) == "System":
            said = next((keyword.value for keyword in call.keywords if keyword.arg == "task"), None)
            words = [word.id for word in said.elts if isinstance(word, ast.Name)] if isinstance(said, ast.Tuple) else []
            return tuple(dict.fromkeys((first, *words)))
    return (first,)


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


# ---- weights


def weights_of(name: str, tag: str = "") -> Path | None:
    """The weights file of a system: `weights/TASK/NAME.TAG.safetensors`, shipped, or in AURAL_CACHE/weights."""
    places = [WEIGHTS] + ([Path(os.environ["AURAL_CACHE"]) / "weights"] if os.environ.get("AURAL_CACHE") else [])
    task, short = name.split("/")
    for place in places:
        found = sorted((place / task).glob(f"{short}.{tag or '*'}.safetensors"))
        if found:
            return found[-1]
    return None


def is_weights(text: Path | str) -> bool:
    """Is this a weights file rather than the name of a system? Any file that lies there counts, and what ends as they do."""
    return str(text).endswith(".safetensors") or Path(text).is_file()


def header(path: Path | str) -> dict[str, Any]:
    """What a weights file says of itself (system, options, licence, sha256 …); no tensor is read.

    Raises WeightsError on anything but safetensors of ours, a pickle above all."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
            size = int.from_bytes(start, "little")
            text = file.read(size) if len(start) == 8 and size <= LARGEST_HEADER else b""
    except FileNotFoundError:
        raise WeightsError(f"{path}: no such weights file") from None
    except OSError as error:
        raise WeightsError(f"{path}: can't be read ({error.strerror or error})") from None
    if start[:2] == b"PK" or (start[:1] == b"\x80" and text[:1] != b"{"):
        raise WeightsError(
            f"{path}: this is a pickle (a .pt file); it could run code when read. Weights are safetensors here: make them with "
            "`aural train` or aural.save"
        )
    try:
        known = json.loads(text).get("__metadata__") or {}
    except (ValueError, AttributeError):
        raise WeightsError(f"{path}: damaged or not safetensors; get the file again") from None
    if "system" not in known:
        raise WeightsError(f"{path}: safetensors, but not of aural (no system named inside)")
    return {key: _maybe_json(value) for key, value in known.items()}


def _maybe_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
