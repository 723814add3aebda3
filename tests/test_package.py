"""The package as a user gets it: the wheel works outside the checkout, imports are light and run one way."""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import emotive

ROOT = Path(__file__).parent.parent
MAPPED = {name: ROOT / name for name in ("pipelines", "checkpoints", "demos")}

# The rooms from the ground up (CONTRIBUTING.md): a room imports from its own row or from rows above it here.
HOUSE = [
    ["errors"],
    ["affect", "checkpoints"],
    ["signals", "media"],
    ["models", "sampling", "weights", "devices", "fetching"],
    ["voice", "face", "body", "perceive", "data", "backbones", "compass"],
    ["pipelines"],
    ["evaluate", "train"],
    ["about", "acting", "batch", "matching", "plan", "showcase", "stimuli", "cli", "demos"],
]
HEAVY = (
    "torch",
    "diffusers",
    "transformers",
    "numpy",
    "scipy",
    "numba",
    "cv2",
    "PIL",
    "skia",
    "huggingface_hub",
)


def run(*command: str | Path, cwd: Path, **environment: str) -> str:
    clean = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, "HF_HUB_OFFLINE": "1", **environment},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"{command} failed:\n{done.stdout}\n{done.stderr}"
    return done.stdout


def sources() -> dict[str, Path]:
    """Every module of the package by its name; the mapped rooms once, not again through their links."""
    bases = {"emotive": ROOT / "src" / "emotive"} | {f"emotive.{name}": at for name, at in MAPPED.items()}
    found = {}
    for package, base in bases.items():
        for root, folders, files in os.walk(base):  # does not follow the links
            folders[:] = [folder for folder in folders if folder != "__pycache__"]
            for file in files:
                if file.endswith(".py"):
                    parts = Path(root, file).relative_to(base).with_suffix("").parts
                    found[".".join([package, *parts]).removesuffix(".__init__")] = Path(root, file)
    return found


def imported(name: str, file: Path) -> set[str]:
    """The emotive modules that a module imports, wherever in the file: at the top, lazily, for types only."""
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"), str(file))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = (
                ".".join(package.split(".")[: len(package.split(".")) - node.level + 1]) if node.level else ""
            )
            module = ".".join(part for part in (base, node.module or "") if part)
            names = {alias.name for alias in node.names}
            found.update({f"{module}.{n}" for n in names} if module == "emotive" else {module})
    exported = {f"emotive.{n}": f"{room}.{n}" for n, room in emotive._ROOMS.items()}
    return {exported.get(m, m) for m in found if m.startswith("emotive.") and m != "emotive.__version__"}


def room(module: str) -> str:
    return module.split(".")[1]


def test_imports_run_one_way():
    floor = {name: row for row, names in enumerate(HOUSE) for name in names}
    below: dict[str, set[str]] = {}
    for name, file in sources().items():
        if name == "emotive":
            continue  # its lazy names may come from any room
        assert room(name) in floor, f"{name}: which room is this? (HOUSE here, and CONTRIBUTING.md)"
        for other in imported(name, file):
            assert floor[room(other)] <= floor[room(name)], f"{name} imports upward: {other}"
            if room(other) != room(name):
                below.setdefault(room(name), set()).add(room(other))
    list(TopologicalSorter(below).static_order())  # raises CycleError for rooms in a circle


def test_import_is_light():
    script = (
        "import sys, json, emotive, emotive.pipelines, emotive.errors; print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(run(sys.executable, "-c", script, cwd=ROOT / "src"))
    assert "emotive" in loaded and not set(HEAVY) & set(loaded)
    script = "import sys, json, emotive; emotive.Affect; print(json.dumps(list(sys.modules)))"
    loaded = json.loads(run(sys.executable, "-c", script, cwd=ROOT / "src"))
    assert "emotive.affect" in loaded and not {*HEAVY} - {"numpy"} & set(loaded)


def test_public_names():
    names = ["Affect", "AffectCurve", "BodyMotion", "EmotiveGesturePipeline", "EmotiveImagePipeline"]
    names += ["EmotiveSpeechPipeline", "EmotiveTalkingHeadPipeline", "FaceMotion", "Speech"]
    assert emotive.__all__ == [*names, "__version__", "realtime", "with_affect"]
    assert set(emotive.__all__) <= set(dir(emotive))
    for name in [*names, "realtime", "with_affect"]:
        assert getattr(emotive, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'Emotion'"):
        emotive.Emotion  # noqa: B018


def test_the_version_is_the_same_everywhere():
    assert re.fullmatch(r"\d+\.\d+\.\d+", emotive.__version__)
    assert f"\nversion: {emotive.__version__}\n" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"\n## [{emotive.__version__}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the sdist, built from a copy of the checkout without leftovers of old builds."""
    copy = tmp_path_factory.mktemp("copy")
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, copy)
    for name in ("src", *MAPPED):
        leftovers = shutil.ignore_patterns("__pycache__", "*.egg-info")
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=leftovers)
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", copy / "dist", cwd=copy)
    (wheel,) = (copy / "dist").glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts folder of a clean environment with the wheel, which borrows this one's other packages."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, with_pip=True)
    scripts = home / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "--no-deps", "--no-index", wheel, cwd=home)
    paths = [sysconfig.get_path("purelib", vars={"base": home, "platbase": home})]
    paths += {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    (Path(paths[0]) / "borrowed.pth").write_text("\n".join(paths[1:]))
    return scripts


def test_the_wheel_holds_every_module_and_weight_once(wheel: Path):
    names = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    expected = {
        name.replace(".", "/") + ("/__init__.py" if file.name == "__init__.py" else ".py")
        for name, file in sources().items()
    }
    expected.add("emotive/py.typed")
    for file in (ROOT / "checkpoints").rglob("*"):
        if file.suffix in (".safetensors", ".json", ".md") or file.name == "SHA256SUMS":
            expected.add(f"emotive/checkpoints/{file.relative_to(ROOT / 'checkpoints').as_posix()}")
    for file in (ROOT / "demos").iterdir():
        if file.suffix in (".css", ".html", ".js"):
            expected.add(f"emotive/demos/{file.name}")
    for file in (ROOT / "src" / "emotive").rglob("*"):
        ours = not set(file.relative_to(ROOT / "src" / "emotive").parts) & set(MAPPED)
        if ours and file.suffix in (".json", ".npz", ".webp"):
            expected.add(file.relative_to(ROOT / "src").as_posix())
    assert sorted(names) == sorted(expected)


def test_the_installed_package_works_outside_the_checkout(installed: Path, tmp_path: Path):
    script = """
import json, sys
import emotive, emotive.checkpoints, emotive.pipelines, emotive.weights
for model in emotive.weights.embedded():
    assert emotive.weights.resolve(model.name) == model.path
    emotive.weights.verify(model.path)
names = [model.name for model in emotive.weights.embedded()]
files = [m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "emotive"]
print(json.dumps([emotive.__version__, names, files]))
"""
    version, names, files = json.loads(run(installed / "python", "-c", script, cwd=tmp_path))
    assert version == emotive.__version__
    assert "emotive-image-1" in names
    assert all(Path(file).is_relative_to(installed.parent) for file in files)
    assert emotive.__version__ in run(installed / "emotive", "--version", cwd=tmp_path)


def test_the_installed_package_makes_a_picture(installed: Path, tmp_path: Path):
    script = """
import torch
from emotive import EmotiveImagePipeline
pipeline = EmotiveImagePipeline.from_pretrained("emotive-image-1")
generator = torch.Generator().manual_seed(0)
picture = pipeline("a house in a meadow", affect="joy", generator=generator).images[0]
picture.save("joy.png")
print(picture.size)
"""
    out = run(installed / "python", "-c", script, cwd=tmp_path, XDG_CACHE_HOME=str(tmp_path))
    assert out.splitlines()[-1] == "(512, 512)"
    assert (tmp_path / "joy.png").stat().st_size > 10_000
