"""aural: what deep learning hears in music and sound, as working, trained, measured systems.

    import aural

    sound = aural.read("song.mp3")
    beats = aural.run("beat/boeck11", sound=sound)["beats"]     # Events: times, labels, confidence

Names are imported when they are first used, so that `import aural` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "read": "sound",
    "Sound": "sound",
    "Recording": "sound",
    "Example": "annotations",
    "Events": "annotations",
    "Intervals": "annotations",
    "Notes": "annotations",
    "Curves": "annotations",
    "AuralError": "errors",
    "build": "system",
    "load": "system",
    "save": "system",
    "System": "system",
    "Recipe": "system",
    "run": "running",
    "adapt": "running",
    "train": "training",
    "analyze": "analysis",
}
__all__ = sorted(_HOME)

if TYPE_CHECKING:
    from .analysis import analyze as analyze
    from .annotations import Curves as Curves
    from .annotations import Events as Events
    from .annotations import Example as Example
    from .annotations import Intervals as Intervals
    from .annotations import Notes as Notes
    from .errors import AuralError as AuralError
    from .running import adapt as adapt
    from .running import run as run
    from .sound import Recording as Recording
    from .sound import Sound as Sound
    from .sound import read as read
    from .system import Recipe as Recipe
    from .system import System as System
    from .system import build as build
    from .system import load as load
    from .system import save as save
    from .training import train as train


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'aural' has no attribute {name!r}")
    # A module of the same name ("system") must not hide the function: import it, then take the name from it.
    value = getattr(import_module(f"aural.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
