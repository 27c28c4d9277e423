from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from vergence.media.open import open_source
from vergence.stability.shots import mark_shots
from vergence.types import Frame

FIXTURES = Path(__file__).parent.parent / "fixtures"


def film(pictures, dtype=np.uint8):
    return [Frame(np.asarray(p, dtype), i, Fraction(i, 25)) for i, p in enumerate(pictures)]


def shots(frames):
    return [frame.shot for frame in mark_shots(frames)]


def scene(seed, height=108, width=192):
    """Blocks of colour with edges between them."""
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 8, 3))
    return np.kron(blocks, np.ones((height // 6, width // 8, 1))).astype(np.uint8)


def cuts_of(path):
    with open_source(path) as source:
        marks = shots(source)
    return [i for i in range(1, len(marks)) if marks[i] != marks[i - 1]]


def test_the_cuts_of_a_film_are_found_to_the_frame():
    assert cuts_of(FIXTURES / "edge" / "scene_cuts_24_48_72.mp4") == [24, 48, 72]


@pytest.mark.parametrize(
    "name",
    [
        "edge/static_photo_noise.mp4",
        "edge/photo_pan_4px.mp4",
        "edge/portrait_native.mp4",
        "edge/vfr.mp4",
        "edge/fps60.mp4",
        "edge/hdr10_pq_10bit.mp4",
        "edge/alpha_vp9.webm",
        "edge/tiny_64x36.mp4",
        "videos/stream_audio.mp4",
        "videos/office_bw_audio.mp4",
    ],
)
def test_noise_pans_and_motion_are_no_cuts(name):
    assert cuts_of(FIXTURES / name) == []


def test_cuts_are_counted():
    assert shots(film([scene(1)] * 3 + [scene(2)] * 3 + [scene(3)] * 3)) == [0, 0, 0, 1, 1, 1, 2, 2, 2]


@pytest.mark.parametrize("flash", [lambda p: p // 2 + 110, lambda p: p * 2.5, lambda p: p * 0 + 255], ids=range(3))
def test_a_flash_is_no_cut(flash):
    flashed = np.clip(flash(scene(1).astype(float)), 0, 255)
    assert shots(film([scene(1), scene(1), flashed, scene(1), scene(1)])) == [0] * 5


def test_cuts_in_the_dark_are_found():
    dark = [scene(seed) // 6 for seed in (1, 2)]
    assert shots(film([dark[0]] * 3 + [dark[1]] * 3)) == [0, 0, 0, 1, 1, 1]


def test_black_between_two_scenes_belongs_to_the_first():
    black = np.zeros_like(scene(1))
    assert shots(film([scene(1), black, black, scene(2)])) == [0, 0, 0, 1]


def test_a_whip_pan_is_no_cut():
    wide = np.concatenate([scene(seed) for seed in range(4)], axis=1)
    pan = [wide[:, x : x + 192] for x in range(0, 560, 16)]
    assert set(shots(film(pan))) == {0}


def test_sixteen_bits_cut_like_eight():
    pictures = [scene(1)] * 2 + [scene(2)] * 2
    assert shots(film([p.astype(np.uint16) * 257 for p in pictures], np.uint16)) == [0, 0, 1, 1]


def test_nothing_is_read_ahead():
    taken = []

    def source():
        for frame in film([scene(1)] * 5):
            taken.append(frame.index)
            yield frame

    next(mark_shots(source()))
    assert taken == [0]
