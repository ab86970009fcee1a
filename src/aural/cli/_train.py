"""`aural train`, `aural adapt`."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from .. import registry
from ._verb import none_left, options_of, threads, verb

TRAIN = """
aural train beat/boeck11                                    as its recipe says, into runs/beat-boeck11
aural train beat/boeck11 layers=2 --data songs:1 -o runs/small
aural train onset/schlueter13 --data my-folder --steps 2000 --seed 1
aural train onset/schlueter13 --minutes 30 --device cuda --workers 4
aural train onset/schlueter13 --init onset/schlueter13 --data my-folder --steps 200    fine-tunes the shipped weights
"""
ADAPT = """
aural adapt onset/schlueter13 --examples my-folder          fit the threshold to sounds with onsets beside them
aural adapt runs/small/weights.safetensors --examples mdb_drums -o mine.safetensors
"""


def add(app: typer.Typer) -> None:
    @verb(app, "train", "learn a system's weights", TRAIN)
    def train(
        name: Annotated[str, typer.Argument(metavar="NAME", help="A system, TASK/NAME.")],
        options: Annotated[list[str] | None, typer.Argument(metavar="[option=value…]", help="As `aural show NAME` lists them.")] = None,
        data: Annotated[str | None, typer.Option(metavar="SOURCE", help="songs:SEED, a pack, a folder, mirdata:NAME …")] = None,
        steps: Annotated[int | None, typer.Option(metavar="N", min=0, help="Default: the recipe's.")] = None,
        minutes: Annotated[float | None, typer.Option(metavar="M", help="Stop after so long.")] = None,
        seed: Annotated[int, typer.Option(metavar="N", help="Of all chance.")] = 0,
        out: Annotated[str | None, typer.Option("-o", "--out", metavar="FOLDER", help="Default: runs/TASK-NAME.")] = None,
        device: Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1.")] = "auto",
        workers: Annotated[int, typer.Option(metavar="N", min=0, help="Processes that read sounds.")] = 0,
        n_threads: Annotated[int | None, typer.Option("--threads", metavar="N", min=1)] = None,
        init: Annotated[str | None, typer.Option(metavar="NAME|FILE", help="Go on from these weights of the system.")] = None,
        fresh: Annotated[bool, typer.Option("--fresh", help="Begin anew, whatever lies in the folder.")] = False,
    ) -> None:
        """Train a system; the weights end up in OUT/weights.safetensors.

        What was stopped, even by kill -9, goes on where it was, to the weights that it would have had.
        """
        left, given = options_of(options or [])
        none_left(left, "an option of the system (name=value)")
        folder = out or f"runs/{registry.card(name).name.replace('/', '-')}"
        if n_threads:
            threads(n_threads)
        import torch

        from ..errors import OptionError
        from ..system import build, load
        from ..training import train as trained
        from ._progress import Bar

        torch.manual_seed(seed)
        built = load(init, **given) if init else build(name, **given)
        if built.name != registry.card(name).name:
            raise OptionError(f"--init {init}: weights of {built.name}, not of {name}")
        of = max(1, built.recipe.steps if steps is None else steps)
        with Bar(f"{name} → {folder}") as bar:

            def tell(record: dict[str, Any]) -> None:
                bar(record.get("step", 0) / of, _figures(record))
                if not sys.stderr.isatty():
                    print(_figures(record), file=sys.stderr)

            # A name is built by `train` itself, which knows the words of the source.
            system: Any = built if given or init else name
            limits: dict[str, Any] = {"steps": steps, "minutes": minutes}
            trained(
                system,
                data,
                out=folder,
                **limits,
                seed=seed,
                device=device,
                workers=workers,
                resume=not fresh,
                listener=tell,
                fit_input=init is None,
            )
        print(f"weights {folder}/weights.safetensors")
        print(f"next    aural evaluate {folder}/weights.safetensors --on songs:7")

    @verb(app, "adapt", "fit a system to a few examples of your own", ADAPT)
    def adapt(
        name: Annotated[str, typer.Argument(metavar="NAME", help="A system with weights (TASK/NAME), or a weights file.")],
        options: Annotated[list[str] | None, typer.Argument(metavar="[option=value…]")] = None,
        examples: Annotated[str, typer.Option(metavar="SOURCE", help="A folder of sounds beside their annotations …")] = "",
        out: Annotated[str | None, typer.Option("-o", "--out", metavar="FILE", help="Default: TASK-NAME.adapted.safetensors here.")] = None,
    ) -> None:
        """Fit what stands right of the net (a threshold, a support set) on a few examples of your own; the net stays as it is."""
        from pathlib import Path

        left, given = options_of(options or [])
        none_left(left, "an option of the system (name=value)")
        if not examples:
            raise typer.BadParameter("say which: --examples FOLDER", param_hint="--examples")
        from ..data import source
        from ..errors import OptionError
        from ..running import adapt as adapted
        from ..system import load, save

        threads(1)
        system = load(Path(name) if registry.is_weights(name) else name, **given)
        support = source(examples, "train", system.task.name)
        path = out or f"{system.name.replace('/', '-')}.adapted.safetensors"
        if not path.endswith(".safetensors"):
            raise OptionError(f"{path}: weights are safetensors; give a name that ends so")
        adapted(system, (support(i) for i in range(support.size)))
        save(system, path, adapted_to=examples)
        print(f"weights {path}")
        print(f"next    aural run {path} song.wav")


def _figures(record: dict[str, Any]) -> str:
    return "  ".join(f"{key} {value:.4g}" if isinstance(value, float) else f"{key} {value}" for key, value in record.items())
