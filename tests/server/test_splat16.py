import numpy as np
import pytest

from splat_payloads import unpacked_payload
from vergence.errors import ProtocolError
from vergence.server import splat16
from vergence.server.protocol import Splat16, SplatCodec
from vergence.types import Gaussians


def cloud(count, seed=0):
    dice = np.random.default_rng(seed)
    turns = dice.normal(size=(count, 4))
    turns /= np.linalg.norm(turns, axis=1, keepdims=True)
    return Gaussians(
        (dice.normal(size=(count, 3)) * 10 ** dice.uniform(-6, 4, (count, 3))).astype(np.float32),
        np.exp(dice.uniform(-11, 3, (count, 3))).astype(np.float32),
        turns.astype(np.float32),
        dice.uniform(-0.1, 1.1, count).astype(np.float32),
        dice.normal(size=(count, 4, 3)).astype(np.float32),
    )


def slow(g, ln_min=splat16.LN_SCALE_MIN, ln_max=splat16.LN_SCALE_MAX):
    """The specification: the table of docs/protocol.md in float64."""

    def byte(share):
        return np.floor(np.clip(share, 0, 1) * 255 + 0.5).astype(np.uint8)

    out = np.zeros((len(g), 16), np.uint8)
    out[:, :3] = byte(0.5 + 0.28209479177387814 * g.harmonics[:, 0].astype(np.float64))
    out[:, 3] = byte(g.opacities.astype(np.float64))
    out[:, 4:10] = np.clip(g.means, -65504, 65504).astype("<f2").view(np.uint8).reshape(-1, 6)
    w, *axis = (g.rotations.astype(np.float64) * np.where(g.rotations[:, :1] < 0, -1, 1)).T
    axis = np.stack(axis, axis=1)
    p = axis / np.abs(axis).sum(axis=1, keepdims=True)
    folded = (1 - np.abs(p[:, 1::-1])) * np.where(p[:, :2] >= 0, 1, -1)
    out[:, 10:12] = byte(np.where(p[:, 2:] < 0, folded, p[:, :2]) * 0.5 + 0.5)
    steps = (np.log(g.scales.astype(np.float64)) - ln_min) * 254 / (ln_max - ln_min) + 1
    out[:, 12:15] = np.floor(np.clip(steps, 1, 255) + 0.5)
    out[:, 15] = byte(2 * np.arccos(np.clip(w, 0, 1)) / np.pi)
    return out


def test_splats_are_packed_as_the_slow_obvious_way_packs_them():
    g = cloud(5000)
    found, wanted = splat16.packed_splats(g)[:5000], slow(g)
    off = np.abs(found.astype(int) - wanted)
    assert off[:, [0, 1, 2, 3, 10, 11, 12, 13, 14, 15]].max() <= 1  # float32 beside float64
    assert (off > 0).mean() < 1e-3
    np.testing.assert_array_equal(found[:, 4:10], wanted[:, 4:10])


def test_the_tail_is_zero_and_whole_blocks_long():
    splats = splat16.packed_splats(cloud(2049))
    assert splats.shape == (4096, 16)
    assert not splats[2049:].any()


def test_a_flat_splat_keeps_a_scale_of_exactly_zero():
    g = cloud(2)
    g.scales[:] = [[1, 0, np.nan], [0.1, np.inf, 1]]
    assert (splat16.packed_splats(g)[:2, 12:15] > 0).tolist() == [[1, 0, 0], [1, 0, 1]]


def test_centres_out_of_reach_stay_finite():
    g = cloud(2)
    g.means[:] = [[1e6, -1e6, np.nan], [np.inf, 0, 3e-8]]
    half = splat16.packed_splats(g)[:2, 4:10].copy().view("<f2")
    assert np.isfinite(half).all()
    assert half[0].tolist() == [65504, -65504, 0]


@pytest.mark.parametrize("codec", list(SplatCodec))
@pytest.mark.parametrize("count", [0, 7, 2048])
def test_payloads_round_trip(codec, count):
    splats = splat16.packed_splats(cloud(count))
    extension = Splat16(count, 2048, -9.0, 1.0, 0.0, 1.0, codec)
    payload = splat16.splat_payload(splats, codec=codec)
    np.testing.assert_array_equal(unpacked_payload(payload, extension), splats)


def test_padding_after_a_payload_is_zeros():
    splats = splat16.packed_splats(cloud(9))
    payload = splat16.splat_payload(splats, codec=SplatCodec.PLANAR_DEFLATE)
    extension = Splat16(9, 2048, -9.0, 1.0, 0.0, 1.0, SplatCodec.PLANAR_DEFLATE)
    np.testing.assert_array_equal(unpacked_payload(payload + bytes(5), extension), splats)
    for rest in (b"\1", bytes(16)):
        with pytest.raises(ProtocolError):
            unpacked_payload(payload + rest, extension)


def test_room_comes_in_blocks():
    assert [splat16.capacity_for(count) for count in (0, 1, 2048, 2049)] == [2048, 2048, 2048, 4096]
