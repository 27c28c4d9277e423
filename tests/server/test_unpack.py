from fractions import Fraction

import numpy as np
import pytest

from vergence.errors import ProtocolError
from vergence.server.adaptation import Quality
from vergence.server.pack import Header, Spans, rgbd_packet
from vergence.server.protocol import Splat16, SplatCodec, packet, parse
from vergence.server.unpack import depth_frame
from vergence.types import DepthFrame, DepthMap, Frame, Intrinsics

CAMERA = Intrinsics(60.0, 60.0, 32.0, 18.0, 64, 36)


def item(kind="metric"):
    rgb = np.zeros((36, 64, 3), np.uint8)
    rgb[:, :32] = 200
    values = np.linspace(1, 3, 36 * 64, dtype=np.float32).reshape(36, 64)
    valid = np.ones((36, 64), bool)
    valid[0] = False
    pose = np.eye(4)
    pose[0, 3] = 2.5
    confidence = np.linspace(0, 1, 36 * 64, dtype=np.float32).reshape(36, 64)
    return DepthFrame(
        Frame(rgb, 0, Fraction(1), intrinsics=CAMERA), DepthMap(values, valid, kind, "centres", None, pose, confidence)
    )


def there_and_back(made_of="metric", **options):
    made = item(made_of)
    data = rgbd_packet(made, Spans()(made), Quality(16, 95, 640), Header(time_us=2_500_000))
    return made, depth_frame(parse(data), **options)


def test_a_packet_becomes_the_frame_it_was_made_of():
    made, found = there_and_back()
    assert found.depth.kind == "metric"
    assert found.frame.time == Fraction(5, 2)
    np.testing.assert_array_equal(found.depth.valid, made.depth.valid)
    np.testing.assert_allclose(found.depth.values[3:-1], made.depth.values[3:-1], rtol=2e-3)
    assert np.isfinite(found.depth.values).all()
    assert np.abs(found.frame.rgb.astype(int) - made.frame.rgb).mean() < 3
    np.testing.assert_allclose(found.depth.world_from_camera, made.depth.world_from_camera)
    assert found.depth.intrinsics.fx == pytest.approx(60)
    assert found.frame.intrinsics.width == 64
    assert found.depth.confidence[-1, -1] > found.depth.confidence[1, 0]


@pytest.mark.parametrize(("known", "is_nearer_larger"), [(None, False), ("affine_inverse", True)])
def test_depth_without_metres_is_what_it_is_said_to_be(known, is_nearer_larger):
    _, found = there_and_back("affine_inverse", kind=known)
    values = found.depth.values
    assert found.depth.kind == (known or "scale_invariant")
    assert (values[-1, -1] > values[1, 0]) == is_nearer_larger  # it was nearest there


def test_splats_are_no_picture():
    data = packet(Splat16(0, 0, -9.0, 0.0, 0.0, 1.0, SplatCodec.PLAIN), ())
    with pytest.raises(ProtocolError, match="SPLAT16"):
        depth_frame(parse(data))
