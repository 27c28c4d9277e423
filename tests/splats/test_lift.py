"""Surfels: where the picture says, as the surface lies, and looking like the picture."""

import numpy as np
import pytest

from vergence.errors import ShapeError
from vergence.geometry.pose import rotation_matrices
from vergence.geometry.project import unproject
from vergence.splats.lift import FLATNESS, LONGEST, OPAQUE, WIDTH, lift, merge
from vergence.splats.project import View
from vergence.splats.rasterise import draw_gaussians
from vergence.types import Intrinsics

CAMERA = Intrinsics(80, 80, 40, 30, 80, 60)
EVERYWHERE = np.ones((60, 80), bool)
GREY = np.full((60, 80, 3), 128, np.uint8)


def plane(normal, distance=3.0):
    """z-depth of the plane `normal . p = distance`."""
    rays = unproject(np.ones((60, 80), np.float32), CAMERA)
    return (distance / (rays @ np.asarray(normal, np.float32))).astype(np.float32)


def normals(gaussians):
    return rotation_matrices(gaussians.rotations)[:, :, 2]


@pytest.mark.parametrize("normal", [(0, 0, 1), (0.6, 0, 0.8), (0.1, -0.5, 0.86), (0, 0.7, 0.714)])
def test_surfels_lie_flat_on_a_plane_and_face_the_camera(normal):
    normal = np.array(normal) / np.linalg.norm(normal)
    gaussians = lift(plane(normal), GREY, CAMERA, EVERYWHERE)
    assert len(gaussians) == 80 * 60
    np.testing.assert_allclose(normals(gaussians), np.broadcast_to(-normal, (4800, 3)), atol=2e-3)
    np.testing.assert_allclose(gaussians.scales[:, 2], gaussians.scales[:, 1] * FLATNESS, rtol=1e-5)


def test_a_surfel_is_as_wide_as_its_pixel_and_longer_where_the_surface_leans():
    gaussians = lift(plane((0.6, 0, 0.8)), GREY, CAMERA, EVERYWHERE)
    at = 30 * 80 + 40  # next to the axis
    z = gaussians.means[at, 2]
    assert gaussians.scales[at, 1] == pytest.approx(WIDTH * z / 80, rel=1e-4)
    assert gaussians.scales[at, 0] == pytest.approx(WIDTH * z / 80 / 0.8, rel=0.02)
    long = rotation_matrices(gaussians.rotations)[at, :, 0]
    np.testing.assert_allclose(np.abs(long), [0.8, 0, 0.6], atol=0.02)


def test_no_surfel_becomes_a_needle():
    gaussians = lift(plane((0, 0.999, 0.045)), GREY, CAMERA, plane((0, 0.999, 0.045)) > 0)
    assert (gaussians.scales[:, 0] / gaussians.scales[:, 1]).max() <= LONGEST * 1.001


def test_at_a_step_each_side_keeps_its_own_normal():
    z = np.full((60, 80), 2, np.float32)
    z[:, 40:] = 5
    np.testing.assert_allclose(normals(lift(z, GREY, CAMERA, EVERYWHERE)), [[0, 0, -1]] * 4800, atol=1e-3)


def test_drawn_from_its_own_camera_the_picture_comes_back():
    y, x = np.mgrid[:60, :80]
    rgb = np.stack([x * 3, y * 4, 128 + 60 * np.sin(x / 9) * np.cos(y / 7)], axis=-1).astype(np.uint8)
    drawn = draw_gaussians(lift(plane((0.3, 0.2, 0.93)), rgb, CAMERA, EVERYWHERE), View(CAMERA, np.eye(4)))
    inside = (slice(3, -3), slice(3, -3))
    error = drawn.rgb8[inside].astype(float) - rgb[inside]
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 32
    assert drawn.alpha[inside].min() > 0.99


def test_what_is_not_kept_is_not_there():
    kept = EVERYWHERE.copy()
    kept[:, :40] = False
    gaussians = lift(plane((0, 0, 1)), GREY, CAMERA, kept)
    assert len(gaussians) == 40 * 60
    assert gaussians.means[:, 0].min() > 0


def test_the_unsure_are_fainter_and_most_are_not():
    confidence = np.linspace(0, 1, 4800, dtype=np.float32).reshape(60, 80)
    opacities = lift(plane((0, 0, 1)), GREY, CAMERA, EVERYWHERE, confidence=confidence).opacities
    assert (np.diff(opacities) >= 0).all()
    assert 0.05 < opacities[0] < 0.15
    assert (opacities == OPAQUE).mean() == pytest.approx(0.75, abs=0.01)


def test_a_pose_moves_and_turns_them():
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # the camera's z is the world's x
    pose[:3, 3] = [10, 0, 0]
    here = lift(plane((0, 0, 1)), GREY, CAMERA, EVERYWHERE)
    there = lift(plane((0, 0, 1)), GREY, CAMERA, EVERYWHERE, world_from_camera=pose)
    np.testing.assert_allclose(there.means[:, 0], 13, atol=1e-5)
    np.testing.assert_allclose(normals(there), [[-1, 0, 0]] * 4800, atol=1e-3)
    drawn = [draw_gaussians(g, View(CAMERA, p)).rgb for g, p in ((here, np.eye(4)), (there, pose))]
    np.testing.assert_allclose(drawn[0], drawn[1], atol=0.01)


def test_one_lone_pixel_faces_the_camera():
    kept = np.zeros((60, 80), bool)
    kept[30, 40] = True
    gaussians = lift(plane((0.6, 0, 0.8)), GREY, CAMERA, kept)
    assert len(gaussians) == 1
    np.testing.assert_allclose(normals(gaussians)[0], [0, 0, -1], atol=0.02)
    assert np.isfinite(gaussians.scales).all()


def test_nothing_kept_gives_nothing():
    assert len(lift(plane((0, 0, 1)), GREY, CAMERA, ~EVERYWHERE)) == 0


def test_arrays_of_different_sizes_are_refused():
    with pytest.raises(ShapeError, match="mask"):
        lift(plane((0, 0, 1)), GREY[:5], CAMERA, EVERYWHERE)


def test_views_are_put_together_with_their_harmonics():
    one = lift(plane((0, 0, 1)), GREY, CAMERA, EVERYWHERE)
    richer = type(one)(one.means, one.scales, one.rotations, one.opacities, np.ones((4800, 9, 3), np.float32))
    together = merge([one, richer])
    assert len(together) == 9600
    assert together.harmonics.shape == (9600, 9, 3)
    assert (together.harmonics[:4800, 1:] == 0).all()
    with pytest.raises(ShapeError, match="at least one"):
        merge([])
