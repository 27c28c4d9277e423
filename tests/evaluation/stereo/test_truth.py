import numpy as np
import pytest

from layered import CARD, FAR, HEIGHT, NEAR, WIDTH, scene
from vergence.errors import SettingsError
from vergence.evaluation.stereo.truth import degrade, find_tracks, given


def test_a_network_draws_1080p_on_686_by_392():
    assert degrade(np.zeros((1080, 1920), np.float32)).shape == (392, 686)


def test_degraded_disparity_keeps_its_mean_and_loses_its_edges():
    disparity = np.zeros((540, 960), np.float32)
    disparity[:, 479:] = 10
    small = degrade(disparity)
    assert small.mean() == pytest.approx(5, abs=0.05)
    row = small[small.shape[0] // 2]
    assert 3 <= np.count_nonzero((row > 0.05) & (row < 9.95)) <= 6


def test_each_track_gives_depth_of_its_own_size_as_pixels_of_disparity():
    truth = scene().truth()
    shapes = {track: given(truth, track).depth.values.shape for track in ("exact", "degraded", "upsampled")}
    assert shapes["exact"] == shapes["upsampled"] == (HEIGHT, WIDTH)
    assert shapes["degraded"][1] < WIDTH / 2
    assert given(truth, "degraded").depth.kind == "disparity"


def test_parts_of_the_picture_do_not_overlap():
    truth = scene().truth()
    assert not (truth.visible & truth.hole_band).any()
    assert (truth.visible | truth.hole_band).all()
    assert not (truth.edges & truth.disoccluded).any()
    assert truth.edges.any()


def test_the_edge_band_is_two_pixels_on_either_side():
    truth = scene().truth()
    start = CARD[0] - int(NEAR) // 2  # left edge of the card in the right eye, where nothing is uncovered
    assert np.flatnonzero(truth.edges[CARD[1] + 20, : start + 10]).tolist() == [start + k for k in (-2, -1, 0, 1)]


def test_the_right_eye_does_not_see_what_the_near_thing_covers():
    truth = scene().truth()
    row = truth.seen[CARD[1] + 20]
    start = CARD[0] + int(NEAR) // 2  # left edge of the card in the left eye
    covered = np.flatnonzero(~row[: start + 5])
    inside = covered[covered >= FAR]  # the first columns leave the picture
    assert abs(len(inside) - (NEAR - FAR)) <= 2
    assert inside.max() < start


def test_another_track_is_refused():
    with pytest.raises(SettingsError, match="exact, degraded, upsampled"):
        find_tracks(["perfect"])
