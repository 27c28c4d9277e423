import numpy as np
import pytest

from vergence.errors import SettingsError
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


def test_an_empty_pool_says_so(tmp_path):
    with pytest.raises(SettingsError, match="no rendered pictures"):
        Pool(tmp_path).draw(np.random.default_rng(0))


def test_a_batch_has_its_size_its_twins_and_the_same_content_for_the_same_seed(example):
    a, b = (make_batch(lambda g: example, 0.25, 96, 64, 8, np.random.default_rng(7)) for _ in range(2))
    assert a.rgb.shape == (8, 3, 64, 96)
    assert a.log_depth.shape == a.is_sky.shape == (8, 64, 96)
    assert a.grid.shape == (2, 2, 3)
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
