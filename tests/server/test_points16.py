import numpy as np
import pytest

from vergence.server.adaptation import Quality
from vergence.server.pack import points_packet
from vergence.server.protocol import Flag, parse
from vergence.types import PointCloud


def cloud_of(count, *, confidence=None, far=5.0):
    random = np.random.default_rng(count)
    points = random.uniform((-1, -2, 1), (3, 1, far), (count, 3)).astype(np.float32)
    return PointCloud(points, random.integers(0, 256, (count, 3), dtype=np.uint8), confidence=confidence)


def unpacked(data):
    """Points (N, 3), colours (N, 3) and alpha (N,) of a packet, by the words of docs/protocol.md."""
    found = parse(data)
    places, rgba = found.blocks
    places = np.frombuffer(places, "<i2").reshape(-1, 4)
    rgba = np.frombuffer(rgba, np.uint8).reshape(-1, 4)
    assert not places[:, 3].any()
    points = np.array(found.extension.origin) + places[:, :3] / 32767 * found.extension.scale
    return points, rgba[:, :3], rgba[:, 3]


def packed(cloud, *, most=250_000, **options):
    return points_packet(cloud, Quality(16, 0, 0, "points16", most), **options)


@pytest.mark.parametrize("count", [1, 2, 7, 5000])
def test_points_come_back_as_they_were_but_for_half_a_step(count):
    cloud = cloud_of(count)
    data = packed(cloud, is_metric=True)
    points, colours, alpha = unpacked(data)
    step = parse(data).extension.scale / 32767
    assert np.abs(points - cloud.points).max() <= step / 2 + 1e-6
    np.testing.assert_array_equal(colours, cloud.colours)
    assert (alpha == 255).all()
    assert Flag.METRIC in parse(data).flags


def test_the_steps_are_a_hundred_thousandth_of_the_cloud():
    assert parse(packed(cloud_of(1000))).extension.scale < 2.01


def test_of_too_many_points_the_first_are_sent():
    cloud = cloud_of(900)
    points, _, _ = unpacked(packed(cloud, most=300))
    assert len(points) == 300
    np.testing.assert_allclose(points, cloud.points[:300], atol=1e-3)


def test_nothing_is_a_packet_too():
    assert parse(packed(PointCloud.empty())).extension.count == 0


def test_how_sure_the_model_is_comes_as_alpha():
    sure = np.linspace(0, 100, 1001, dtype=np.float32)
    _, _, alpha = unpacked(packed(cloud_of(1001, confidence=sure)))
    assert (np.diff(alpha.astype(int)) >= 0).all()
    assert (alpha[0], alpha[-1]) == (0, 255)
    assert alpha[500] == pytest.approx(128, abs=2)
