from fractions import Fraction

import numpy as np

from vergence.server.gathering import MOST, WINDOW, Gathering
from vergence.server.shown import Arrival
from vergence.types import Frame


def picture(camera, time_us):
    frame = Frame(np.full((4, 4, 3), camera, np.uint8), 0, Fraction(0))
    return Arrival(lambda: frame, camera, 3, time_us)


def cameras(found):
    return [each.source for each in found.together]


def test_a_set_is_the_newest_picture_of_each_camera_in_the_order_of_their_numbers():
    gathering = Gathering(99)
    assert gathering.put(picture(7, 0)) is None
    assert gathering.put(picture(7, 10)) is None
    found = gathering.put(picture(5, 20))
    assert (found.source, found.run, found.time_us) == (99, 3, 20)
    assert [(each.source, each.time_us) for each in found.together] == [(5, 20), (7, 10)]
    assert found.frame().rgb[0, 0, 0] == 5  # of the first camera
    assert [each.time_us for each in gathering.put(picture(7, 30)).together] == [20, 30]


def test_a_camera_that_is_late_is_left_out_and_comes_back():
    gathering = Gathering(99)
    for camera in (1, 2, 3):
        gathering.put(picture(camera, 0))
    assert cameras(gathering.put(picture(1, WINDOW))) == [1, 2, 3]
    assert gathering.put(picture(1, WINDOW + 1)) is None  # alone in time
    assert cameras(gathering.put(picture(2, WINDOW + 2))) == [1, 2]
    found = gathering.put(picture(3, WINDOW - 5))  # it was long on its way
    assert cameras(found) == [1, 2, 3]
    assert found.time_us == WINDOW + 2  # never back


def test_a_camera_that_has_gone_is_forgotten():
    gathering = Gathering(99)
    for camera in (1, 2, 3):
        gathering.put(picture(camera, 0))
    gathering.keep([1, 2])
    assert cameras(gathering.put(picture(1, 1))) == [1, 2]


def test_of_too_many_cameras_the_first_ones_are_seen():
    gathering = Gathering(99)
    for camera in range(MOST + 3):
        found = gathering.put(picture(camera, camera))
    assert cameras(found) == list(range(MOST))
