"""Sphinx: pages in Markdown, tables of systems and tasks and the API reference made from the source as it is built."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "src"))

import aural  # noqa: E402

project = "aural"
author = "the authors of aural"
copyright = "2026, the authors of aural"
version = release = aural.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"aural {release}"
html_show_sphinx = False
autodoc_mock_imports = ["triton"]  # not where there is no GPU
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_default_options = {"members": True, "show-inheritance": True, "ignore-module-all": True}
autodoc_class_signature = "mixed"
# Names of another module's types in signatures are enough; torch's own documentation is elsewhere.
nitpicky = False


# ---- pages made from the source


def write_pages(_app: Any) -> None:
    """docs/api/: one page a public module, the table of systems, the table of tasks. Written only where they changed."""
    pages = {"systems.md": systems(), "tasks.md": tasks()}
    modules = list(public_modules())
    pages["index.md"] = "# Reference\n\nEvery public module, from its docstrings.\n\n```{toctree}\n" + "\n".join(modules) + "\n```\n"
    for module in modules:
        shown = "".join(f"\n.. {kind}:: {module}.{name}\n" for kind, name in lent(module))
        pages[f"{module}.md"] = f"# {module}\n\n```{{eval-rst}}\n.. automodule:: {module}\n{shown}```\n"
    folder = HERE / "api"
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.md"):
        if old.name not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def public_modules() -> list[str]:
    """Modules without an underscore, systems left out: their cards have a page of their own."""
    package = HERE.parent / "src" / "aural"
    found = []
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts) and parts[1:2] != ("systems",):
            found.append(".".join(parts))
    return found


def lent(module: str) -> list[tuple[str, str]]:
    """(directive, name) of what a package shows although a private file of it holds it: autodoc leaves out what is imported."""
    path = HERE.parent / "src" / Path(*module.split(".")) / "__init__.py"
    if not path.exists():
        return []
    tree = ast.parse(path.read_text(encoding="utf-8")).body
    listed = [n.value for n in tree if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "__all__"]
    public = {n.value for value in listed for n in ast.walk(value) if isinstance(n, ast.Constant)}
    files = [n for n in tree if isinstance(n, ast.ImportFrom) and n.level == 1 and (n.module or "").startswith("_")]
    names = [alias.name for n in files for alias in n.names if alias.name in public]
    return [("autofunction" if name.islower() else "autodata" if name.isupper() else "autoclass", name) for name in names]


def cell(text: str) -> str:
    """Text inside a Markdown table."""
    return re.sub(r"([|<>*_])", r"\\\1", " ".join(text.split()))


def systems() -> str:
    """The card of every system, as its file's docstring has it."""
    from aural import registry
    from aural.tasks import task

    lines = ["# Systems", "", "One file each, under `src/aural/systems/`. `aural show NAME` prints the same and the options.", ""]
    by_task: dict[str, list[registry.Card]] = {}
    for card in registry.cards():
        if card.path.is_relative_to(registry.HERE):
            by_task.setdefault(card.task, []).append(card)
    for name, cards in by_task.items():
        found = task(name)
        lines += [f"## {name}", "", f"{found.title[0].upper()}{found.title[1:]}. Default: `{found.default or 'none'}`.", ""]
        for card in cards:
            lines += [f"### {card.name}", "", cell(card.title), "", "| | |", "|---|---|"]
            lines += [f"| {field} | {cell(text)} |" for field, text in card.about.items()]
            if card.options:
                options = "; ".join(f"`{option}: {kind} = {default}`" for option, (kind, default) in card.options.items())
                lines.append(f"| Options | {options.replace('|', chr(92) + '|')} |")
            lines.append("")
    return "\n".join(lines)


def tasks() -> str:
    """What each task is given, makes and writes."""
    from aural.tasks import names, task

    lines = ["# Tasks", "", "| task | question | given | makes | default system | file | JAMS |", "|---|---|---|---|---|---|---|"]
    for found in map(task, names()):
        given = ", ".join(f"{field}: {kind.__name__}" for field, kind in found.gives.items())
        file = f"`NAME{found.suffix}`" if found.suffix else ""
        space = f"`{found.namespace}`" if found.namespace else ""
        lines.append(f"| {found.name} | {cell(found.title)} | {given} | {found.makes} | {found.default} | {file} | {space} |")
    return "\n".join([*lines, ""])


# ---- docstrings: plain text with our few conventions, made into what Sphinx reads


def plain(text: str) -> str:
    """A line with nothing in it that reStructuredText would take for markup, but `code`."""
    parts = re.split(r"(``[^`]+``|`[^`]+`)", text)
    for i, part in enumerate(parts):
        parts[i] = f"``{part.strip('`')}``\\ " if i % 2 else re.sub(r"([*|\\`]|_\b|(?<=\w)_)", r"\\\1", part)
    line = "".join(parts)
    return re.sub(r"\\ (?=[\s.,;:!?)\]}'\"/-]|$)", "", line)


def to_rst(lines: list[str]) -> list[str]:
    """`Paper     text` fields, `Args:` sections, indented code and lists; all else is paragraphs."""
    out: list[str] = []
    state = "text"  # or "field", "section", "code", "item"
    for line in [text.expandtabs() for text in lines]:
        indent, body = len(line) - len(line.lstrip()), line.strip()
        heading = re.fullmatch(r"(Args|Attributes|Returns|Raises|Yields|Examples?|Source|Note):", body)
        field = re.fullmatch(r"([A-Z]\w+)\s{2,}(\S.*)", line)
        entry = re.fullmatch(r"(\*{0,2}\w[\w., ]*):\s+(\S.*)", body)
        if not body:
            out.append("")
            state = state if state in ("section", "code") else "text"
        elif heading and not indent:
            out += ["", f"**{heading[1]}**", ""]
            state = "section"
        elif field:
            out += ["", f":{plain(field[1])}: {plain(field[2])}"]
            state = "field"
        elif state == "section" and indent:
            out += ["", f"* ``{entry[1]}``: {plain(entry[2])}"] if entry and indent <= 4 else [f"  {plain(body)}"]
        elif state == "code" and indent:
            out.append(line)
        elif indent >= 4 and state == "text" and (not out or not out[-1]):
            out += ["::", "", line]
            state = "code"
        elif body.startswith("- "):
            out += ["", f"* {plain(body[2:])}"]
            state = "item"
        elif indent and state in ("field", "item"):
            out.append(f"    {plain(body)}" if state == "field" else f"  {plain(body)}")
        else:
            if state in ("code", "section", "field", "item"):
                out.append("")
            text = plain(body)
            out.append("\\" + text if re.match(r"([-+•=~^#:.]|\(?\w{1,3}[.)]\s)", text) else text)
            state = "text"
    return [*out, ""]


def read_docstring(_app: Any, _what: str, _name: str, _thing: Any, _options: Any, lines: list[str]) -> None:
    lines[:] = to_rst(lines)


def setup(app: Any) -> None:
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-process-docstring", read_docstring)
