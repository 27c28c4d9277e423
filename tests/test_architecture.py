"""The import rules: data flows one way, and naming the program loads nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "vergence"

BELOW = {  # what each part may import besides `errors`, `types` and itself
    "errors": set(),
    "types": set(),
    "streaming": set(),
    "geometry": set(),
    "media": {"streaming", "geometry"},
    "depth": {"streaming", "geometry"},
    "stability": {"streaming", "geometry"},
    "stereo": {"geometry"},
    "points": {"geometry"},
    "splats": {"geometry"},
    "synthetic": {"geometry"},
    "datasets": {"geometry", "media", "synthetic"},
    "evaluation": {"geometry", "media", "depth", "stability", "stereo", "synthetic", "datasets"},
    "training": {"geometry", "depth", "stability", "synthetic", "datasets", "evaluation"},
    "pipelines": {"streaming", "geometry", "media", "depth", "stability", "stereo", "points", "splats"},
    "server": {"streaming", "geometry", "media", "depth", "stability", "stereo", "splats", "pipelines"},
    "cli": None,  # anything
    "__init__": None,
}


def part_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: import by the full name"
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name for name in names if name.split(".")[0] == "vergence")


MODULES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_downward(path):
    part = part_of(path)
    allowed = BELOW[part]
    if allowed is None:
        return
    for name in imports_of(path):
        parts = name.split(".")
        if len(parts) > 1 and (PACKAGE / parts[1]).exists() | (PACKAGE / f"{parts[1]}.py").exists():
            assert parts[1] in allowed | {"errors", "types", part}, f"{part} must not import {name}"


@pytest.mark.parametrize(
    "command", ["import vergence", "import vergence.cli.main", "from vergence import DepthMap, VergenceError"]
)
def test_naming_the_program_loads_nothing_heavy(command):
    heavy = "{'torch', 'av', 'PIL', 'cv2', 'onnxruntime', 'openvino', 'numba', 'OpenEXR', 'rich.progress', 'starlette'}"
    code = f"import sys; {command}; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_torch_stays_in_its_places():
    places = ("depth/networks/", "depth/runtimes/torch", "stereo/torch/", "splats/cuda", "training/")
    for path in MODULES:
        if path.relative_to(PACKAGE).as_posix().startswith(places):
            continue
        assert "import torch" not in path.read_text(), path
