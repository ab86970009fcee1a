"""What the sound alone tells is worked out beside the rest, where there is a processor for it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from typing import Any, TypeVar

T = TypeVar("T")
Progress = Callable[[float], None]

OFTEN = 0.2  # seconds between two words on how far it is


class Ahead(AbstractContextManager["Ahead"]):
    """Work that nobody has to wait for yet: in so many threads, first come, first served; with 0 each is done when it is asked for.

    What is said of the progress, and what goes wrong, comes to the thread that asks."""

    def __init__(self, threads: int) -> None:
        self.pool = ThreadPoolExecutor(threads) if threads else None

    def __exit__(self, *_: object) -> None:
        if self.pool is not None:
            self.pool.shutdown(cancel_futures=True)

    def promise(self, work: Callable[[Progress], T]) -> Callable[[Progress], T]:
        """A function that gives what `work` gives, called once."""
        if self.pool is None:
            return work
        share = [0.0]
        future: Any = self.pool.submit(work, lambda done: share.__setitem__(0, done))

        def kept(progress: Progress) -> T:
            last = 0.0
            while not wait([future], OFTEN).done:
                if share[0] > last:
                    progress(last := share[0])
            made: T = future.result()
            progress(1.0)
            return made

        return kept
