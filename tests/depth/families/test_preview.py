import math
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import graphs
from vergence.depth.cards import CARDS, PREVIEW_SIZE
from vergence.depth.families import preview
from vergence.depth.model import load_model
from vergence.depth.runtimes import RuntimeOptions
from vergence.errors import WeightsError
from vergence.types import Frame, Intrinsics

PICTURES = Path(__file__).parents[2] / "fixtures"


def frame(rgb, index=0, **kwargs):
    return Frame(rgb, index, Fraction(index, 25), **kwargs)


def photo(name):
    return cv2.cvtColor(cv2.imread(str(PICTURES / name)), cv2.COLOR_BGR2RGB)


@pytest.fixture(scope="module")
def model():
    return load_model("preview")


def test_every_frame_is_answered_in_order_without_reading_ahead(model):
    read = []

    def frames():
        for index in range(3):
            read.append(index)
            yield frame(np.full((48, 64, 3), 80 * index, dtype=np.uint8), index)

    answers = model.estimate(frames())
    for index in range(3):
        assert next(answers).frame.index == index
        assert read == list(range(index + 1))
    assert next(answers, None) is None


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1080, 1920), (600, 50), (21, 33), (1, 1), (4000, 14)])
def test_a_picture_of_any_shape_gives_finite_positive_depth(model, width, height):
    rgb = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    (item,) = model.estimate([frame(rgb)])
    depth = item.depth
    assert depth.kind == "scale_invariant"
    assert depth.values.shape[::-1] == preview.input_size(width, height, PREVIEW_SIZE)
    assert depth.valid.all()
    assert (depth.values > 0).all()
    assert (depth.values <= preview.SKY_DEPTH * 1.001).all()


@given(width=st.integers(1, 10_000), height=st.integers(1, 10_000))
def test_the_input_keeps_the_shape_and_the_size_it_was_trained_at(width, height):
    w, h = preview.input_size(width, height, PREVIEW_SIZE)
    assert w % preview.STRIDE == 0
    assert h % preview.STRIDE == 0
    assert 0.5 * 256 * 192 <= w * h <= 1.5 * 256 * 192
    if 1 / 16 <= width / height <= 16:
        assert abs(math.log(w / h * height / width)) < 0.35


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), (288, 160)), ((1080, 1920), (160, 288)), ((640, 480), (256, 192)), ((500, 500), (224, 224))],
)
def test_common_shapes_are_computed_at_the_sizes_measured_best(size, expected):
    assert preview.input_size(*size, PREVIEW_SIZE) == expected


def test_a_16_bit_frame_gives_the_depth_of_its_8_bit_copy(model):
    rgb = photo("images/sk_coffee.png")
    wide = rgb.astype(np.uint16) * 257
    (narrow_item,) = model.estimate([frame(rgb)])
    (wide_item,) = model.estimate([frame(wide)])
    np.testing.assert_allclose(wide_item.depth.values, narrow_item.depth.values, rtol=0.02)


def test_the_same_frame_gives_the_same_depth_bit_by_bit(model):
    item = frame(photo("images/sk_coffee.png"))
    first, second = model.estimate([item, item])
    np.testing.assert_array_equal(first.depth.values, second.depth.values)


def test_the_frame_is_not_written_into(model):
    rgb = photo("images/sk_coffee.png")
    before = rgb.copy()
    list(model.estimate([frame(rgb)]))
    np.testing.assert_array_equal(rgb, before)


def test_the_cup_is_nearer_than_the_table_behind_it(model):
    (item,) = model.estimate([frame(photo("images/sk_coffee.png"))])
    height, width = item.depth.values.shape
    cup = item.depth.values[height // 3 : height // 2, width // 2 - 20 : width // 2 + 20]
    table = item.depth.values[: height // 4, : width // 6]
    assert np.median(cup) < 0.8 * np.median(table)


def test_a_known_camera_scales_the_depth_by_its_relative_focal_length(model):
    rgb = photo("images/sk_coffee.png")
    height, width = rgb.shape[:2]
    focal = 2 * preview.CANONICAL_FOCAL * math.hypot(width, height)
    camera = Intrinsics(focal, focal, width / 2, height / 2, width, height)
    (unknown,) = model.estimate([frame(rgb)])
    (known,) = model.estimate([frame(rgb, intrinsics=camera)])
    np.testing.assert_allclose(known.depth.values, 2 * unknown.depth.values, rtol=1e-5)
    assert known.depth.intrinsics == camera.resized(*known.depth.values.shape[::-1])
    assert unknown.depth.intrinsics is None


def test_z_depth_is_the_formula_of_the_contract():
    rng = np.random.default_rng(1)
    log_depth, sky = rng.normal(1, 1, (2, 40, 30)).astype(np.float32)
    inverse = np.exp(-log_depth.astype(np.float64)) * (1 - 1 / (1 + np.exp(-sky.astype(np.float64)))) / (0.5 / 0.8)
    expected = 1 / np.maximum(inverse, 1 / preview.SKY_DEPTH)
    np.testing.assert_allclose(preview.z_depth(log_depth, sky, 0.5), expected, rtol=1e-5)


def test_sky_lies_at_the_far_end_however_sure_the_network_is():
    sky = np.array([[20.0, 89.0, 1e4]], dtype=np.float32)
    far = preview.z_depth(np.zeros((1, 3), dtype=np.float32), sky)
    np.testing.assert_allclose(far, preview.SKY_DEPTH, rtol=1e-4)


def test_another_graph_of_the_same_contract_takes_its_place(tmp_path):
    path = graphs.preview(tmp_path / "better.onnx", log_depth=2.0)
    model = preview.load(CARDS["preview"], path, RuntimeOptions())
    (item,) = model.estimate([frame(np.zeros((192, 256, 3), dtype=np.uint8))])
    assert item.depth.values.shape == (192, 256)
    assert np.ptp(item.depth.values[100]) == 0


def test_a_graph_that_breaks_the_contract_is_refused_with_what_it_has(tmp_path):
    path = graphs.depth_anything(tmp_path / "other.onnx")
    with pytest.raises(WeightsError, match=r"it has pixel_values \(any, 3, any, any\).*needed are rgb"):
        preview.load(CARDS["preview"], path, RuntimeOptions())


def test_a_near_object_is_found_on_the_aloe_pair(model):
    """Quality on real ground truth: depth order of random pairs of pixels of one row, where chance is one half."""
    truth = cv2.imread(str(PICTURES / "stereo/aloeGT.png"), cv2.IMREAD_GRAYSCALE).astype(np.float32)
    (item,) = model.estimate([frame(photo("stereo/aloeL.jpg"))])
    found = cv2.resize(1 / item.depth.values, truth.shape[::-1])
    rng = np.random.default_rng(0)
    rows, a, b = rng.integers(0, truth.shape[0], 50_000), *rng.integers(0, truth.shape[1], (2, 50_000))
    is_clear = (truth[rows, a] > 0) & (truth[rows, b] > 0) & (np.abs(truth[rows, a] - truth[rows, b]) > 20)
    right = (truth[rows, a] > truth[rows, b]) == (found[rows, a] > found[rows, b])
    assert right[is_clear].mean() > 0.5
