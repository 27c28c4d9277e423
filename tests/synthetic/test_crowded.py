import numpy as np

from vergence.synthetic import render_photo

SEEDS = range(600, 610)


def things_seen(kind):
    """Of each picture, how many things take up a thousandth of it or more."""
    pictures = [render_photo(seed, width=96, height=72, kind=kind).objects for seed in SEEDS]
    return [int((np.bincount(objects[objects >= 0]) > objects.size / 1000).sum()) for objects in pictures]


def test_a_crowded_room_shows_more_things_than_a_room():
    assert np.median(things_seen("crowded")) > 1.3 * np.median(things_seen("room"))


def test_crowded_rooms_are_seen_a_little_from_above_and_have_no_sky():
    samples = [render_photo(seed, width=48, height=36, kind="crowded") for seed in SEEDS]
    assert all(sample.depth.valid.all() for sample in samples)
    forward = [sample.depth.world_from_camera[2, 2] for sample in samples]  # its upward part
    assert np.median(forward) < -0.1
