import threading
import zipfile
from fractions import Fraction

import numpy as np
import pytest

from live_models import RuleModel
from vergence.errors import ModelError
from vergence.media.camera import CameraSettings
from vergence.media.depth_file import read_depth
from vergence.media.ply import read_ply
from vergence.server import capture as captures
from vergence.server.capture import Capturer
from vergence.server.protocol import DepthCodec, Flag, parse
from vergence.server.shown import Arrival
from vergence.types import Frame


@pytest.fixture
def arrival():
    rgb = np.zeros((36, 64, 3), np.uint8)
    rgb[:, 20:] = 128
    frame = Frame(rgb, 0, Fraction(0))
    return Arrival(lambda: frame, 3, 0, 77)


def made(capturer, arrival, camera=None):
    """All steps of a capture."""
    steps, over = [], threading.Event()

    def tell(step):
        steps.append(step)
        if step.state != "working":
            over.set()

    assert capturer.start(arrival, camera, tell)
    assert over.wait(60)
    return steps


@pytest.fixture
def capturer():
    """Makes capturers, and closes them."""
    opened = []

    def make(load=RuleModel):
        opened.append(Capturer(load, lambda: 9))
        return opened[-1]

    yield make
    for each in opened:
        each.close()


def test_a_capture_is_a_fine_packet_and_an_archive_of_files(capturer, arrival, tmp_path):
    maker = capturer()
    steps = made(maker, arrival, CameraSettings(fov_x_deg=90))
    assert [step.progress for step in steps] == sorted(step.progress for step in steps)
    sequence, data = next(step.packet for step in steps if step.packet)
    found = parse(data)
    assert (found.sequence, found.source, found.time_us) == (sequence, 3, 77)
    assert found.flags & (Flag.HIGH_QUALITY | Flag.LAST_OF_CAPTURE | Flag.METRIC) == 14
    assert found.extension.depth_codec == DepthCodec.DELTA_DEFLATE16
    with zipfile.ZipFile(maker.archive(steps[-1].archive)) as archive:
        names = {name.partition("/")[2] for name in archive.namelist()}
        assert names == {"picture.jpg", "depth.npz", "depth.png", "points.ply", "mesh.glb", "splats.spz"}
        archive.extractall(tmp_path)
    depth = read_depth(tmp_path / "capture-001" / "depth.npz")
    assert depth.values.shape == (36, 64)
    points = read_ply(tmp_path / "capture-001" / "points.ply").points
    assert points[:, 2].max() == pytest.approx(3.0, rel=0.01)
    assert np.abs(points[:, 0] / points[:, 2]).max() == pytest.approx(31.5 / 32, rel=0.02)  # 90 degrees across
    archive = maker.archive(steps[-1].archive)
    maker.close()
    assert not archive.exists()


def test_relative_depth_makes_no_points(capturer, arrival):
    maker = capturer(lambda: RuleModel(kind="affine_inverse"))
    steps = made(maker, arrival)
    with zipfile.ZipFile(maker.archive(steps[-1].archive)) as archive:
        assert {name.partition("/")[2] for name in archive.namelist()} == {"picture.jpg", "depth.npz", "depth.png"}


def test_the_model_is_loaded_once(capturer, arrival):
    loaded = []
    maker = capturer(lambda: loaded.append(1) or RuleModel())
    made(maker, arrival)
    made(maker, arrival)
    assert loaded == [1]


def test_what_fails_is_told_and_can_be_tried_again(capturer, arrival):
    models = iter([ModelError("not enough memory"), RuleModel()])

    def load():
        found = next(models)
        if isinstance(found, Exception):
            raise found
        return found

    maker = capturer(load)
    assert made(maker, arrival)[-1].message == "not enough memory"
    assert made(maker, arrival)[-1].state == "done"


def test_one_at_a_time(capturer, arrival):
    go = threading.Event()
    maker = capturer(lambda: go.wait(30) and RuleModel())
    over = threading.Event()
    assert maker.start(arrival, None, lambda step: over.set() if step.state != "working" else None)
    assert not maker.start(arrival, None, lambda step: None)
    go.set()
    assert over.wait(30)


def test_old_archives_go(capturer, arrival, monkeypatch):
    monkeypatch.setattr(captures, "KEPT", 1)
    maker = capturer()
    first, second = (made(maker, arrival)[-1].archive for _ in range(2))
    assert maker.archive(first) is None
    assert maker.archive(second).exists()
    assert maker.archive("../x") is None
