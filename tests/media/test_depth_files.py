"""Depth in and out of files."""

import json
import zipfile
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from vergence.errors import FormatError, MediaError, TargetError
from vergence.geometry.resample import resize_depth
from vergence.media import depth_exr, depth_npz, depth_png, formats
from vergence.media.depth_file import DepthSink, DepthSource, at_picture_size, read_depth, write_depth
from vergence.types import DEPTH_KINDS, DepthFrame, DepthMap, Frame, Intrinsics, MediaInfo

FIXTURES = Path(__file__).parent.parent / "fixtures"
ALOE = FIXTURES / "stereo" / "aloeGT.png"
CAMERA = Intrinsics(50.25, 51.5, 3.5, 2.1, 7, 5)
POSE = np.array([[0, -1, 0, 0.1], [1, 0, 0, 2], [0, 0, 1, 1 / 3], [0, 0, 0, 1]])


def depth(values, kind="metric", **properties):
    values = np.atleast_2d(np.asarray(values, np.float32))
    valid = properties.pop("valid", np.ones(values.shape, bool))
    return DepthMap(values, valid, kind, **properties)


def some(kind="metric", low=0.5, high=20.0):
    random = np.random.default_rng(3)
    return depth(
        random.uniform(low, high, (5, 7)),
        kind,
        valid=random.random((5, 7)) > 0.3,
        intrinsics=CAMERA,
        world_from_camera=POSE,
        confidence=random.random((5, 7)).astype(np.float32),
    )


def assert_same_properties(again, before):
    assert again.kind == before.kind
    assert again.intrinsics == before.intrinsics
    assert (again.valid == before.valid).all()
    if before.world_from_camera is not None:
        assert (again.world_from_camera == before.world_from_camera).all()


def round_trip(codec, path, before):
    codec.save(path, before)
    again = codec.load(path, None)
    assert_same_properties(again, before)
    return again


@st.composite
def depths(draw, low=-(2.0**100), high=2.0**100, kinds=DEPTH_KINDS):
    shape = draw(hnp.array_shapes(min_dims=2, max_dims=2, max_side=6))
    values = draw(hnp.arrays(np.float32, shape, elements=st.floats(low, high, width=32)))
    valid = draw(hnp.arrays(np.bool_, shape))
    sampling = draw(st.sampled_from(["centres", "corners"]))
    return DepthMap(values, valid, draw(st.sampled_from(kinds)), sampling)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("depth")


@given(before=depths())
def test_npz_gives_every_bit_back(folder, before):
    again = round_trip(depth_npz, folder / "a.npz", before)
    assert again.values.tobytes() == before.values.tobytes()
    assert again.sampling == before.sampling


@given(before=depths())
def test_exr_gives_every_valid_bit_back(folder, before):
    again = round_trip(depth_exr, folder / "a.exr", before)
    assert again.values[again.valid].tobytes() == before.values[before.valid].tobytes()
    assert (again.values[~again.valid] == 0).all()
    assert again.sampling == before.sampling


@given(before=depths())
def test_png_gives_values_back_within_half_a_step(folder, before):
    again = round_trip(depth_png, folder / "a.png", before)
    with Image.open(folder / "a.png") as picture:
        text = json.loads(picture.text["vergence"])
    codes = np.asarray(Image.open(folder / "a.png"))
    assert (codes == 0).tolist() == (~before.valid).tolist()
    wanted, found = before.values[before.valid].astype(float), again.values[again.valid].astype(float)
    if text["of"] == "inverse":
        wanted, found = 1 / wanted, 1 / found
    # Half a step, and for values nearer to zero than code 1 a whole one, beside float32's own rounding.
    smallest = text["offset"] + text["scale"]
    slack = np.where(wanted < smallest, smallest - wanted, text["scale"] / 2)
    assert (np.abs(found - wanted) <= 1.001 * slack + 1e-6 * np.abs(wanted).max(initial=0)).all()


@given(before=depths(low=0.125, high=1000.0, kinds=["scale_invariant"]))
def test_png_keeps_near_and_far_of_scale_invariant_depth(folder, before):
    again = round_trip(depth_png, folder / "a.png", before)
    wanted, found = before.values[before.valid].astype(float), again.values[again.valid].astype(float)
    assert (np.abs(1 / found - 1 / wanted) <= 8 / 65534).all()  # twice half a step, of the nearest at 0.125


@pytest.mark.parametrize("kind", DEPTH_KINDS)
@pytest.mark.parametrize("codec", [depth_npz, depth_exr, depth_png])
def test_every_property_comes_back(tmp_path, codec, kind):
    before = some(kind)
    again = round_trip(codec, tmp_path / "a.any", before)
    if codec is not depth_png:
        assert (again.confidence == before.confidence).all()


def test_nothing_valid_comes_back_as_nothing_valid(tmp_path):
    before = depth(np.ones((3, 4)), valid=np.zeros((3, 4), bool))
    for codec in (depth_npz, depth_exr, depth_png):
        round_trip(codec, tmp_path / "a.any", before)


def test_metric_png_is_millimetres_to_opencv(tmp_path):
    write_depth(tmp_path / "a.png", depth([[0.5, 1.2344, 65.0]]), width=3, height=1)
    assert cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).tolist() == [[500, 1234, 65000]]


def test_disparity_png_is_kittis_to_opencv(tmp_path):
    write_depth(tmp_path / "a.png", depth([[0.5, 10, 255]], "disparity"), width=3, height=1)
    assert cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).tolist() == [[128, 2560, 65280]]


def test_metric_depth_too_far_for_millimetres_has_a_range_of_its_own(tmp_path):
    write_depth(tmp_path / "a.png", depth([[1.0, 300.0]]), width=2, height=1)
    assert cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).tolist() == [[1, 65535]]
    assert read_depth(tmp_path / "a.png").values[0].tolist() == [1.0, 300.0]


def test_exr_reads_elsewhere(tmp_path):
    before = some()
    write_depth(tmp_path / "a.exr", before, width=7, height=5)
    with OpenEXR.File(str(tmp_path / "a.exr"), separate_channels=True) as file:
        z = file.channels()["Z"].pixels
        assert json.loads(file.header()["vergence.kind"]) == "metric"
        assert json.loads(file.header()["vergence.unit"]) == "m"
    assert z.dtype == np.float32
    assert (np.isnan(z) == ~before.valid).all()
    assert (z[before.valid] == before.values[before.valid]).all()


def test_npz_reads_elsewhere(tmp_path):
    before = some()
    write_depth(tmp_path / "a.npz", before, width=7, height=5)
    with np.load(tmp_path / "a.npz") as file:
        assert (file["values"] == before.values).all()
        assert str(file["kind"]) == "metric"


@pytest.mark.parametrize("suffix", [".npz", ".exr"])
def test_depth_is_written_at_the_size_of_its_picture(tmp_path, suffix):
    before = depth(np.arange(12).reshape(3, 4), "affine_inverse", sampling="corners", intrinsics=CAMERA)
    write_depth(tmp_path / f"a{suffix}", before, width=16, height=9)
    again = read_depth(tmp_path / f"a{suffix}")
    assert (again.values == resize_depth(before.values, 16, 9, sampling="corners")).all()
    assert again.sampling == "centres"
    assert again.intrinsics == CAMERA.resized(16, 9)


def test_resizing_does_not_mix_in_invalid_values():
    before = depth(np.where(np.eye(6), 1e9, 2.0), valid=~np.eye(6, dtype=bool))
    after = at_picture_size(before, 13, 17)
    np.testing.assert_allclose(after.values[after.valid], 2.0, rtol=1e-6)
    assert 0 < (~after.valid).sum() < after.valid.sum()


def test_what_lies_there_is_not_replaced_unasked(tmp_path):
    write_depth(tmp_path / "a.png", some(), width=7, height=5)
    with pytest.raises(TargetError, match="overwrite"):
        write_depth(tmp_path / "a.png", some(), width=7, height=5)
    write_depth(tmp_path / "a.png", some(), width=7, height=5, overwrite=True)


def test_an_unknown_suffix_lists_the_known(tmp_path):
    for suffix in (".jpg", ".tif", ""):
        with pytest.raises(FormatError, match=r"\.png, \.exr, \.npz"):
            write_depth(tmp_path / f"a{suffix}", some(), width=7, height=5)
    (tmp_path / "a.txt").write_text("near")
    with pytest.raises(FormatError, match="cannot read depth"):
        read_depth(tmp_path / "a.txt")


def test_middlebury_disparity_is_pixels():
    aloe = read_depth(ALOE, kind="disparity")
    assert (aloe.values.shape, aloe.kind) == ((1110, 1282), "disparity")
    raw = cv2.imread(str(ALOE), cv2.IMREAD_UNCHANGED)
    assert (aloe.values == raw).all()
    assert (aloe.valid == (raw > 0)).all()


@pytest.mark.parametrize(
    ("samples", "kind", "values", "valid"),
    [
        (np.uint16([[0, 1, 2500]]), "metric", [0, 0.001, 2.5], [False, True, True]),
        (np.uint16([[0, 256, 640]]), "disparity", [0, 1, 2.5], [False, True, True]),
        (np.uint8([[0, 1, 40]]), "disparity", [0, 1, 40], [False, True, True]),
        (np.uint8([[0, 1, 40]]), "inverse", [0, 1, 40], [True, True, True]),
        (np.uint16([[0, 9, 65535]]), "inverse", [0, 9, 65535], [True, True, True]),
        (np.float32([[0, np.inf, 2.5]]), "metric", [0, 0, 2.5], [False, False, True]),
    ],
)
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_grey_pictures_of_other_programs_are_read_by_convention(tmp_path, samples, kind, values, valid, suffix):
    if samples.dtype == np.float32 and suffix == ".png":
        suffix = ".tiff"
    Image.fromarray(samples).save(tmp_path / f"a{suffix}")
    found = read_depth(tmp_path / f"a{suffix}", kind=kind)
    np.testing.assert_allclose(found.values[0], values, rtol=1e-6)
    assert found.valid[0].tolist() == valid


def test_grey_saved_as_colour_is_read_and_colour_is_not(tmp_path):
    grey = Image.fromarray(np.uint8([[1, 2, 200]]))
    grey.convert("RGB").save(tmp_path / "grey.png")
    grey.convert("P").save(tmp_path / "palette.png")
    for name in ("grey.png", "palette.png"):
        assert read_depth(tmp_path / name, kind="inverse").values[0].tolist() == [1, 2, 200]
    with pytest.raises(FormatError, match="in colour"):
        read_depth(FIXTURES / "images" / "sk_coffee.png", kind="inverse")


def test_eight_bits_are_too_few_for_metres(tmp_path):
    Image.fromarray(np.uint8([[1, 2]])).save(tmp_path / "a.png")
    with pytest.raises(FormatError, match="16-bit millimetres"):
        read_depth(tmp_path / "a.png", kind="metric")


@pytest.mark.parametrize("name", ["depth", "depths", "disparity", "arr_0"])
def test_npz_of_other_programs_are_read(tmp_path, name):
    np.savez_compressed(tmp_path / "a.npz", other=np.zeros(3), **{name: np.array([[1.5, -1, np.nan]])})
    found = read_depth(tmp_path / "a.npz", kind="metric")
    assert found.values.tolist() == [[1.5, 0, 0]]
    assert found.valid.tolist() == [[True, False, False]]


@pytest.mark.parametrize("channel", ["Z", "Y", "R", "depth.V"])
def test_exr_of_other_programs_are_read(tmp_path, channel):
    channels = {channel: np.float16([[1.5, 0, 3]]), **({"A": np.float16([[1, 1, 1]])} if channel == "Z" else {})}
    OpenEXR.File({"type": OpenEXR.scanlineimage}, channels).write(str(tmp_path / "a.exr"))
    found = read_depth(tmp_path / "a.exr", kind="metric")
    assert found.values.tolist() == [[1.5, 0, 3]]
    assert found.valid.tolist() == [[True, False, True]]


def test_exr_without_a_depth_channel_names_those_it_has(tmp_path):
    ones = np.ones((2, 2), np.float32)
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"U": ones, "V": ones}).write(str(tmp_path / "a.exr"))
    with pytest.raises(FormatError, match="U, V"):
        read_depth(tmp_path / "a.exr", kind="metric")


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_numbers_without_a_meaning_ask_for_the_kind(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix == ".png":
        Image.fromarray(np.uint16([[1]])).save(path)
    elif suffix == ".npz":
        np.savez(path, depth=np.ones((2, 2)))
    else:
        OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": np.ones((2, 2), np.float32)}).write(str(path))
    with pytest.raises(FormatError, match="--depth-kind"):
        read_depth(path)


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_a_kind_that_contradicts_the_file_is_refused(tmp_path, suffix):
    write_depth(tmp_path / f"a{suffix}", some(), width=7, height=5)
    assert read_depth(tmp_path / f"a{suffix}", kind="metric").kind == "metric"
    with pytest.raises(FormatError, match="says that it holds metric"):
        read_depth(tmp_path / f"a{suffix}", kind="inverse")


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_cut_off_file_is_an_error(tmp_path, suffix, share, capsys):
    random = np.random.default_rng(0).uniform(1, 9, (64, 64))
    path = tmp_path / f"a{suffix}"
    write_depth(path, depth(random), width=64, height=64)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(MediaError) as caught:
        read_depth(path, kind="metric")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_a_missing_file_is_an_error(tmp_path, suffix):
    with pytest.raises(MediaError):
        read_depth(tmp_path / f"none{suffix}")


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_damage_in_the_middle_is_noticed(tmp_path, suffix):
    # Of what EXR compresses; a part that does not shrink is stored as it is, without a checksum.
    path = tmp_path / f"a{suffix}"
    write_depth(path, depth(np.mgrid[1:65, 1:65][1] ** 2), width=64, height=64)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 16] = bytes(16)
    path.write_bytes(data)
    with pytest.raises(MediaError):
        read_depth(path)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "wide"},
        {"unit": "feet"},
        {"sampling": "random"},
        {"intrinsics": [1, 2]},
        {"version": None},
        {"kind": [1]},
    ],
)
def test_a_damaged_description_is_an_error(tmp_path, change):
    depth_png.save(tmp_path / "a.png", some())
    with Image.open(tmp_path / "a.png") as picture:
        text = PngInfo()
        text.add_text("vergence", json.dumps(json.loads(picture.text["vergence"]) | change))
        picture.save(tmp_path / "b.png", pnginfo=text)
    with pytest.raises(MediaError, match="damaged"):
        read_depth(tmp_path / "b.png")


def test_a_later_version_asks_for_an_update(tmp_path):
    np.savez(tmp_path / "a.npz", values=np.ones((1, 1), np.float32), valid=np.ones((1, 1), bool), kind="x", version=2)
    with pytest.raises(FormatError, match="later version"):
        read_depth(tmp_path / "a.npz")


def test_values_that_are_not_finite_are_damage(tmp_path):
    arrays = {"values": np.float32([[np.nan]]), "valid": np.array([[True]])}
    np.savez(tmp_path / "a.npz", kind="metric", unit="m", sampling="centres", version=1, **arrays)
    with pytest.raises(MediaError, match="finite"):
        read_depth(tmp_path / "a.npz")


def test_pickled_objects_are_never_loaded(tmp_path):
    np.savez(tmp_path / "a.npz", depth=np.array([[{}]], dtype=object))
    with pytest.raises(MediaError, match="pickled"):
        read_depth(tmp_path / "a.npz", kind="metric")


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_a_bomb_is_refused_before_memory_is_taken(tmp_path, suffix, monkeypatch):
    write_depth(tmp_path / f"a{suffix}", depth(np.ones((20, 20))), width=20, height=20)
    for module in (formats, depth_npz, depth_exr, depth_png.open_picture.__globals__):
        if isinstance(module, dict):
            monkeypatch.setitem(module, "MAX_PIXELS", 399)
        else:
            monkeypatch.setattr(module, "MAX_PIXELS", 399)
    with pytest.raises(MediaError, match=r"million|larger"):
        read_depth(tmp_path / f"a{suffix}")


def test_a_header_that_claims_more_than_there_is_is_damage(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("depth.npy", "w") as member:
        np.lib.format.write_array_header_1_0(
            member, {"descr": "<f4", "fortran_order": False, "shape": (10_000, 10_000)}
        )
    with pytest.raises(MediaError, match="damaged"):
        read_depth(tmp_path / "a.npz", kind="metric")


def frame(index=0, size=(10, 14)):
    return Frame(np.zeros((*size, 3), np.uint8), index, Fraction(index))


def film():
    return MediaInfo(path=None, is_film=True, width=14, height=10)


@pytest.mark.parametrize("suffix", [".png", ".npz", ".exr"])
def test_a_film_of_depth_comes_back(tmp_path, suffix):
    maps = [depth(np.full((5, 7), 1.0 + index)) for index in range(3)]
    with DepthSink(tmp_path / f"walk{suffix}", like=film()) as sink:
        for index, item in enumerate(maps):
            sink.write(DepthFrame(frame(index), item))
    assert sink.path == tmp_path / "walk"
    assert (tmp_path / "walk" / f"000002{suffix}").is_file()
    with DepthSource(sink.path) as source:
        assert (source.is_film, source.frames) == (True, 3)
        found = list(source)
    assert [number for number, _ in found] == [0, 1, 2]
    assert [item.values.shape for _, item in found] == [(10, 14)] * 3
    assert [float(item.values[0, 0]) for _, item in found] == pytest.approx([1, 2, 3])


def test_a_pattern_names_the_files_of_a_film(tmp_path):
    with DepthSink(tmp_path / "walk" / "z_%03d.exr", like=film()) as sink:
        sink.write(DepthFrame(frame(), some()))
    assert [path.name for path in (tmp_path / "walk").iterdir()] == ["z_000.exr"]
    assert len(list(DepthSource(tmp_path / "walk" / "z_%03d.exr"))) == 1


def test_a_photo_has_one_depth_file(tmp_path):
    like = MediaInfo(path=None, is_film=False, width=14, height=10)
    with DepthSink(tmp_path / "room.png", like=like) as sink:
        sink.write(DepthFrame(frame(), some()))
    with DepthSource(tmp_path / "room.png") as source:
        assert (source.is_film, source.frames) == (False, 1)
        ((number, found),) = source
    assert (number, found.values.shape) == (0, (10, 14))
    with pytest.raises(TargetError, match="overwrite"):
        DepthSink(tmp_path / "room.png", like=like)


def test_a_film_that_fails_leaves_nothing(tmp_path):
    def torn():
        with DepthSink(tmp_path / "walk.npz", like=film()) as sink:
            sink.write(DepthFrame(frame(), some()))
            raise MediaError("torn")

    with pytest.raises(MediaError, match="torn"):
        torn()
    assert list(tmp_path.iterdir()) == []


def test_a_stack_of_another_program_is_a_film(tmp_path):
    np.savez(tmp_path / "vda.npz", depths=np.arange(1, 25, dtype=np.float16).reshape(4, 2, 3))
    source = DepthSource(tmp_path / "vda.npz", kind="inverse")
    assert (source.is_film, source.frames) == (True, 4)
    maps = dict(source)
    assert maps[3].values.tolist() == [[19, 20, 21], [22, 23, 24]]
    assert maps[0].kind == "affine_inverse"
    with pytest.raises(FormatError, match="holds 4 depth maps"):
        read_depth(tmp_path / "vda.npz", kind="inverse")


def test_a_folder_without_depth_says_what_is_needed(tmp_path):
    with pytest.raises(MediaError, match=r"numbered files.*\.png"):
        DepthSource(tmp_path)
    with pytest.raises(MediaError, match="there is no file"):
        DepthSource(tmp_path / "none.exr")


def test_a_grey_film_is_brighter_where_nearer():
    source = DepthSource(FIXTURES / "edge" / "gray_pixfmt.mp4")
    assert source.is_film
    numbers, maps = zip(*source, strict=True)
    assert numbers == tuple(range(24))
    assert {item.kind for item in maps} == {"affine_inverse"}
    assert maps[0].values.shape == (180, 320)
    assert 0 <= maps[0].values.min() < maps[0].values.max() <= 1


def test_a_coloured_film_is_no_depth():
    with pytest.raises(FormatError, match="in colour"):
        list(DepthSource(FIXTURES / "edge" / "one_frame.mp4"))


def test_greys_of_a_film_cannot_be_metres():
    with pytest.raises(FormatError, match="cannot be metres"):
        DepthSource(FIXTURES / "edge" / "gray_pixfmt.mp4", kind="metric")
