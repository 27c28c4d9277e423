"""Photos in and out."""

import logging
import sys
from fractions import Fraction
from math import hypot
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms
from PIL.ExifTags import IFD, Base

from vergence.errors import FormatError, MediaError, SettingsError, TargetError
from vergence.media import image
from vergence.media.formats import FORMATS
from vergence.media.image import WRITERS, ImageSink, ImageSource, picture_size, read_picture
from vergence.types import Frame, MediaInfo

IMAGES = Path(__file__).parent.parent / "fixtures" / "images"
GOOD = sorted(path for path in IMAGES.iterdir() if path.stem not in ("fmt_broken", "fmt_animated"))
COFFEE = IMAGES / "sk_coffee.png"


def frame_of(path):
    with ImageSource(path) as source:
        (frame,) = source
    return frame


def picture(width=40, height=24):
    """Four quarters of different colours: turned or mirrored, it is another picture."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[: height // 2, : width // 2] = 250, 20, 20
    rgb[: height // 2, width // 2 :] = 20, 250, 20
    rgb[height // 2 :, : width // 2] = 20, 20, 250
    return rgb


def photo(path, *, exif=None, mode="RGB", **options):
    image = Image.fromarray(picture()).convert(mode)
    image.save(path, exif=(exif or Image.Exif()).tobytes(), **options)
    return path


def exif_of(orientation=1, focal=None, size=None):
    exif = Image.Exif()
    exif[Base.Orientation] = orientation
    exif[Base.Make] = "Maker"
    taken = {Base.ExposureTime: 0.01}
    if focal:
        taken[Base.FocalLengthIn35mmFilm] = focal
    if size:
        taken |= {Base.ExifImageWidth: size[0], Base.ExifImageHeight: size[1]}
    exif[IFD.Exif] = taken
    return exif


def write(path, rgb, *, like=None, **options):
    with ImageSink(path, like=like, **options) as sink:
        sink.write(Frame(rgb, 0, Fraction(0)))
    return path


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.name)
def test_every_picture_loads_as_its_header_says(path):
    with ImageSource(path) as source:
        (frame,) = source
    assert frame.rgb.dtype == np.uint8
    assert (frame.width, frame.height) == (source.info.width, source.info.height) == picture_size(path)
    assert (frame.index, frame.time) == (0, 0)
    assert not source.info.is_film
    assert source.info.frames == 1
    assert frame.rgb.std() > 10


@pytest.mark.parametrize(
    "name", ["fmt_cmyk.jpg", "fmt_coffee.webp", "fmt_palette.png", "fmt_gray16.png", "fmt_gray.jpg"]
)
def test_every_encoding_of_a_picture_shows_the_same(name):
    truth = frame_of(COFFEE).rgb.astype(float)
    if "gray" in name:
        truth = (truth @ [0.299, 0.587, 0.114])[..., None]
    assert np.abs(frame_of(IMAGES / name).rgb - truth).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_every_orientation_is_made_upright(tmp_path, orientation, suffix):
    stored = {  # how the upright picture lies in the file, by the EXIF standard's rows and columns
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.transpose(1, 0, 2),
        6: lambda a: np.rot90(a, 1),
        7: lambda a: a[::-1, ::-1].transpose(1, 0, 2),
        8: lambda a: np.rot90(a, -1),
    }[orientation](picture())
    path = tmp_path / f"turned{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif_of(orientation).tobytes(), quality=95)
    frame = frame_of(path)
    assert np.abs(frame.rgb.astype(int) - picture()).mean() < 12
    if suffix != ".png":  # whose header does not say
        assert picture_size(path) == (40, 24)


@pytest.mark.parametrize("group", ["Landscape", "Portrait"])
def test_photos_that_differ_by_orientation_alone_load_the_same(group):
    frames = [frame_of(path).rgb.astype(int) for path in IMAGES.glob(f"exif_{group}_*.jpg")]
    assert len(frames) == 4
    for frame in frames[1:]:
        assert np.abs(frame - frames[0]).mean() < 8  # the number drawn on each differs


def test_sixteen_bit_grey_is_scaled_not_clipped(tmp_path):
    path = tmp_path / "deep.png"
    levels = np.array([[0, 128, 129, 257, 32896, 65535]], np.uint16)
    Image.fromarray(levels).save(path)
    assert frame_of(path).rgb[0, :, 0].tolist() == [0, 0, 1, 1, 128, 255]


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    transparent = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    transparent.save(path := tmp_path / "glass.png")
    assert (frame_of(path).rgb == 255).all()


def test_a_transparent_colour_of_a_palette_is_laid_on_white(tmp_path):
    palette = Image.fromarray(picture()).quantize(4)
    corner = palette.getpixel((0, 0))
    palette.save(path := tmp_path / "palette.png", transparency=corner)
    assert frame_of(path).rgb[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("mode", "suffix"),
    [("1", ".tif"), ("1", ".bmp"), ("L", ".tif"), ("L", ".jpg"), ("L", ".bmp"), ("L", ".jp2"), ("CMYK", ".tif")],
)
def test_modes_without_colour_of_their_own_become_rgb(tmp_path, mode, suffix):
    assert frame_of(photo(tmp_path / f"photo{suffix}", mode=mode)).rgb.shape == (24, 40, 3)


def test_numbers_that_are_no_colours_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), np.float32)).save(path := tmp_path / "heights.tif")
    with pytest.raises(FormatError, match="F samples"):
        ImageSource(path)


def test_a_cmyk_photo_goes_through_its_profile(tmp_path, monkeypatch):
    seen = []
    convert = ImageCms.profileToProfile
    monkeypatch.setattr(
        ImageCms, "profileToProfile", lambda *args, **options: seen.append(1) or convert(*args, **options)
    )
    grey = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    grey[16:20] = b"CMYK"  # an unusable profile, as its tables are of another space
    path = photo(tmp_path / "print.jpg", mode="CMYK", icc_profile=bytes(grey))
    assert frame_of(path).rgb.shape == (24, 40, 3)
    assert seen


def test_an_mpo_gives_its_first_picture(tmp_path, caplog):
    first, second = Image.fromarray(picture()), Image.fromarray(255 - picture())
    first.save(path := tmp_path / "fuji.mpo", save_all=True, append_images=[second])
    assert np.abs(frame_of(path).rgb.astype(int) - picture()).mean() < 12
    assert not caplog.records


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_an_animation_gives_its_first_picture_and_a_warning(tmp_path, suffix, caplog):
    first, second = Image.fromarray(picture()), Image.fromarray(255 - picture())
    first.save(path := tmp_path / f"moving{suffix}", save_all=True, append_images=[second], lossless=True)
    assert (frame_of(path).rgb == picture()).all()
    assert "holds 2 pictures" in caplog.text


def test_a_broken_photo_is_an_error_and_never_half_grey():
    with pytest.raises(MediaError, match=r"fmt_broken\.jpg is cut off"):
        ImageSource(IMAGES / "fmt_broken.jpg")


@pytest.mark.parametrize("name", ["sk_coffee.png", "fmt_coffee.webp", "fmt_coffee.tif", "fmt_cmyk.jpg"])
@pytest.mark.parametrize("share", [0.0, 0.001, 0.5, 0.95])
def test_a_cut_off_file_is_one_line(tmp_path, name, share):
    whole = (IMAGES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(MediaError) as caught:
        ImageSource(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(MediaError, match="there is no file"):
        ImageSource(tmp_path / "none.jpg")


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(MediaError, match="cannot read"):
        ImageSource(tmp_path)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    path = photo(tmp_path / "bomb.bmp")
    monkeypatch.setattr(image, "MAX_PIXELS", 900)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(MediaError, match="40x24 pixels"):
        ImageSource(path)


def test_pillows_own_limit_holds_again_afterwards(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    assert frame_of(photo(tmp_path / "large.bmp")).width == 40
    assert Image.MAX_IMAGE_PIXELS == 100


def test_heic_without_its_extra_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    path = tmp_path / "phone.jpg"  # phones do name them so
    path.write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    with pytest.raises(FormatError, match=r"vergence\[formats\]"):
        ImageSource(path)


def test_heic_loads_with_its_extra(tmp_path):
    heif = pytest.importorskip("pillow_heif", reason="the extra [formats] is not installed")
    heif.register_heif_opener()
    path = photo(tmp_path / "phone.heic", quality=95)
    assert np.abs(frame_of(path).rgb.astype(int) - picture()).mean() < 12


def test_the_camera_is_that_of_the_35_mm_equivalent(tmp_path):
    path = photo(tmp_path / "a.jpg", exif=exif_of(6, focal=28, size=(40, 24)))
    camera = frame_of(path).intrinsics
    assert (camera.width, camera.height, camera.cx, camera.cy) == (24, 40, 12, 20)
    assert camera.fx == camera.fy == pytest.approx(hypot(24, 40) * 28 / 43.27)


@pytest.mark.parametrize(
    "exif", [None, exif_of(), exif_of(focal=28, size=(40, 40))], ids=["none", "no focal", "cropped"]
)
def test_an_unknown_camera_is_none(tmp_path, exif):
    assert frame_of(photo(tmp_path / "a.jpg", exif=exif)).intrinsics is None


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".avif"])
def test_a_photo_comes_back(tmp_path, suffix):
    rgb = frame_of(COFFEE).rgb
    again = frame_of(write(tmp_path / f"again{suffix}", rgb)).rgb
    tolerance = 0 if suffix in (".png", ".tif") else 3
    assert np.abs(again.astype(int) - rgb).mean() <= tolerance


@pytest.mark.parametrize("suffix", [".jpg", ".avif"])
def test_lossy_pictures_keep_full_colour_resolution(tmp_path, suffix):
    red_and_cyan = np.zeros((32, 32, 3), np.uint8)
    red_and_cyan[:, ::2, 0] = red_and_cyan[:, 1::2, 1:] = 128
    again = frame_of(write(tmp_path / f"anaglyph{suffix}", red_and_cyan)).rgb
    assert np.abs(again.astype(int) - red_and_cyan).mean() < 16  # subsampled, it is a grey of 64


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_sixteen_bits_are_kept_where_they_can_be(tmp_path, suffix):
    cv2 = pytest.importorskip("cv2")
    rgb = np.random.default_rng(0).integers(0, 65536, (9, 7, 3)).astype(np.uint16)
    path = write(tmp_path / f"deep{suffix}", rgb)
    assert (cv2.imread(str(path), cv2.IMREAD_UNCHANGED)[..., ::-1] == rgb).all()
    assert (frame_of(write(tmp_path / "flat.webp", rgb)).rgb.shape) == rgb.shape


def test_profile_and_exif_travel_and_stay_true(tmp_path):
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    source = ImageSource(photo(tmp_path / "a.jpg", exif=exif_of(6, focal=28, size=(40, 24)), icc_profile=profile))
    for suffix in (".jpg", ".png", ".webp", ".tif", ".avif"):
        path = write(tmp_path / f"out{suffix}", np.zeros((40, 48, 3), np.uint8), like=source.info)
        with Image.open(path) as result:
            exif = result.getexif()
            assert result.info["icc_profile"] == profile
            assert exif[Base.Make] == "Maker"
            assert exif.get(Base.Orientation, 1) == 1
            taken = exif.get_ifd(IFD.Exif)
            assert (taken[Base.ExifImageWidth], taken[Base.ExifImageHeight]) == (48, 40)
            assert taken[Base.FocalLengthIn35mmFilm] == 28
            assert not exif.get_ifd(IFD.IFD1)


def test_a_profile_of_another_colour_space_does_not_travel(tmp_path):
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[16:20] = b"CMYK"
    source = ImageSource(photo(tmp_path / "a.jpg", mode="CMYK", icc_profile=bytes(profile)))
    with Image.open(write(tmp_path / "out.jpg", picture(), like=source.info)) as result:
        assert "icc_profile" not in result.info


def test_exif_too_long_for_a_jpeg_is_left_out_with_a_warning(tmp_path, caplog):
    exif = exif_of()
    exif[IFD.Exif] = {Base.MakerNote: bytes(70_000)}
    source = ImageSource(photo(tmp_path / "a.png", exif=exif))
    write(tmp_path / "out.jpg", picture(), like=source.info)
    assert "left out" in caplog.text


def test_tags_of_the_layout_of_a_tiff_stay_behind(tmp_path):
    source = ImageSource(photo(tmp_path / "a.tif", exif=exif_of()))
    with Image.open(write(tmp_path / "out.jpg", picture(), like=source.info)) as result:
        assert Base.StripOffsets not in result.getexif()
        assert result.getexif()[Base.Make] == "Maker"


def test_a_result_is_not_replaced_unasked(tmp_path):
    path = photo(tmp_path / "mine.jpg")
    before = path.read_bytes()
    with pytest.raises(TargetError, match="overwrite"):
        ImageSink(path, like=None)
    assert path.read_bytes() == before
    write(path, picture(), overwrite=True)
    assert path.read_bytes() != before


def test_a_failed_write_leaves_nothing(tmp_path):
    with pytest.raises(FormatError, match="16383"):
        write(tmp_path / "wide.webp", np.zeros((1, 16_384, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_a_second_picture_is_refused(tmp_path):
    frame = Frame(picture(), 0, Fraction(0))
    with ImageSink(tmp_path / "a.png", like=None) as sink:
        sink.write(frame)
        with pytest.raises(FormatError, match="one picture"):
            sink.write(frame)


def test_a_suffix_that_cannot_be_written_lists_those_that_can(tmp_path):
    with pytest.raises(FormatError, match=r"\.jpg.*\.png"):
        ImageSink(tmp_path / "a.bmp", like=None)


@pytest.mark.parametrize("quality", [0, 101])
def test_quality_has_a_range(tmp_path, quality):
    with pytest.raises(SettingsError, match="between 1 and 100"):
        ImageSink(tmp_path / "a.jpg", like=None, quality=quality)


def test_the_table_of_formats_and_the_writers_agree():
    assert {row.name for row in FORMATS if "picture" in row.writes} == set(WRITERS)


def test_a_profile_of_grey_is_followed(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    path = photo(tmp_path / "a.jpg", mode="L", icc_profile=b"\0" * 16 + b"GRAY" + bytes(200))
    rgb, _ = read_picture(path)
    assert "profile cannot be used" in caplog.text
    assert (rgb[..., 0] == rgb[..., 2]).all()


def test_a_film_like_source_brings_no_metadata(tmp_path):
    info = MediaInfo(path=tmp_path / "film.mp4", is_film=True, width=40, height=24)
    assert write(tmp_path / "still.png", picture(), like=info).exists()
