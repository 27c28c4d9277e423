import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import ShapeError
from vergence.geometry.project import pixel_centres, unproject
from vergence.types import Intrinsics

CAMERAS = st.builds(
    Intrinsics,
    fx=st.floats(5, 5000),
    fy=st.floats(5, 5000),
    cx=st.floats(-20, 50),
    cy=st.floats(-20, 50),
    width=st.integers(1, 24),
    height=st.integers(1, 24),
)


@given(camera=CAMERAS, z=st.floats(0.1, 500.0))
def test_projecting_unprojected_pixels_gives_the_pixels_back(camera, z):
    x, y, depth = np.moveaxis(unproject(np.full((camera.height, camera.width), z), camera), -1, 0)
    u, v = pixel_centres(camera.width, camera.height, dtype=float)
    np.testing.assert_allclose(camera.fx * x / depth + camera.cx, np.broadcast_to(u, x.shape), atol=1e-6)
    np.testing.assert_allclose(camera.fy * y / depth + camera.cy, np.broadcast_to(v, x.shape), atol=1e-6)
    assert (depth == z).all()


def test_a_picture_by_hand():
    camera = Intrinsics(fx=2, fy=4, cx=1, cy=1, width=2, height=2)
    points = unproject(np.array([[1, 2], [4, 8]], np.float32), camera)
    assert points.dtype == np.float32
    assert points.tolist() == [[[-0.25, -0.125, 1], [0.5, -0.25, 2]], [[-1, 0.5, 4], [2, 1, 8]]]


def test_several_maps_at_once():
    camera = Intrinsics(3, 3, 2, 1.5, 4, 3)
    maps = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(unproject(maps, camera)[1], unproject(maps[1], camera))


def test_a_camera_of_another_picture_is_refused():
    with pytest.raises(ShapeError, match="resized"):
        unproject(np.ones((3, 4)), Intrinsics(3, 3, 2, 1.5, 5, 3))
