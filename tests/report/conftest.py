"""One browser for all tests of the report; `opened` opens pages of the module's own `folder`."""

from __future__ import annotations

import pytest

from .browsing import CHROMIUM, FLAGS, SPY


@pytest.fixture(scope="session")
def browser():
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def opened(browser, folder):
    """Opens a page of the folder; afterwards nothing may have been complained of, and nothing asked of the network."""
    contexts, complaints = [], []

    def heard(message, allow):
        if message.type in ("error", "warning") and not any(word in message.text for word in allow):
            complaints.append(message.text)

    def open_page(name="song", allow=(), **options):
        options.setdefault("viewport", {"width": 1100, "height": 900})
        context = browser.new_context(**options)
        contexts.append(context)
        tab = context.new_page()
        tab.add_init_script(SPY)
        tab.on("console", lambda message: heard(message, allow))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("request", lambda asked: None if asked.url.startswith(("file:", "data:", "blob:")) else complaints.append(asked.url))
        tab.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        tab.goto((folder / f"{name}.html").as_uri())
        tab.wait_for_timeout(150)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []
