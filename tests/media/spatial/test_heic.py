"""Spatial photos as libheif reads them again, and the boxes by hand."""

import os
import re
import struct
import sys
from fractions import Fraction
from math import radians, tan
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from clips import FIXTURES, drawing
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.boxes import PICTURE, Box, parse
from vergence.media.image import ImageSource
from vergence.media.spatial.heic import SpatialPhotoSink, as_pair
from vergence.media.spatial.metadata import SpatialCamera
from vergence.types import Frame, Intrinsics, StereoPair

heif = pytest.importorskip("pillow_heif", reason="the extra [formats] is not installed")

IMAGES = FIXTURES / "images"
CAMERA = SpatialCamera(75.0, baseline=65.0, disparity_adjustment=0.02)


def pair(width: int = 96, height: int = 72, **more: Any) -> StereoPair:
    left = drawing(3, width=width, height=height)
    return StereoPair(left, np.ascontiguousarray(left[::-1, ::-1]), Frame(left, 0, Fraction(0), **more))


def write(path: Path, made: StereoPair | None = None, **options: Any) -> Path:
    with SpatialPhotoSink(path, **{"like": None, "camera": CAMERA, **options}) as sink:
        sink.write(made or pair())
    return path


def apple_tags(xmp: bytes) -> dict[str, str]:
    return dict(re.findall(r"<apple:(\w+)>([^<]*)</apple:\1>", xmp.decode()))


@pytest.mark.parametrize("size", [(96, 72), (51, 37), (640, 480)])
def test_both_pictures_are_read_again_the_left_one_first(tmp_path: Path, size: tuple[int, int]) -> None:
    made = pair(*size)
    found = heif.open_heif(write(tmp_path / "a.heic", made))
    assert len(found) == 2
    for picture, expected in zip(found, (made.left, made.right), strict=True):
        assert picture.size == size
        assert np.abs(np.asarray(picture).astype(int) - expected).mean() < 8
    assert np.abs(np.asarray(found[0]).astype(int) - made.right).mean() > 20


def test_ffmpeg_reads_both_pictures_and_shows_the_left_one(tmp_path: Path) -> None:
    made = pair(128, 96)
    with av.open(str(write(tmp_path / "a.heic", made))) as file:
        assert [int(stream.disposition) & 1 for stream in file.streams.video] == [1, 0]
        found = []
        for stream in file.streams.video:
            file.seek(0)
            found.append(next(file.decode(stream)).to_ndarray(format="rgb24"))
    for picture, expected in zip(found, (made.left, made.right), strict=True):
        assert np.abs(picture.astype(int) - expected).mean() < 10
    assert np.abs(found[0].astype(int) - made.right).mean() > 20


def test_they_are_a_stereo_pair_of_which_others_see_the_left(tmp_path: Path) -> None:
    found = heif.open_heif(write(tmp_path / "a.heic"))
    assert found.primary_index == 0
    (group,) = found[0].info["entity_groups"]
    assert (group["type"], group["images"]) == ("ster", [0, 1])
    heif.register_heif_opener()
    with Image.open(tmp_path / "a.heic") as shown:
        assert np.abs(np.asarray(shown).astype(int) - pair().left).mean() < 5


def test_the_cameras_are_read_again(tmp_path: Path) -> None:
    found = heif.open_heif(write(tmp_path / "a.heic", pair(128, 96)))
    for picture in found:
        inner = picture.info["heif"]["camera_intrinsic_matrix"]
        focal = 64 / tan(radians(75 / 2))
        assert inner["focal_length_x"] == inner["focal_length_y"] == pytest.approx(focal, rel=1e-5)
        assert (inner["principal_point_x"], inner["principal_point_y"]) == pytest.approx((64, 48), rel=1e-5)
        assert picture.info["heif"]["camera_extrinsic_matrix_rot"] == (1, 0, 0, 0, 1, 0, 0, 0, 1)


def test_of_a_padded_picture_the_camera_is_that_of_the_coded_size(tmp_path: Path) -> None:
    (_, meta, *_), _ = parse(write(tmp_path / "a.heic", pair(50, 38)).read_bytes(), PICTURE)
    properties = meta.find(b"iprp", b"ipco")
    assert struct.unpack(">4x2I", properties.find(b"ispe").data) == (64, 64)
    flags, *shares = struct.unpack(">4i", properties.find(b"cmin").data)
    focal, x, y = (share / (1 << (flags >> 8 & 31)) for share in shares)
    assert (focal * 64, x * 64, y * 64) == pytest.approx((25 / tan(radians(75 / 2)), 25, 19), rel=1e-5)


def test_the_right_camera_stands_beside_the_left_one(tmp_path: Path) -> None:
    (_, meta, *_), _ = parse(write(tmp_path / "a.heic").read_bytes(), PICTURE)
    properties = meta.find(b"iprp", b"ipco").children or ()
    places = [box.data for box in properties if box.kind == b"cmex"]
    assert places == [bytes(4), bytes.fromhex("00000001") + struct.pack(">i", 65_000)]  # micrometres


def test_xmp_says_it_in_words(tmp_path: Path) -> None:
    left, right = (apple_tags(picture.info["xmp"]) for picture in heif.open_heif(write(tmp_path / "a.heic")))
    assert float(left["HorizontalFOV"]) == 75
    assert float(left["Baseline"]) == 65
    assert float(left["HorizontalDisparityAdjustment"]) == 0.02
    assert left["CameraModelType"] == "SimplifiedPinhole"
    assert float(left["CameraIntrinsics"].split()[0]) == pytest.approx(62.556, abs=0.001)
    assert (left["CameraExtrinsicsPosition"], right["CameraExtrinsicsPosition"]) == ("0.000000 0 0", "0.065000 0 0")
    assert left.keys() == right.keys()


def test_the_angle_is_that_of_the_pictures_camera(tmp_path: Path) -> None:
    made = pair(intrinsics=Intrinsics(48, 48, 48, 36, 96, 72))
    path = write(tmp_path / "a.heic", made, camera=SpatialCamera())
    assert float(apple_tags(heif.open_heif(path).info["xmp"])["HorizontalFOV"]) == 90


def test_profile_and_exif_of_the_source_are_kept_upright(tmp_path: Path) -> None:
    source = ImageSource(IMAGES / "exif_Landscape_6.jpg")
    frame = next(iter(source))
    made = StereoPair(frame.rgb, frame.rgb, frame)
    path = write(tmp_path / "a.heic", made, like=source.info)
    heif.register_heif_opener()
    with Image.open(path) as shown:
        assert shown.size == (source.info.width, source.info.height)
        assert shown.getexif()[0x0112] == 1  # orientation


def test_deep_pictures_are_written_with_8_bits(tmp_path: Path) -> None:
    made = pair()
    deep = StereoPair(made.left.astype(np.uint16) * 257, made.right.astype(np.uint16) * 257, made.frame)
    found = heif.open_heif(write(tmp_path / "a.heic", deep))
    assert np.abs(np.asarray(found[0]).astype(int) - made.left).mean() < 5


def test_our_own_reader_takes_the_left_picture(tmp_path: Path) -> None:
    frame = next(iter(ImageSource(write(tmp_path / "a.heic"))))
    assert np.abs(frame.rgb.astype(int) - pair().left).mean() < 5


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"a spatial photo goes into \.heic, not a\.jpg"):
        SpatialPhotoSink(tmp_path / "a.jpg", like=None)


def test_what_lies_there_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = write(tmp_path / "a.heic")
    with pytest.raises(TargetError, match="exists"):
        SpatialPhotoSink(path, like=None)
    assert write(path, overwrite=True) == path


def test_a_view_too_large_for_the_codec_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"pictures of 33000x4 cannot be encoded as \.heic .*make them smaller"):
        write(tmp_path / "a.heic", pair(33_000, 4))
    assert os.listdir(tmp_path) == []


def test_one_file_holds_one_pair(tmp_path: Path) -> None:
    with SpatialPhotoSink(tmp_path / "a.heic", like=None) as sink:
        sink.write(pair())
        with pytest.raises(FormatError, match="holds one pair"):
            sink.write(pair())


def test_without_the_extra_one_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(FormatError, match=r"pip install 'vergence\[formats\]'"):
        SpatialPhotoSink(tmp_path / "a.heic", like=None)
    assert os.listdir(tmp_path) == []


def test_a_file_of_one_picture_is_no_pair(tmp_path: Path) -> None:
    heif.from_bytes("RGB", (64, 64), bytes(64 * 64 * 3)).save(tmp_path / "one.heic")
    with pytest.raises(MediaError, match="holds 1 pictures where two were written"):
        as_pair((tmp_path / "one.heic").read_bytes(), CAMERA, width=64, height=64)
    with pytest.raises(MediaError, match="no box meta"):
        as_pair(Box(b"ftyp").encode(), CAMERA, width=64, height=64)
