"""`aural doctor`: what is installed, what is missing, and the remedy."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any

import typer

from .. import __version__, registry
from ._verb import put, table, verb

EXAMPLES = """
aural doctor
aural doctor --json > doctor.json      to put into a report of a bug
"""
CORE = ("torch", "numpy", "scipy", "soundfile", "soxr", "mir_eval", "safetensors", "typer", "rich", "jinja2", "mutagen", "mido")
EXTRAS = {
    "av": ("reads m4a, aac, mp4, webm, wma", "python -m pip install av"),
    "lightning": ("aural train", "python -m pip install lightning"),
    "tinysoundfont": ("aural data songs", "python -m pip install --no-deps tinysoundfont"),
    "mirdata": ("--on mirdata:NAME", "python -m pip install mirdata"),
}
VARIABLES = {
    "AURAL_DATA": "folder of data packs",
    "AURAL_CACHE": "folder of more weights, and of what is made once",
    "AURAL_SYSTEMS": "more folders of systems",
    "AURAL_FONTS": "more soundfonts",
}


def add(app: typer.Typer) -> None:
    @verb(app, "doctor", "what is installed, what is missing", EXAMPLES)
    def doctor(json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False) -> None:
        """Say what is installed, what is missing and how to get it: versions, device, weights and licences, soundfonts.

        The exit code is 1 where something is missing that nothing works without.
        """
        found = diagnosis()
        missing = [name for name, given in found["packages"].items() if not given]
        if json:
            put(found)
        else:
            print(_text(found))
        raise typer.Exit(1 if missing else 0)


def diagnosis() -> dict[str, Any]:
    """All that is known of this installation."""
    return {
        "aural": __version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "device": _device(),
        "decoder": _decoder(),
        "packages": {name: _version(name) for name in CORE},
        "extras": {name: _version(name) for name in EXTRAS},
        "weights": _weights(),
        "soundfonts": _fonts(),
        "variables": {name: os.environ.get(name, "") for name in VARIABLES},
    }


def _version(name: str) -> str:
    try:
        return version(name.replace("_", "-"))
    except PackageNotFoundError:
        return ""


def _device() -> str:
    try:
        import torch

        from ..analysis import device

        found = device("auto")
        return f"{found} ({torch.cuda.get_device_name(found)})" if found.type == "cuda" else str(found)
    except Exception as error:  # whatever is wrong with torch, the rest is still told
        return f"none: {error}"


def _decoder() -> str:
    try:
        import soundfile

        known = soundfile.available_formats()
        return f"{soundfile.__libsndfile_version__}{'' if 'MP3' in known else ' without mp3 (1.1 or newer reads it)'}"
    except Exception as error:
        return f"none: {error}"


def _weights() -> dict[str, dict[str, str]]:
    found = {}
    for name in registry.names():
        path = registry.weights_of(name)
        if path:
            try:
                header = registry.header(path)
                found[name] = {"file": str(path), "licence": str(header.get("licence", "")), "not_for": str(header.get("not_for", ""))}
            except Exception as error:
                found[name] = {"file": str(path), "licence": "", "not_for": f"damaged: {error}"}
    return found


def _fonts() -> list[str]:
    try:
        from ..data.songs import fonts

        return sorted({Path(path).name for split in ("train", "test") for path in fonts.sources(split)})
    except Exception as error:
        return [f"can't be looked for: {error}"]


def _text(found: dict[str, Any]) -> str:
    lines = [
        f"aural {found['aural']} · Python {found['python']} · {found['system']} · {found['cores']} cores",
        f"device   {found['device']}",
        f"decoder  libsndfile {found['decoder']}",
        "packages",
        table([(name, given or f"MISSING: {sys.executable} -m pip install {name}") for name, given in found["packages"].items()]),
        "extras",
        table(
            [
                (name, given or "missing", EXTRAS[name][0] if given else f"{EXTRAS[name][0]}: {EXTRAS[name][1]}")
                for name, given in found["extras"].items()
            ]
        ),
        "weights",
        table([(name, given["licence"] or "licence unknown", given["not_for"]) for name, given in found["weights"].items()])
        or "  none installed; train some: aural train NAME",
        "soundfonts",
        "\n".join(f"  {name}" for name in found["soundfonts"]) or "  none; made songs use synthesised ones",
        "variables",
        table([(name, found["variables"][name] or "not set", what) for name, what in VARIABLES.items()]),
    ]
    return "\n".join(lines)
