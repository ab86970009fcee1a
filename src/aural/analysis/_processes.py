"""The work in this process, or in several."""

from __future__ import annotations

import itertools
import multiprocessing
import signal
import sys
from collections.abc import Generator, Iterator, Sequence
from multiprocessing.connection import Connection, wait

from ..errors import AuralError
from ._one import Analyst, Listener
from ._places import Place
from ._plan import Plan
from ._tables import Outcome

# The number of a file, the file, and the digest of what its results depend on.
Job = tuple[int, Place, str]


def here(plan: Plan, todo: Iterator[Job], emit: Listener) -> Generator[tuple[int, Outcome]]:
    analyst = None
    threads = None
    try:
        for i, place, digest in todo:
            if analyst is None:
                import torch

                threads = torch.get_num_threads()
                analyst = Analyst(plan, emit)
            yield i, analyst(place, digest)
    finally:
        if threads is not None:
            import torch

            torch.set_num_threads(threads)


class _Worker:
    """A process that analyzes one file at a time; it ends when the pipe to it closes, whatever became of the other end."""

    def __init__(self, plan: Plan) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process that has run torch may hang
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_serve, args=(theirs, plan), daemon=True)
        self.process.start()
        theirs.close()
        self.job: tuple[int, Place] | None = None

    def give(self, job: Job) -> None:
        self.job = job[:2]
        self.pipe.send(job[1:])

    def stop(self) -> None:
        self.pipe.close()
        self.process.join(0.5)
        if self.process.is_alive():
            self.process.terminate()  # it takes away what it has half-written
            self.process.join(5)
        if self.process.is_alive():
            self.process.kill()


def _serve(pipe: Connection, plan: Plan) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; who started us decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        try:
            analyst = Analyst(plan, lambda event: pipe.send(("event", event)))
        except AuralError as error:
            pipe.send(("fatal", error))
            return
        while True:
            pipe.send(("outcome", analyst(*pipe.recv())))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return


def in_processes(plan: Plan, todo: Iterator[Job], n: int, emit: Listener) -> Generator[tuple[int, Outcome]]:
    """Outcomes as they come. A process that dies is replaced, and only its file has failed."""
    workers: list[_Worker] = []
    try:
        for job in itertools.islice(todo, n):
            workers.append(_Worker(plan))
            workers[-1].give(job)
        while workers:
            yield from _heard(workers, emit)
            for k, worker in reversed(list(enumerate(workers))):
                if worker.job is not None:
                    continue
                following = next(todo, None)
                if following is None:
                    workers.pop(k).stop()
                    continue
                if not worker.process.is_alive():
                    workers[k] = _Worker(plan)
                workers[k].give(following)
    finally:
        for worker in workers:
            worker.stop()


def _heard(workers: Sequence[_Worker], emit: Listener) -> Iterator[tuple[int, Outcome]]:
    """What the next message of any worker says."""
    for pipe in wait([worker.pipe for worker in workers]):
        worker = next(w for w in workers if w.pipe is pipe)
        assert worker.job is not None
        i, place = worker.job
        try:
            kind, said = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            worker.process.join()
            worker.job = None
            reason = f"the process that analyzed it died (exit code {worker.process.exitcode})"
            remedy = "if memory is short, use fewer --jobs or a part: --start, --end"
            yield i, Outcome(place.file, place.path, place.stem, "failed", reason=reason, remedy=remedy)
            continue
        if kind == "fatal":
            raise said
        if kind == "event":
            emit(said)
        else:
            worker.job = None
            yield i, said
