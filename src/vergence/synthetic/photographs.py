"""Photographs as textures: crops of a folder's pictures, whole for what hangs on walls, or mirrored so that they tile.

Texture is not depth: a flat wall that shows a street is what teaches that.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vergence.errors import MediaError
from vergence.synthetic.render.surface import COS, FIRST, SCALE, SIDE, SIN, TEXTURED
from vergence.synthetic.textures import with_levels

logger = logging.getLogger(__name__)

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")  # an allow-list
MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr")  # of at most 8 bits
PRINT = 256  # texels a side of a photographic tile: a picture on a wall is looked at from near
SHORT_SIDE = 512  # px that a photograph is kept at: a crop of half of it is still sharp as a `PRINT`
PHOTOGRAPHS = 12  # a page
CROPS = 24  # a page, of either kind

SHARES = {  # how much oftener than the scene's share a surface of each group is covered
    "any": 1.0,
    "backdrop": 1.0,
    "cloth": 1.0,
    "facade": 1.0,
    "floor": 1.0,
    "ground": 1.0,
    "picture": 2.5,
    "print": 1.5,
    "screen": 2.0,
    "stone": 1.0,
    "street": 1.0,
    "wall": 1.0,
    "wood": 1.0,
}
SHOWN = ("picture", "print", "screen")  # groups that show a picture as a whole

Rgb = NDArray[np.uint8]
Place = tuple[int, int]  # of a tile among the texels: its first, and how many a side


@dataclass(frozen=True)
class Photographs:
    """The photographic tiles of a page.

    Attributes:
        texels: (n, 3) uint8, the drawn tiles of the page and after them the photographic ones, as `Scene.texels`.
        shown: tiles that are one crop each.
        tiled: tiles made of a crop and its mirror images, which repeat without a seam.
    """

    texels: NDArray[np.uint8]
    shown: tuple[Place, ...]
    tiled: tuple[Place, ...]


@lru_cache(maxsize=16)
def find_photographs(folder: Path) -> tuple[Path, ...]:
    """The pictures in a folder and those below it, by name; it is looked through once in a process.

    Raises:
        MediaError: it is no folder or holds no pictures.
    """
    if not folder.is_dir():
        raise MediaError(f"{folder} is no folder; give one that holds photographs")
    found = tuple(sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file()))
    if not found:
        raise MediaError(f"{folder} holds no photographs; needed are files that end in {', '.join(SUFFIXES)}")
    return found


def draw_photographs(folder: Path, drawn: NDArray[np.uint8], dice: Random) -> Photographs:
    """Cut and grade a page's photographic tiles; `drawn` are the (m, 3) texels that come before them.

    Raises:
        MediaError: the folder has no picture that can be read.
    """
    files = list(find_photographs(folder))
    dice.shuffle(files)
    pictures: list[Rgb] = []
    for path in files:
        if len(pictures) == PHOTOGRAPHS:
            break
        picture = _read(path)
        if picture is not None:
            pictures.append(picture)
    if not pictures:
        raise MediaError(f"none of the {len(files)} pictures in {folder} can be read; put whole ones there")
    shown = [_graded(_cut(dice.choice(pictures), _share_shown(dice), PRINT, dice), dice) for _ in range(CROPS)]
    tiled = [
        _mirrored(_graded(_cut(dice.choice(pictures), dice.uniform(0.15, 0.7), PRINT // 2, dice), dice))
        for _ in range(CROPS)
    ]
    tiles = [with_levels(tile) for tile in (*shown, *tiled)]
    places = [(len(drawn) + i * len(tile), PRINT) for i, tile in enumerate(tiles)]
    return Photographs(np.concatenate([drawn, *tiles]), tuple(places[:CROPS]), tuple(places[CROPS:]))


class Cover:
    """Covers some surfaces of one scene: a share of them that is drawn for the scene, a third on average."""

    def __init__(self, photographs: Photographs, dice: Random) -> None:
        self.texels = photographs.texels
        self._photographs, self._dice = photographs, dice
        self._share = dice.betavariate(1, 2)

    def over(self, material: Sequence[float], group: str) -> list[float]:
        """The material, a row of `Scene.materials`, with or without a photograph; `group` as in `SHARES`."""
        dice, covered = self._dice, list(material)
        if dice.random() >= self._share * SHARES.get(group, 0.0):
            return covered
        is_backdrop = group == "backdrop"
        if group in SHOWN or (is_backdrop and dice.random() < 0.5):
            covered[FIRST], covered[SIDE] = dice.choice(self._photographs.shown)
        else:
            covered[FIRST], covered[SIDE] = dice.choice(self._photographs.tiled)
            covered[SCALE] *= 2 ** dice.uniform(0, 1.5)  # a tile is four crops
        if is_backdrop:
            covered[SCALE], covered[COS], covered[SIN] = dice.uniform(1.5, 5), 1.0, 0.0
        covered[TEXTURED] = max(covered[TEXTURED], dice.uniform(0.5, 1))
        return covered


@lru_cache(maxsize=32)
def _read(path: Path) -> Rgb | None:
    """A photograph, upright, at most `SHORT_SIDE` along its shorter side; None, with a warning, if it is damaged."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            if image.mode not in MODES:
                raise ValueError(f"its samples ({image.mode}) are no 8-bit colours")
            image.draft("RGB", (SHORT_SIDE, SHORT_SIDE))  # a JPEG need not be decoded at full size
            upright = ImageOps.exif_transpose(image).convert("RGB")
        shrink = min(1.0, SHORT_SIDE / min(upright.size))
        size = (max(1, round(upright.width * shrink)), max(1, round(upright.height * shrink)))
        return np.asarray(upright.resize(size, Image.Resampling.BOX))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        logger.warning("skipping %s, which cannot be read as a photograph (%s)", path, error)
        return None


def _share_shown(dice: Random) -> float:
    """How much of a photograph a picture on a wall shows: mostly nearly all, because that shows whole things."""
    return dice.uniform(0.65, 1.0) if dice.random() < 0.75 else dice.uniform(0.25, 0.65)


def _cut(picture: Rgb, share: float, side: int, dice: Random) -> Rgb:
    """A crop of the share of the shorter side, a little stretched, as a square of `side` texels."""
    height, width = picture.shape[:2]
    stretch = 2 ** dice.uniform(-0.3, 0.3)
    rows = max(1, min(height, round(min(height, width) * share / stretch)))
    columns = max(1, min(width, round(min(height, width) * share * stretch)))
    top, left = dice.randint(0, height - rows), dice.randint(0, width - columns)
    crop = picture[top : top + rows, left : left + columns]
    is_shrunk = min(rows, columns) > side
    return _bytes(cv2.resize(crop, (side, side), interpolation=cv2.INTER_AREA if is_shrunk else cv2.INTER_LINEAR))


def _graded(tile: Rgb, dice: Random) -> Rgb:
    """Saturation (one in ten grey), white balance, contrast, brightness and gamma."""
    saturation = 0.0 if dice.random() < 0.1 else dice.uniform(0.4, 1.4)
    balance = np.array([1 + dice.gauss(0, 0.08) for _ in range(3)])
    matrix = (saturation * np.eye(3) + (1 - saturation) / 3) * balance[:, None] * dice.uniform(0.6, 1.2)
    gamma = 2 ** dice.gauss(0, 0.4)
    toned = cv2.LUT(tile, (255 * (np.arange(256) / 255) ** gamma).astype(np.uint8))
    offset = np.full((3, 1), dice.uniform(-20, 30))
    return _bytes(cv2.transform(toned, np.hstack([matrix, offset])))


def _mirrored(tile: Rgb) -> Rgb:
    """The tile and its mirror images: twice as wide and high, and the same at opposite edges."""
    across = np.concatenate([tile, tile[:, ::-1]], axis=1)
    return np.concatenate([across, across[::-1]], axis=0)


def _bytes(values: NDArray[np.generic]) -> Rgb:
    return np.asarray(values, dtype=np.uint8)
