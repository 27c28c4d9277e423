import gc
import weakref
from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vergence.errors import SettingsError
from vergence.stability.scale import median_step, robust_fit
from vergence.stability.stabilise import METHODS, StabiliseSettings, stabilise
from vergence.types import DepthFrame, DepthMap, Frame

H, W = 48, 64


def texture(height=H, width=W, seed=0):
    """A picture optical flow can hold on to."""
    coarse = np.random.default_rng(seed).integers(0, 255, (height // 4 + 1, width // 4 + 1, 3))
    return np.kron(coarse, np.ones((4, 4, 1)))[:height, :width].astype(np.uint8)


def item(values, index=0, *, rgb=None, shot=0, kind="metric", rate=30, valid=None):
    values = np.asarray(values, np.float32)
    valid = np.ones(values.shape, bool) if valid is None else valid
    frame = Frame(texture() if rgb is None else rgb, index, Fraction(index, rate), shot=shot)
    return DepthFrame(frame, DepthMap(values, valid, kind))


def room(far=6.0, near=2.0):
    values = np.full((H, W), far, np.float32)
    values[16:32, 20:44] = near
    return values


def steadied(items, **settings):
    return np.stack([i.depth.values for i in stabilise(items, settings=StabiliseSettings(**settings))])


def jitter(frames, size, seed=0):
    return np.exp(np.random.default_rng(seed).normal(0, size, frames))


@pytest.mark.parametrize("kind", ["metric", "scale_invariant", "affine_inverse"])
def test_scale_that_jitters_comes_out_steady(kind):
    factors = jitter(60, 0.03)
    out = steadied([item(room() * f, i, kind=kind) for i, f in enumerate(factors)])
    before = np.abs(np.diff(np.log(factors))).mean()
    after = np.abs(np.diff(np.log(out[20:, 24, 32]))).mean()
    assert after < before / 8


def test_scale_and_shift_that_jitter_come_out_steady():
    rng = np.random.default_rng(1)
    items = [
        item(room() * s + t, i, kind="affine_inverse") for i, (s, t) in enumerate(rng.normal((1, 0), 0.05, (60, 2)))
    ]
    out = steadied(items)
    assert out[20:, 24, 32].std() < 0.15 * np.std([i.depth.values[24, 32] for i in items])


def test_noise_per_pixel_is_averaged_where_nothing_moves():
    rng = np.random.default_rng(2)
    items = [item(room() * np.exp(rng.normal(0, 0.05, (H, W))), i) for i in range(60)]
    assert np.log(steadied(items)[30:]).std(axis=0).mean() < 0.05 / 4


def test_metric_scale_is_never_lost():
    factors = jitter(240, 0.03, seed=3)
    items = [item(room() * f, i) for i, f in enumerate(factors)]
    ratio = np.log(steadied(items)[:, 24, 32] / (2 * factors))
    assert abs(np.mean(ratio)) < 0.005
    assert np.abs(ratio).max() < 0.2


def test_a_dolly_shot_is_not_held_back():
    """The camera walks to a wall, 6 m to 3 m in 3 s: the picture grows and the depth follows."""
    truth, wall = np.linspace(6, 3, 90), texture(4 * H, 4 * W)
    items = []
    for i, z in enumerate(truth):
        zoom = np.array([[z / 6, 0, 2 * W * (1 - z / 6)], [0, z / 6, 2 * H * (1 - z / 6)]])
        rgb = cv2.warpAffine(wall, zoom, (4 * W, 4 * H), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
        items.append(item(np.full((H, W), z), i, rgb=rgb))
    error = np.log(np.median(steadied(items), axis=(1, 2)) / truth)
    assert np.abs(error).max() < 0.06


def test_a_near_thing_that_arrives_does_not_move_the_background():
    items = []
    for i in range(40):
        values, rgb = np.full((H, W), 6.0), texture()
        if i >= 20:
            values[:, : i - 10], rgb[:, : i - 10] = 1.0, 255
        items.append(item(values, i, rgb=rgb))
    out = steadied(items)
    assert np.abs(out[:, :, 50:] / 6 - 1).max() < 0.02


def moving_square(frames=20, step=3):
    items = []
    for i in range(frames):
        values, rgb = np.full((H, W), 6.0, np.float32), texture()
        x = 2 + i * step
        values[16:32, x : x + 12] = 2.0
        rgb[16:32, x : x + 12] = texture(16, 12, seed=9)[:, : rgb[16:32, x : x + 12].shape[1]] // 4
        items.append(item(values, i, rgb=rgb))
    return items


def test_a_moving_square_is_not_dragged():
    items = moving_square()
    out = steadied(items)
    worst = max(np.abs(np.log(o / i.depth.values))[20:28].mean() for o, i in zip(out[1:15], items[1:15], strict=True))
    dragged = steadied(items, method="ema")
    worst_ema = max(
        np.abs(np.log(o / i.depth.values))[20:28].mean() for o, i in zip(dragged[1:15], items[1:15], strict=True)
    )
    assert worst < worst_ema / 2


@pytest.mark.parametrize("method", METHODS)
def test_a_cut_starts_afresh(method):
    items = [item(room(), 0), item(room() * 1.02, 1), item(room(far=9), 2, shot=1)]
    np.testing.assert_allclose(steadied(items, method=method)[2], room(far=9), rtol=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_first_frame_and_disparity_of_ones_own_are_left_alone(method):
    np.testing.assert_allclose(steadied([item(room())], method=method)[0], room(), rtol=1e-5)
    given_pixels = [item(room() * f, i, kind="disparity") for i, f in enumerate((1, 2, 3))]
    np.testing.assert_array_equal(steadied(given_pixels, method=method), [i.depth.values for i in given_pixels])


def test_the_frame_rate_does_not_matter():
    """One second of a step in depth, seen at 25 and at 50 frames a second, ends at the same place."""
    ends = []
    for rate in (25, 50):
        items = [item(np.full((H, W), 4.0 if i < rate else 4.2), i, rate=rate) for i in range(rate * 3 // 2)]
        ends.append(steadied(items)[-1, 24, 32])
    assert abs(ends[0] / ends[1] - 1) < 0.005


def test_the_plain_average_by_hand():
    items = [item(np.full((2, 2), z), i, rate=10) for i, z in enumerate((1.0, 4.0))]
    out = steadied(items, method="ema", half_life=0.1)
    np.testing.assert_allclose(out[1], 2.0, rtol=1e-6)  # half-way in the logarithm


@given(
    seed=st.integers(0, 2**32 - 1),
    kind=st.sampled_from(["metric", "scale_invariant", "affine_inverse"]),
    size=st.sampled_from([(1, 1), (3, 40), (20, 20)]),
)
def test_values_stay_finite_and_what_is_invalid_stays_so(seed, kind, size):
    rng = np.random.default_rng(seed)
    items = []
    for i in range(4):
        rgb = rng.integers(0, 255, (size[0] * 2, size[1] * 2, 3), dtype=np.uint8)
        values = rng.uniform(0 if kind != "affine_inverse" else -3, 1000, size)
        items.append(item(values, i, rgb=rgb, kind=kind, valid=rng.random(size) > 0.3))
    for before, after in zip(items, stabilise(items), strict=True):
        assert np.isfinite(after.depth.values).all()
        np.testing.assert_array_equal(after.depth.valid, before.depth.valid)
        assert after.frame is before.frame


def test_sky_stays_sky():
    values = room()
    values[:10] = 1000.0
    out = steadied([item(values * f, i) for i, f in enumerate(jitter(30, 0.02))])
    assert out[:, :8].min() > 850
    assert out[:, 12:].max() < 8


def test_one_frame_is_held():
    alive = []

    def source():
        for i in range(12):
            made = item(room(), i, rgb=texture())
            alive.append(weakref.ref(made.frame))
            yield made
            del made

    for _ in stabilise(source()):
        pass
    gc.collect()
    assert sum(ref() is not None for ref in alive) <= 1


def test_what_is_out_of_range_is_refused():
    with pytest.raises(SettingsError, match="gated"):
        StabiliseSettings(method="magic")
    with pytest.raises(SettingsError, match="half-life"):
        StabiliseSettings(half_life=0)


def test_the_fit_is_exact_and_ignores_outliers():
    source = np.random.default_rng(0).uniform(1, 9, (40, 50)).astype(np.float32)
    target = 1.3 * source - 0.7
    target[:10] = 100
    scale, shift = robust_fit(source, target.astype(np.float32), np.ones_like(source))
    assert (round(scale, 3), round(shift, 2)) == (1.3, -0.7)


def test_a_flat_map_has_a_shift_but_no_scale():
    flat = np.full((20, 20), 3, np.float32)
    assert robust_fit(flat, flat + 1, np.ones_like(flat)) == (1.0, pytest.approx(1.0))


def test_the_median_step_counts_only_what_has_weight():
    past = np.zeros((10, 10), np.float32)
    now = past + 0.1
    now[:6] = 5
    weight = np.ones_like(past)
    weight[:6] = 0
    assert median_step(now, past, weight) == pytest.approx(0.1)


def test_no_edge_is_made_between_what_rests_and_what_moves():
    """The model drifts by a third while one half of the picture rests and the other seethes: depth stays smooth."""
    rng, items = np.random.default_rng(5), []
    for i in range(60):
        rgb = texture()
        rgb[:, 32:] = rng.integers(0, 255, (H, 32, 3))
        items.append(item(np.full((H, W), 4 * np.exp(0.3 * i / 60)), i, rgb=rgb))
    steps = np.abs(np.diff(np.log(steadied(items)), axis=2))
    assert steps.max() < 0.04
