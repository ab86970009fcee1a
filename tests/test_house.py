"""What holds of the house as a whole: it starts fast, every system says what it is, every weight says where it comes from."""

from __future__ import annotations

import ast
import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import aural
from aural import registry

HOME = Path(__file__).parent.parent
WEIGHTS = sorted((HOME / "src" / "aural" / "weights").rglob("*.safetensors"))
# The last word of each is joined here, or this very file would be what the test finds.
PRIVATE = [
    "/wo" + "rk/",
    "/op" + "t/pypi",
    "/op" + "t/wheels",
    "/ro" + "ot/",
    "." + "library",
    "PROTO" + "COL.md",
    "house_" + "numbers",
    "specs" + "/s",
    "spec" + "s 4.",
    "s4" + "1 §",
    "users" + ".md",
]


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def loaded(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after running the code."""
    out = python(f"import sys\n{code}\nprint('modules', *{{name.split('.')[0] for name in sys.modules}})")
    return set(out.splitlines()[-1].split())


def files() -> list[Path]:
    """Text files that are kept in git or could be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=HOME, check=True, capture_output=True, text=True
    )
    paths = [HOME / line for line in listed.stdout.splitlines()]
    return [path for path in paths if path.suffix not in {".ogg", ".png", ".safetensors", ".sf2", ".wav"} and path.is_file()]


HEAVY = {"torch", "scipy", "soundfile", "soxr", "mir_eval", "lightning", "av", "librosa", "jinja2", "safetensors"}


def test_importing_aural_loads_nothing_heavy():
    assert not loaded("import aural") & (HEAVY | {"numpy", "typer", "rich"})


@pytest.mark.parametrize("arguments", [["systems"], ["--help"], ["analyze", "--help"], ["--version"]])
def test_the_command_line_answers_before_anything_heavy_is_loaded(arguments):
    run = f"""
import aural.cli
try:
    aural.cli.main({arguments!r})
except SystemExit as end:
    assert not end.code, end.code
"""
    assert not loaded(run) & HEAVY


@pytest.mark.parametrize("card", registry.cards(), ids=lambda card: card.name)
def test_a_system_says_what_it_is(card):
    assert card.title.endswith(".")
    fields = {"Paper", "Survey", "In", "Out", "Differs"}
    assert fields <= set(card.about), f"{card.path.name} lacks {sorted(fields - set(card.about))}"
    if card.cites:
        assert f"[{card.cites}]" in card.about["Paper"]


@pytest.mark.parametrize("card", registry.cards(), ids=lambda card: card.name)
def test_a_system_stands_in_the_folder_of_its_task(card):
    from aural.tasks import task

    assert task(card.task).name == card.task


def test_every_file_of_a_systems_folder_is_a_system():
    for path in (HOME / "src" / "aural" / "systems").glob("*/*.py"):
        if not path.name.startswith("_"):
            assert f"{path.parent.name}/{path.stem}" in registry.names()


ABOVE = {"data", "training", "evaluation", "report", "analysis", "cli"}


@pytest.mark.parametrize("card", registry.cards(), ids=lambda card: card.name)
def test_a_system_imports_only_from_lower_floors(card):
    imports = [node for node in ast.walk(ast.parse(card.path.read_text(encoding="utf-8"))) if isinstance(node, ast.Import | ast.ImportFrom)]
    rooms = set()
    for node in imports:
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
        assert getattr(node, "level", 0) == 0, "systems name the rooms in full: from aural.nets import …"
        rooms |= {module.split(".")[1] for module in modules if module.startswith("aural.")}
    assert not rooms & ABOVE


@pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_weights_say_licence_and_origin(path):
    from safetensors import safe_open

    with safe_open(str(path), "pt") as file:
        known = file.metadata()
    for key in ("system", "options", "sha256", "licence", "trained_on", "not_for", "probe"):
        assert known.get(key), f"{path.name} says nothing of {key!r}"
    assert known["system"] == f"{path.parent.name}/{path.name.split('.')[0]}"
    assert json.loads(known["probe"])


def test_shipped_weights_fit_into_a_wheel():
    assert sum(path.stat().st_size for path in WEIGHTS) < 60e6


@pytest.mark.parametrize("word", PRIVATE)
def test_nothing_names_a_private_place(word):
    assert files()
    found = [str(path.relative_to(HOME)) for path in files() if word in path.read_text(encoding="utf-8", errors="ignore")]
    assert not found


def test_changelog_and_package_have_one_version():
    newest = re.search(r"^## \[?(\d[^\]\s]*)", (HOME / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest
    assert newest[1] == aural.__version__


def commands() -> list[str]:
    """Every `aural …` line of a shell block in the pages."""
    pages = [HOME / "README.md", *sorted((HOME / "docs").glob("*.md"))]
    blocks = [block for page in pages for block in re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)]
    return sorted({line.split("#")[0].strip() for block in blocks for line in block.splitlines() if line.startswith("aural ")})


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_pages_are_as_the_command_line_has_them(line):
    import typer

    from aural.cli import app

    command = typer.main.get_command(app)
    words = shlex.split(line)[1:]
    while words and words[0] in getattr(command, "commands", {}):
        command = command.commands[words.pop(0)]
    assert not hasattr(command, "commands"), "a verb that there is"
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= known


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_every_link_of_a_page_leads_somewhere(page):
    links = re.findall(r"\]\(([^)#]+)", (HOME / page).read_text(encoding="utf-8"))
    assert links
    missing = [link for link in links if not link.startswith("http") and not (HOME / link).exists()]
    assert not missing


def test_every_recording_in_examples_is_credited():
    credits = (HOME / "CREDITS.md").read_text(encoding="utf-8")
    recordings = [path for path in (HOME / "examples").iterdir() if path.suffix in {".ogg", ".flac", ".wav", ".mp3"}]
    assert recordings
    for path in recordings:
        assert path.name in credits


def test_every_name_the_package_offers_is_there():
    for name in aural.__all__:
        assert getattr(aural, name) is not None


def test_the_figures_of_the_readme_are_those_of_the_results():
    command = [sys.executable, str(Path(__file__).parents[1] / "benchmarks" / "readme.py"), "--check"]
    assert subprocess.run(command).returncode == 0, "run benchmarks/readme.py"
