import numpy as np
import pytest

from vergence.geometry.nearness import nearness
from vergence.types import DepthMap


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("metric", [0.5, 2, 0], [2, 0.5, 0]),
        ("scale_invariant", [0.5, 2, 4], [2, 0.5, 0.25]),
        ("affine_inverse", [0.5, 2, -1], [0.5, 2, -1]),
        ("disparity", [0.5, 2, -1], [0.5, 2, -1]),
    ],
)
def test_nearness_grows_towards_the_viewer(kind, values, expected):
    depth = DepthMap(np.array([values], np.float32), np.ones((1, 3), bool), kind)
    assert nearness(depth).tolist() == [expected]
