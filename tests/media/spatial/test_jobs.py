"""The layout "spatial" from source to file."""

from pathlib import Path

import av
import numpy as np
import pytest

from clips import FIXTURES, Audio, tracks, write_clip
from vergence.errors import FormatError
from vergence.media.spatial.metadata import SpatialCamera, SpatialSettings
from vergence.pipelines.job import GivenDepth
from vergence.pipelines.stereo import process_photo, process_video

DISPARITY = 4.0


@pytest.fixture
def depth(tmp_path: Path) -> GivenDepth:
    """A whole picture so many pixels before the screen, for a dozen frames."""
    folder = tmp_path / "depth"
    folder.mkdir()
    for i in range(12):
        np.savez(folder / f"{i:06d}.npz", depth=np.full((48, 64), DISPARITY, np.float32))
    return GivenDepth(folder, "disparity")


def test_a_film_becomes_a_spatial_film_beside_it(tmp_path: Path, depth: GivenDepth) -> None:
    source = write_clip(tmp_path / "walk.mp4", audio=(Audio(),))
    settings = SpatialSettings(SpatialCamera(baseline=70.0))
    result = process_video(source, layout="spatial", depth=depth, spatial=settings)
    assert result.path == tmp_path / "walk_spatial.mov"
    assert [track.kind for track in tracks(result.path)] == ["video", "audio"]
    with av.open(str(result.path)) as film:
        stream = film.streams.video[0]
        stream.codec_context.options = {"view_ids": "-1"}
        pictures = [frame.to_ndarray(format="rgb24").astype(int) for frame in film.decode(stream)]
    assert len(pictures) == 24
    left, right = pictures[:2]
    inner = slice(8, -8)
    moved = np.roll(left, -int(DISPARITY), axis=1)  # what is nearer lies further left for the right eye
    assert np.abs(moved[:, inner] - right[:, inner]).mean() < np.abs(left[:, inner] - right[:, inner]).mean() / 2


def test_a_photo_becomes_a_spatial_photo_beside_it(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra [formats] is not installed")
    photo = tmp_path / "coffee.png"
    photo.write_bytes((FIXTURES / "images" / "fmt_tiny_33x21.png").read_bytes())
    np.savez(tmp_path / "depth.npz", depth=np.full((21, 33), 2, np.float32))
    result = process_photo(photo, layout="spatial", depth=GivenDepth(tmp_path / "depth.npz", "disparity"))
    assert result.path == tmp_path / "coffee_spatial.heic"
    assert len(heif.open_heif(result.path)) == 2


def test_a_name_that_holds_pairs_asks_for_the_layout(tmp_path: Path, depth: GivenDepth) -> None:
    photo = FIXTURES / "images" / "fmt_tiny_33x21.png"
    with pytest.raises(FormatError, match="take --layout spatial"):
        process_photo(photo, tmp_path / "a.heic", layout="sbs", depth=depth)
    with pytest.raises(FormatError, match=r"is written as \.heic; name the result a\.heic"):
        process_photo(photo, tmp_path / "a.jpg", layout="spatial", depth=depth)
