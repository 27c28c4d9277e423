import importlib.util
import math

import numpy as np
import pytest

if importlib.util.find_spec("torch") is None:  # it comes with the extra [torch]
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def example():
    """A floor and a ball before the sky, 96x72, with a picture that shows depth so that views can be told apart."""
    from vergence.training.augment import Example

    y, x = np.mgrid[0:72, 0:96]
    depth = np.where(y > 30, 60.0 / np.maximum(y - 30, 1), np.inf)
    depth[np.hypot(x - 60, y - 40) < 14] = 1.5
    shade = np.clip(200 / (1 + np.minimum(depth, 50)), 0, 255)
    rgb = np.stack([shade, x * 2.0, y * 3.0], -1).astype(np.uint8)
    return Example(rgb, depth, 80 / math.hypot(96, 72))


@pytest.fixture
def pool(tmp_path, example):
    from vergence.training.data import write_shard

    write_shard(tmp_path / "pool", 0, [example] * 3)
    return tmp_path / "pool"
