import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vergence.training.augment import Example, View, crop, draw_twin, draw_view, grade, sense

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
def test_the_map_of_a_twin_leads_to_the_same_pixel_of_the_first_view(seed):
    generator = np.random.default_rng(seed)
    example = columns()
    first = draw_view(example, 4 / 3, generator)
    second, to_first = draw_twin(example, first, generator)

    def source(view, at):  # column of the picture that normalised coordinate `at` of a view shows
        share = (at + 1) / 2
        return view.x + view.width * (1 - share if view.is_mirrored else share)

    for at in (-0.7, 0.0, 0.4):
        there = to_first[0, 0] * at + to_first[0, 2]
        np.testing.assert_allclose(source(second, at), source(first, there), atol=1e-9)


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
