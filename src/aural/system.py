"""The sentence: task ← input → net → output, learned by an objective, on a recipe.

A system is a function in `systems/TASK/NAME.py` that returns a `System`; `build` calls it with options, `load` adds weights.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import json
import os
import sys
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from .annotations import Example
from .errors import OptionError, OutputError, UnknownName, WeightsError
from .part import Part, Parts, Tree, as_part, call, stack
from .registry import HERE, card, header, weights_of
from .tasks import Task

if TYPE_CHECKING:
    from .objectives import Objective

RAW, FRAMES = "(raw)", "(frames)"  # keys of a batch of unequal lengths; no part can have such a name


@dataclass(frozen=True)
class Recipe:
    """How a system is trained.

    data: name of a source ("songs:0", a pack, a folder …); seconds of a crop (None: whole pieces); batch examples a step;
    steps; rate, the peak learning rate of AdamW; optimisers, more arguments of the optimiser for each learner
    ({"critic": {"betas": (0.5, 0.9)}}); schedule "cosine" (to zero, after a short warm-up) or "constant"; average, the
    decay of the exponential moving average of the weights (0: none); augment, name of an augmentation ("realaug");
    batches, how examples are drawn (default: at random); fit_data, the source for what is fitted after learning.
    """

    data: str = ""
    seconds: float | None = None
    batch: int = 16
    steps: int = 1000
    rate: float = 1e-3
    decay: float = 0.01
    optimisers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    schedule: str = "cosine"
    average: float = 0.0
    augment: str = ""
    batches: Callable[[Any, int, np.random.Generator], list[Example]] | None = None
    fit_data: str = ""


class System(nn.Module):
    """A sentence. `task` may be several where one net answers several.

    forward(x): activations; estimate(x): in the targets' domain. Names and options are set by `build`.
    """

    def __init__(
        self,
        task: Task | tuple[Task, ...],
        input: Part | Mapping[str, Part],
        net: nn.Module,
        output: Part | Mapping[str, Part],
        objective: Objective | None = None,
        recipe: Recipe | None = None,
        window: float = 60.0,
        context: float = 3.0,
    ) -> None:
        super().__init__()
        self.tasks = task if isinstance(task, tuple) else (task,)
        self.input, self.net, self.output, self.objective = as_part(input), net, as_part(output), objective
        self.recipe = recipe or Recipe()
        self.window, self.context = window, context
        self.name: str = ""
        self.options: dict[str, Any] = {}
        self.card: dict[str, Any] = {}  # metadata of the weights, where some were loaded

    @property
    def task(self) -> Task:
        return self.tasks[0]

    @torch.no_grad()
    def features(self, raw: Tree) -> Tree:
        """Features of a batch: float32, no gradient, no half precision. An input never learns by gradient.

        Past the end of the shorter examples of a batch they are 0, as a net's own padding is past the end of one alone."""
        with torch.autocast(_device_type(raw), enabled=False):
            features = self.input(self.unpacked(raw))
        return ended(features, raw[FRAMES]) if isinstance(raw, Mapping) and FRAMES in raw else features

    def unpacked(self, raw: Tree) -> Tree:
        """What the input's `forward` takes, without the numbers of frames that `collate` put beside it."""
        return raw[RAW] if isinstance(raw, Mapping) and FRAMES in raw else raw

    def repacked(self, raw: Tree, x: Tree) -> Tree:
        """`x` in place of what `unpacked(raw)` gave."""
        return {RAW: x, FRAMES: raw[FRAMES]} if isinstance(raw, Mapping) and FRAMES in raw else x

    @torch.no_grad()
    def targets(self, raw: Tree) -> Tree:
        """Targets of a batch of annotations."""
        with torch.autocast(_device_type(raw), enabled=False):
            return self.output(raw)

    def forward(self, x: Tree, **more: Any) -> Tree:
        return call(self.net, x, **more)

    def estimate(self, x: Tree, generator: torch.Generator | None = None) -> Tree:
        """What the net says (its `generate` where running differs from training), in the targets' domain."""
        generate = getattr(self.net, "generate", None)
        if callable(generate):
            y = generate(**x, generator=generator) if isinstance(x, Mapping) else generate(x, generator=generator)
        else:
            y = self(x)
        return self.output.estimate(y, x)

    def times(self, example: Example) -> np.ndarray:
        """Times of the output's frames."""
        times = self.input.times(example)
        change = getattr(self.net, "times", None)
        return np.asarray(change(times) if callable(change) else times)

    def collate(self, examples: Sequence[Example], truth: bool = True) -> tuple[Tree, Tree | None]:
        """A batch: raw inputs, and raw targets where `truth`."""
        x = stack(self.input, [self.input.read(e) for e in examples])
        frames = stack(self.input, [frame_numbers(self.input, e) for e in examples])
        if _differ(frames):
            x = {RAW: x, FRAMES: frames}
        if not truth:
            return x, None
        return x, stack(self.output, [self.output.read(e, self.times(e)) for e in examples])


def _differ(frames: Tree) -> bool:
    """Has an example other numbers of frames than the next?"""
    return any(map(_differ, frames.values())) if isinstance(frames, Mapping) else bool((frames != frames[0]).any())


def frame_numbers(part: Part, example: Example) -> Tree:
    """How many frames an example has, (), endlessly many where a part has no time axis; by name for a dict of parts."""
    if isinstance(part, Parts):
        return {name: frame_numbers(p, example) for name, p in part.items()}
    inner = part
    while isinstance(getattr(inner, "part", None), Part):
        inner = inner.part  # type: ignore[assignment]
    return torch.tensor(len(part.times(example)) if type(inner).times is not Part.times else 2**31 - 1)


def ended(x: Tree, frames: Tree) -> Tree:
    """Real features (batch, …, frame), 0 from the frame of each example's number (batch,) on."""
    if isinstance(x, Mapping):
        return {name: ended(value, frames[name] if isinstance(frames, Mapping) else frames) for name, value in x.items()}
    if not isinstance(x, torch.Tensor) or x.ndim < 3 or not (x.is_floating_point() or x.is_complex()):
        return x
    past = torch.arange(x.shape[-1], device=x.device) >= frames.view(-1, *[1] * (x.ndim - 1))
    return x.masked_fill(past, 0.0)


def _device_type(tree: Tree) -> str:
    while isinstance(tree, Mapping):
        tree = next(iter(tree.values()))
    return tree.device.type if isinstance(tree, torch.Tensor) else "cpu"


def system(cites: str = "") -> Callable[[Callable[..., System]], Callable[..., System]]:
    """Marks the function that builds a system; `cites` is the paper's key in the survey ("" for our own)."""

    def mark(factory: Callable[..., System]) -> Callable[..., System]:
        factory.__dict__["cites"] = cites
        return factory

    return mark


def module_of(name: str) -> ModuleType:
    """The module of a system, imported here and not before."""
    path = card(name).path
    inside = path.is_relative_to(HERE)
    full = "aural.systems." + name.replace("/", ".") if inside else "aural_systems_" + name.replace("/", "_")
    if full in sys.modules and getattr(sys.modules[full], "__file__", None) == str(path):
        return sys.modules[full]
    if inside:
        return importlib.import_module(full)
    spec = importlib.util.spec_from_file_location(full, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module


def build(name: str, **options: Any) -> System:
    """A fresh system with new weights. Options are checked against the function's typed parameters; words from the
    command line are read as the parameter's type. Raises UnknownName, OptionError."""
    factory = getattr(module_of(name), name.split("/")[-1])
    made = checked(factory, options, name)
    built: System = factory(**made)
    built.name, built.options = name, made
    return built


def checked(factory: Callable[..., Any], options: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Options as the types that a function's parameters ask for."""
    parameters = inspect.signature(factory).parameters
    hints = typing.get_type_hints(factory)
    made: dict[str, Any] = {}
    for option, value in options.items():
        if option not in parameters:
            raise UnknownName.among("option", option, parameters, f"Options of {name}: {', '.join(parameters) or 'none'}.")
        try:
            made[option] = as_type(value, hints.get(option, str))
        except (ValueError, TypeError):
            hint = hints.get(option, str)
            wanted = getattr(hint, "__name__", str(hint)) if not typing.get_args(hint) else str(hint)
            raise OptionError(
                f"{name}: {option}={value!r} is not of type {wanted}; the default is {parameters[option].default!r}"
            ) from None
    return made


def as_type(value: Any, hint: Any) -> Any:
    """`value` as the type `hint`: words are parsed, others must fit. Raises ValueError."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is tuple:
        items = value.strip("()[] ").split(",") if isinstance(value, str) else list(value)
        return tuple(as_type(item.strip() if isinstance(item, str) else item, arguments[0]) for item in items if item != "")
    if origin is typing.Literal:
        if value not in arguments:
            raise ValueError(value)
        return value
    if arguments:  # a union: the first that fits
        for choice in arguments:
            try:
                return None if choice is type(None) and value in (None, "None", "none") else as_type(value, choice)
            except (ValueError, TypeError):
                continue
        raise ValueError(value)
    if hint is type(None):
        raise ValueError(value)
    if hint is bool:
        words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        if isinstance(value, bool):
            return value
        if str(value).lower() not in words:
            raise ValueError(value)
        return words[str(value).lower()]
    if hint in (int, float, str):
        if isinstance(value, bool) or (hint is int and isinstance(value, float) and value != int(value)):
            raise ValueError(value)
        return hint(value)
    return value


# ---- weights


def save(system: System, path: Path | str, half: bool = False, **metadata: Any) -> Path:
    """Weights and what `fit` learned as safetensors, whole or not at all. The metadata hold name, options and a digest
    of the tensors; give licence, trained_on, not_for, figures … by keyword. `half` stores float16."""
    from safetensors.torch import save as to_bytes

    state = {k: v.detach().cpu().contiguous() for k, v in system.state_dict().items() if not k.startswith("objective.")}
    if half:
        state = {k: v.half() if v.dtype == torch.float32 else v for k, v in state.items()}
    words = {name: module.words for name, module in system.named_modules() if hasattr(module, "words")}
    known = {k: v for k, v in system.card.items() if k not in ("sha256", "path")}
    data = {**known, "system": system.name, "options": system.options, "words": words, "sha256": digest(state), **metadata}
    text = {k: v if isinstance(v, str) else json.dumps(v, sort_keys=True) for k, v in sorted(data.items())}
    path = Path(path)
    part = path.with_name(path.name + ".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(to_bytes(state, text))
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path}: {error.strerror or error}; choose another place") from None
    return path


def digest(state: Mapping[str, torch.Tensor]) -> str:
    """sha256 over names, types, shapes and bytes of tensors."""
    sha = hashlib.sha256()
    for name in sorted(state):
        t = state[name].contiguous()
        sha.update(f"{name} {t.dtype} {tuple(t.shape)}".encode())
        sha.update(t.reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b"")
    return sha.hexdigest()


def read_weights(path: Path | str) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Tensors and metadata of a weights file. Raises WeightsError on anything but whole safetensors of ours."""
    from safetensors import SafetensorError, safe_open

    data = header(path)
    try:
        with safe_open(str(path), "pt") as file:
            state = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118 (not a dict)
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path}: damaged or not safetensors ({error}); get the file again") from None
    if data.get("sha256") != digest(state):
        raise WeightsError(f"{path}: damaged: the tensors do not have the digest in the header; get the file again")
    return state, data


def load(name: str | Path, tag: str = "", **options: Any) -> System:
    """A system with weights, ready to run: by its name (shipped weights), or a weights file.

    A system without parameters needs no weights. Raises UnknownName, WeightsError.
    """
    path = Path(name) if str(name).endswith(".safetensors") or isinstance(name, Path) else weights_of(card(name).name, tag)
    if path is None:
        built = build(str(name), **options)
        if any(True for _ in built.net.parameters()):
            where = f"no weights of {name} are installed{f' with tag {tag}' if tag else ''}"
            raise WeightsError(f"{where}; train some: `aural train {name}`, then give the file that it writes")
        return built.eval()
    state, data = read_weights(path)
    built = build(str(data["system"]), **{**_dict(data.get("options")), **options})
    modules = dict(built.named_modules())
    for key, tensor in state.items():  # what `fit` shaped is taken as it was saved
        owner, _, leaf = key.rpartition(".")
        if owner in modules and leaf in modules[owner].__dict__.get("_fitted", ()):
            modules[owner].register_buffer(leaf, tensor.clone())
    wanted = {k: v for k, v in built.state_dict().items() if not k.startswith("objective.")}
    try:
        state = {k: v.to(wanted[k].dtype) if k in wanted else v for k, v in state.items()}
        missing, surplus = built.load_state_dict(state, strict=False)
    except RuntimeError as error:
        raise WeightsError(f"{path}: weights of other shapes than {built.name} has with these options ({error})") from None
    missing = [k for k in missing if not k.startswith("objective.")]
    if missing or surplus:
        raise WeightsError(f"{path}: not the weights of this {built.name}: missing {missing[:3]}, surplus {list(surplus)[:3]}")
    for owner, words in _dict(data.get("words")).items():
        modules[owner].words = words
    built.card = {**data, "path": str(path)}
    return built.eval()


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


__all__ = ["Parts", "Recipe", "System", "build", "load", "read_weights", "save", "system", "weights_of"]
