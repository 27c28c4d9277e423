"""Procedural textures: square tiles that repeat, each kind a function of a random generator."""

import colorsys
import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.synthetic.render.surface import COARSEST, TILE

Tile = NDArray[np.float64]  # (TILE, TILE, 3) sRGB-like, 0..1
Weight = NDArray[np.float64]  # (TILE, TILE)

ROWS, COLUMNS = np.mgrid[0:TILE, 0:TILE] / TILE


def palette(rng: np.random.Generator) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two colours that occur together; most are muted, because independent bright ones look like a rainbow."""
    hue = rng.random() if rng.random() < 0.5 else rng.choice([0.08, 0.6, 0.02, 0.1]) + rng.normal(0, 0.03)
    saturation = rng.beta(1.4, 2.2) * (0.5 if rng.random() < 0.6 else 1)
    other = hue + rng.choice([0, 0.05, 0.5, rng.random()])
    first = colorsys.hsv_to_rgb(hue % 1, saturation, rng.beta(3, 1.8))
    second = colorsys.hsv_to_rgb(other % 1, rng.beta(1.4, 2.2) * 0.7, rng.beta(2, 1.8))
    return np.array(first), np.array(second)


def cloudy(
    rng: np.random.Generator, power: float, *, size: int = TILE, stretch: tuple[float, float] = (1, 1)
) -> Weight:
    """Periodic noise of spectrum 1 / f^power, 0..1; `stretch` makes it finer along the rows and columns."""
    fy = np.fft.fftfreq(size)[:, None] / stretch[0]
    fx = np.fft.rfftfreq(size)[None] / stretch[1]
    frequency = np.sqrt(fx * fx + fy * fy)
    frequency[0, 0] = 1
    spectrum = (rng.standard_normal(frequency.shape) + 1j * rng.standard_normal(frequency.shape)) * frequency**-power
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, (size, size))
    return np.asarray((noise - noise.min()) / (np.ptp(noise) + 1e-9))


def _mix(a: NDArray[np.float64], b: NDArray[np.float64], weight: Weight) -> Tile:
    return np.asarray(a + (b - a) * weight[..., None])


def _fraction(values: Weight) -> Weight:
    return values - np.floor(values)


def marbled(rng: np.random.Generator) -> Tile:
    return _mix(*palette(rng), cloudy(rng, rng.uniform(0.6, 2)))


def mottled(rng: np.random.Generator) -> Tile:
    base, _ = palette(rng)
    noise = np.stack([cloudy(rng, rng.uniform(0.8, 2)) for _ in range(3)], axis=-1) - 0.5
    noise = noise + rng.uniform(1, 3) * (noise.mean(axis=2, keepdims=True) - noise) / 3  # mute the rainbow
    return np.asarray(noise * rng.uniform(0.1, 0.6) + base)


def plaster(rng: np.random.Generator) -> Tile:
    grain = (cloudy(rng, rng.uniform(0.1, 1.2)) - 0.5) * rng.uniform(0.05, 0.5)
    return np.asarray((rng.uniform(0.35, 0.95) + grain)[..., None] * (1 + (rng.random(3) - 0.5) * 0.2))


def wood(rng: np.random.Generator) -> Tile:
    dark = np.array(colorsys.hsv_to_rgb(rng.uniform(0.04, 0.11), rng.uniform(0.2, 0.7), rng.uniform(0.2, 0.7)))
    light = np.clip(dark * rng.uniform(1.2, 1.7), 0, 1)
    if rng.random() < 0.2:
        dark, light = palette(rng)
    grain = cloudy(rng, 1.3, stretch=(rng.uniform(5, 14), 1))
    grain = 0.5 + 0.5 * np.sin(grain * rng.uniform(6, 30) + COLUMNS * 2 * math.pi * rng.integers(0, 3))
    tile = _mix(dark, light, grain * rng.uniform(0.3, 1))
    if rng.random() < 0.5:
        planks = int(rng.integers(2, 7))
        board = ROWS * planks
        tile = tile * (0.75 + 0.25 * rng.random(planks))[board.astype(int)][..., None]
        tile[_fraction(board) < 0.03 + 0.01 * planks] *= 0.5
    return tile


def bricks(rng: np.random.Generator) -> Tile:
    a, b = palette(rng)
    if rng.random() < 0.5:
        a = np.array(colorsys.hsv_to_rgb(rng.uniform(0, 0.06), rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.7)))
        b = a * rng.uniform(0.6, 1.3)
    across = int(rng.integers(3, 9))
    row = (ROWS * across * 2).astype(int)
    along = (COLUMNS * across + (row % 2) * 0.5) % across
    shade = rng.random(997)[(row * 31 + along.astype(int)) % 997]
    joint = rng.uniform(0.04, 0.12)
    tile = _mix(a, b, shade * 0.6) * (0.85 + 0.3 * cloudy(rng, 1.0))[..., None]
    tile[(_fraction(along) < joint) | (_fraction(ROWS * across * 2) < joint * 2)] = a + rng.uniform(-0.5, 0.5)
    return tile


def paving(rng: np.random.Generator) -> Tile:
    a, b = palette(rng)
    across = int(rng.integers(1, 6)) * 2
    checker = ((COLUMNS * across).astype(int) + (ROWS * across).astype(int)) % 2
    tile = _mix(a, b, checker * (rng.uniform(0.05, 1) if rng.random() < 0.5 else 0.05))
    joint = rng.uniform(0.02, 0.1)
    tile[(_fraction(COLUMNS * across) < joint) | (_fraction(ROWS * across) < joint)] = b * 0.6
    return tile * (0.85 + 0.3 * cloudy(rng, 1.2))[..., None]


def stripes(rng: np.random.Generator) -> Tile:
    wave = np.sin(COLUMNS * rng.integers(1, 16) * 2 * math.pi) * rng.uniform(0.5, 4.5) + 0.5
    return _mix(*palette(rng), wave.clip(0, 1))


def stones(rng: np.random.Generator) -> Tile:
    count = int(rng.integers(8, 60))
    seeds = rng.random((count, 2)).astype(np.float32)
    gap = np.abs(np.stack([COLUMNS, ROWS], axis=-1, dtype=np.float32)[:, :, None] - seeds)
    gap = np.minimum(gap, 1 - gap)
    distance = np.hypot(gap[..., 0], gap[..., 1])
    closest = np.partition(distance, 1, axis=-1)
    tile = _mix(*palette(rng), rng.random(count)[distance.argmin(axis=-1)])
    tile[closest[..., 1] - closest[..., 0] < 0.012] *= 0.5
    return tile * (0.8 + 0.4 * cloudy(rng, 1.0))[..., None]


def poster(rng: np.random.Generator) -> Tile:
    """Flat shapes and writing."""
    tile = np.ascontiguousarray(np.broadcast_to(palette(rng)[0] * 255, (TILE, TILE, 3)).astype(np.uint8))
    for _ in range(rng.integers(3, 22)):
        paint = (palette(rng)[0] * 255).tolist()
        p = (int(rng.integers(0, TILE)), int(rng.integers(0, TILE)))
        q = (int(rng.integers(0, TILE)), int(rng.integers(0, TILE)))
        match rng.integers(0, 5):
            case 0:
                cv2.rectangle(tile, p, q, paint, -1)
            case 1:
                cv2.circle(tile, p, int(rng.integers(3, 40)), paint, -1)
            case 2:
                text = "".join(map(chr, rng.integers(48, 123, 9)))
                cv2.putText(tile, text, (p[0] - 30, p[1]), int(rng.integers(0, 8)), rng.uniform(0.3, 1.3), paint, 2)
            case 3:
                corners = rng.integers(0, TILE, (int(rng.integers(3, 7)), 2)).astype(np.int32)
                cv2.fillPoly(tile, [corners], paint)
            case _:
                cv2.line(tile, p, q, paint, int(rng.integers(1, 6)))
    return tile / 255


def text(rng: np.random.Generator) -> Tile:
    """A page, a sign or a screen full of lines."""
    paper, ink = (0.93, 0.1) if rng.random() < 0.6 else (0.12, 0.85)
    tile = np.full((TILE, TILE, 3), int(paper * 255), np.uint8)
    step, left = int(rng.integers(5, 14)), int(rng.integers(4, 30))
    for y in range(step, TILE - 2, step):
        x = left
        while x < TILE - 8 and rng.random() < 0.93:
            width = int(rng.integers(2, 14))
            cv2.line(tile, (x, y), (min(x + width, TILE - 5), y), (int(ink * 255),) * 3, max(1, step // 4))
            x += width + 4
    return tile / 255 * (0.85 + 0.15 * rng.random(3))


def facade(rng: np.random.Generator) -> Tile:
    a, b = palette(rng)
    across = int(rng.integers(2, 5))
    u, v = _fraction(COLUMNS * across), _fraction(ROWS * across)
    left, top = rng.uniform(0.1, 0.3), rng.uniform(0.12, 0.3)
    tile = _mix(a, b, cloudy(rng, 1) * 0.2)
    frame = (u > left - 0.05) & (u < 1.05 - left) & (v > top - 0.05) & (v < 1.05 - top)
    pane = (u > left) & (u < 1 - left) & (v > top) & (v < 1 - top)
    tile[frame] = rng.uniform(0.2, 1)
    shade = rng.random(199)[((COLUMNS * across).astype(int) * 7 + (ROWS * across).astype(int) * 13) % 199]
    tile[pane] = np.array([0.5, 0.6, 0.7]) * rng.uniform(0.1, 0.9) * (0.5 + 0.5 * shade[pane][:, None])
    return tile


def books(rng: np.random.Generator) -> Tile:
    edges = np.sort(rng.random(int(rng.integers(8, 30))))
    which = np.searchsorted(edges, COLUMNS[0])
    colours = np.array([palette(rng)[0] for _ in range(len(edges) + 1)])
    tile = np.repeat(colours[which][None], TILE, axis=0)
    if rng.random() < 0.6:
        tile[(rng.random(len(edges) + 1) * 0.3)[which][None] > ROWS] = 0.08
    for _ in range(20):
        x, y = int(rng.integers(0, TILE - 4)), int(rng.integers(20, TILE - 30))
        tile[y : y + int(rng.integers(5, 25)), x : x + int(rng.integers(1, 4))] = rng.random()
    return tile


def carpet(rng: np.random.Generator) -> Tile:
    quarter = np.stack([cloudy(rng, rng.uniform(1, 2), size=TILE // 2) for _ in range(3)], axis=-1)
    quarter = np.floor(quarter * rng.integers(3, 7)) / 5
    half = np.concatenate([quarter, quarter[:, ::-1]], axis=1)
    whole = np.concatenate([half, half[::-1]], axis=0)
    whole += rng.uniform(0.3, 1) * (whole.mean(axis=2, keepdims=True) - whole)  # mute the rainbow
    return whole * 0.5 + 0.5 * palette(rng)[0]


def weave(rng: np.random.Generator) -> Tile:
    threads = int(rng.integers(8, 40)) * 2 * math.pi
    crossing = 0.5 + 0.25 * np.sin(COLUMNS * threads) + 0.25 * np.sin(ROWS * threads)
    return _mix(*palette(rng), crossing * rng.uniform(0.2, 0.9)) * (0.9 + 0.2 * cloudy(rng, 1.2))[..., None]


def foliage(rng: np.random.Generator) -> Tile:
    green = np.array(colorsys.hsv_to_rgb(rng.uniform(0.16, 0.38), rng.uniform(0.3, 0.8), rng.uniform(0.25, 0.7)))
    leaves = cloudy(rng, rng.uniform(0.2, 0.9), stretch=(1, rng.uniform(1, 3)))
    warmth = (cloudy(rng, 1.5)[..., None] - 0.5) * np.array([0.3, 0.2, 0])
    return np.asarray(green * (0.35 + 1.1 * leaves[..., None]) + warmth)


def earth(rng: np.random.Generator) -> Tile:
    soil = np.array(colorsys.hsv_to_rgb(rng.uniform(0.05, 0.14), rng.uniform(0.1, 0.5), rng.uniform(0.3, 0.75)))
    return soil * (0.6 + 0.8 * cloudy(rng, rng.uniform(0.4, 1.3)))[..., None]


def fur(rng: np.random.Generator) -> Tile:
    coat = np.array(colorsys.hsv_to_rgb(rng.uniform(0.03, 0.12), rng.uniform(0, 0.6), rng.uniform(0.1, 0.9)))
    strands = cloudy(rng, rng.uniform(0.4, 0.9), stretch=(1, rng.uniform(3, 8)))
    tile = coat * (0.6 + 0.7 * strands)[..., None]
    if rng.random() < 0.4:
        markings = (cloudy(rng, 1.8, stretch=(1, rng.uniform(1, 3))) - 0.5) * 8
        tile = _mix(np.ones(3), palette(rng)[1] * 0.6, markings.clip(0, 1)) * tile
    return tile


Maker = Callable[[np.random.Generator], Tile]

GROUPS: dict[str, tuple[tuple[Maker, int], ...]] = {  # what the tiles of each group are, and how many of each
    "wall": ((plaster, 5), (marbled, 2), (stripes, 1), (weave, 1), (bricks, 1)),
    "floor": ((wood, 4), (paving, 3), (carpet, 2), (stones, 1), (plaster, 1)),
    "wood": ((wood, 6),),
    "stone": ((bricks, 3), (stones, 3), (plaster, 2)),
    "street": ((plaster, 2), (paving, 2), (stones, 2), (earth, 1)),
    "ground": ((foliage, 4), (earth, 4)),
    "foliage": ((foliage, 5),),
    "cloth": ((weave, 4), (marbled, 3), (stripes, 3), (mottled, 3), (carpet, 2), (poster, 1)),
    "fur": ((fur, 5),),
    "print": ((poster, 9), (text, 3)),
    "screen": ((text, 2), (poster, 3)),
    "facade": ((facade, 3), (bricks, 2)),
    "books": ((books, 3),),
}


def draw_tiles(rng: np.random.Generator) -> tuple[NDArray[np.uint8], dict[str, tuple[int, ...]]]:
    """Draw every group: (layers, LEVEL_TEXELS, 3) tiles with their coarser levels, and which layers each group has."""
    tiles: list[NDArray[np.uint8]] = []
    groups: dict[str, tuple[int, ...]] = {}
    for name, makers in GROUPS.items():
        first = len(tiles)
        for make, count in makers:
            for _ in range(count):
                tile = np.clip(make(rng) * (1 + (rng.random() - 0.5) * 0.4), 0, 1)
                tiles.append(with_levels((tile * 255 + 0.5).astype(np.uint8)))
        groups[name] = tuple(range(first, len(tiles)))
    groups["any"] = tuple(range(len(tiles)))
    return np.stack(tiles), groups


def with_levels(tile: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, n, 3) to (texels, 3): itself and its halves down to `COARSEST`, one after the other; n is a power of two."""
    levels = [tile]
    while (size := len(levels[-1]) // 2) >= COARSEST:
        smaller = cv2.resize(levels[-1], (size, size), interpolation=cv2.INTER_AREA)
        levels.append(np.asarray(smaller, dtype=np.uint8))
    return np.concatenate([level.reshape(-1, 3) for level in levels])
