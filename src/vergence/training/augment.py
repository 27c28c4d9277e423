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
SKY = np.float32(1e6)  # m that stand for infinitely far
SAME_SURFACE = 0.1  # in log depth: more, between neighbouring pixels, is the edge of a thing
MOST_CHANGE = 0.5  # in log depth: more, between two frames, is another thing
NOISE = np.random.default_rng(0).standard_normal(1 << 22).astype(np.float32)  # drawn once, sliced ever after


@dataclass(frozen=True)
class Neighbour:
    """A frame near a picture in time, of the same film.

    Attributes:
        rgb, depth: as of an `Example`, of the same size and lens.
        flow: (H, W, 2) float, px from its pixels to where the same surfaces lie in the picture (x, y); NaN where the
            picture does not show them, and in the sky.
    """

    rgb: Rgb
    depth: NDArray[np.floating]
    flow: NDArray[np.floating]


@dataclass(frozen=True)
class Example:
    """A rendered picture with its truth.

    Attributes:
        rgb: (H, W, 3) uint8.
        depth: (H, W) float, z in metres, inf = sky.
        focal: focal length over the picture's diagonal.
        neighbour: what a moving camera saw a moment before, or None.
    """

    rgb: Rgb
    depth: NDArray[np.floating]
    focal: float
    neighbour: Neighbour | None = None


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


def draw_twin(example: Example, first: View, generator: np.random.Generator) -> View:
    """A second view near `first`: as a trembling camera has it, or another framing, perhaps mirrored."""
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
    return _placed(example, width, height, np.clip(place, 0, 1), is_mirrored)


def correspondence(
    second: View, first: View, width: int, height: int, flow: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """Where the pixels of a `second` view, seen at `width` x `height`, lie in the `first`.

    `flow` is that of a `Neighbour`, which the second view is of then; without it both are of the same picture.

    Returns:
        (height, width, 2) normalised coordinates x, y (-1..1 from edge to edge, as `grid_sample` has them without
        `align_corners`); NaN where nothing corresponds.
    """
    columns = (np.arange(width, dtype=np.float32) + 0.5) * (second.width / width)
    rows = (np.arange(height, dtype=np.float32) + 0.5) * (second.height / height)
    if second.is_mirrored:
        columns = second.width - columns
    places = np.empty((height, width, 2), np.float32)
    places[..., 0], places[..., 1] = second.x + columns, (second.y + rows)[:, None]
    if flow is not None:  # of the pixel that each place lies in
        across, down = (second.x + columns).astype(np.intp), (second.y + rows).astype(np.intp)
        places += flow[down[:, None], across]
    places -= np.array([first.x, first.y], np.float32)
    places *= np.array([2 / first.width, 2 / first.height], np.float32)
    places -= 1
    if first.is_mirrored:
        places[..., 0] *= -1
    return places


def shared_surface(
    places: NDArray[np.float32], depth: NDArray[np.float32], first_depth: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Which `places` of `correspondence` show the same surface in the first view.

    Those inside it, clear of its edges in depth, beside which sampling mixes surfaces, and at about the depth seen in
    the second view. `depth` and `first_depth` are those of the two views, (h, w) m, inf = sky, which is never shared.
    """
    height, width = first_depth.shape
    inside = (np.abs(places) <= 1).all(axis=-1)  # which NaN is not
    x = np.where(inside, (places[..., 0] + 1) * (width / 2) - 0.5, 0).astype(np.float32)
    y = np.where(inside, (places[..., 1] + 1) * (height / 2) - 0.5, 0).astype(np.float32)
    log_depth = np.log(np.minimum(first_depth, SKY))
    mixed = cv2.remap(log_depth, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    nearest = cv2.remap(log_depth, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    is_clear = (np.abs(mixed - nearest) <= SAME_SURFACE) & (nearest < np.log(SKY))
    return np.asarray(inside & is_clear & (np.abs(np.log(depth) - nearest) <= MOST_CHANGE))


def _placed(example: Example, width: float, height: float, place: NDArray[np.float64], is_mirrored: bool) -> View:
    """A view of the given size; `place` 0..1 is where in the room that is left."""
    full_height, full_width = example.depth.shape
    columns, rows = min(max(int(width), 1), full_width), min(max(int(height), 1), full_height)
    x, y = (place * (full_width - columns, full_height - rows)).round().astype(int)
    return View(int(x), int(y), columns, rows, is_mirrored)


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
