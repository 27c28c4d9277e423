import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from vergence.errors import ProtocolError
from vergence.server import rgbd
from vergence.server.protocol import ColourCodec, ConfidenceCodec, DepthCodec, Rgbd

SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=40)


def slow(nearness, valid, low, high, top):
    """The specification: whole numbers of nearness, 0 where there is none."""
    t = np.clip((nearness.astype(np.float64) - low) / (high - low), 0, 1)
    return np.where(valid & np.isfinite(nearness), 1 + np.floor(t * (top - 1) + 0.5), 0)


@given(
    nearness=SHAPES.flatmap(lambda shape: hnp.arrays(np.float32, shape, elements=st.floats(-1, 3, width=32))),
    codec=st.sampled_from(list(DepthCodec)),
    seed=st.integers(0, 99),
)
def test_integers_come_back_as_the_slow_obvious_ones(nearness, codec, seed):
    valid = np.random.default_rng(seed).random(nearness.shape) > 0.2
    block = rgbd.packed_depth(nearness, valid, 0.1, 2.0, codec=codec)
    found = rgbd.unpacked_depth(block, nearness.shape[1], nearness.shape[0], codec=codec)
    wanted = slow(nearness, valid, 0.1, 2.0, rgbd.INTEGERS[codec])
    assert np.abs(found - wanted).max() <= 1  # float32 beside float64, half way between two
    assert ((found == 0) == (wanted == 0)).all()


def test_what_is_not_finite_is_invalid():
    nearness = np.array([[np.nan, np.inf, -np.inf, 1.0]], np.float32)
    block = rgbd.packed_depth(nearness, np.ones((1, 4), bool), 0.5, 2, codec=DepthCodec.DELTA_DEFLATE16)
    assert (rgbd.unpacked_depth(block, 4, 1, codec=DepthCodec.DELTA_DEFLATE16) > 0).tolist() == [[0, 0, 0, 1]]


@pytest.mark.parametrize(("codec", "error"), [(DepthCodec.DELTA_DEFLATE16, 4e-5), (DepthCodec.DELTA_DEFLATE12, 6e-4)])
def test_depth_comes_back_within_half_a_step(codec, error):
    z = np.geomspace(1.0, 4.0, 4000, dtype=np.float32).reshape(40, 100)
    block = rgbd.packed_depth(1 / z, np.ones(z.shape, bool), 1 / 4, 1.0, codec=codec)
    extension = Rgbd(
        100, 40, 1, 1, 0, 0, 1.0, 4.0, codec, ColourCodec.JPEG, ConfidenceCodec.NONE, 1, len(block), 0
    )  # fmt: skip
    found = rgbd.z_of(rgbd.unpacked_depth(block, 100, 40, codec=codec), extension)
    np.testing.assert_allclose(found, z, rtol=error)


def test_smooth_depth_is_small():
    y, x = np.mgrid[0:280, 0:504].astype(np.float32)
    nearness = 0.2 + 0.5 * y / 280 + 0.05 * np.sin(x / 40)
    block = rgbd.packed_depth(nearness, np.ones(x.shape, bool), 0.1, 0.8, codec=DepthCodec.DELTA_DEFLATE12)
    assert len(block) < x.size / 2  # bytes; a float32 map has 4 a pixel


def test_a_block_that_would_grow_without_end_is_refused():
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = engine.compress(bytes(10_000_000)) + engine.flush()
    with pytest.raises(ProtocolError, match="inflate"):
        rgbd.unpacked_depth(bomb, 8, 8, codec=DepthCodec.DELTA_DEFLATE16)


@given(data=st.binary(max_size=200))
def test_a_damaged_block_is_refused(data):
    with pytest.raises(ProtocolError):
        rgbd.unpacked_depth(data, 64, 64, codec=DepthCodec.DELTA_DEFLATE12)


def test_confidence_is_spread_over_a_byte():
    block = rgbd.packed_confidence(np.array([[0.0, 1.0, 2.0, np.nan]], np.float32), 0.5, 1.5)
    assert list(rgbd.inflated(block, 4)) == [0, 127, 255, 0]
