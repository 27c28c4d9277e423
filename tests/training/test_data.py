import numpy as np
import pytest

from vergence.errors import SettingsError, ShapeError
from vergence.training import data
from vergence.training.augment import Example, Neighbour, View
from vergence.training.data import Pool, make_batch, write_shard
from vergence.training.recipes import RECIPES, find_recipe


def test_a_shard_comes_back_as_it_was_written(pool, example):
    drawn = Pool(pool).draw(np.random.default_rng(0))
    np.testing.assert_array_equal(drawn.rgb, example.rgb)
    np.testing.assert_allclose(drawn.depth, example.depth, rtol=1e-3)
    assert drawn.focal == pytest.approx(example.focal)


def test_a_pool_sees_shards_that_are_added_and_none_that_are_half_written(pool, example):
    found = Pool(pool)

    def broken():
        yield example
        raise RuntimeError("the worker dies")

    with pytest.raises(RuntimeError):
        write_shard(pool, 64, broken())
    found.rescan()
    assert len(found) == 3
    write_shard(pool, 64, [example])
    found.rescan()
    assert len(found) == 4


def neighboured(example, shift=2):
    """The example with a neighbour before it, in which everything lies `shift` px to the left."""
    flow = np.full((*example.depth.shape, 2), [shift, 0], np.float16)
    flow[np.isinf(example.depth)] = np.nan
    before = Neighbour(np.roll(example.rgb, -shift, 1), np.roll(example.depth, -shift, 1), np.roll(flow, -shift, 1))
    return Example(example.rgb, example.depth, example.focal, before)


def test_neighbours_come_back_as_they_were_written_and_shards_without_them_go_on_loading(pool, example):
    pair = neighboured(example)
    write_shard(pool, 64, [pair] * 2)
    found, generator = Pool(pool), np.random.default_rng(0)
    assert len(found) == 5
    for _ in range(10):
        drawn = found.draw(generator, True).neighbour
        np.testing.assert_array_equal(drawn.rgb, pair.neighbour.rgb)
        np.testing.assert_allclose(drawn.depth, pair.neighbour.depth, rtol=1e-3)
        np.testing.assert_array_equal(drawn.flow, pair.neighbour.flow)
    assert {found.draw(generator).neighbour is None for _ in range(40)} == {True, False}


def test_a_pool_without_neighbours_gives_other_views_instead(pool):
    found = Pool(pool)
    assert found.draw(np.random.default_rng(0), True).neighbour is None
    assert make_batch(found.draw, 0.5, 64, 64, 8, np.random.default_rng(0)).is_shared.any()


def test_a_shard_is_of_one_sort(tmp_path, example):
    with pytest.raises(ShapeError, match="1 of 2 examples"):
        write_shard(tmp_path, 0, [example, neighboured(example)])
    assert not list(tmp_path.iterdir())


def test_a_moving_twin_shows_the_neighbour_and_leads_to_the_same_depth(example, monkeypatch):
    monkeypatch.setattr(data, "MOVING", 1.0)
    monkeypatch.setattr(data, "draw_view", lambda example, aspect, generator: View(0, 0, 96, 72, False))
    pair = neighboured(example, shift=5)
    batch = make_batch(lambda g, moving: pair, 0.5, 96, 72, 4, np.random.default_rng(0))
    for n in range(2):
        shared = batch.is_shared[n].numpy()
        assert shared.mean() > 0.3
        assert not shared[:, -5:].any()  # which has left the picture
        first, second = batch.log_depth[n].numpy(), batch.log_depth[2 + n].numpy()
        np.testing.assert_allclose(second[shared], np.roll(first, -5, 1)[shared], rtol=1e-3)
        still = (np.arange(96) + 0.5) / 48 - 1
        way = (batch.grid[n, ..., 0].numpy() - still)[shared]
        np.testing.assert_allclose(way, np.full_like(way, 2 * 5 / 96), atol=1e-5)


def test_an_empty_pool_says_so(tmp_path):
    with pytest.raises(SettingsError, match="no rendered pictures"):
        Pool(tmp_path).draw(np.random.default_rng(0))


def test_a_batch_has_its_size_its_twins_and_the_same_content_for_the_same_seed(example):
    a, b = (make_batch(lambda g, moving: example, 0.25, 96, 64, 8, np.random.default_rng(7)) for _ in range(2))
    assert a.rgb.shape == (8, 3, 64, 96)
    assert a.log_depth.shape == a.is_sky.shape == (8, 64, 96)
    assert a.grid.shape == (2, 64, 96, 2)
    assert a.is_shared.shape == (2, 64, 96)
    assert a.is_shared.any()
    assert np.isfinite(a.grid.numpy()).all()
    assert (a.rgb == b.rgb).all()
    assert np.isfinite(a.log_depth.numpy()).all()


def test_stages_follow_each_other_and_the_last_one_lasts():
    recipe = find_recipe("preview")
    assert recipe.stage(0.0) is recipe.stages[0]
    assert recipe.stage(recipe.stages[0].until) is recipe.stages[1]
    assert recipe.stage(1.0) is recipe.stages[-1]


def test_every_size_of_every_recipe_suits_the_network():
    for recipe in RECIPES.values():
        assert recipe.stages[-1].until == 1.0
        for width, height, count, _ in (size for stage in recipe.stages for size in stage.sizes):
            assert width % 32 == height % 32 == 0
            assert int(count * recipe.twins) <= count // 2


def test_an_unknown_recipe_names_the_known():
    with pytest.raises(SettingsError, match="preview-continued"):
        find_recipe("nothing")
