"""The tree of errors: what a person can put right.

`AuralError` is printed by the command line without a traceback, and its text always names the thing (a file, a line,
an option) and the remedy. Everything else is a bug and keeps its traceback.

    AuralError
    ├── SoundError        a sound file that can't be read
    ├── AnnotationError   times, labels or values that break an annotation's rules
    ├── UnknownName       no system, task, source or option of that name (the nearest ones are offered)
    ├── OptionError       an option of a known name with a wrong value
    ├── WeightsError      weights that are missing, damaged or not safetensors
    ├── CorrectionError   a mistake in NAME.aural.toml (`aural.corrections`)
    ├── DataError         a source of examples that can't be used
    └── OutputError       a result that can't be written
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class AuralError(Exception):
    """What the user can put right: the CLI prints it without a traceback."""


class SoundError(AuralError):
    """A sound file that can't be read."""


class AnnotationError(AuralError):
    """Times, labels or values that break an annotation's rules."""


class UnknownName(AuralError):
    """No system, task, source or option of that name."""

    @classmethod
    def among(cls, what: str, name: str, known: Iterable[str], see: str = "") -> UnknownName:
        """The error that offers the nearest of the `known` names."""
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.4) or names[:3]
        offer = f" Nearest: {', '.join(near)}." if near else ""
        return cls(f"no {what} {name!r}.{offer}{' ' + see if see else ''}")


class OptionError(AuralError):
    """An option of a known name with a wrong value."""


class WeightsError(AuralError):
    """Weights that are missing, damaged or not safetensors."""


class DataError(AuralError):
    """A source of examples that can't be used."""


class OutputError(AuralError):
    """A result that can't be written."""
