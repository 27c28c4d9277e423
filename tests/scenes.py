"""A scene for tests: three views of random points, and what it means to be the same."""

import numpy as np

from vergence.geometry.pose import pose, rotation_matrices
from vergence.media.scene.scene import Scene, View
from vergence.types import Intrinsics, PointCloud

WIDE, TALL = Intrinsics(500.5, 510, 330, 235, 640, 480), Intrinsics(900, 900, 360, 640, 720, 1280)


def scene(count=20, *, first="a b.jpg", **more):
    """Cameras turned every way, two of one lens."""
    dice = np.random.default_rng(5)
    views = tuple(
        View(name, lens, pose(rotation_matrices(dice.normal(size=4)), dice.normal(size=3)))
        for name, lens in ((first, WIDE), ("images/b.jpg", TALL), ("c.jpg", WIDE))
    )
    points = dice.normal(size=(count, 3)).astype(np.float32)
    return Scene(views, PointCloud(points, dice.integers(0, 256, (count, 3), dtype=np.uint8)), **more)


def same_views(found, expected, *, lenses=True):
    assert [view.name for view in found] == [view.name for view in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.world_from_camera, b.world_from_camera, atol=1e-9)
        assert not lenses or a.intrinsics == b.intrinsics


def same_cloud(found, expected):
    for name in ("points", "colours", "normals", "confidence"):
        a, b = getattr(found, name), getattr(expected, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=1e-6)
            assert a.dtype == b.dtype
