""".splat: 32 bytes a Gaussian."""

import numpy as np
import pytest

from gaussian_clouds import gaussians
from vergence.errors import FormatError
from vergence.media.splats.open import read_gaussians, write_gaussians


def test_gaussians_come_back_with_one_colour(tmp_path):
    before = gaussians(degree=0)
    write_gaussians(before, tmp_path / "a.splat")
    assert (tmp_path / "a.splat").stat().st_size == 32 * len(before)
    found = read_gaussians(tmp_path / "a.splat")
    np.testing.assert_array_equal(found.means, before.means)
    np.testing.assert_array_equal(found.scales, before.scales)
    np.testing.assert_allclose(found.opacities, before.opacities, atol=0.5 / 255 + 1e-6)
    np.testing.assert_allclose(found.harmonics, before.harmonics, atol=0.5 / 255 / 0.282 + 1e-6)
    assert np.abs((found.rotations * before.rotations).sum(axis=1)).min() > 0.9999


def test_leaving_out_colours_of_directions_is_said(tmp_path, caplog):
    write_gaussians(gaussians(degree=1), tmp_path / "a.splat")
    assert "one colour for all directions" in caplog.text
    caplog.clear()
    write_gaussians(gaussians(degree=1), tmp_path / "b.splat", sh_degree=0)
    assert not caplog.text


def test_bytes_are_where_viewers_look_for_them(tmp_path):
    before = gaussians(2, degree=0)
    write_gaussians(before, tmp_path / "a.splat")
    data = (tmp_path / "a.splat").read_bytes()[32:]
    np.testing.assert_array_equal(np.frombuffer(data[:24], "<f4"), [*before.means[1], *before.scales[1]])
    np.testing.assert_allclose(data[24] / 255, 0.5 + 0.28209479 * before.harmonics[1, 0, 0], atol=0.002)
    np.testing.assert_allclose(data[27] / 255, before.opacities[1], atol=0.002)
    np.testing.assert_allclose((np.array(list(data[28:])) - 128) / 128, before.rotations[1], atol=0.0079)


def test_a_part_of_a_gaussian_is_refused(tmp_path):
    (tmp_path / "a.splat").write_bytes(bytes(33))
    with pytest.raises(FormatError, match="33 bytes"):
        read_gaussians(tmp_path / "a.splat")
