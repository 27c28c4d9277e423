"""Stereo photos, opened again by Pillow, FFmpeg and by hand from the standards."""

import io
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from vergence.errors import FormatError, SettingsError, TargetError
from vergence.media.image import ImageSource
from vergence.media.open import open_pairs
from vergence.media.stereo_photo import StereoPhotoSink
from vergence.types import Frame, MediaInfo, StereoPair

IMAGES = Path(__file__).parent.parent / "fixtures" / "images"
INFO = MediaInfo(path=None, is_film=False, width=64, height=48)


def pair(width=64, height=48, dtype=np.uint8):
    y, x = np.mgrid[0:height, 0:width]
    left = np.stack([x * 3, y * 4, np.full_like(x, 30)], axis=-1).astype(np.uint8)
    right = np.stack([x * 3, y * 4, np.full_like(x, 220)], axis=-1).astype(np.uint8)
    if dtype == np.uint16:
        left, right = left.astype(np.uint16) << 8, right.astype(np.uint16) << 8
    return StereoPair(left, right, Frame(left, 0, Fraction(0)))


def write(path, views=None, like=INFO, **options):
    with StereoPhotoSink(path, like=like, **options) as sink:
        sink.write(views or pair())
    return path


def segments(data: bytes) -> list[tuple[int, int, bytes]]:
    """(marker, where its payload begins, payload) of every segment before the picture itself (ITU-T T.81)."""
    assert data[:2] == b"\xff\xd8"
    found, at = [], 2
    while data[at + 1] != 0xDA:
        assert data[at] == 0xFF
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], at + 4, data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def directory(data: bytes, at: int) -> tuple[dict[int, tuple[int, int, bytes]], int]:
    """Tags of a big-endian TIFF directory: number -> (type, count, the four bytes), and where the next lies."""
    (count,) = struct.unpack_from(">H", data, at)
    tags = {}
    for i in range(count):
        tag, kind, n = struct.unpack_from(">HHI", data, at + 2 + 12 * i)
        tags[tag] = (kind, n, data[at + 10 + 12 * i : at + 14 + 12 * i])
    return tags, struct.unpack_from(">I", data, at + 2 + 12 * count)[0]


def multi_picture(data: bytes) -> tuple[int, bytes]:
    begin, payload = next((at, p) for marker, at, p in segments(data) if marker == 0xE2 and p[:4] == b"MPF\0")
    return begin + 4, payload[4:]


# ---- MPO: CIPA DC-007 -------------------------------------------------------------------------------------------


def test_pillow_opens_both_views_of_an_mpo(tmp_path):
    views = pair()
    with Image.open(write(tmp_path / "a.mpo", views)) as picture:
        assert picture.format == "MPO"
        assert picture.n_frames == 2
        for number, view in enumerate((views.left, views.right)):
            picture.seek(number)
            assert np.abs(np.asarray(picture.convert("RGB")).astype(int) - view).mean() < 4


def test_the_index_of_an_mpo_is_as_the_standard_has_it(tmp_path):
    data = write(tmp_path / "a.mpo").read_bytes()
    base, index = multi_picture(data)
    assert index[:8] == b"MM\0\x2a\0\0\0\x08"
    tags, attributes = directory(index, 8)
    assert tags[0xB000] == (7, 4, b"0100")
    assert tags[0xB001] == (4, 1, struct.pack(">I", 2))
    kind, size, where = tags[0xB002]
    assert (kind, size) == (7, 32)
    at = struct.unpack(">I", where)[0]
    first, second = (struct.unpack_from(">IIIHH", index, at + 16 * i) for i in range(2))
    assert [entry[0] & 0xFFFFFF for entry in (first, second)] == [0x020002, 0x020002]  # multi-frame, disparity
    assert (first[0] >> 29 & 1, second[0] >> 29 & 1) == (1, 0)  # the representative one
    assert first[2] == 0
    assert first[1] + second[1] == len(data)
    begin = base + second[2]
    assert begin == first[1]
    assert data[begin : begin + 2] == b"\xff\xd8"
    assert data[first[1] - 2 : first[1]] == b"\xff\xd9"
    assert data[-2:] == b"\xff\xd9"
    left, end = directory(index, attributes)
    assert end == 0
    assert left[0xB101] == (4, 1, struct.pack(">I", 1))
    assert left[0xB204] == (4, 1, struct.pack(">I", 1))
    _, second_header = multi_picture(data[begin:])
    right, _ = directory(second_header, 8)
    assert right[0xB000] == (7, 4, b"0100")
    assert right[0xB101] == (4, 1, struct.pack(">I", 2))
    assert right[0xB204] == (4, 1, struct.pack(">I", 1))


def test_the_second_view_of_an_mpo_is_disparity_to_pillow(tmp_path):
    with Image.open(write(tmp_path / "a.mpo")) as picture:
        entries: Any = picture.mpinfo[0xB002]
        assert [entry["Attribute"]["MPType"] for entry in entries] == ["Multi-Frame Image: (Disparity)"] * 2


def test_the_exif_stays_in_front_and_in_both_views(tmp_path):
    source = IMAGES / "exif_Landscape_6.jpg"
    with ImageSource(source) as photo:
        frame = next(iter(photo))
        views = StereoPair(frame.rgb, frame.rgb, frame)
        data = write(tmp_path / "a.mpo", views, like=photo.info).read_bytes()
    markers = [marker for marker, _, _ in segments(data)]
    assert markers[0] in (0xE0, 0xE1)
    assert markers.index(0xE1) < markers.index(0xE2)
    with Image.open(source) as before, Image.open(io.BytesIO(data)) as after:
        for number in range(2):
            after.seek(number)
            assert after.getexif().get(0x0112) == 1
            assert after.getexif().get(0x0110) == before.getexif().get(0x0110)
            assert after.size == (frame.width, frame.height)


# ---- JPS --------------------------------------------------------------------------------------------------------


def test_the_marker_of_a_jps_says_side_by_side_with_the_right_eye_first(tmp_path):
    data = write(tmp_path / "a.jps").read_bytes()
    (payload,) = (payload for marker, _, payload in segments(data) if marker == 0xE3)
    assert payload[:8] == b"_JPSJPS_"
    length, separation, flags, layout, kind = struct.unpack(">HBBBB", payload[8:14])
    assert (length, separation, kind, layout) == (4, 0, 1, 2)
    assert flags & 0b011 == 0  # full height and width
    assert flags & 0b100 == 0  # the right field first
    (comment,) = struct.unpack(">H", payload[14:16])
    assert len(payload) == 16 + comment


def test_ffmpeg_reads_a_jps_as_side_by_side_inverted(tmp_path):
    with av.open(str(write(tmp_path / "a.jps")), format="image2pipe", options={"vcodec": "mjpeg"}) as film:
        frame: Any = next(film.decode(video=0))
    (data,) = (bytes(item) for item in frame.side_data if item.type.name == "STEREO3D")
    kind, flags = struct.unpack_from("ii", data)
    assert (kind, flags & 1) == (1, 1)


def test_the_right_eye_of_a_jps_is_at_the_left(tmp_path):
    views = pair()
    with Image.open(write(tmp_path / "a.jps", views)) as opened:
        picture = np.asarray(opened).astype(int)
    assert picture.shape == (48, 128, 3)
    assert np.abs(picture[:, :64] - views.right).mean() < 4
    assert np.abs(picture[:, 64:] - views.left).mean() < 4


# ---- both -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".mpo", ".jps"])
def test_sixteen_bits_become_eight(tmp_path, suffix):
    with Image.open(write(tmp_path / f"a{suffix}", pair(dtype=np.uint16))) as opened:
        picture = np.asarray(opened)
    assert picture.dtype == np.uint8
    assert picture[..., 0].max() > 150


@pytest.mark.parametrize("suffix", [".mpo", ".jps"])
def test_our_own_reader_takes_a_stereo_photo_for_a_picture(tmp_path, suffix):
    with ImageSource(write(tmp_path / f"a{suffix}")) as photo:
        assert next(iter(photo)).height == 48


def test_a_second_pair_is_refused(tmp_path):
    with StereoPhotoSink(tmp_path / "a.mpo", like=INFO) as sink:
        sink.write(pair())
        with pytest.raises(FormatError, match="one pair"):
            sink.write(pair())


def test_what_lies_there_is_kept_unless_asked(tmp_path):
    (tmp_path / "a.mpo").write_bytes(b"old")
    with pytest.raises(TargetError, match="use --overwrite"):
        StereoPhotoSink(tmp_path / "a.mpo", like=INFO)
    write(tmp_path / "a.mpo", overwrite=True)
    assert (tmp_path / "a.mpo").stat().st_size > 100


def test_names_and_qualities_that_cannot_be_are_refused(tmp_path):
    with pytest.raises(FormatError, match=r"\.mpo or \.jps"):
        StereoPhotoSink(tmp_path / "a.jpg", like=INFO)
    with pytest.raises(SettingsError, match="between 1 and 100"):
        StereoPhotoSink(tmp_path / "a.mpo", like=INFO, quality=0)


def test_a_view_too_large_for_a_jpeg_leaves_nothing(tmp_path):
    with pytest.raises(FormatError, match="at most 65500"):
        write(tmp_path / "a.jps", pair(width=32760, height=2))
    assert list(tmp_path.iterdir()) == []


def test_there_is_no_other_way_to_hold_pairs(tmp_path):
    with pytest.raises(FormatError, match="sbs"):
        open_pairs(tmp_path / "a.jpg", layout="sbs", like=INFO)
