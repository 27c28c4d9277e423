"""What a scene may be."""

import numpy as np
import pytest

from scenes import WIDE, scene
from vergence.errors import ShapeError
from vergence.media.scene.scene import Scene, View


@pytest.mark.parametrize("broken", [np.eye(3), np.eye(4) * 2, np.diag([1.0, 1, -1, 1]), np.full((4, 4), np.nan)])
def test_what_is_no_pose_is_refused(broken):
    with pytest.raises(ShapeError, match="pose"):
        View("a.jpg", WIDE, broken)


def test_triangles_that_name_no_point_are_refused():
    with pytest.raises(ShapeError, match="0 to 19"):
        scene(triangles=np.array([[0, 1, 20]], np.int32))
    with pytest.raises(ShapeError, match="int32"):
        scene(triangles=np.array([[0, 1, 2]]))
    with pytest.raises(ShapeError, match="outside"):
        Scene(triangles=np.zeros((1, 3), np.int32))
