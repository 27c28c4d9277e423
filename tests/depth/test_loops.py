"""Loops: places seen again are found, and mend the drift between; what only looks alike does not."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from rooms import circle, film, look, seen
from vergence.depth.cards import CARDS
from vergence.depth.long_film import moved, posed
from vergence.depth.loops import (
    LoopSettings,
    Recollection,
    close_loops,
    find_loops,
    frames_needed,
    seen_again,
    thumbnail,
)
from vergence.depth.world import World
from vergence.errors import SettingsError
from vergence.evaluation.feigned import Faults, FeignedModel
from vergence.evaluation.trajectory import trajectory_errors
from vergence.geometry.rotation import rotation_about
from vergence.geometry.similarity import Similarity
from vergence.types import DepthFrame, Frame

CARD = next(iter(CARDS.values()))
NONE = Faults(scale=0.5, depth=0, grain=0, lens=0, turn=0, step=0, bend=0)
ROUND = 60  # frames of one time about the room


def remembered(views):
    recollection = Recollection()
    return list(recollection.keep(views)), recollection


def drifting(pictures, truth, *, turn=0.002, growth=0.003):
    """The views of a film whose world turns and grows a little with every frame."""
    at, views = Similarity(1.0, np.eye(3), np.zeros(3)), []
    for frame in pictures:
        centre = truth[frame.index].world_from_camera[:3, 3]
        off = rotation_about(np.array([0, turn, 0]))
        step = Similarity(1 + growth, off, centre - (1 + growth) * off @ centre)
        views.append(moved(DepthFrame(frame, truth[frame.index]), at))
        at = at @ step
    return views


def errors(views, truth):
    found = np.stack([view.depth.world_from_camera for view in views])
    return trajectory_errors(found, np.stack([depth.world_from_camera for depth in truth.values()]))


def test_a_film_that_comes_back_is_mended_by_a_model_that_sees_both_ends():
    pictures, truth = film(circle(ROUND * 5 // 4, turns=1.25))
    views, recollection = remembered(drifting(pictures, truth))
    pairs = find_loops(recollection)
    assert pairs
    assert all(second - first == pytest.approx(ROUND, abs=1) for first, second in pairs)
    model = FeignedModel(CARD, truth, faults=NONE)
    needed = {n: pictures[n] for n in frames_needed(recollection, pairs)}
    assert len(needed) <= 10 * len(pairs)
    corrections = close_loops(recollection, pairs, needed, model)
    mended = [moved(view, correction) for view, correction in zip(views, corrections, strict=True)]
    assert errors(mended, truth).drift < 0.3 * errors(views, truth).drift
    scales = [
        np.log(mended[n].depth.values.mean() / truth[n].values.mean())
        - np.log(mended[n + ROUND].depth.values.mean() / truth[n + ROUND].values.mean())
        for n in range(10)
    ]
    # One loop of error 5 against 60 steps of error 1: 25 / (25 + 60) of what was open stays so.
    assert np.abs(scales).mean() < 0.35 * 0.003 * ROUND
    np.testing.assert_allclose(mended[0].depth.world_from_camera, views[0].depth.world_from_camera, atol=1e-9)


def test_neighbours_stay_neighbours_when_there_are_more_frames_than_nodes():
    pictures, truth = film(circle(150, turns=1.25))
    views, recollection = remembered(drifting(pictures, truth, turn=0.001, growth=0.0015))
    pairs = find_loops(recollection)
    corrections = close_loops(
        recollection, pairs, {frame.index: frame for frame in pictures}, FeignedModel(CARD, truth, faults=NONE)
    )
    mended = [moved(view, correction) for view, correction in zip(views, corrections, strict=True)]
    assert errors(mended, truth).drift < 0.3 * errors(views, truth).drift
    centres = np.stack([view.depth.world_from_camera[:3, 3] for view in mended])
    steps = np.linalg.norm(np.diff(centres, axis=0), axis=1)
    assert steps.max() < 1.3 * steps.min()


def test_the_drift_of_a_usual_model_does_not_grow():
    pictures, truth = film(circle(ROUND * 3 // 2, turns=1.5))
    model = FeignedModel(CARD, truth, faults=Faults(turn=0.004, bend=0.002), seed=1)
    views, recollection = remembered(posed(pictures, model))
    corrections = close_loops(recollection, find_loops(recollection), {frame.index: frame for frame in pictures}, model)
    mended = [moved(view, correction) for view, correction in zip(views, corrections, strict=True)]
    assert errors(mended, truth).drift < errors(views, truth).drift


def test_the_two_pictures_alone_will_do():
    pictures, truth = film(circle(ROUND * 5 // 4, turns=1.25))
    views, recollection = remembered(drifting(pictures, truth))
    pairs = find_loops(recollection)
    ends = {place: pictures[place] for pair in pairs for place in pair}
    corrections = close_loops(recollection, pairs, ends, FeignedModel(CARD, truth, faults=NONE))
    mended = [moved(view, correction) for view, correction in zip(views, corrections, strict=True)]
    assert errors(mended, truth).drift < 0.5 * errors(views, truth).drift


def test_a_film_without_loops_stays_as_it_is():
    pictures, truth = film(circle(40, turns=0.6))
    views, recollection = remembered(drifting(pictures, truth))
    pairs = find_loops(recollection)
    assert pairs == []
    corrections = close_loops(recollection, pairs, {}, FeignedModel(CARD, truth))
    for view, correction in zip(views, corrections, strict=True):
        np.testing.assert_array_equal(moved(view, correction).depth.world_from_camera, view.depth.world_from_camera)


def test_places_that_only_look_alike_are_left_out():
    """The model finds that the two pictures of a pair show different places, though their thumbnails are the same."""
    pictures, truth = film(circle(ROUND * 5 // 4, turns=1.25))
    _, recollection = remembered(drifting(pictures, truth))

    class Apart(FeignedModel):
        def world(self, frames, **more):
            views = list(super().world(frames, **more).views)
            for n in range(5, 10):
                away = look((30.0, 0.0, 0.0), 2.0) @ views[n].depth.world_from_camera
                views[n] = replace(views[n], depth=replace(views[n].depth, world_from_camera=away))
            return World(tuple(views))

    corrections = close_loops(
        recollection, find_loops(recollection), {f.index: f for f in pictures}, Apart(CARD, truth, faults=NONE)
    )
    assert all(correction.scale == 1 and not correction.translation.any() for correction in corrections)


def test_loops_lie_within_a_shot():
    pictures, truth = film(circle(ROUND * 5 // 4, turns=1.25))
    cut = [replace(frame, shot=int(frame.index >= 40)) for frame in pictures]
    _, recollection = remembered(drifting(cut, truth))
    assert find_loops(recollection) == []


def test_only_the_shot_with_a_loop_is_mended():
    poses = [*(look((0.1 * n, 0, 0), 0) for n in range(20)), *circle(ROUND * 5 // 4, turns=1.25)]
    pictures, truth = film(poses)
    pictures = [replace(frame, shot=int(frame.index >= 20)) for frame in pictures]
    _, recollection = remembered(drifting(pictures, truth))
    pairs = [pair for pair in find_loops(recollection) if pair[0] >= 20]
    corrections = close_loops(
        recollection, pairs, {f.index: f for f in pictures}, FeignedModel(CARD, truth, faults=NONE)
    )
    assert all(correction.scale == 1 for correction in corrections[:20])
    assert any(abs(correction.scale - 1) > 0.01 for correction in corrections[20:])


def test_what_is_remembered_is_small_and_says_where_its_samples_are():
    _, depth = seen(look((0, 0, 0), 0.3))
    depth = replace(
        depth,
        values=np.arange(1, 100 * 150 + 1, dtype=np.float32).reshape(100, 150),
        valid=np.ones((100, 150), np.bool_),
        intrinsics=depth.intrinsics.resized(150, 100),
    )
    frame = Frame(np.zeros((1000, 1500, 3), np.uint8), 0, Fraction(0))
    ((view,), recollection) = remembered([DepthFrame(frame, depth)])
    assert view.frame is frame
    (kept,) = recollection.views
    assert kept.frame.rgb.size == 3
    assert kept.depth.values.size <= 48 * 48
    lens, whole = kept.depth.intrinsics, depth.intrinsics
    row, column = 5, 7
    y, x = divmod(int(kept.depth.values[row, column]) - 1, 150)
    assert (column + 0.5 - lens.cx) / lens.fx == pytest.approx((x + 0.5 - whole.cx) / whole.fx)
    assert (row + 0.5 - lens.cy) / lens.fy == pytest.approx((y + 0.5 - whole.cy) / whole.fy)


def test_thumbnails_do_not_mind_exposure_and_grey_ones_are_like_nothing():
    frame = seen(look((0, 0, 0), 0.3))[0]
    darker = replace(frame, rgb=(frame.rgb * 0.6).astype(np.uint8))
    assert float(thumbnail(frame) @ thumbnail(darker)) > 0.99
    assert not thumbnail(replace(frame, rgb=np.full((90, 160, 3), 99, np.uint8))).any()


def test_views_from_one_place_see_the_same_and_back_to_back_nothing():
    one, turned, behind = (seen(look((0, 0, 0), yaw))[1] for yaw in (0, 0.3, np.pi))
    assert seen_again(one, one) == 1
    assert 0.5 < seen_again(one, turned) < 0.9
    assert seen_again(one, behind) == 0


@pytest.mark.parametrize("wrong", [{"alike": 0}, {"alike": 1.5}, {"apart": 1}, {"most": 0}])
def test_loops_that_cannot_be_are_refused(wrong):
    with pytest.raises(SettingsError, match="loops"):
        LoopSettings(**wrong)
