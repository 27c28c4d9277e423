"""Every kind of file we write, opened again by programs that are not ours: they find what `read_depth` finds."""

import json
import subprocess
import sys
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import OpenEXR
import pytest
from PIL import Image

import vergence
from vergence.geometry.nearness import nearness
from vergence.media.camera import guessed_camera
from vergence.media.depth_file import at_picture_size
from vergence.media.video import film_stream

FIXTURES = Path(__file__).parent / "fixtures"
PHOTO = FIXTURES / "images" / "sk_coffee.png"
FILM = FIXTURES / "videos" / "nasa_multistream.mp4"  # 480x270 at 29.97, two sounds, two subtitles
FRAMES = 12
PART = vergence.Part(start=Fraction(2), max_frames=FRAMES)
SHOWN = (("mp4", "h264"), ("mp4", "hevc"), ("mkv", "h264"), ("mov", "h264"))


@pytest.fixture(scope="module")
def model():
    return vergence.load_model("preview")


@pytest.fixture(scope="module")
def expected(model):
    """Times, pictures and depth of the film's part, by the stages themselves."""
    settings = vergence.StabiliseSettings()
    with PART.of(FILM) as film:
        items = list(vergence.stabilise(model.estimate(vergence.mark_shots(film)), settings=settings))
    width, height = items[0].frame.width, items[0].frame.height
    return [replace(item, depth=at_picture_size(item.depth, width, height)) for item in items]


# -- values ----------------------------------------------------------------------------------------------------------


def by_opencv(path):
    """(values, valid) of a 16-bit PNG by its codes and the line of text beside them, and half a step of the codes."""
    codes = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert (codes.dtype, codes.ndim) == (np.uint16, 2)
    with Image.open(path) as picture:
        told = json.loads(picture.text["vergence"])
    meant = told["offset"] + told["scale"] * codes.astype(np.float64)
    valid = codes != told["invalid"]
    values = np.where(valid, 1 / meant if told["of"] == "inverse" else meant, 0)
    return values, valid, told["kind"], told["scale"] / 2


def by_numpy(path):
    with np.load(path) as arrays:
        assert str(arrays["unit"]) == {"metric": "m", "disparity": "px"}.get(str(arrays["kind"]), "none")
        return arrays["values"], arrays["valid"], str(arrays["kind"]), 0


def by_openexr(path):
    with OpenEXR.File(str(path)) as file:
        values = file.channels()["Z"].pixels
        kind = json.loads(file.header()["vergence.kind"])
    assert values.dtype == np.float32
    return np.nan_to_num(values), np.isfinite(values), kind, 0


READERS = {"png": by_opencv, "npz": by_numpy, "exr": by_openexr}


def assert_holds(path, depth):
    """The other reader and `read_depth` agree with each other, and with `depth` within half a step."""
    values, valid, kind, half = READERS[path.suffix[1:]](path)
    ours = vergence.read_depth(path)
    assert kind == ours.kind == depth.kind
    np.testing.assert_array_equal(valid, ours.valid)
    np.testing.assert_array_equal(valid, depth.valid)
    np.testing.assert_allclose(ours.values, values, rtol=1e-6)
    if half:
        np.testing.assert_allclose(1 / values, 1 / depth.values, atol=1.01 * half)
    else:
        np.testing.assert_array_equal(values, depth.values)


@pytest.mark.parametrize("suffix", READERS)
def test_a_photos_depth(suffix, model, tmp_path):
    done = vergence.process_depth(PHOTO, tmp_path / f"depth.{suffix}", model=model)
    with vergence.open_source(PHOTO) as photo:
        (item,) = model.estimate(photo)
    assert_holds(done.path, at_picture_size(item.depth, 600, 400))


@pytest.mark.parametrize("name", ["depth.png", "depth.npz", "depth.exr", "depth/d_%04d.png", "depth/%d.exr"])
def test_a_films_depth_is_a_folder_of_files(name, model, expected, tmp_path):
    done = vergence.process_depth(FILM, tmp_path / name, model=model, part=PART)
    pattern = Path(name).name if "%" in name else f"%06d.{name[-3:]}"
    assert (done.path, done.frames) == (tmp_path / "depth", FRAMES)
    assert {path.name for path in done.path.iterdir()} == {pattern % i for i in range(FRAMES)}
    for i in (0, FRAMES - 1):
        assert_holds(done.path / (pattern % i), expected[i].depth)


@pytest.mark.parametrize("kind", ["metric", "affine_inverse", "disparity"])
@pytest.mark.parametrize("suffix", READERS)
def test_other_kinds_with_holes(kind, suffix, tmp_path):
    values = np.linspace(0.5, 60, 48 * 64, dtype=np.float32).reshape(48, 64)
    valid = np.ones((48, 64), bool)
    valid[10:20, 5:9] = False
    depth = vergence.DepthMap(np.where(valid, values, np.float32(0)), valid, kind)
    path = tmp_path / f"depth.{suffix}"
    vergence.write_depth(path, depth, width=64, height=48)
    found, known, told, half = READERS[suffix](path)
    ours = vergence.read_depth(path)
    assert told == ours.kind == kind
    np.testing.assert_array_equal(known, valid)
    np.testing.assert_allclose(ours.values, found, rtol=1e-6)
    np.testing.assert_allclose(found, depth.values, atol=1.01 * half + 1e-6)
    if (kind, suffix) == ("metric", "png"):  # millimetres, as every RGB-D tool reads them
        np.testing.assert_allclose(cv2.imread(str(path), -1) / 1000, depth.values, atol=0.00051)


# -- films to look at -------------------------------------------------------------------------------------------------


def pictures(path):
    """Everything OpenCV decodes, RGB, with the rate and count it is told."""
    film = cv2.VideoCapture(str(path))
    rate, count = film.get(cv2.CAP_PROP_FPS), film.get(cv2.CAP_PROP_FRAME_COUNT)
    found = []
    while (read := film.read())[0]:
        found.append(read[1][..., ::-1])
    film.release()
    return found, rate, count


def track_ends(path):
    """{kind of track: [(begin, end) in seconds, by its packets]}, empty subtitles aside."""
    with av.open(str(path)) as container:
        spans = {stream.index: [] for stream in container.streams}
        for packet in container.demux():
            if packet.pts is not None and packet.size > 2:
                begin = packet.pts * packet.time_base
                spans[packet.stream.index].append((begin, begin + (packet.duration or 0) * packet.time_base))
        kinds = {}
        for stream in container.streams:
            if of_it := spans[stream.index]:
                kinds.setdefault(stream.type, []).append((min(of_it)[0], max(end for _, end in of_it)))
    return kinds


@pytest.mark.parametrize(("suffix", "codec"), SHOWN)
def test_a_film_of_depth_has_the_films_times_and_brightness_by_nearness(suffix, codec, model, expected, tmp_path):
    encode = vergence.EncodeSettings(codec=codec)
    done = vergence.process_depth(
        FILM, tmp_path / f"out.{suffix}", model=model, part=PART, grayscale=True, encode=encode
    )
    found, rate, count = pictures(done.path)
    assert len(found) == done.frames == FRAMES
    assert rate == pytest.approx(30000 / 1001, rel=1e-3)
    if suffix != "mkv":  # which keeps no count
        assert count == FRAMES
    for picture, item in zip(found, expected, strict=True):
        assert picture.shape == (270, 480, 3)
        assert np.ptp(picture.astype(int), axis=2).mean() < 3
        near = nearness(item.depth)
        assert np.corrcoef(picture[..., 1].ravel(), near.ravel())[0, 1] > 0.98
    with av.open(str(done.path)) as container:
        stream = film_stream(container, done.path)
        times = sorted(p.pts * stream.time_base for p in container.demux(stream) if p.size)
    wanted = [item.frame.time - expected[0].frame.time for item in expected]
    steps = [time - times[0] for time in times]
    assert max(abs(a - b) for a, b in zip(steps, wanted, strict=True)) <= Fraction(1, 1000)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize(
    "part", [{"max_frames": 20}, {"start": 2, "end": 3}, {"start": 2, "max_frames": 8, "target_rate": 12}], ids=str
)
def test_picture_sound_and_subtitles_end_together(part, suffix, model, tmp_path):
    part = vergence.Part(**{k: v if k == "max_frames" else Fraction(v) for k, v in part.items()})
    done = vergence.process_depth(FILM, tmp_path / f"out.{suffix}", model=model, part=part)
    ends = track_ends(done.path)
    ((begin, end),) = ends["video"]
    rate = part.target_rate or Fraction(30000, 1001)
    length = 1 if part.end else part.max_frames / rate
    assert float(end - begin) == pytest.approx(float(length), abs=0.05)
    assert len(ends["audio"]) == 2
    for _, last in ends["audio"]:
        assert -0.05 < last - end < 0.15  # a packet of the slower one lasts 128 ms
    for _, last in ends["subtitle"]:
        assert last <= end + Fraction(1, 20)
    with av.open(str(done.path)) as container:
        assert container.duration / 1e6 <= end + Fraction(15, 100)


def test_depths_colours_are_a_screens_whatever_the_films(model, tmp_path):
    source = FIXTURES / "edge" / "hdr10_pq_10bit.mp4"
    part = vergence.Part(max_frames=3)
    tags = {}
    for side_by_side in (False, True):
        path = tmp_path / f"{side_by_side}.mp4"
        vergence.process_depth(source, path, model=model, part=part, side_by_side=side_by_side)
        with av.open(str(path)) as container:
            context = container.streams.video[0].codec_context
            tags[side_by_side] = (context.color_primaries, context.color_trc, context.colorspace)
    assert tags == {False: (1, 1, 1), True: (9, 16, 9)}


def test_without_audio_only_the_picture_is_left(model, tmp_path):
    done = vergence.process_depth(FILM, tmp_path / "out.mp4", model=model, part=PART, audio=False)
    assert list(track_ends(done.path)) == ["video"]


def test_side_by_side_shows_the_very_pixels(model, expected, tmp_path):
    done = vergence.process_depth(FILM, tmp_path / "out.mp4", model=model, part=PART, side_by_side=True)
    found, _, _ = pictures(done.path)
    for picture, item in zip(found, expected, strict=True):
        assert picture.shape == (270, 960, 3)
        assert np.abs(picture[:, :480].astype(int) - item.frame.rgb).mean() < 4


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_a_photos_depth_to_look_at(suffix, model, tmp_path):
    for grayscale in (False, True):
        path = tmp_path / f"{grayscale}.{suffix}"
        vergence.process_depth(PHOTO, path, model=model, grayscale=grayscale)
        shown = cv2.imread(str(path))[..., ::-1].astype(int)
        assert shown.shape == (400, 600, 3)
        assert (np.ptp(shown, axis=2).mean() < 3) == grayscale
        with vergence.open_source(PHOTO) as photo:
            (item,) = model.estimate(photo)
        near = cv2.resize(nearness(item.depth), (600, 400))
        assert np.corrcoef(shown.mean(axis=2).ravel(), near.ravel())[0, 1] > 0.95


def test_values_have_no_greys_and_say_so(model, tmp_path, caplog):
    done = vergence.process_depth(PHOTO, tmp_path / "depth.png", model=model, grayscale=True)
    assert "holds values" in caplog.text
    assert vergence.read_depth(done.path).kind == "scale_invariant"


# -- numbered files --------------------------------------------------------------------------------------------------


def test_a_pattern_replaces_what_it_wrote_and_nothing_else(model, tmp_path):
    part = replace(PART, max_frames=3)
    target = tmp_path / "shot" / "d_%03d.png"
    vergence.process_depth(FILM, target, model=model, part=part)
    with pytest.raises(vergence.VergenceError, match="--overwrite"):
        vergence.process_depth(FILM, target, model=model, part=part)
    vergence.process_depth(FILM, target, model=model, part=replace(part, max_frames=2), overwrite=True)
    assert sorted(path.name for path in target.parent.iterdir()) == ["d_000.png", "d_001.png"]
    (target.parent / "d_note.png").touch()
    with pytest.raises(vergence.VergenceError, match=r"d_note\.png, which is not ours; choose another folder"):
        vergence.process_depth(FILM, target, model=model, part=part, overwrite=True)


def test_the_folder_one_is_in_is_not_replaced(model, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for target in ("d_%03d.png", "d_%03d.jpg"):
        with pytest.raises(vergence.VergenceError, match="a folder of their own"):
            vergence.process_depth(FILM, target, model=model, part=PART)
    assert list(tmp_path.iterdir()) == []


# -- clouds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_film", [False, True])
def test_a_cloud_has_the_pictures_colours_at_its_depth(is_film, model, tmp_path):
    plyfile = pytest.importorskip("plyfile", reason="the independent reader is not installed")
    source, part = (FILM, replace(PART, max_frames=2)) if is_film else (PHOTO, vergence.Part())
    keep_all = vergence.CloudSettings(edges="keep", farthest=float("inf"))
    done = vergence.process_cloud(source, tmp_path / "out.ply", depth=model, settings=keep_all, part=part)
    values = vergence.process_depth(source, tmp_path / "depth.npz", model=model, part=part).path
    files = sorted(done.path.iterdir()) if is_film else [done.path]
    maps = sorted(values.iterdir()) if is_film else [values]
    with part.of(source) as media:
        for file, map_, frame in zip(files, maps, media, strict=True):
            ply = plyfile.PlyData.read(str(file))
            assert (ply.text, ply.byte_order) == (False, "<")
            vertex, camera = ply["vertex"].data, guessed_camera(frame.width, frame.height)
            z = by_numpy(map_)[0].ravel()
            np.testing.assert_array_equal(-vertex["z"], z)
            u = vertex["x"] / z * camera.fx + camera.cx
            v = -vertex["y"] / z * camera.fy + camera.cy
            rows, columns = np.divmod(np.arange(z.size), frame.width)
            np.testing.assert_allclose(u, columns + 0.5, atol=1e-3)
            np.testing.assert_allclose(v, rows + 0.5, atol=1e-3)
            colours = np.stack([vertex[name] for name in ("red", "green", "blue")], axis=1)
            np.testing.assert_array_equal(colours, frame.rgb.reshape(-1, 3))


def test_an_empty_cloud_is_told(model, tmp_path, caplog):
    settings = vergence.CloudSettings(farthest=0.001)
    done = vergence.process_cloud(PHOTO, tmp_path / "out.ply", depth=model, settings=settings)
    assert len(vergence.read_ply(done.path).points) == 0
    assert "no point" in caplog.text


# -- what cannot be done -----------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("depth FILM -o out.mp4 --input-size 0", 2, "--input-size"),
        ("depth FILM -o out.mp4 --input-size 32", 1, "'preview' sees pictures at 96 to 640 px"),
        ("depth notes.txt -o out.mp4", 1, "notes.txt is in no format we know"),
        ("depth empty.mp4 -o out.mp4", 1, "empty.mp4 is empty"),
        ("depth FILM -o out.mp4 --model none-such", 1, "no depth model is called 'none-such'"),
        ("depth FILM -o out.mp4 --kind metric", 1, "weights of your own"),
        ("depth FILM -o out.mp4 --weights notes.txt", 1, "notes.txt"),
        ("depth FILM -o out.mp4 --streaming", 1, "--streaming is of video models"),
        ("depth FILM -o out.mp4 --exact", 1, "--exact is of video models"),
        ("depth FILM -o out.mp4 --target-fps 0", 2, "--target-fps"),
        ("depth FILM -o out.mp4 --max-len 0", 2, "--max-len"),
        ("depth FILM -o out.mp4 --max-res 8", 2, "--max-res"),
        ("depth FILM -o out.mp4 --start 100", 1, "part asked for"),
        ("depth FILM -o taken.png", 1, "taken exists; use --overwrite"),
        ("depth FILM -o out.jpg", 1, "is a film, which cannot be written as out.jpg"),
        ("depth FILM -o out.npz --side-by-side", 1, "is a film, which cannot be written as out.npz"),
        ("depth PHOTO -o out.mp4", 1, "cannot hold a photo's depth"),
        ("depth PHOTO -o out.tif", 1, "cannot hold a photo's depth"),
        ("cloud PHOTO -o out.obj", 1, "name the result out.ply"),
        ("cloud PHOTO -o out.ply --farthest far", 2, "neither auto nor a number"),
        ("cloud PHOTO -o out.ply --min-confidence 1", 1, "leave out --min-confidence"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_leaves_nothing(command, code, said, tmp_path):
    (tmp_path / "notes.txt").write_text("no film")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "000000.png").touch()
    before = sorted(tmp_path.rglob("*"))
    names = {"FILM": str(FILM), "PHOTO": str(PHOTO)}
    words = [names.get(word, word) for word in command.split()]
    if not {"--model", "--weights", "--kind"} & set(words):
        words += ["--model", "preview"]
    program = [sys.executable, "-c", "from vergence.cli.main import main; main()"]
    done = subprocess.run([*program, *words], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.replace("\u2502", " ").split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    if code == 1:
        assert done.stderr.splitlines()[-1].startswith("error: ")
    assert sorted(tmp_path.rglob("*")) == before
