import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.training.augment import (
    Example,
    View,
    correspondence,
    crop,
    draw_twin,
    draw_view,
    grade,
    sense,
    shared_surface,
)

SEEDS = st.integers(0, 10_000)


def columns(width=96, height=72):
    """An example whose depth is 1 + its column, so that a pixel says where it came from."""
    depth = np.broadcast_to(1.0 + np.arange(width), (height, width))
    return Example(np.zeros((height, width, 3), dtype=np.uint8), depth, 0.8)


@given(seed=SEEDS, aspect=st.floats(0.5, 2.0))
def test_a_view_lies_inside_its_picture_and_has_the_shape_asked_for(seed, aspect):
    example = columns()
    view = draw_view(example, aspect, np.random.default_rng(seed))
    assert view.x >= 0
    assert view.y >= 0
    assert view.x + view.width <= 96
    assert view.y + view.height <= 72
    assert abs(math.log(view.width / view.height / aspect)) < 0.1


@given(seed=SEEDS)
def test_a_twin_corresponds_to_the_same_places_of_the_picture(seed):
    generator = np.random.default_rng(seed)
    example = columns()
    first = draw_view(example, 4 / 3, generator)
    second = draw_twin(example, first, generator)
    places = correspondence(second, first, 20, 15)

    def source(view, x, y):  # place in the picture that normalised coordinates of a view show
        return view.x + view.width * (1 + (-x if view.is_mirrored else x)) / 2, view.y + view.height * (1 + y) / 2

    x, y = np.meshgrid((np.arange(20) + 0.5) / 10 - 1, (np.arange(15) + 0.5) / 7.5 - 1)
    np.testing.assert_allclose(source(first, places[..., 0], places[..., 1]), source(second, x, y), atol=1e-3)


@pytest.mark.parametrize("is_mirrored", [False, True])
def test_a_neighbour_corresponds_to_where_the_flow_points(is_mirrored):
    view = View(8, 6, 80, 60, is_mirrored)
    flow = np.zeros((72, 96, 2), np.float16)
    flow[..., 0], flow[..., 1] = 4, -3  # px of the whole picture
    flow[20:30, 50:60] = np.nan
    still, moved = correspondence(view, view, 40, 30), correspondence(view, view, 40, 30, flow)
    way = (moved - still)[~np.isnan(moved[..., 0])]
    np.testing.assert_allclose(way, np.broadcast_to([(-8 if is_mirrored else 8) / 80, -6 / 60], way.shape), atol=1e-5)
    hidden = crop(Example(np.zeros((72, 96, 3), np.uint8), np.isnan(flow[..., 0]) + 1.0, 1.0), view, 40, 30)[1] == 2
    np.testing.assert_array_equal(np.isnan(moved[..., 0]), hidden)


def test_edges_the_sky_and_what_is_outside_or_hidden_is_not_shared():
    depth = np.full((30, 40), 2.0, np.float32)
    depth[:, 20:] = 6.0
    depth[:10] = np.inf
    whole = View(0, 0, 40, 30, False)
    places = correspondence(whole, whole, 40, 30)
    places[:, :3] -= 0.5
    places[25:] = np.nan
    expected = np.zeros((30, 40), bool)
    expected[10:25, 3:] = True
    np.testing.assert_array_equal(shared_surface(places, depth, depth), expected)
    half_a_pixel = places + np.array([1 / 40, 0], np.float32)
    shared = shared_surface(half_a_pixel, depth, depth)
    assert not shared[:, 19].any()  # which lies between 2 m and 6 m
    assert shared[15, 18]
    assert shared[15, 21]
    assert not shared_surface(places, 3 * depth, depth).any()  # another thing is seen there


def test_cropping_lengthens_the_lens_and_mirroring_turns_the_truth_with_the_picture():
    example = columns()
    whole = crop(example, View(0, 0, 96, 72, False), 96, 72)
    half = crop(example, View(24, 18, 48, 36, True), 48, 36)
    assert half[2] == 2 * whole[2] == 1.6
    np.testing.assert_array_equal(half[1][0], 1.0 + np.arange(71, 23, -1))


def test_depth_is_never_mixed_across_an_edge(example):
    _, depth, _ = crop(example, View(3, 2, 90, 70, False), 64, 48)
    assert np.isin(depth, example.depth.astype(np.float32)).all()


@given(seed=SEEDS)
def test_grading_and_sensing_keep_size_and_type_and_leave_their_input_alone(seed):
    rgb = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    depth = np.full((48, 64), 2.0, dtype=np.float32)
    depth[:20] = np.inf
    before = rgb.copy()
    out = sense(grade(rgb, depth, np.random.default_rng(seed)), np.random.default_rng(seed))
    assert out.shape == rgb.shape
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(rgb, before)


def test_the_same_generator_grades_alike():
    rgb = np.random.default_rng(1).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    depth = np.full((48, 64), 2.0, dtype=np.float32)
    for seed in range(20):
        a, b = (grade(rgb, depth, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(a, b)
