"""A command in a process of its own: what it costs from a cold start."""

from __future__ import annotations

import os
import subprocess
import sys
import time

COLD = "from emotive.cli import main; raise SystemExit(main())"


def cold_start(arguments: list[str], threads: int) -> tuple[float, float | None]:
    """Seconds and, where the system tells it of one process, peak MB of a new one."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-c", COLD, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
    )
    if not hasattr(os, "wait4"):
        if process.wait():
            raise SystemExit(f"emotive {' '.join(arguments)} failed")
        return time.perf_counter() - start, None
    _, status, usage = os.wait4(process.pid, 0)  # of this process, without ffmpeg, which it waits for itself
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"emotive {' '.join(arguments)} failed")
    peak = usage.ru_maxrss / (1e3 if sys.platform == "linux" else 1e6)  # kB on Linux, bytes on macOS
    return time.perf_counter() - start, peak
