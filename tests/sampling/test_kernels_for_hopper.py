"""The Triton kernels compile for an H100 or H200 also on a machine without a GPU.

In a process of its own, in which Triton is not in its interpreter; the checks are in hopper_checks.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKS = Path(__file__).with_name("hopper_checks.py")


def test_kernels_compile_for_hopper():
    pytest.importorskip("triton", reason="triton comes for Linux only")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", str(CHECKS)],
        cwd=CHECKS.parents[2],
        env={**os.environ, "TRITON_INTERPRET": "0", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "5 passed" in done.stdout
