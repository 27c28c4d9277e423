"""Chunks of a film in one world: exact without faults, steady with them, in bounded memory."""

import gc
import logging
import weakref
from dataclasses import replace

import numpy as np
import pytest

from rooms import circle, film, look, seen
from vergence.depth.cards import CARDS
from vergence.depth.long_film import ChunkSettings, fit_link, moved, posed
from vergence.depth.world import World
from vergence.errors import ModelError, SettingsError
from vergence.evaluation.feigned import Faults, FeignedModel
from vergence.evaluation.trajectory import trajectory_errors

CARD = next(iter(CARDS.values()))
NONE = Faults(scale=0.7, depth=0, grain=0, lens=0, turn=0, step=0, bend=0)
SMALL = ChunkSettings(size=8, overlap=3)


class Counting(FeignedModel):
    """Remembers what it was shown."""

    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.seen = []

    def world(self, frames, **more):
        self.seen.append([frame.index for frame in frames])
        return super().world(frames, **more)


def poses_of(views):
    return np.stack([view.depth.world_from_camera for view in views])


def true_poses(truth):
    return np.stack([depth.world_from_camera for depth in truth.values()])


@pytest.mark.parametrize("frames", [1, 2, 8, 9, 13, 30])
def test_chunks_without_faults_give_the_truth_in_the_first_ones_unit(frames):
    pictures, truth = film(circle(40)[:frames])
    views = list(posed(pictures, FeignedModel(CARD, truth, faults=NONE), settings=SMALL))
    assert [view.frame.index for view in views] == list(range(frames))
    unit = views[0].depth.values / truth[0].values
    np.testing.assert_allclose(unit, unit.mean(), rtol=1e-5)
    for view in views:
        np.testing.assert_allclose(view.depth.values, truth[view.frame.index].values * unit.mean(), rtol=1e-4)
    begin = np.linalg.inv(true_poses(truth)[0])
    expected = begin @ true_poses(truth)
    expected[:, :3, 3] *= unit.mean()
    np.testing.assert_allclose(poses_of(views), expected, atol=1e-4)


def test_chunks_share_the_frames_they_should():
    pictures, truth = film(circle(20))
    model = Counting(CARD, truth)
    list(posed(pictures, model, settings=SMALL))
    assert model.seen == [list(range(8)), list(range(5, 13)), list(range(10, 18)), list(range(15, 20))]


def test_frames_come_out_before_the_next_chunk_is_read():
    pictures, truth = film(circle(40))
    taken = iter(pictures)
    views = posed(taken, FeignedModel(CARD, truth), settings=SMALL)
    for _ in range(5):
        next(views)
    assert next(taken).index <= 9


class Picture(np.ndarray):
    """An array that can be watched."""


def test_no_more_than_two_chunks_are_held():
    poses = circle(60)
    truth = film(poses)[1]
    alive: weakref.WeakValueDictionary[int, Picture] = weakref.WeakValueDictionary()

    def frames():
        for index, pose in enumerate(poses):
            frame, _ = seen(pose, index)
            frame = replace(frame, rgb=frame.rgb.view(Picture))
            alive[index] = frame.rgb
            yield frame

    most = 0
    for view in posed(frames(), FeignedModel(CARD, truth), settings=SMALL):
        del view
        gc.collect(0)
        most = max(most, len(alive))
    assert SMALL.size - SMALL.overlap <= most <= SMALL.size + SMALL.overlap + 1


def test_faults_of_usual_size_let_a_round_drift_by_a_percent_of_its_path():
    pictures, truth = film(circle(120))
    views = list(posed(pictures, FeignedModel(CARD, truth, faults=Faults(), seed=3)))
    errors = trajectory_errors(poses_of(views), true_poses(truth))
    assert errors.path == pytest.approx(15.9, abs=0.5)
    assert errors.drift < 0.01
    ratios = [np.median(view.depth.values / truth[view.frame.index].values) for view in views]
    assert np.std(np.log(ratios)) < 0.03


def test_every_chunk_alone_is_worse_than_the_world():
    pictures, truth = film(circle(60))
    model = FeignedModel(CARD, truth, faults=Faults(), seed=3)
    alone = [view for start in range(0, 60, 12) for view in model.world(pictures[start : start + 12]).views]
    assert trajectory_errors(poses_of(alone), true_poses(truth)).drift > 0.05


def test_things_that_move_in_a_third_of_the_picture_do_not_move_the_world():
    pictures, truth = film(circle(60))
    moving = {index: np.zeros((36, 48), np.bool_) for index in truth}
    for mask in moving.values():
        mask[12:, 12:36] = True
    model = FeignedModel(CARD, truth, faults=replace(NONE, moving=0.5), moving=moving)
    views = list(posed(pictures, model, settings=SMALL))
    assert trajectory_errors(poses_of(views), true_poses(truth)).drift < 1e-4


def test_one_wrong_camera_of_a_chunk_does_not_turn_the_rest():
    pictures, truth = film(circle(13))
    right = FeignedModel(CARD, truth, faults=NONE).world(pictures[:8]).views
    wrong = list(FeignedModel(CARD, truth, faults=NONE, seed=1).world(pictures[:8]).views)
    astray = wrong[4].depth.world_from_camera @ look((1.0, 0.0, 0.0), 0.5)
    wrong[4] = replace(wrong[4], depth=replace(wrong[4].depth, world_from_camera=astray))
    link = fit_link(wrong, right)
    for n in (0, 3, 7):
        found = moved(wrong[n], link.world_from_chunk).depth.world_from_camera
        np.testing.assert_allclose(found, right[n].depth.world_from_camera, atol=0.01)


def test_confident_pixels_tell_the_scale():
    pictures, truth = film(circle(40)[:6])
    right, other = (list(FeignedModel(CARD, truth, faults=NONE, seed=n).world(pictures).views) for n in (0, 1))
    expected = fit_link(other, right).world_from_chunk.scale
    for n, view in enumerate(other):
        values, confidence = view.depth.values.copy(), np.ones((36, 48), np.float32)
        values[:22] *= 3
        confidence[:22] = 0.1
        other[n] = replace(view, depth=replace(view.depth, values=values, confidence=confidence))
    assert fit_link(other, right).world_from_chunk.scale == pytest.approx(expected, rel=1e-4)


def metric(views, factor=1.0):
    return [
        replace(view, depth=replace(view.depth, kind="metric", values=view.depth.values * np.float32(factor)))
        for view in views
    ]


def test_a_chain_of_metric_chunks_does_not_lose_the_metre():
    pictures, truth = film(circle(40)[:3])
    views = FeignedModel(CARD, truth, faults=NONE).world(pictures).views
    scale = 1.1  # of a world that has drifted
    for _ in range(60):
        link = fit_link(metric(views), metric(views, scale))
        assert abs(np.log(link.world_from_chunk.scale / scale)) < 0.006  # no seam that is seen
        scale = link.world_from_chunk.scale
    assert scale == pytest.approx(1, abs=0.01)


def test_chunks_of_the_sky_are_linked_by_their_cameras(caplog):
    pictures, truth = film(circle(40)[:13])

    class Blind(FeignedModel):
        def world(self, frames, **more):
            views = super().world(frames, **more).views
            return World(tuple(replace(v, depth=replace(v.depth, valid=np.zeros((36, 48), np.bool_))) for v in views))

    views = list(posed(pictures, Blind(CARD, truth, faults=NONE), settings=SMALL))
    assert trajectory_errors(poses_of(views), true_poses(truth)).drift < 1e-6
    assert "from frame 5 on the film shows no point that was seen before" in caplog.text


def test_a_camera_that_rests_stays_where_it_is():
    pictures, truth = film([look((0, 0, 0), 0.3)] * 13)
    views = list(posed(pictures, FeignedModel(CARD, truth, faults=NONE), settings=SMALL))
    np.testing.assert_allclose(poses_of(views), np.tile(np.eye(4), (13, 1, 1)), atol=1e-6)


def test_a_shot_begins_a_world_of_its_own_and_says_so(caplog):
    pictures, truth = film(circle(20))
    pictures = [replace(frame, shot=int(frame.index >= 6)) for frame in pictures]
    model = Counting(CARD, truth, faults=NONE)
    views = list(posed(pictures, model, settings=SMALL))
    assert model.seen[:2] == [list(range(6)), list(range(6, 14))]
    assert [view.frame.index for view in views] == list(range(20))
    np.testing.assert_allclose(views[6].depth.world_from_camera, np.eye(4), atol=1e-9)
    assert caplog.text.count("frame 6 begins another shot") == 1


def test_a_cut_that_nobody_marked_is_told(caplog):
    there = circle(40)[:5]
    pictures, truth = film([*there, *(look((3.0, 0.5, 3.0), 2 + 0.1 * n, 0.6) for n in range(8))])

    class Lost(FeignedModel):  # what was before a cut has nothing to do with what comes after it
        def world(self, frames, **more):
            views = super().world(frames, **more).views
            if frames[0].index:
                views = [
                    replace(view, depth=replace(view.depth, values=view.depth.values[:, ::-1] ** 3)) for view in views
                ]
            return World(tuple(views))

    with caplog.at_level(logging.WARNING):
        list(posed(pictures, Lost(CARD, truth, faults=NONE), settings=SMALL))
    assert "before and after frame 5 does not fit" in caplog.text


def test_blended_frames_do_not_jump():
    """Between neighbours of a resting camera the depth steps least where chunks fade into each other."""
    pictures, truth = film([look((0, 0, 0), 0.3)] * 40)
    views = list(posed(pictures, FeignedModel(CARD, truth, faults=replace(NONE, turn=0.003)), settings=SMALL))
    steps = np.linalg.norm(np.diff(poses_of(views)[:, :3, 2], axis=0), axis=1)
    assert steps.max() < 0.02


def test_models_without_cameras_are_refused():
    pictures, truth = film(circle(40)[:3])

    class Blind:
        card = CARD

        def world(self, frames, **more):
            views = FeignedModel(CARD, truth).world(frames).views
            return World(tuple(replace(v, depth=replace(v.depth, world_from_camera=None)) for v in views))

    with pytest.raises(ModelError, match="no cameras"):
        list(posed(pictures, Blind()))


@pytest.mark.parametrize(("size", "overlap"), [(1, 1), (8, 8), (8, 0)])
def test_chunks_that_cannot_be_are_refused(size, overlap):
    with pytest.raises(SettingsError, match="share"):
        ChunkSettings(size=size, overlap=overlap)
