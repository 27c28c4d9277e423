"""TUM trajectories: back again, with the meaning the benchmark gives them."""

from fractions import Fraction

import numpy as np
import pytest

from rooms import circle, look
from vergence.errors import FormatError, MediaError, TargetError
from vergence.media.scene.tum import Moment, decimal, read_tum, write_tum

# The first lines of a ground truth of the benchmark, with its own digits; checked by hand below.
THEIRS = """# ground truth trajectory
# file: 'rgbd_dataset_freiburg1_xyz.bag'
# timestamp tx ty tz qx qy qz qw
1305031098.6659 1.3563 0.6305 1.6380 0.6132 0.5962 -0.3311 -0.3986

1305031098.6758 1.3543 0.6306 1.6360 0.6129 0.5966 -0.3316 -0.3980
"""


def test_poses_and_times_come_back(tmp_path):
    before = [Moment(Fraction(n, 8), pose) for n, pose in enumerate(circle(20))]
    write_tum(tmp_path / "a.txt", before)
    after = read_tum(tmp_path / "a.txt")
    assert [moment.time for moment in after] == [moment.time for moment in before]
    for a, b in zip(after, before, strict=True):
        np.testing.assert_allclose(a.world_from_camera, b.world_from_camera, atol=1e-12)


def test_a_line_is_time_place_and_turn_with_w_last(tmp_path):
    write_tum(tmp_path / "a.txt", [Moment(Fraction(3, 2), look((1, 2, 3), np.pi / 2))])
    comment, line = (tmp_path / "a.txt").read_text().splitlines()
    assert comment.startswith("#")
    time, *numbers = line.split()
    assert time == "1.5"
    np.testing.assert_allclose([float(n) for n in numbers], [1, 2, 3, 0, 0.5**0.5, 0, 0.5**0.5], atol=1e-12)


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (Fraction(0), "0.0"),
        (Fraction(1, 3), "0.333333333"),
        (Fraction(2, 3), "0.666666667"),
        (Fraction(1_305_031_098_665_900_001, 10**9), "1305031098.665900001"),
        (Fraction(-1, 4), "-0.25"),
        (Fraction(29_999_999_999, 10**10), "3.0"),
    ],
)
def test_times_are_decimals_to_the_nanosecond(time, text):
    assert decimal(time) == text


def test_a_file_of_the_benchmark_is_read(tmp_path):
    (tmp_path / "a.txt").write_text(THEIRS)
    first, second = read_tum(tmp_path / "a.txt")
    assert first.time == Fraction("1305031098.6659")
    assert second.time - first.time == Fraction(99, 10_000)
    np.testing.assert_allclose(first.world_from_camera[:3, 3], [1.3563, 0.6305, 1.638])
    # By hand: w^2 + x^2 - y^2 - z^2 = 0.16 + 0.376 - 0.3555 - 0.1096, 2 (xy - wz) = 2 (0.3656 - 0.132), and so on.
    np.testing.assert_allclose(first.world_from_camera[0, :3], [0.0697, 0.4672, -0.8813], atol=1e-3)
    turn = first.world_from_camera[:3, :3]
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=1e-12)


def test_numbers_with_exponents_and_commas_are_read(tmp_path):
    (tmp_path / "a.txt").write_text("1.5e+00,1e0,0,0,0,0,0,1\n")
    (moment,) = read_tum(tmp_path / "a.txt")
    assert moment.time == Fraction(3, 2)
    np.testing.assert_allclose(moment.world_from_camera, look((1, 0, 0), 0))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no camera"),
        ("# nothing\n\n", "no camera"),
        ("1 2 3\n", "it has 3"),
        ("0 0 0 0 0 0 0 1\n0 0 0 0 0 0 0 one\n", "line 2"),
        ("0 0 0 0 0 0 0 0\n", "length 0"),
        ("0 0 0 0 1 0 0 1\n", "length 1.41"),
        ("0 nan 0 0 0 0 0 1\n", "no number"),
        ("0 1e31 0 0 0 0 0 1\n", "no number"),
        ("nan 0 0 0 0 0 0 1\n", "no number"),
        ("1/3 0 0 0 0 0 0 1\n", "line 1"),
        ("1e-99999999 0 0 0 0 0 0 1\n", "no number"),
        ("0" * 1000 + " 0 0 0 0 0 0 1\n", "too long"),
        ("{" * 100_000, "too long"),
    ],
)
def test_garbage_is_told_in_one_line(tmp_path, text, said):
    (tmp_path / "a.txt").write_text(text)
    with pytest.raises(FormatError, match=said) as told:
        read_tum(tmp_path / "a.txt")
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 300 + len(str(tmp_path))


def test_absence_bytes_and_what_is_in_the_way_are_told(tmp_path):
    with pytest.raises(MediaError, match="no file"):
        read_tum(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(MediaError, match="no text"):
        read_tum(tmp_path / "a.txt")
    with pytest.raises(TargetError, match="exists"):
        write_tum(tmp_path / "a.txt", [])


def test_a_trajectory_that_breaks_off_leaves_no_file(tmp_path):
    def broken():
        yield Moment(Fraction(0), np.eye(4))
        raise MediaError("damaged")

    with pytest.raises(MediaError, match="damaged"):
        write_tum(tmp_path / "a.txt", broken())
    assert not list(tmp_path.iterdir())
