"""Key frames: the right ones, with their own numbers and times."""

from dataclasses import replace
from fractions import Fraction

import cv2
import numpy as np
import pytest

from vergence.errors import SettingsError
from vergence.media.key_frames import by_parallax, every, every_seconds
from vergence.types import Frame

GREY = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 256, (240, 1600), np.uint8), (0, 0), 4)
WALL = cv2.normalize(GREY, None, 0, 255, cv2.NORM_MINMAX)[..., None].repeat(3, axis=2)


def passing(shifts, *, shots=None, blurred=(), bits=8):
    """A film of a wall that has gone by so many pixels in each frame, of a width of 320."""
    for index, shift in enumerate(shifts):
        rgb = WALL[:, shift : shift + 320]
        if index in blurred:
            rgb = cv2.blur(rgb, (25, 1))
        rgb = np.ascontiguousarray(rgb) if bits == 8 else rgb.astype(np.uint16) * 257
        yield Frame(rgb, index, Fraction(index, 25), shot=shots[index] if shots else 0)


def numbers(frames):
    return [frame.index for frame in frames]


def times(*seconds, shots=None):
    grey = np.zeros((4, 4, 3), np.uint8)
    return [
        Frame(grey, n, Fraction(second).limit_denominator(1000), shot=shots[n] if shots else 0)
        for n, second in enumerate(seconds)
    ]


def test_every_third_frame_is_counted_from_each_cut():
    assert numbers(every(passing([0] * 10), 3)) == [0, 3, 6, 9]
    assert numbers(every(passing([0] * 10, shots=[0] * 5 + [1] * 5), 3)) == [0, 3, 5, 8]


def test_key_frames_keep_their_numbers_and_times():
    frames = list(passing([0] * 5))
    assert [frame is frames[2 * n] for n, frame in enumerate(every(frames, 2))] == [True] * 3


def test_seconds_are_those_of_the_film():
    assert numbers(every_seconds(times(*np.arange(10) / 4), 1)) == [0, 4, 8]
    assert numbers(every_seconds(times(5.0, 5.6, 5.9, 6.4, 9.9, 10.1), Fraction(1, 2))) == [0, 1, 3, 4, 5]
    assert numbers(every_seconds(times(0, 0.6, 1.0, 1.6, shots=[0, 0, 1, 1]), 1)) == [0, 2]


def test_a_frame_is_taken_when_the_picture_has_moved_on():
    """A tenth of 320 px are 32 px, which 8 px a frame make in 4; three frames are near enough to be chosen, too."""
    kept = numbers(by_parallax(passing(range(0, 400, 8)), 0.1))
    assert len(kept) >= 12
    assert set(np.diff(kept)) <= {3, 4}


@pytest.mark.parametrize("bits", [8, 16])
def test_faster_passages_have_more_key_frames(bits):
    shifts = [*range(0, 40, 2), *range(40, 360, 16)]
    kept = numbers(by_parallax(passing(shifts, bits=bits), 0.1))
    assert sum(index < 20 for index in kept) <= 2
    assert sum(index >= 20 for index in kept) >= 9


def test_a_camera_that_rests_gives_one():
    assert numbers(by_parallax(passing([40] * 20))) == [0]


def test_noise_in_the_dark_is_no_movement():
    dice = np.random.default_rng(0)
    frames = [
        Frame(dice.normal(12, 3, (240, 320, 3)).clip(0, 255).astype(np.uint8), n, Fraction(n, 25)) for n in range(10)
    ]
    assert numbers(by_parallax(frames)) == [0]


def test_a_picture_after_black_is_another_place():
    black = [Frame(np.zeros((240, 320, 3), np.uint8), n, Fraction(n, 25)) for n in range(3)]
    shown = [replace(frame, index=frame.index + 3) for frame in passing([0, 0, 0])]
    assert numbers(by_parallax([*black, *shown])) == [0, 3]


def test_each_shot_begins_with_one():
    assert numbers(by_parallax(passing([0] * 10, shots=[0] * 4 + [1] * 6))) == [0, 4]


def test_of_frames_that_are_far_enough_the_sharpest_is_taken():
    assert numbers(by_parallax(passing(range(0, 100, 5), blurred=(7,)), 0.1))[1] in (5, 6)


def test_a_jump_that_nobody_marked_is_far_enough():
    frames = [*passing([0, 0]), *(replace(frame, index=frame.index + 2) for frame in passing([900, 900]))]
    assert numbers(by_parallax(frames, 0.1)) == [0, 2]


def test_frames_of_another_size_begin_anew():
    small = replace(next(passing([0])), rgb=np.zeros((90, 200, 3), np.uint8), index=1)
    assert numbers(by_parallax([next(passing([0])), small])) == [0, 1]


def test_only_what_is_asked_for_is_read():
    taken = passing(range(0, 200, 5))
    kept = by_parallax(taken, 0.1)
    next(kept)
    assert next(kept).index <= 7
    assert next(taken).index == 8


@pytest.mark.parametrize(
    "wrong",
    [lambda: every([], 0), lambda: every_seconds([], 0), lambda: by_parallax([], 0), lambda: by_parallax([], 1)],
)
def test_distances_that_make_no_sense_are_refused(wrong):
    with pytest.raises(SettingsError, match="key frames"):
        wrong()
