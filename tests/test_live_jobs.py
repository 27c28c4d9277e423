"""Sources without an end as whole jobs: files of them, and a plain window."""

import itertools
import threading
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pytest
from PIL import Image

from clips import write_clip
from vergence.errors import FormatError, MediaError, ModelError
from vergence.media.depth_file import read_depth
from vergence.media.open import open_source
from vergence.media.sampling import Thinned
from vergence.pipelines import window as module
from vergence.pipelines.depth import process_depth
from vergence.pipelines.job import Part
from vergence.pipelines.recorded import Recorded
from vergence.pipelines.stereo import process_photo, process_video
from vergence.pipelines.window import OpenCvWindow, show_window
from vergence.stability.stabilise import StabiliseSettings
from vergence.types import DepthFrame, DepthMap, Frame

LIVE = "test:96x64@30"
RAW = StabiliseSettings(method="none")


class Ramp:
    """Nearer towards the bottom."""

    card = SimpleNamespace(name="ramp", lookahead=0, kind="scale_invariant")
    lookahead = 0

    def estimate(self, frames):
        for frame in frames:
            values = np.tile(np.linspace(9, 2, 32, dtype=np.float32)[:, None], (1, 48))
            yield DepthFrame(frame, DepthMap(values, np.ones(values.shape, bool), "scale_invariant"))


def film_of(path):
    with av.open(str(path)) as container:
        return [(picture.width, picture.height, picture.time) for picture in container.decode(video=0)]


def test_a_live_source_becomes_a_depth_film_of_the_part_asked_for(tmp_path):
    done = process_depth(LIVE, tmp_path / "d.mp4", model=Ramp(), part=Part(max_frames=6))
    film = film_of(done.path)
    assert (done.frames, len(film), film[0][:2]) == (6, 6, (96, 64))
    times = [time for *_, time in film]
    assert times == sorted(set(times))


def test_it_lies_beside_its_source_though_that_is_read_once(tmp_path):
    done = process_depth(LIVE, tmp_path / "d.mp4", model=Ramp(), side_by_side=True, part=Part(max_frames=40))
    film = film_of(done.path)
    assert (len(film), film[0][:2]) == (40, (192, 64))
    with open_source(done.path) as written:
        rgb = next(iter(written)).rgb8.astype(int)
    assert rgb[:, :96].std() > 10  # the drawn scene
    assert abs(np.diff(rgb[:, 100:190], axis=1)).max() < 40  # rows of one depth


def test_a_live_source_becomes_a_stereo_film(tmp_path):
    done = process_video(LIVE, tmp_path / "s.mp4", depth=Ramp(), part=Part(max_frames=5))
    assert [size for *size, _ in film_of(done.path)] == [[192, 64]] * 5


def test_what_says_stop_ends_it_and_keeps_the_film(tmp_path):
    until = threading.Event()
    threading.Timer(0.5, until.set).start()
    done = process_depth(LIVE, tmp_path / "d.mp4", model=Ramp(), part=Part(until=until))
    assert done.frames == len(film_of(done.path)) > 0


def test_one_needs_a_name_for_the_result_and_is_no_photo(tmp_path):
    with pytest.raises(FormatError, match="say where to write with -o"):
        process_depth(LIVE, model=Ramp())
    with pytest.raises(FormatError, match="is a film"):
        process_photo(LIVE, tmp_path / "a.jpg", depth=Ramp())


def test_a_live_source_can_be_thinned_out():
    with open_source(LIVE, target_rate=Fraction(10), max_frames=3) as source:
        assert isinstance(source, Thinned)
        times = [frame.time for frame in source]
    assert all(b - a > Fraction(1, 20) for a, b in itertools.pairwise(times))


class Screen:
    """A window that is looked at: pictures shown, and keys pressed after so many of them."""

    def __init__(self, keys=None, closes_after=None):
        self.keys, self.closes_after = keys or {}, closes_after
        self.pictures, self.is_closed = [], False

    @property
    def is_open(self):
        return self.closes_after is None or len(self.pictures) < self.closes_after

    def show(self, rgb):
        self.pictures.append(rgb)

    def key(self):
        return self.keys.get(len(self.pictures), "")

    def close(self):
        self.is_closed = True


def shown(tmp_path, screen, source=LIVE, **options):
    lines = []
    count = show_window(
        source, model=Ramp(), window=screen, stabilising=RAW, folder=tmp_path, tell=lines.append, **options
    )
    return count, lines


def test_the_window_shows_picture_and_depth_until_q(tmp_path):
    screen = Screen(keys={4: "q"})
    assert shown(tmp_path, screen) == (4, [])
    assert screen.is_closed
    assert {picture.shape for picture in screen.pictures} == {(64, 192, 3)}
    depth = screen.pictures[-1][:, 96:].astype(int)
    assert depth[-4].sum() > depth[20].sum()  # near is bright


def test_closing_the_window_ends_it(tmp_path):
    assert shown(tmp_path, Screen(closes_after=2))[0] == 2


def test_s_saves_the_picture_and_its_depth(tmp_path):
    _, lines = shown(tmp_path, Screen(keys={2: "s", 3: "S", 5: "\x1b"}))
    assert len(lines) == 2
    photos = sorted(path for path in tmp_path.glob("*.png") if not path.stem.endswith("_depth"))
    assert len(photos) == 2, "two in one second have two names"
    for path in photos:
        with Image.open(path) as picture:
            assert picture.size == (96, 64)
        depth = read_depth(path.with_name(f"{path.stem}_depth.png"))
        assert depth.values.shape == (64, 96)


def test_r_starts_and_ends_a_recording_that_begins_at_zero(tmp_path):
    screen = Screen(keys={3: "r", 8: "r", 10: "q"})  # a picture counts after the key
    _, lines = shown(tmp_path, screen)
    (path,) = tmp_path.glob("*.mp4")
    assert lines == [f"recorded {path}"]
    film = film_of(path)
    assert [size for *size, _ in film] == [[192, 64]] * 5
    assert film[0][2] == 0
    is_red = [bool((picture[4:14, -14:-4] == (230, 30, 30)).all(axis=-1).any()) for picture in screen.pictures]
    assert is_red == [False] * 3 + [True] * 5 + [False] * 2


def test_a_recording_is_whole_when_the_window_is_closed_in_its_midst(tmp_path):
    _, lines = shown(tmp_path, Screen(closes_after=4), recording=True)
    (path,) = tmp_path.glob("*.mp4")
    assert len(film_of(path)) == 4
    assert lines


def test_films_run_at_their_own_speed_and_photos_are_shown(tmp_path):
    import time

    clip = write_clip(tmp_path / "clip.mp4", frames=12)
    began = time.monotonic()
    assert shown(tmp_path, Screen(), source=clip)[0] == 12
    assert time.monotonic() - began > 11 / 24
    Image.new("RGB", (64, 48)).save(tmp_path / "photo.jpg")
    assert shown(tmp_path, Screen(), source=tmp_path / "photo.jpg")[0] == 1


def test_answers_of_a_model_are_recorded_at_the_moments_they_come(tmp_path):
    moments, lines = iter([50.0, 50.5, 50.5, 52.0]), []
    # The clock of a film goes back where someone seeks in it.
    frames = [Frame(np.full((48, 64, 3), 60 * i, np.uint8), i, Fraction(7 - i)) for i in range(4)]
    with Recorded(Ramp(), tmp_path, tell=lines.append, clock=lambda: next(moments)) as model:
        assert [item.frame.index for item in model.estimate(frames)] == [0, 1, 2, 3]
    (path,) = tmp_path.glob("*.mp4")
    assert lines == [f"recorded {path}"]
    film = film_of(path)
    assert [(width, height) for width, height, _ in film] == [(128, 48)] * 4
    assert [round(float(time), 2) for *_, time in film] == [0.0, 0.5, 0.5, 2.0]


def test_pictures_of_another_size_begin_another_film(tmp_path):
    lines = []
    frames = [Frame(np.zeros((48, 64 if i < 3 else 96, 3), np.uint8), i, Fraction(i)) for i in range(5)]
    with Recorded(Ramp(), tmp_path, tell=lines.append) as model:
        assert len(list(model.estimate(frames))) == 5
    assert sorted(len(film_of(path)) for path in tmp_path.glob("*.mp4")) == [2, 3]
    assert len(lines) == 2


def test_a_recording_that_fails_is_told_and_the_model_goes_on(tmp_path):
    lines = []
    frames = [Frame(np.zeros((48, 64, 3), np.uint8), i, Fraction(i)) for i in range(3)]
    with Recorded(Ramp(), tmp_path / "not there", tell=lines.append) as model:
        assert len(list(model.estimate(frames))) == 3
    (line,) = lines
    assert line.startswith("recording ended: ")


def test_every_picture_also_goes_to_another_output(tmp_path):
    written = []

    class Output:
        def __enter__(self):
            written.append("open")
            return self

        def __exit__(self, *_):
            written.append("closed")

        def write(self, frame):
            written.append(frame.rgb.shape)

    def output(picture):
        assert (picture.width, picture.height) == (192, 64)
        return Output()

    shown(tmp_path, Screen(keys={3: "q"}), also=output)
    assert written == ["open", *[(64, 192, 3)] * 3, "closed"]


def test_a_model_that_looks_ahead_is_refused(tmp_path):
    model = Ramp()
    model.lookahead = 7
    with pytest.raises(ModelError, match="7 frames ahead and cannot run live"):
        show_window(LIVE, model=model, window=Screen(), folder=tmp_path)


def test_where_opencv_has_no_windows_it_says_what_to_do(monkeypatch):
    monkeypatch.setattr(module.cv2, "currentUIFramework", lambda: "", raising=False)
    with pytest.raises(MediaError, match="without windows; leave out --window"):
        OpenCvWindow()
    monkeypatch.setattr(module.cv2, "currentUIFramework", lambda: "QT5", raising=False)
    monkeypatch.setattr(module.sys, "platform", "linux")
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    with pytest.raises(MediaError, match="there is no desktop"):
        OpenCvWindow()
