"""What a run of the real-time benchmark leaves behind: a JSON file, and a table in Markdown."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import torch

from emotive.errors import InputError
from emotive.media import check_file, slug, write_whole

FORMAT = 1
PACKAGES = ("emotive", "torch", "diffusers", "transformers", "triton", "numpy")
HEADER = ("arm", "p50 ms", "p99 ms", "images/s", "to first row", "of the limit", "peak GB")


def hardware(device: torch.device) -> dict[str, Any]:
    """The processor, or the card with its driver."""
    found: dict[str, Any] = {
        "device": device.type,
        "processor": processor(),
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        found |= {
            "card": properties.name,
            "memory_bytes": properties.total_memory,
            "compute_capability": f"{properties.major}.{properties.minor}",
            "driver": driver(),
        }
    return found


def processor() -> str:
    """The CPU's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def driver() -> str | None:
    """The version of NVIDIA's driver, or None where nvidia-smi does not tell."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    asked = [program, "--query-gpu=driver_version", "--format=csv,noheader"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout.splitlines()[0].strip() if told.returncode == 0 and told.stdout.strip() else None


def versions() -> dict[str, str | None]:
    """Of Python and of what is installed; CUDA and cuDNN as torch was built with them."""
    found: dict[str, str | None] = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    cudnn = torch.backends.cudnn.version() if torch.version.cuda else None
    return found | {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": str(cudnn) if cudnn else None,
    }


def new_result(device: torch.device, arguments: dict[str, Any]) -> dict[str, Any]:
    """A result without sections."""
    return {
        "benchmark": "realtime",
        "format": FORMAT,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "hardware": hardware(device),
        "versions": versions(),
        "arguments": arguments,
        "sections": [],
    }


def usual_file(result: dict[str, Any], folder: Path) -> Path:
    """<folder>/<date>-<device>.json"""
    told = result["hardware"]
    place = told.get("card") or f"cpu {told['processor']}"
    return folder / f"{result['date'][:10]}-{slug(place)}.json"


def save(result: dict[str, Any], file: Path) -> None:
    """Writes it, whole."""
    write_whole(file, (json.dumps(result, indent=1) + "\n").encode())


def read(file: Path) -> dict[str, Any]:
    """A result that was saved; raises InputError if the file holds none."""
    check_file(file)
    try:
        result = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{file} is not JSON: {error}") from error
    if not isinstance(result, dict) or (result.get("benchmark"), result.get("format")) != (
        "realtime",
        FORMAT,
    ):
        raise InputError(f"{file} is not a result of benchmarks/realtime.py (format {FORMAT})")
    return result


def heading(result: dict[str, Any]) -> str:
    """Where and with what it ran, and what the machine reached."""
    told, used, peaks = result["hardware"], result["versions"], result.get("peaks")
    place = told.get("card") or f"{told['processor']}, {told['threads']} of {told['cores']} cores"
    lines = [f"{result['date'][:10]}, {place}, torch {used['torch']}, diffusers {used['diffusers']}"]
    if told.get("driver"):
        lines.append(f"driver {told['driver']}, CUDA {used['cuda']}, triton {used['triton']}")
    if peaks:
        lines.append(
            f"{peaks['dtype']}: a big matrix product reached {peaks['flops'] / 1e12:.4g} TFLOP/s, "
            f"a big copy {peaks['bandwidth'] / 1e9:.4g} GB/s"
        )
    return "\n".join(lines)


def section_table(section: dict[str, Any]) -> str:
    """A section as Markdown: the title, the limit, and a row for each arm."""
    batch, limit = section["batch"], section["limit"]
    lines = [
        f"\n### {section['title']}\n",
        f"{section['about']}: {limit['flop'] / 1e9:.4g} GFLOP and {limit['bytes'] / 1e9:.3g} GB a frame; "
        f"limit {batch / limit['seconds']:.4g} images/s.\n",
        f"| {' | '.join(HEADER)} |",
        "|" + "---|" * len(HEADER),
    ]
    rows = section["rows"]
    base = rows[0].get("frames_per_second") if rows else None
    for row in rows:
        if "reason" in row:
            lines.append(f"| {row['arm']} | {row['reason']} |" + " |" * (len(HEADER) - 2))
            continue
        rate, peak = row["frames_per_second"], row["peak_bytes"]
        cells = (
            row["arm"] + (f" (machine {row['slowdown']:.2f}x slower)" if row["slowdown"] > 1.1 else ""),
            f"{row['p50_ms']:.2f}",
            f"{row['p99_ms']:.2f}",
            f"{batch * rate:.4g}",
            f"{rate / base:.2f}x" if base else "",
            f"{100 * limit['seconds'] * rate:.3g}%",
            f"{peak / 1e9:.2f}" if peak is not None else "-",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def table(result: dict[str, Any]) -> str:
    """The whole result as Markdown."""
    return "\n".join([heading(result), *map(section_table, result["sections"])])
