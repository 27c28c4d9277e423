"""`vergence splats` and `vergence render`, as a user meets them."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from vergence.media.splats.open import read_gaussians

FIXTURES = Path(__file__).parent.parent / "fixtures"
VERGENCE = [sys.executable, "-c", "from vergence.cli.main import main; main()"]


def vergence(*arguments):
    command = [*VERGENCE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture
def cup(tmp_path):
    return Path(shutil.copy(FIXTURES / "images" / "sk_coffee.png", tmp_path / "coffee.png"))


def test_a_photo_goes_to_splats_and_they_to_a_picture_like_it(cup, tmp_path):
    done = vergence("splats", cup, "--max-res", "240")
    assert done.returncode == 0, done.stderr
    scene = tmp_path / "coffee_splats.ply"
    assert done.stdout.splitlines() == [str(scene)]
    assert 30_000 < len(read_gaussians(scene)) <= 240 * 160
    done = vergence("render", scene, "-o", tmp_path / "seen.png", "--size", "240x160")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [str(tmp_path / "seen.png")]
    seen = np.asarray(Image.open(tmp_path / "seen.png"), float)
    photo = np.asarray(Image.open(cup).convert("RGB").resize((240, 160), Image.Resampling.BOX), float)
    assert decibels(seen, photo) > 22  # softer by its own width, and in its place
    assert decibels(seen[:, ::-1], photo) < 16
    assert decibels(seen[::-1], photo) < 16


def decibels(found, expected):
    inside = (slice(6, -6), slice(6, -6))
    return 10 * np.log10(255**2 / np.mean((found - expected)[inside] ** 2))


def test_wrong_words_are_told(cup, tmp_path):
    done = vergence("render", cup, "-o", tmp_path / "out.mp4")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.splitlines()) == 1
    done = vergence("render", cup, "-o", tmp_path / "out.mp4", "--size", "big")
    assert done.returncode == 2
    assert "1280x720" in done.stderr
    assert list(tmp_path.iterdir()) == [cup]
