import numpy as np
import pytest

from vergence.synthetic import KINDS, photos, render_photo
from vergence.synthetic.assemblies import aloft
from worlds import plain_builder

SEEDS = range(500, 516)


def depths(kind):
    return [render_photo(seed, width=64, height=48, kind=kind).depth for seed in SEEDS]


def test_a_camera_that_looks_up_has_sky_at_the_lower_edge_beside_what_stands_before_it():
    below = [float((~depth.valid[-4:]).mean()) for depth in depths("skyward")]
    assert np.mean(np.array(below) > 0.2) > 0.4


def test_low_in_a_picture_taken_downwards_is_hardly_nearer_than_high_in_it():
    def falls(kind):  # of log depth, from the upper to the lower third
        thirds = [np.array_split(np.where(depth.valid, depth.values, np.inf), 3) for depth in depths(kind)]
        return [float(np.log(np.median(top) / np.median(low))) for top, _, low in thirds]

    assert 0 < np.median(falls("downward")) < 0.75 * np.median(falls("room"))


def test_pictures_on_walls_show_none_of_the_kinds_added_later(monkeypatch):
    seen, find_view = [], photos.find_view
    monkeypatch.setattr(
        photos, "find_view", lambda *args, kind, **size: seen.append(kind) or find_view(*args, kind=kind, **size)
    )
    photos.page.__wrapped__(123)
    photos.page.__wrapped__(124)
    assert len(set(seen)) > 4
    assert all(KINDS[kind].is_shown for kind in seen)
    assert not KINDS["skyward"].is_shown


@pytest.mark.parametrize("build", [lambda b: aloft.tower(b, 20.0, 4.0), aloft.crane, aloft.coaster])
def test_what_is_built_against_the_sky_stands_on_the_ground_and_reaches_its_height(build):
    builder = plain_builder()
    build(builder) if build.__name__ == "<lambda>" else build(builder, 20.0)
    scene = builder.finish("test")
    reach = np.einsum("nj,nj->n", np.abs(scene.rotations[:, 2]), scene.sizes * scene.extents)
    assert (scene.centres[:, 2] - reach).min() == pytest.approx(0, abs=1.0)
    assert 17 < (scene.centres[:, 2] + reach).max() < 24


def test_a_balloon_hangs_over_its_basket():
    builder = plain_builder()
    aloft.balloon(builder, 10.0)
    scene = builder.finish("test")
    assert scene.centres[np.argmax(scene.sizes.max(axis=1)), 2] == pytest.approx(11)
