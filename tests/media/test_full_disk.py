"""Whatever holds pairs: a disk that runs full leaves no file and says so in one line."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

FILL = """
import resource, sys
from fractions import Fraction
from pathlib import Path
import numpy as np
from vergence.errors import TargetError
from vergence.media.open import open_pairs
from vergence.types import Frame, MediaInfo, StereoPair
path, layout, room = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
is_film = path.suffix in (".mp4", ".mov")
like = MediaInfo(path=None, is_film=is_film, width=256, height=192, rate=Fraction(24), time_base=Fraction(1, 24))
resource.setrlimit(resource.RLIMIT_FSIZE, (room, resource.RLIM_INFINITY))
rng = np.random.default_rng(0)
try:
    with open_pairs(path, layout=layout, like=like) as sink:
        for i in range(30 if is_film else 1):
            rgb = rng.integers(0, 255, (192, 256, 3), dtype=np.uint8)
            sink.write(StereoPair(rgb, rgb[::-1].copy(), Frame(rgb, i, Fraction(i, 24))))
except TargetError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs resource limits")
@pytest.mark.parametrize(
    ("layout", "name", "written"),
    [
        ("separate", "a.mp4", "a_left.mp4"),
        ("separate", "a.png", "a_left.png"),
        ("mpo", "a.mpo", "a.mpo"),
        ("jps", "a.jps", "a.jps"),
        ("spatial", "a.mov", "a.mov"),
        ("spatial", "a.heic", "a.heic"),
    ],
)
def test_a_disk_that_runs_full_leaves_no_pair(tmp_path: Path, layout: str, name: str, written: str) -> None:
    if name.endswith(".heic"):
        pytest.importorskip("pillow_heif", reason="the extra [formats] is not installed")
    path = tmp_path / name
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(path), layout, "20000"], capture_output=True, text=True, timeout=120
    )
    assert done.stderr == ""
    said = f"the disk of {path.with_name(written)} is full; make room or write to another disk\n"
    assert done.stdout == said
    assert os.listdir(tmp_path) == []
