"""Every unit shape against a slow, obvious search for the first point inside it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vergence.synthetic.render import intersect as shapes

STEP = 2e-3  # of the search along the ray
NEAR, FAR = 0.1, 9.0

INSIDE = {
    shapes.BOX: lambda p, s: np.abs(p).max(axis=0) <= 1,
    shapes.ELLIPSOID: lambda p, s: (p * p).sum(axis=0) <= 1,
    shapes.FRUSTUM: lambda p, s: (np.abs(p[2]) <= 1) & (np.hypot(p[0], p[1]) <= 0.5 * (1 + s) + 0.5 * (s - 1) * p[2]),
    shapes.CAPSULE: lambda p, s: p[0] ** 2 + p[1] ** 2 + (p[2] - p[2].clip(-s, s)) ** 2 <= 1,
    shapes.PRISM: lambda p, s: (np.abs(p[1]) <= 1) & (p[2] >= -1) & (2 * np.abs(p[0]) + p[2] <= 1),
    shapes.TORUS: lambda p, s: (np.hypot(p[0], p[1]) - (1 - s)) ** 2 + (s * p[2]) ** 2 <= s * s,
    shapes.ROUNDED: lambda p, s: (np.maximum(np.abs(p) - (1 - s), 0) ** 2).sum(axis=0) <= s * s,
    shapes.LATHE: lambda p, s: (
        (np.abs(p[2]) <= 1) & (np.hypot(p[0], p[1]) <= 0.62 + 0.36 * np.sin(s + p[2] * (1.2 + 3.7 * s % 2.6)))
    ),
}


@st.composite
def rays(draw):
    """From outside towards somewhere near the shape."""
    turn, rise = draw(st.floats(0, 6.28)), draw(st.floats(-1.4, 1.4))
    origin = 4.5 * np.array([math.cos(turn) * math.cos(rise), math.sin(turn) * math.cos(rise), math.sin(rise)])
    target = np.array([draw(st.floats(-1.2, 1.2)) for _ in range(3)])
    direction = target - origin
    return origin, direction / np.linalg.norm(direction)


@pytest.mark.parametrize("kind", INSIDE)
@given(ray=rays(), shape=st.floats(0.15, 0.85))
@settings(max_examples=60, deadline=None)
def test_a_ray_ends_where_the_shape_begins(kind, ray, shape):
    origin, direction = ray
    t, _ = shapes.intersect(kind, shape, *origin, *direction, NEAR, FAR)
    along = np.arange(NEAR, FAR, STEP)
    is_inside = INSIDE[kind](origin[:, None] + along * direction[:, None], shape)
    if not is_inside.any():  # it may still graze the shape between two steps
        if t < shapes.FAR:
            nudged = origin + t * direction
            assert INSIDE[kind](0.995 * nudged[:, None], shape)[0]
        return
    first = along[is_inside.argmax()]
    if t >= FAR:  # a miss is allowed only where the stretch inside is a graze
        assert is_inside.sum() < 25
    else:
        assert t <= first + 1e-4
        assert first - t < STEP + 1e-4 or not is_inside[is_inside.argmax() :][:25].all()


def test_far_limits_a_ray():
    assert shapes.intersect(shapes.BOX, 1.0, -5.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.1, 3.9)[0] == shapes.FAR
    assert shapes.intersect(shapes.BOX, 1.0, -5.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.1, 4.1)[0] == 4


def test_a_room_is_seen_from_within():
    t, face = shapes.intersect(shapes.ROOM, 1.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.1, 0.1, FAR)
    assert (t, face) == (2, shapes.FACE_Y)


def test_a_far_small_ball_is_hit_exactly():
    """The textbook discriminant has lost all its digits here."""
    t, _ = shapes.intersect(shapes.ELLIPSOID, 1.0, -1e6, 0.0, 0.0, 1.0, 0.0, 0.0, 0.1, 1e8)
    assert t == pytest.approx(1e6 - 1, abs=1e-6)


@pytest.mark.parametrize("kind", [shapes.TORUS, shapes.ROUNDED, shapes.LATHE, shapes.BLOB])
def test_a_field_never_overstates_the_distance(kind):
    """Else sphere tracing would step through the surface."""
    rng = np.random.default_rng(kind)
    a = rng.uniform(-1, 1, (2000, 3))
    b = a + rng.normal(0, 0.05, (2000, 3))
    for shape in (0.2, 0.5, 0.8):
        change = [abs(shapes.field(kind, shape, *p) - shapes.field(kind, shape, *q)) for p, q in zip(a, b, strict=True)]
        assert (np.array(change) <= 1.001 * np.linalg.norm(a - b, axis=1)).mean() > 0.999


def test_terrain_is_met_on_its_surface():
    heights = np.random.default_rng(0).normal(0, 1, (16, 16))
    steepest = 2 * np.abs(np.diff(np.pad(heights, ((0, 1), (0, 1)), mode="wrap"), axis=0)).max() + 5
    ground = np.array([2.0, heights.max(), steepest])
    hits = 0
    for turn in np.linspace(0, 6, 40):
        d = np.array([math.cos(turn), math.sin(turn), -0.2]) / math.hypot(1, 0.2)
        t = shapes.march(heights, ground, 0.3, 0.4, 4.0, *d, 100.0)
        if t < shapes.FAR:
            x, y, z = np.array([0.3, 0.4, 4.0]) + t * d
            assert z == pytest.approx(shapes.height_at(heights, 2.0, x, y), abs=1e-4)
            hits += 1
    assert hits > 30
