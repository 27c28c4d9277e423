"""A drawn scene that moves: balls that roll on a chequered floor. For tests, and to try things without a camera.

Along the lower edge the frame's number stands as a bar-code: `BITS` blocks, the lowest bit at the left, white is 1.
"""

import math
import re
import time
from fractions import Fraction
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import MediaError
from vergence.geometry.rows import by_rows
from vergence.media.live.source import Taken

F = np.float32

BITS = 10
LARGEST, FASTEST = 3840, 240  # px a side, frames a second
EYE, SLOPE = 1.5, 0.12  # height of the camera above the floor, m, and how far it looks down
FOCAL = 0.9  # over the picture's width
WALL = 9.0  # m
SUN = np.array([-0.53, -0.75, -0.4], np.float32)  # towards it; y is down
BALLS = (  # radius and distance from the middle of the ring, m; turns a second; where it begins; colour
    (0.55, 1.9, 0.08, 0.0, (222, 78, 48)),
    (0.40, 1.9, 0.08, 0.38, (52, 128, 196)),
    (0.70, 0.0, 0.0, 0.0, (240, 190, 70)),
    (0.28, 2.6, -0.11, 0.7, (86, 160, 92)),
)
MIDDLE = 5.0  # m ahead: of the ring


class TestPattern:
    """The scene at `width` x `height`, `rate` frames a second by the machine's clock; late frames are left out."""

    __test__ = False  # no test, whatever pytest makes of its name

    def __init__(self, width: int = 640, height: int = 360, rate: Fraction = Fraction(30)) -> None:
        if not (16 <= width <= LARGEST and 16 <= height <= LARGEST and 0 < rate <= FASTEST):
            raise MediaError(
                f"a test pattern has 16 to {LARGEST} px a side and at most {FASTEST} frames a second, "
                f"not {width}x{height}@{rate}"
            )
        self.width, self.height, self.rate = width, height, rate
        self._backdrop, self._rays = _backdrop(width, height)
        self._began: float | None = None
        self._next = 0

    @classmethod
    def named(cls, text: str) -> Self:
        """By what stands after `test:`: nothing, or a size and a rate such as `1280x720@24`."""
        if not text:
            return cls()
        found = re.fullmatch(r"(\d{1,5})x(\d{1,5})(?:@(\d{1,3}))?", text)
        if not found:
            raise MediaError(f"a test pattern is test: or such as test:1280x720@24, not test:{text}")
        width, height, rate = found.groups()
        return cls(int(width), int(height), Fraction(rate or 30))

    def read(self) -> Taken:
        """Wait for the next frame's moment and draw it."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
        index = max(self._next, math.floor((now - self._began) * self.rate))
        due = self._began + float(index / self.rate)
        time.sleep(max(due - now, 0))
        self._next = index + 1
        return Taken(self.picture(index), due)

    def close(self) -> None:
        """Nothing is held open."""

    def picture(self, index: int) -> NDArray[np.uint8]:
        """The frame of this number: (height, width, 3)."""
        seconds = float(index / self.rate)
        balls = np.empty((len(BALLS), 7), np.float32)
        for ball, (radius, ring, turns, start, colour) in zip(balls, BALLS, strict=True):
            angle = 2 * math.pi * (turns * seconds + start)
            x, z = ring * math.cos(angle), MIDDLE + ring * math.sin(angle)
            ball[:] = (x, EYE - radius, z, radius, *colour)
        balls = balls[np.argsort(-balls[:, 2])]  # the nearest is drawn last
        rgb = self._backdrop.copy()
        by_rows(_draw, self.height, self._rays, balls, SUN, F(1 / (FOCAL * self.width)), rgb)
        _bar_code(rgb, index)
        return rgb


@njit(nogil=True, cache=True, fastmath=True)
def _draw(first, last, rays, balls, sun, pixel, rgb):  # type: ignore[no-untyped-def]
    for v in range(first, last):
        for u in range(rgb.shape[1]):
            x, y, z = rays[v, u, 0], rays[v, u, 1], rays[v, u, 2]
            square = x * x + y * y + z * z
            if y > F(1e-3):
                t = F(EYE) / y
                for ball in balls:
                    # A round shadow below, moved away from the sun, wide and soft.
                    dx = x * t - ball[0] - F(0.4) * ball[3]
                    dz = z * t - ball[2] - F(0.3) * ball[3]
                    away = (dx * dx + dz * dz) / (ball[3] * ball[3])
                    if away > F(1.69):
                        continue
                    dark = F(1) - F(0.55) * min(F(1.3) - np.sqrt(away), F(1))
                    for k in range(3):
                        rgb[v, u, k] = np.uint8(rgb[v, u, k] * dark)
            for ball in balls:
                radius = ball[3]
                along = x * ball[0] + y * ball[1] + z * ball[2]
                far = ball[0] * ball[0] + ball[1] * ball[1] + ball[2] * ball[2] - radius * radius
                inside = along * along - square * far
                if inside < F(-0.1) * radius * radius * square:
                    continue
                # A soft edge one pixel wide: the discriminant over its slope.
                cover = inside / max(F(2) * radius * np.sqrt(square) * along * pixel, F(1e-6)) + F(0.5)
                cover = min(max(cover, F(0)), F(1))
                if cover > 0:
                    t = (along - np.sqrt(max(inside, F(0)))) / square
                    nx, ny, nz = (x * t - ball[0]) / radius, (y * t - ball[1]) / radius, (z * t - ball[2]) / radius
                    light = F(0.28) + F(0.72) * max(nx * sun[0] + ny * sun[1] + nz * sun[2], F(0))
                    light += F(0.12) * max(ny, F(0))
                    if np.sin(F(9) * ny) > F(0.82):
                        light *= F(0.72)
                    for k in range(3):
                        shade = min(light * ball[4 + k], F(255))
                        rgb[v, u, k] = np.uint8(rgb[v, u, k] + cover * (shade - rgb[v, u, k]))


def _backdrop(width: int, height: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """The floor and the wall, (height, width, 3), and the rays through the pixels in the floor's axes."""
    focal = FOCAL * width
    u, v = np.meshgrid(np.arange(width) + 0.5 - width / 2, np.arange(height) + 0.5 - height / 2)
    c, s = math.cos(SLOPE), math.sin(SLOPE)
    x, y = u / focal, v / focal
    rays = np.stack([x, c * y + s, c - s * y], axis=-1).astype(np.float32)
    rays_y, rays_z = rays[..., 1], rays[..., 2]
    to_floor = np.where(rays_y > 1e-4, EYE / np.maximum(rays_y, 1e-4), np.inf)
    to_wall = WALL / np.maximum(rays_z, 1e-4)
    is_floor = to_floor < to_wall
    t = np.minimum(to_floor, to_wall)
    px, py, pz = (rays * t[..., None]).transpose(2, 0, 1)
    tiles = (np.floor(px) + np.floor(pz)) % 2
    # Far tiles run together instead of flickering.
    fade = np.clip(1.6 - t / 9, 0.15, 1)
    floor = 150 + 46 * (tiles - 0.5) * 2 * fade
    panels = 1 - 0.16 * (np.abs((px / 1.8) % 1 - 0.5) > 0.47)
    wall = (186 + 14 * (py / 4)) * panels
    grey = np.where(is_floor, floor, wall)[..., None]
    tint = np.where(is_floor[..., None], np.array([0.92, 0.96, 1.0]), np.array([1.0, 0.90, 0.76]))
    depth_haze = np.where(is_floor, np.clip(1.05 - t / 40, 0.6, 1), 1)[..., None]
    return np.clip(grey * tint * depth_haze, 0, 255).astype(np.uint8), rays


def _bar_code(rgb: NDArray[np.uint8], index: int) -> None:
    height, width = rgb.shape[:2]
    side = max(min(width // (BITS + 2), height // 18), 2)
    for bit in range(BITS):
        value = 235 if index >> bit & 1 else 16
        rgb[height - side :, bit * side : (bit + 1) * side] = value


def bar_code(rgb: NDArray[np.uint8]) -> int:
    """Read the number of a frame, modulo 2 ** `BITS`, from a picture of any size made of one."""
    height, width = rgb.shape[:2]
    side = max(min(width // (BITS + 2), height // 18), 2)
    row = rgb[height - side // 2 - 1, :, 1]
    return sum(int(row[bit * side + side // 2] > 125) << bit for bit in range(BITS))
