"""One job after another, or in several processes: the results come in order, and are the same."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from emotive.errors import InputError

MOST = 64
_kept: tuple[Callable[..., Any], tuple[Any, ...]] | None = None  # in a worker: the job, and what all share


def check_workers(workers: int) -> None:
    """Raises InputError for a number of processes that makes no sense."""
    if not 1 <= workers <= MOST:
        raise InputError(f"workers must be 1 to {MOST}, not {workers}")


def each(
    job: Callable[..., Any], tasks: Sequence[Any], shared: tuple[Any, ...] = (), workers: int = 1
) -> Iterator[Any]:
    """`job(*shared, task)` of each task, in order.

    With more than one worker, `job` is a function of a module, and everything can be pickled; each process
    computes on one core. Threads add up in another order than one does, so the last bits may differ.
    """
    check_workers(workers)
    if workers == 1 or len(tasks) < 2:
        yield from (job(*shared, task) for task in tasks)
        return
    context = multiprocessing.get_context("spawn")  # forked processes hang in torch's threads
    with ProcessPoolExecutor(min(workers, len(tasks)), context, _keep, (job, shared)) as pool:
        try:
            yield from pool.map(_do, tasks)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _keep(job: Callable[..., Any], shared: tuple[Any, ...]) -> None:
    global _kept
    import torch

    torch.set_num_threads(1)
    _kept = job, shared


def _do(task: Any) -> Any:
    assert _kept is not None
    job, shared = _kept
    return job(*shared, task)
