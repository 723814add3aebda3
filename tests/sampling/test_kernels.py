"""The Triton kernels equal their references: on a GPU compiled, otherwise in Triton's interpreter.

The interpreter has to be chosen before triton is imported, and torch may have done that already, so the
checks run in a process of their own; they are in kernel_checks.py.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

CHECKS = Path(__file__).with_name("kernel_checks.py")
ROOT = CHECKS.parents[2]


def test_kernels_equal_their_references():
    pytest.importorskip("triton", reason="triton comes for Linux only")
    chosen = {"TRITON_INTERPRET": str(int(not torch.cuda.is_available())), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", str(CHECKS)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **chosen}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert " passed" in done.stdout and "skipped" not in done.stdout


def run_python(script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    changed = {"PYTHONPATH": str(ROOT / "src"), "TRITON_INTERPRET": "0", **environment}
    return subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, **changed}, capture_output=True, text=True
    )


def test_without_triton_there_is_one_clear_line():
    script = """
import sys; sys.modules["triton"] = None
from emotive.errors import InputError
try:
    from emotive.sampling.kernels.pack_uint8 import pack_uint8
except InputError as error:
    print(error)
"""
    done = run_python(script)
    assert done.stdout.strip() == (
        "the kernels need triton: pip install triton (Linux), or switch kernels off"
    ), done.stderr


def test_on_the_cpu_there_is_one_clear_line():
    pytest.importorskip("triton", reason="triton comes for Linux only")
    script = """
import torch
from emotive.errors import InputError
from emotive.sampling.kernels.pack_uint8 import pack_uint8
try:
    pack_uint8(torch.zeros(1, 3, 4, 4))
except InputError as error:
    print(error)
"""
    done = run_python(script)
    assert done.stdout.strip() == "the kernels need a CUDA device, and this is cpu: switch kernels off", (
        done.stderr
    )
