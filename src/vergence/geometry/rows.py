"""Rows of a picture on all cores.

Hot loops are numba kernels `kernel(first, last, *arrays)` over the rows `first <= y < last`, compiled with
`nogil=True`. `by_rows` hands bands of rows to a pool of threads. numba's own `parallel=True` is not used: its default
threading layer aborts the process when two stages call a kernel at once, and it triples the time to compile.
"""

import itertools
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
BANDS_PER_CORE = 2  # a few, so that a slow band does not leave the other cores idle
FEWEST_ROWS = 16  # under this a thread costs more than it saves


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=CORES, thread_name_prefix="vergence-rows")


def by_rows(kernel: Callable[..., Any], rows: int, *arrays: Any) -> None:
    """Call `kernel(first, last, *arrays)` for bands that together cover `range(rows)`; returns when all are done."""
    bands = max(1, min(CORES * BANDS_PER_CORE, rows // FEWEST_ROWS))
    if CORES == 1 or bands == 1:
        kernel(0, rows, *arrays)
        return
    edges = [rows * band // bands for band in range(bands + 1)]
    calls = [_pool().submit(kernel, a, b, *arrays) for a, b in itertools.pairwise(edges)]
    for call in calls:
        call.result()
