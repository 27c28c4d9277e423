import numpy as np
import pytest

from vergence.synthetic.photos import page
from vergence.synthetic.render.surface import COARSEST, LEVEL_TEXELS, TILE, level_of, texel
from vergence.synthetic.textures import GROUPS, cloudy, draw_tiles, with_levels


def test_every_group_has_its_tiles():
    tiles, groups = draw_tiles(np.random.default_rng(0))
    assert tiles.shape[1:] == (LEVEL_TEXELS, 3)
    for name, makers in GROUPS.items():
        assert len(groups[name]) == sum(count for _, count in makers)
    assert len(groups["any"]) == len(tiles)


def test_pages_differ_and_show_renderings_among_their_pictures():
    first, second = page(0), page(1)
    assert (first.tiles[0] != second.tiles[0]).any()
    assert len(first.groups["picture"]) > len(first.groups["print"])
    assert max(first.groups["picture"]) < len(first.tiles)


def test_noise_is_periodic_and_spans_its_range():
    noise = cloudy(np.random.default_rng(0), 2.0, size=64)
    assert (noise.min(), noise.max()) == pytest.approx((0, 1))
    inner, wrap = np.abs(np.diff(noise, axis=0)).mean(), np.abs(noise[0] - noise[-1]).mean()
    assert wrap < 3 * inner


@pytest.mark.parametrize("level", range(6))
def test_a_grey_tile_is_grey_at_every_level(level):
    texels = with_levels(np.full((TILE, TILE, 3), 100, np.uint8))
    assert len(texels) == LEVEL_TEXELS
    first, side = level_of(0, TILE, 2.0**level)
    assert side == TILE >> level
    np.testing.assert_allclose(texel(texels, first, side, 0.3, -7.8), (100 / 255) ** 2, rtol=1e-12)


def test_the_coarsest_level_is_the_last():
    texels = np.concatenate([np.zeros((5, 3), np.uint8), with_levels(np.full((TILE, TILE, 3), 9, np.uint8))])
    first, side = level_of(5, TILE, 1e6)
    assert side == COARSEST
    assert first + side * side == len(texels)


def test_a_tile_repeats():
    tile = np.random.default_rng(0).integers(0, 255, (TILE, TILE, 3), dtype=np.uint8)
    texels = with_levels(tile)
    np.testing.assert_allclose(texel(texels, 0, TILE, 0.3, 0.7), texel(texels, 0, TILE, 5.3, -2.3), rtol=1e-9)
    centre = texel(texels, 0, TILE, 4.5 / TILE, 9.5 / TILE)
    np.testing.assert_allclose(centre, (tile[9, 4] / 255.0) ** 2, rtol=1e-9)
