import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper

import graphs
import parity
from vergence.depth.cards import CARDS
from vergence.depth.families import depth_anything_v2, patches
from vergence.depth.runtimes import RuntimeOptions
from vergence.errors import SettingsError, WeightsError
from vergence.types import Frame, Intrinsics

SMALL = CARDS["depth-anything-v2-small"]
CASES = json.loads((parity.GOLDENS / "depth_anything_v2" / "resize_cases.json").read_text("utf-8"))
# Of the normalised picture; the original's own resize differs by this much between builds of OpenCV.
PREPROCESSING_TOLERANCE = 3e-6


def estimate(path, rgb, *, card=SMALL, input_size=518, intrinsics=None):
    card = replace(card, options={"input_size": input_size})
    model = depth_anything_v2.load(card, path, RuntimeOptions())
    (item,) = model.estimate([Frame(rgb, 0, Fraction(0), intrinsics=intrinsics)])
    return item.depth


def picture(width, height):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def fits(case):
    height, width = case["image_net_hw"]
    return height * width <= patches.MOST_PATCHES * patches.PATCH**2


@pytest.mark.parametrize(
    "case", list(filter(fits, CASES)), ids=lambda c: f"{c['width']}x{c['height']}@{c['input_size']}"
)
def test_the_input_has_the_size_the_authors_give_it(case):
    width, height = patches.input_size(case["width"], case["height"], case["input_size"])
    assert [height, width] == case["image_net_hw"]


@given(width=st.integers(1, 20_000), height=st.integers(1, 20_000), short_side=st.integers(14, 1000))
def test_the_input_is_whole_patches_and_never_too_many(width, height, short_side):
    w, h = patches.input_size(width, height, short_side)
    assert w % 14 == h % 14 == 0
    assert w >= 14
    assert h >= 14
    assert (w // 14) * (h // 14) <= patches.MOST_PATCHES


@pytest.mark.parametrize("name", ["vits_image_126", "vits_image_portrait_84", "vits_image_square_518"])
def test_the_picture_is_prepared_as_the_authors_prepare_it(name):
    golden = parity.golden("depth_anything_v2", name)
    rgb = golden["rgb"]
    width, height = patches.input_size(rgb.shape[1], rgb.shape[0], golden.meta["input_size"])
    prepared = patches.preprocess(rgb, width, height)
    if "input" in golden.arrays:
        np.testing.assert_allclose(prepared, golden["input"], atol=PREPROCESSING_TOLERANCE)
    else:
        np.testing.assert_allclose(prepared[..., ::7, ::7], golden["input_stride7"], atol=PREPROCESSING_TOLERANCE)


def test_a_16_bit_picture_is_prepared_like_its_8_bit_copy():
    rgb = picture(40, 30)
    np.testing.assert_allclose(
        patches.preprocess(rgb.astype(np.uint16) * 257, 56, 42),
        patches.preprocess(rgb, 56, 42),
        atol=1e-6,
    )


@pytest.mark.parametrize("depth", [("b", "h", "w"), ("b", 1, "h", "w"), (1, "x", "y"), None])
@pytest.mark.parametrize(
    "shape",
    [("batch", 3, "height", "width"), (1, 3, "h", "w"), ("batch", "channels", "height", "width")],
)
def test_dynamic_graphs_of_every_signature_keep_the_shape_of_a_wide_picture(tmp_path, shape, depth):
    path = graphs.depth_anything(tmp_path / "net.onnx", picture=shape, depth=depth, names=("image", "out"))
    found = estimate(path, picture(192, 108), input_size=56)
    assert found.values.shape == (56, 98)
    assert found.kind == "affine_inverse"
    assert found.sampling == "corners"


@pytest.mark.parametrize("depth", [(1, 70, 98), (1, 1, 70, 98)])
def test_a_static_graph_gets_the_size_it_was_made_for(tmp_path, depth):
    path = graphs.depth_anything(tmp_path / "net.onnx", picture=(1, 3, 70, 98), depth=depth)
    assert estimate(path, picture(20, 60)).values.shape == (70, 98)


def test_the_answer_is_the_networks_own(tmp_path):
    path = graphs.depth_anything(tmp_path / "net.onnx")
    rgb = picture(30, 20)
    prepared = patches.preprocess(rgb, 42, 28)
    np.testing.assert_allclose(estimate(path, rgb, input_size=28).values, prepared[0].mean(axis=0), atol=1e-6)


def test_a_known_camera_comes_along_at_the_depths_size(tmp_path):
    camera = Intrinsics(100, 100, 15, 10, 30, 20)
    found = estimate(graphs.depth_anything(tmp_path / "net.onnx"), picture(30, 20), input_size=28, intrinsics=camera)
    assert found.intrinsics == camera.resized(42, 28)


def test_the_kind_of_depth_is_the_cards(tmp_path):
    card = CARDS["depth-anything-v2-metric-indoor-small"]
    found = estimate(graphs.depth_anything(tmp_path / "net.onnx"), picture(30, 20), card=card, input_size=28)
    assert found.kind == "metric"


def test_values_a_network_cannot_stand_for_are_marked_invalid(tmp_path):
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Log", ["mean"], ["y"]),
    ]
    path = graphs.save(tmp_path / "net.onnx", nodes, {"x": (1, 3, "h", "w")}, {"y": (1, "h", "w")})
    found = estimate(path, np.zeros((20, 20, 3), dtype=np.uint8), input_size=14)
    assert not found.valid.any()
    assert np.isfinite(found.values).all()


@pytest.mark.parametrize(
    ("signature", "fault"),
    [
        ({"picture": (1, 3, 518)}, r"its input is pixel_values \(1, 3, 518\)"),
        ({"picture": (1, 4, "h", "w")}, r"\(1, 4, any, any\)"),
        ({"picture": (1, 3, 500, 518)}, r"\(1, 3, 500, 518\)"),
        ({"picture": (1, 3, 518, "w")}, r"\(1, 3, 518, any\)"),
        ({"picture": (2, 3, 518, 518)}, r"\(2, 3, 518, 518\)"),
    ],
)
def test_a_graph_of_another_shape_is_refused_with_what_it_is_and_what_is_needed(tmp_path, signature, fault):
    path = graphs.depth_anything(tmp_path / "net.onnx", **signature)
    with pytest.raises(WeightsError, match=fault + ".*needed are one input") as caught:
        depth_anything_v2.load(SMALL, path, RuntimeOptions())
    assert str(path) in str(caught.value)


def test_a_graph_that_answers_in_three_channels_is_refused(tmp_path):
    shape = ("b", 3, "h", "w")
    path = graphs.save(tmp_path / "net.onnx", [helper.make_node("Relu", ["x"], ["y"])], {"x": shape}, {"y": shape})
    with pytest.raises(WeightsError, match=r"its output is y \(any, 3, any, any\)"):
        depth_anything_v2.load(SMALL, path, RuntimeOptions())


def test_a_graph_with_several_outputs_is_refused(tmp_path):
    with pytest.raises(WeightsError, match="it has 1 inputs and 3 outputs"):
        depth_anything_v2.load(SMALL, graphs.preview(tmp_path / "net.onnx"), RuntimeOptions())


def test_a_network_that_answers_at_another_size_is_refused(tmp_path):
    nodes = [
        helper.make_node("AveragePool", ["x"], ["small"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("ReduceMean", ["small"], ["y"], axes=[1], keepdims=0),
    ]
    path = graphs.save(tmp_path / "net.onnx", nodes, {"x": (1, 3, "h", "w")}, {"y": (1, "p", "q")})
    with pytest.raises(WeightsError, match=r"shape \(1, 14, 14\); needed is \(1, 28, 28\)"):
        estimate(path, picture(20, 20), input_size=28)


def test_an_input_under_one_patch_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="at least 14 pixels"):
        estimate(graphs.depth_anything(tmp_path / "net.onnx"), picture(20, 20), input_size=13)


def test_metric_weights_that_answer_zero_are_refused(tmp_path):
    """Exports of metric networks were once published with the last activation of relative ones."""
    nodes = [
        helper.make_node("ReduceMean", ["pixel_values"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Sub", ["mean", "mean"], ["predicted_depth"]),
    ]
    path = graphs.save(
        tmp_path / "net.onnx", nodes, {"pixel_values": ("b", 3, "h", "w")}, {"predicted_depth": ("b", "h", "w")}
    )
    model = depth_anything_v2.load(CARDS["depth-anything-v2-metric-indoor-small"], path, RuntimeOptions())
    with pytest.raises(WeightsError, match=r"0 m for most of the picture.*models pull .* --form checkpoint"):
        list(model.estimate([Frame(np.zeros((28, 28, 3), dtype=np.uint8), 0, Fraction(0))]))
