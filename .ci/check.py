"""What .ci/run asks of things that were made: `check.py wheel FILE.whl`, `check.py report FILE.jams FILE.html`.

`check.py picture FILE.html docs/images/report.png` makes the README's picture anew.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parent.parent / "src" / "aural"


def wheel(path: str) -> None:
    """Every file of the package that is not Python source is in the wheel too, and the licence with it."""
    with zipfile.ZipFile(path) as archive:
        inside = set(archive.namelist())
    data = {f"aural/{p.relative_to(PACKAGE).as_posix()}" for p in PACKAGE.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    missing = sorted(data - inside)
    assert not missing, f"{path} lacks {missing[:5]}"
    assert any(name.endswith("LICENSE") for name in inside), f"{path} has no licence"
    for kind in (".safetensors", ".js"):
        assert any(name.endswith(kind) for name in inside), f"{path} holds no {kind} file"
    print(f"{Path(path).name}: {len(inside)} files, {Path(path).stat().st_size / 1e6:.1f} MB")


@contextmanager
def opened(html_file: str, complaints: list[str]) -> Iterator[Any]:
    """A page in headless Chromium; what it complains of, and what it asks of the network, is added to `complaints`."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 760})
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if request.url.startswith("http") else None)
        page.goto(Path(html_file).resolve().as_uri())
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(1000)
        yield page
        browser.close()


def report(jams_file: str, html_file: str) -> None:
    """The JAMS is valid by the JAMS package's schema and not empty; the page loads without network and without an error."""
    import jams

    jam = jams.load(jams_file, validate=True, strict=True)
    counts = {a.namespace: len(a.data) for a in jam.annotations}
    assert min(counts.values(), default=0) > 0, f"{jams_file}: {counts}"
    complaints: list[str] = []
    with opened(html_file, complaints) as page:
        title, text = page.title(), page.inner_text("body")
    assert not complaints, complaints
    assert title
    assert len(text) > 100, f"{html_file}: an empty page"
    print(f"{jams_file}: valid, {counts}; {html_file}: {title!r}, no error")


def picture(html_file: str, png_file: str) -> None:
    """The top of the page, as the README shows it."""
    with opened(html_file, []) as page:
        page.set_viewport_size({"width": 1200, "height": 1030})
        page.wait_for_timeout(1000)
        page.screenshot(path=png_file, clip={"x": 0, "y": 0, "width": 1200, "height": 1030})


if __name__ == "__main__":
    {"wheel": wheel, "report": report, "picture": picture}[sys.argv[1]](*sys.argv[2:])
