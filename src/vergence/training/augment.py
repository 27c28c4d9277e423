"""What happens between a rendered picture and what the network is shown of it.

Geometry (`crop`) keeps truth exact. `grade` is what light, lens and photographer do to a scene and is the same for two
views of it; `sense` is what sensor and codec do, drawn anew for every frame. All randomness comes from a Generator.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[Any]  # (H, W, 3) uint8; OpenCV's annotations promise less than that
NOISE = np.random.default_rng(0).standard_normal(1 << 22).astype(np.float32)  # drawn once, sliced ever after


@dataclass(frozen=True)
class Example:
    """A rendered picture with its truth.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float, z in metres, inf = sky.
        focal: focal length over the picture's diagonal.
    """

    rgb: Rgb
    depth: NDArray[np.floating]
    focal: float


@dataclass(frozen=True)
class View:
    """A rectangle of whole pixels in a picture, mirrored or not."""

    x: int
    y: int
    width: int
    height: int
    is_mirrored: bool


def draw_view(example: Example, aspect: float, generator: np.random.Generator) -> View:
    """A crop of the given width / height, whole in one case of three, else down to 60 % of a side."""
    height, width = example.depth.shape
    share = generator.uniform(0.6, 1.0) if generator.random() < 0.65 else 1.0
    rows = min(height, width / aspect) * share
    return _placed(example, rows * aspect, rows, generator.random(2), bool(generator.random() < 0.5))


def draw_twin(example: Example, first: View, generator: np.random.Generator) -> tuple[View, NDArray[np.float64]]:
    """A second view near `first`: a neighbouring frame of a film, or another framing, perhaps mirrored.

    Returns:
        The view, and (2, 3) from its normalised coordinates (-1..1, as `grid_sample` has them) to those of `first`.
    """
    is_next_frame = generator.random() < 0.6
    zoom = math.exp(generator.normal(0, 0.01 if is_next_frame else 0.2))
    reach = 0.03 if is_next_frame else 0.25
    width, height = first.width * zoom, first.height * zoom
    full_height, full_width = example.depth.shape
    fit = min(1.0, full_width / width, full_height / height)
    width, height = width * fit, height * fit
    left = first.x + (first.width - width) / 2 + generator.uniform(-reach, reach) * first.width
    top = first.y + (first.height - height) / 2 + generator.uniform(-reach, reach) * first.height
    place = np.array([left / max(full_width - width, 1), top / max(full_height - height, 1)])
    is_mirrored = first.is_mirrored ^ (not is_next_frame and bool(generator.random() < 0.5))
    second = _placed(example, width, height, np.clip(place, 0, 1), is_mirrored)
    return second, np.array(
        [
            _along(second.x, second.width, second.is_mirrored, first.x, first.width, first.is_mirrored, 0),
            _along(second.y, second.height, False, first.y, first.height, False, 1),
        ]
    )


def _placed(example: Example, width: float, height: float, place: NDArray[np.float64], is_mirrored: bool) -> View:
    """A view of the given size; `place` 0..1 is where in the room that is left."""
    full_height, full_width = example.depth.shape
    columns, rows = min(max(int(width), 1), full_width), min(max(int(height), 1), full_height)
    x, y = (place * (full_width - columns, full_height - rows)).round().astype(int)
    return View(int(x), int(y), columns, rows, is_mirrored)


def _along(
    start: int, size: int, is_mirrored: bool, first_start: int, first_size: int, is_first_mirrored: bool, axis: int
) -> list[float]:
    """A row of the affine map: normalised coordinate of one interval to that of another on the same axis."""
    sign, first_sign = (-1 if is_mirrored else 1), (-1 if is_first_mirrored else 1)
    gain = sign * first_sign * size / first_size
    offset = first_sign * (2 * (start + size / 2 - first_start) / first_size - 1)
    return [gain, 0.0, offset] if axis == 0 else [0.0, gain, offset]


def crop(example: Example, view: View, width: int, height: int) -> tuple[Rgb, NDArray[np.float32], float]:
    """See a view at `width` x `height`: the picture averaged, depth by its nearest sample, and the new focal length."""
    part = (slice(view.y, view.y + view.height), slice(view.x, view.x + view.width))
    is_shrunk = width < view.width
    rgb = cv2.resize(
        example.rgb[part], (width, height), interpolation=cv2.INTER_AREA if is_shrunk else cv2.INTER_LINEAR
    )
    depth = cv2.resize(example.depth[part].astype(np.float32), (width, height), interpolation=cv2.INTER_NEAREST)
    if view.is_mirrored:
        rgb, depth = rgb[:, ::-1], depth[:, ::-1]
    full_height, full_width = example.depth.shape
    pixels = example.focal * math.hypot(full_width, full_height)
    focal = pixels / math.hypot(view.width, view.height)
    return np.ascontiguousarray(rgb), np.ascontiguousarray(depth), focal


def grade(rgb: Rgb, depth: NDArray[np.float32], generator: np.random.Generator) -> Rgb:
    """Haze, shallow focus, colour, contrast, uneven light, sharpening and motion blur."""
    height, width = depth.shape
    if generator.random() < 0.08:
        rgb = _hazy(rgb, depth, generator)
    if generator.random() < 0.2:
        rgb = _focused(rgb, depth, generator)
    if generator.random() < 0.85:
        rgb = _coloured(rgb, generator)
    if generator.random() < 0.08:
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        rgb = cv2.cvtColor(cv2.createCLAHE(generator.uniform(1, 4), (4, 4)).apply(grey), cv2.COLOR_GRAY2RGB)
    if generator.random() < 0.2:
        rows, columns = generator.integers(2, 5, 2)
        light = generator.uniform(0.4, 1.5, (rows, columns)).astype(np.float32)
        rgb = _bytes(rgb * cv2.resize(light, (width, height), interpolation=cv2.INTER_CUBIC)[..., None])
    kind = generator.random()
    if kind < 0.35:
        rgb = cv2.GaussianBlur(rgb, (0, 0), generator.uniform(0.3, 1.6))
    elif kind < 0.5:
        gain = generator.uniform(0.3, 1.8)
        rgb = cv2.addWeighted(rgb, 1 + gain, cv2.GaussianBlur(rgb, (0, 0), generator.uniform(0.6, 1.5)), -gain, 0)
    elif kind < 0.6:
        rgb = cv2.filter2D(rgb, -1, _streak(generator))
    return rgb


def sense(rgb: Rgb, generator: np.random.Generator) -> Rgb:
    """Exposure that wavers a little, noise and JPEG."""
    if generator.random() < 0.5:
        strength = generator.uniform(1, 12)
        start = int(generator.integers(NOISE.size - rgb.size))
        noise = NOISE[start : start + rgb.size].reshape(rgb.shape)
        rgb = _bytes(rgb * np.float32(math.exp(generator.normal(0, 0.02))) + noise * np.float32(strength))
    if generator.random() < 0.4:
        quality = int(generator.integers(25, 96))
        _, packed = cv2.imencode(".jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, quality])
        rgb = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
    return rgb


def _bytes(values: NDArray[Any]) -> Rgb:
    return np.asarray(np.clip(values, 0, 255), dtype=np.uint8)


def _coloured(rgb: Rgb, generator: np.random.Generator) -> Rgb:
    """Contrast, brightness, saturation (one in ten grey), white balance, now and then swapped channels, gamma."""
    contrast, brightness = generator.uniform(0.5, 1.4), generator.uniform(0.6, 1.3)
    saturation = 0.0 if generator.random() < 0.1 else generator.uniform(0.3, 1.6)
    balance = 1 + generator.normal(0, 0.1, 3)
    matrix = (saturation * np.eye(3) + (1 - saturation) / 3) * contrast * balance[:, None]
    mean = float(rgb.mean())
    offset = mean * (brightness - contrast) * balance + generator.normal(0, 8, 3)
    if generator.random() < 0.06:
        matrix = matrix[generator.permutation(3)]
    rgb = _bytes(cv2.transform(rgb.astype(np.float32), np.column_stack([matrix, offset]).astype(np.float32)))
    gamma = math.exp(generator.normal(0, 0.35))
    return np.asarray(cv2.LUT(rgb, _bytes(255 * (np.arange(256) / 255) ** gamma)))


def _hazy(rgb: Rgb, depth: NDArray[np.float32], generator: np.random.Generator) -> Rgb:
    """Air that fades the distance to one colour."""
    finite = depth[np.isfinite(depth)]
    if not finite.size:
        return rgb
    reach = float(np.quantile(finite, 0.9)) * generator.uniform(0.5, 3)
    through = np.exp(-depth / reach)[..., None].astype(np.float32)
    air = np.clip(generator.uniform(120, 250) + generator.normal(0, 12, 3), 0, 255).astype(np.float32)
    return _bytes(rgb * through + air * (1 - through))


def _focused(rgb: Rgb, depth: NDArray[np.float32], generator: np.random.Generator) -> Rgb:
    """Shallow focus on some depth of the picture: blur grows with the difference in inverse depth."""
    inverse = 1 / np.maximum(depth, 0.1)
    # Photographers mostly focus on what is near.
    focus = float(np.quantile(inverse[::4, ::4], generator.uniform(0.3, 1.0)))
    spread = cv2.GaussianBlur(np.abs(inverse - focus) / (focus + 1e-6), (0, 0), 1.0) * generator.uniform(0.5, 3)
    sigma = generator.uniform(0.006, 0.02) * depth.shape[1]
    soft, softer = cv2.GaussianBlur(rgb, (0, 0), sigma / 3), cv2.GaussianBlur(rgb, (0, 0), sigma)
    some, more = np.clip(spread, 0, 1)[..., None], np.clip(spread - 1, 0, 1)[..., None]
    return _bytes((rgb * (1 - some) + soft * some) * (1 - more) + softer * more)


def _streak(generator: np.random.Generator) -> NDArray[np.float32]:
    """The kernel of a camera that moved along a line while the shutter was open."""
    size = int(generator.integers(3, 9))
    angle, half = generator.uniform(0, math.pi), size / 2
    dx, dy = half * math.cos(angle), half * math.sin(angle)
    kernel = np.zeros((size, size), dtype=np.float32)
    cv2.line(kernel, (int(half - dx), int(half - dy)), (int(half + dx), int(half + dy)), 1.0)
    return np.asarray(kernel / max(float(kernel.sum()), 1.0))
