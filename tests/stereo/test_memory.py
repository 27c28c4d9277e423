import weakref
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from shots import CARD, WALL, frame, renumbered, shot, wall
from vergence.stereo.disparity import MOST_AHEAD, DisparityFrame
from vergence.stereo.memory import MOST_KEYS, remember
from vergence.stereo.warp import HOLE, warp
from vergence.types import Frame


def recalled(known, shift=-1.0):
    """The view of a remembered frame, where its holes were, and where they were filled in."""
    view = warp(known.item.frame.rgb, known.disparity, shift)
    holes = view.disparity == HOLE
    known.background.into(view)
    return view, holes, holes & (view.disparity != HOLE)


def error(known, *, pan=0, shift=-1.0, scale=1):
    """Share of the holes filled in, and the mean difference from the wall there, in 8-bit levels."""
    view, holes, found = recalled(known, shift)
    off = np.abs(view.rgb / scale - wall(known.item.frame.index, pan=pan, shift=shift))[found]
    return found.sum() / holes.sum(), float(off.mean()) if found.any() else 0.0


@pytest.mark.parametrize("pan", [0, 3])
@pytest.mark.parametrize("shift", [-1.0, 0.5])
def test_a_hole_shows_what_other_frames_saw_there(pan, shift):
    known = list(remember(shot(14, pan=pan)))[9]
    share, off = error(known, pan=pan, shift=shift)
    assert share > 0.6
    assert off < 3


def test_pictures_of_16_bits_are_recalled_as_well():
    share, off = error(list(remember(shot(14, dtype=np.uint16)))[9], scale=257)
    assert share > 0.6
    assert off < 3


def test_what_is_filled_in_lies_on_the_surface_behind():
    view, _, found = recalled(list(remember(shot(14)))[9])
    np.testing.assert_allclose(view.disparity[found], WALL, atol=0.1)


def test_disparity_of_a_networks_size_is_enough():
    small = [replace(item, disparity=item.disparity[1::3, 1::3].copy(), is_exact=False) for item in shot(14)]
    share, off = error(list(remember(small))[9])
    assert share > 0.3
    assert off < 6


def test_every_frame_comes_out_once_and_in_order():
    items = shot(20)
    assert [known.item for known in remember(items)] == items
    assert [known.item for known in remember(items, lookahead=0)] == items
    assert list(remember([])) == []


def test_live_knows_the_past_only():
    asked = []

    def source():
        for item in shot(8):
            asked.append(item)
            yield item

    for number, known in enumerate(remember(source(), lookahead=0)):
        assert len(asked) == number + 1
        assert all(key.steps < 0 for key in known.background._keys)


def test_live_fills_what_was_seen_before_and_nothing_else():
    # This eye's view opens on the right of the card: the past saw it if the card came from the left.
    share, off = error(list(remember(shot(10), lookahead=0))[9])
    assert share > 0.6
    assert off < 3
    backwards = [renumbered(item, time=Fraction(9 - item.frame.index, 24)) for item in shot(10)[::-1]]
    assert error(list(remember(backwards, lookahead=0))[5])[0] < 0.1


def test_a_film_is_seen_ahead_by_so_many_seconds():
    known = next(iter(remember(shot(30), lookahead=0.25)))
    assert max(key.steps for key in known.background._keys) == 6


def test_nothing_is_known_of_a_photo_and_nothing_is_computed_for_it(monkeypatch):
    def never(*_):
        raise AssertionError

    monkeypatch.setattr("vergence.stereo.memory.look", never)
    (known,) = remember([frame(0)])
    _, holes, found = recalled(known)
    assert holes.any()
    assert not found.any()


def test_a_cut_starts_afresh():
    items = [renumbered(item, shot=number // 5) for number, item in enumerate(shot(15))]
    for number, known in enumerate(remember(items)):
        assert all(0 <= number % 5 + key.steps < 5 for key in known.background._keys)


@pytest.mark.parametrize("change", ["picture", "depth", "type"])
def test_arrays_of_another_kind_start_afresh(change):
    items = shot(8)
    for number in range(4, 8):
        item = items[number]
        if change == "picture":
            rgb = np.ascontiguousarray(item.frame.rgb[:-20, :-40])
            item = DisparityFrame(replace(item.frame, rgb=rgb), item.disparity, "centres")
        elif change == "depth":
            item = replace(item, disparity=item.disparity[::2, ::2].copy())
        else:
            item = frame(number, dtype=np.uint16)
        items[number] = item
    for number, known in enumerate(remember(items)):
        assert all((number < 4) == (number + key.steps < 4) for key in known.background._keys)
        recalled(known)


def test_read_only_and_flipped_pictures_are_taken():
    items = [replace(item, frame=replace(item.frame, rgb=item.frame.rgb[::-1])) for item in shot(10)]
    items = [replace(item, disparity=item.disparity[::-1].copy()) for item in items]
    for item in items:
        item.frame.rgb.flags.writeable = False
    _, holes, found = recalled(list(remember(items))[5])
    assert found.sum() > 0.5 * holes.sum()


def test_it_holds_no_more_of_a_long_shot_than_of_a_short_one():
    arrays = []  # refer to every picture and disparity, which go when nobody holds them

    def film(frames):
        for number in range(frames):
            rgb, disparity = np.zeros((32, 48, 3), np.uint8), np.zeros((16, 24), np.float32)
            arrays.extend([weakref.ref(rgb), weakref.ref(disparity)])
            yield DisparityFrame(Frame(rgb, number, Fraction(number, 24)), disparity, "centres")

    most = [0, 0]
    for number, known in enumerate(remember(film(260))):
        assert len(known.background._keys) <= MOST_KEYS
        most[number // 130] = max(most[number // 130], sum(array() is not None for array in arrays))
    assert most[1] <= most[0] <= 2 * MOST_AHEAD + 20


def test_another_surface_is_refused():
    # Beside the hole lies the wall, but in all other frames something as near as the card stands in front of it.
    items = shot(10)
    covered = [replace(item, disparity=np.full_like(item.disparity, CARD)) for item in items]
    covered[5] = items[5]
    assert not recalled(list(remember(covered))[5])[2].any()


def test_a_changed_wall_is_refused():
    items = shot(10)
    for number in (*range(5), *range(6, 10)):
        items[number] = renumbered(items[number], rgb=np.ascontiguousarray(items[number].frame.rgb[::-1, ::-1]))
        items[number] = replace(items[number], disparity=items[number].disparity[::-1, ::-1].copy())
    assert not recalled(list(remember(items))[5])[2].any()


@pytest.mark.parametrize(("levels", "is_taken"), [(12, True), (60, False)])
def test_light_that_changes_a_little_is_put_right_and_much_is_refused(levels, is_taken):
    def lit(item):
        return renumbered(item, rgb=(item.frame.rgb * 0.7 + 0.0).astype(np.uint8))

    items = [lit(item) for item in shot(14)]
    for number in (*range(9), *range(10, 14)):
        items[number] = renumbered(items[number], rgb=items[number].frame.rgb + np.uint8(levels))
    view, _, found = recalled(list(remember(items))[9])
    assert found.any() == is_taken
    if is_taken:
        assert np.abs(view.rgb - 0.7 * wall(9, shift=-1.0))[found].mean() < 3


def test_a_plain_grey_film_without_anything_to_follow_is_left_alone():
    plain = [renumbered(item, rgb=np.full_like(item.frame.rgb, 128)) for item in shot(6)]
    for known in remember(plain):
        view, _, found = recalled(known)
        assert np.all(view.rgb[found] == 128)
