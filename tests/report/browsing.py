"""How tests look at a page: Chromium, what it may do, what is asked of a tab."""

from __future__ import annotations

import shutil
import time

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
# Every click and tone that WebAudio is told to start: when, and how long before that it was told.
SPY = """
  window.started = [];
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (when) {
    const media = window.audios[0].currentTime;
    const {contextTime, performanceTime} = this.context.getOutputTimestamp();
    const heard = performanceTime ? contextTime + (performance.now() - performanceTime) / 1000 : this.context.currentTime;
    const samples = this.buffer.getChannelData(0);
    let turns = 0;
    for (let i = 1; i < samples.length; i++) turns += samples[i - 1] < 0 && samples[i] >= 0;
    window.started.push({at: media + (when - heard), media, hz: turns / this.buffer.duration});
    return start.call(this, when);
  };
  window.tones = [];
  const sing = OscillatorNode.prototype.start;
  OscillatorNode.prototype.start = function (when = this.context.currentTime) {
    const media = window.audios[0].currentTime;
    const {contextTime, performanceTime} = this.context.getOutputTimestamp();
    const heard = performanceTime ? contextTime + (performance.now() - performanceTime) / 1000 : this.context.currentTime;
    window.tones.push({at: media + (when - heard), media, hz: this.frequency.value});
    return sing.call(this, when);
  };
  window.audios = [];
  const Plain = window.Audio;
  window.Audio = function () { const made = new Plain(); window.audios.push(made); return made; };
"""


def until(tab, condition: str, seconds: float = 10.0) -> None:
    """Waits until an expression holds. (Playwright's own waiting evaluates in the page, which the page's policy forbids.)"""
    end = time.monotonic() + seconds
    while not tab.evaluate(condition):
        assert time.monotonic() < end, f"still not: {condition}"
        tab.wait_for_timeout(25)


def until_time(tab, seconds: float) -> None:
    until(tab, f"document.querySelector('#over').getAttribute('aria-valuenow') > {seconds}")


def ready(tab):
    until(tab, "!document.querySelector('#play').disabled")
    return tab


def position(tab) -> float:
    return float(tab.get_attribute("#over", "aria-valuenow"))


def settled(tab) -> float:
    tab.wait_for_timeout(120)
    return position(tab)


def box(tab, selector="#over"):
    return tab.locator(selector).bounding_box()


def picture_of(tab, canvas: str) -> str:
    return tab.evaluate("id => document.getElementById(id).toDataURL()", canvas)


def inked(tab, canvas: str) -> int:
    """How many pixels are drawn on a canvas."""
    return tab.evaluate(
        """id => { const c = document.getElementById(id), d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
                   let n = 0; for (let i = 3; i < d.length; i += 4) n += d[i] > 0; return n; }""",
        canvas,
    )
