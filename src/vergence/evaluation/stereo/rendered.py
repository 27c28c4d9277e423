"""Rendered places with both eyes: surfaces of every slant, shading, shadows, sky. Training draws other seeds."""

import numpy as np

from vergence.evaluation.stereo.truth import JUMP, Disparity, Mask, Truth
from vergence.synthetic.builder import Dice
from vergence.synthetic.effects import choose_film, develop
from vergence.synthetic.photos import PAGE_SEEDS, find_view, page
from vergence.synthetic.render.picture import Renderer, Visible

SEED = 920_000_000
KINDS = ("room", "table", "street", "portrait", "nature", "thin")
BUDGET = 0.02  # of the width, what the nearest things have
NEAREST = 2.0  # percentile of depth that counts as the nearest
MOST = 1.5  # budgets that anything may have
LEAST_HIDDEN = 0.01  # of the right eye's pixels, borders aside, that the left one must not see
VIEWS = 100  # that are looked at


def place(kind: str, *, width: int, height: int) -> Truth:
    """A place of a kind, seen by two eyes as far apart as gives its near things 2 % of the width."""
    for number in range(VIEWS):
        dice = Dice(f"stereo {kind} {number}")
        scene, pose = find_view(dice, page(SEED // PAGE_SEEDS), kind=kind, width=width, height=height)
        renderer = Renderer(scene)
        left = renderer.visible(pose)
        near = float(np.percentile(left.depth[left.ids >= 0], NEAREST))
        if near > MOST * float(left.depth[left.ids >= 0].min()):
            continue  # a twig before the lens
        product = BUDGET * width * near  # focal length times baseline, px m
        other = pose.moved_right(product / pose.intrinsics.fx)
        in_left, in_right = _disparity(left, product), _disparity(renderer.visible(other), product)
        hidden = _disoccluded(in_left, in_right)
        if hidden[:, : -round(MOST * BUDGET * width)].mean() < LEAST_HIDDEN:
            continue
        light = renderer.picture(pose).linear
        film = choose_film(light, dice)
        right = develop(renderer.picture(other).linear, film)
        known = np.ones(hidden.shape, dtype=np.bool_)
        return Truth(kind, develop(light, film), right, in_left, in_right, hidden, known)
    raise AssertionError(f"none of {VIEWS} views of kind {kind!r} is worth measuring on")


def _disparity(visible: Visible, product: float) -> Disparity:
    """Pixels; the sky has none."""
    is_sky = visible.ids < 0
    return np.where(is_sky, 0, product / np.where(is_sky, 1, visible.depth)).astype(np.float32)


def _disoccluded(left: Disparity, right: Disparity) -> Mask:
    """(H, W) bool: pixels of the right eye at whose place the left one has no surface within `JUMP` px."""
    width = left.shape[1]
    place = np.arange(width, dtype=np.float32) + right
    low = np.floor(place).astype(np.intp)
    apart = np.minimum(
        *(np.abs(np.take_along_axis(left, column.clip(0, width - 1), axis=1) - right) for column in (low, low + 1))
    )
    return np.asarray((place < 0) | (place > width - 1) | (apart > JUMP))
