import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import parity
from vergence.depth.families.depth_anything_3.input import METHODS, fit_view, normalise, prepare_views
from vergence.errors import SettingsError, ShapeError
from vergence.types import Intrinsics

TOLERANCE = 0.02  # of the normalised picture: one level of grey is 0.0175, and builds of OpenCV round differently


@pytest.fixture(scope="module")
def golden():
    with np.load(parity.GOLDENS / "depth_anything_3" / "golden_preprocess.npz") as stored:
        return dict(stored)


def photo(name, height, width):
    """What the goldens were made from."""
    levels = np.round(255 * parity.image(name, (3, height, width))).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def camera(height, width):
    return Intrinsics(500.0, 510.0, width / 2, height / 2, width, height)


def matrix(intrinsics):
    return [[intrinsics.fx, 0, intrinsics.cx], [0, intrinsics.fy, intrinsics.cy], [0, 0, 1]]


@pytest.mark.parametrize("name", list("abcdefg"))
def test_a_view_is_prepared_as_the_authors_prepare_it(golden, name):
    _, height, width, method, side = golden["cases"]["abcdefg".index(name)]
    height, width = int(height), int(width)
    views = prepare_views(
        [photo(f"da3_pre_{name}", height, width)],
        intrinsics=[camera(height, width)],
        side=int(side),
        method=str(method),
    )
    assert views.pictures.shape[2:] == tuple(golden[f"{name}_shape"])
    np.testing.assert_allclose(matrix(views.intrinsics[0]), golden[f"{name}_intrinsics"], rtol=1e-6)
    (picture,) = views.pictures
    np.testing.assert_allclose(picture[:, ::9, ::11], golden[f"{name}_slice"], atol=TOLERANCE)
    mean, deviation = golden[f"{name}_stats"][:2]
    assert picture.mean() == pytest.approx(mean, abs=1e-3)
    assert picture.std() == pytest.approx(deviation, abs=1e-3)


def test_views_of_several_shapes_are_cut_to_the_smallest_as_the_authors_do(golden, caplog):
    sizes = [(480, 640), (360, 640)]
    views = prepare_views(
        [photo(f"da3_pre_mix{index}", *size) for index, size in enumerate(sizes)],
        intrinsics=[camera(*size) for size in sizes],
    )
    assert views.pictures.shape == tuple(golden["mix_shape"])
    np.testing.assert_allclose([matrix(view) for view in views.intrinsics], golden["mix_intrinsics"], rtol=1e-6)
    np.testing.assert_allclose(views.pictures[:, :, ::9, ::11], golden["mix_slice"], atol=TOLERANCE)
    assert "cut to 504 x 280" in caplog.text


def test_pixels_agree_to_a_hundredth_of_a_level_with_the_same_build_of_opencv(golden):
    """What the goldens were made with; of another build one level in a few pixels may differ."""
    views = prepare_views([photo("da3_pre_a", 480, 640)])
    error = np.abs(views.pictures[0, :, ::9, ::11] - golden["a_slice"])
    assert (error > 1e-4).mean() < 0.01


@given(
    width=st.integers(14, 900),
    height=st.integers(14, 900),
    side=st.integers(14, 200),
    method=st.sampled_from(METHODS),
)
def test_a_view_is_whole_patches_and_its_camera_sees_the_same_middle(width, height, side, method):
    try:
        view, found = fit_view(np.zeros((height, width, 3), np.uint8), camera(height, width), side=side, method=method)
    except SettingsError:
        assert method.endswith("crop")
        return
    assert view.shape[0] % 14 == view.shape[1] % 14 == 0
    assert (found.width, found.height) == (view.shape[1], view.shape[0])
    # Cutting an odd number of pixels leaves the middle half a pixel off.
    assert abs(found.cx - view.shape[1] / 2) <= 0.5 + 1e-9
    assert abs(found.cy - view.shape[0] / 2) <= 0.5 + 1e-9


def test_a_cut_view_shows_the_point_its_camera_says():
    """A white dot on the optical axis of a camera that looks past the middle of the picture."""
    rgb = np.zeros((200, 300, 3), np.uint8)
    rgb[58:62, 88:92] = 255
    view, found = fit_view(rgb, Intrinsics(250.0, 250.0, 90.0, 60.0, 300, 200), side=300, method="upper_bound_crop")
    assert view.shape == (196, 294, 3)
    v, u = np.nonzero(view[..., 0])
    assert (u.mean() + 0.5, v.mean() + 0.5) == (found.cx, found.cy) == (87.0, 58.0)


def test_the_authors_sizes_are_found():
    sizes = {(480, 640): (378, 504), (1200, 1600): (378, 504), (640, 360): (504, 280)}
    found = {size: fit_view(np.zeros((*size, 3), np.uint8))[0].shape[:2] for size in sizes}
    assert found == sizes


def test_deep_colour_gives_the_same_picture():
    rgb = photo("da3_pre_b", 100, 140)
    deep = rgb.astype(np.uint16) * 257
    np.testing.assert_allclose(normalise(deep), normalise(rgb), atol=1e-6)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"side": 13}, SettingsError, "at least 14"),
        ({"method": "stretch"}, SettingsError, "upper_bound_resize"),
        ({"side": 28, "method": "upper_bound_crop"}, SettingsError, "a method that resizes"),
        ({"intrinsics": [camera(100, 100)]}, ShapeError, "400x50"),
        ({"intrinsics": [None, None]}, ShapeError, "one for each"),
    ],
)
def test_what_cannot_be_prepared_is_said(options, error, words):
    with pytest.raises(error, match=words):
        prepare_views([np.zeros((50, 400, 3), np.uint8)], **options)
