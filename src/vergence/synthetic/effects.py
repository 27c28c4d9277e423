"""From light to a photo: exposure and tone, and what real cameras add. Pure functions of pictures.

Tone is part of every rendering; the faults of a camera are applied only when asked for, so that training can draw
its own.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vergence.synthetic.builder import Dice

Rgb = NDArray[np.uint8]

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # BT.709
SHOULDER = 0.75  # of full white: from here on highlights are compressed
BRIGHT, BRIGHTEST = 98, (0.8, 2.5)  # percentile of light that is kept from clipping much: up to so much of full white
LEAST_LIGHT = 0.004  # the darkest scene that exposure lifts to full brightness
CURVE = 4096  # entries of the tone curve
BLUR_STEPS = 7  # pictures along the way that a moving pixel takes


@dataclass(frozen=True)
class Film:
    """How light becomes numbers: `gain` per channel, `gamma`, and `contrast` of an S-curve (0 is none)."""

    gain: tuple[float, float, float]
    gamma: float
    contrast: float


def choose_film(linear: NDArray[np.float32], dice: Dice) -> Film:
    """Expose for some percentile of the light, as cameras do more or less well."""
    luma = linear[::2, ::2] @ LUMA
    percentile, target = dice.uniform(55, 95), dice.uniform(0.25, 0.8)
    middle, bright = np.percentile(luma, (percentile, BRIGHT))
    gain = min(target / max(float(middle), LEAST_LIGHT), dice.uniform(*BRIGHTEST) / max(float(bright), LEAST_LIGHT))
    warm, green = dice.gauss(0, 0.06), dice.gauss(0, 0.02)
    gamma = dice.uniform(1.8, 2.4)
    return Film((gain * (1 + warm), gain * (1 + green), gain * (1 - warm)), gamma, max(0.0, dice.gauss(0.15, 0.2)))


def develop(linear: NDArray[np.float32], film: Film) -> Rgb:
    """Light (H, W, 3) to 8 bits: gain, a soft shoulder, gamma and contrast."""
    x = np.linspace(0, 1, CURVE, dtype=np.float32)
    bright = x * x * 4.0  # the table is finer in the dark, and reaches four times full white
    rest = 1 - SHOULDER
    soft = np.where(bright < SHOULDER, bright, SHOULDER + rest * (1 - np.exp(-(bright - SHOULDER) / rest)))
    tone = soft ** (1 / film.gamma)
    tone += film.contrast * (tone * tone * (3 - 2 * tone) - tone)
    table = (tone.clip(0, 1) * 255 + 0.5).astype(np.uint8)
    gain = np.asarray(film.gain, np.float32) / 4
    index = np.sqrt((linear * gain).clip(0, 1)) * (CURVE - 1)
    return np.asarray(table[index.astype(np.int32)])


def smear(linear: NDArray[np.float32], flow: NDArray[np.float32], shutter: float) -> NDArray[np.float32]:
    """Motion blur: average light along the share `shutter` of each pixel's way to the next frame."""
    if float(np.abs(flow).max()) * shutter < 0.5:
        return linear
    rows, columns = np.mgrid[0 : linear.shape[0], 0 : linear.shape[1]].astype(np.float32)
    total: NDArray[np.float32] = np.zeros_like(linear)
    for share in np.linspace(-0.5, 0.5, BLUR_STEPS, dtype=np.float32):
        x, y = columns + share * shutter * flow[..., 0], rows + share * shutter * flow[..., 1]
        total += cv2.remap(linear, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return total / np.float32(BLUR_STEPS)


@dataclass(frozen=True)
class CameraEffects:
    """Faults of a camera, in the order they are applied. The defaults are of a perfect one.

    Attributes:
        blur: sigma of a soft lens, px.
        shake: length of straight motion blur, px, and its angle, rad.
        vignette: share of light lost in the corners.
        noise: standard deviation of noise in the dark and of shot noise at full white, 8-bit levels.
        chroma: share of `noise` that differs between the channels.
        sharpen: strength of an unsharp mask.
        jpeg: quality 1..100, or None.
    """

    blur: float = 0.0
    shake: tuple[float, float] = (0.0, 0.0)
    vignette: float = 0.0
    noise: tuple[float, float] = (0.0, 0.0)
    chroma: float = 0.5
    sharpen: float = 0.0
    jpeg: int | None = None


def random_effects(rng: np.random.Generator) -> CameraEffects:
    """The faults of some camera: mostly slight."""
    return CameraEffects(
        blur=float(rng.exponential(0.4)) if rng.random() < 0.5 else 0.0,
        shake=(float(rng.exponential(2.0)), float(rng.uniform(0, np.pi))) if rng.random() < 0.15 else (0.0, 0.0),
        vignette=float(rng.uniform(0, 0.5)) if rng.random() < 0.3 else 0.0,
        noise=(float(rng.exponential(1.0)), float(rng.exponential(3.0))) if rng.random() < 0.7 else (0.0, 0.0),
        chroma=float(rng.random()),
        sharpen=float(rng.uniform(0, 1)) if rng.random() < 0.3 else 0.0,
        jpeg=int(rng.integers(30, 97)) if rng.random() < 0.6 else None,
    )


def apply_effects(rgb: Rgb, effects: CameraEffects, rng: np.random.Generator) -> Rgb:
    """A picture (H, W, 3) as a camera with these faults would have taken it."""
    height, width = rgb.shape[:2]
    picture: NDArray[Any] = rgb.astype(np.float32)
    if effects.blur > 0:
        picture = cv2.GaussianBlur(picture, (0, 0), effects.blur)
    length, angle = effects.shake
    if length >= 1:
        picture = cv2.filter2D(picture, -1, _line(length, angle), borderType=cv2.BORDER_REPLICATE)
    if effects.vignette > 0:
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        picture = picture * (1 - effects.vignette * 0.5 * (x * x + y * y)).astype(np.float32)[..., None]
    dark, bright = effects.noise
    if dark > 0 or bright > 0:
        grain = rng.standard_normal((height, width, 1), np.float32) * (1 - effects.chroma)
        grain = grain + rng.standard_normal((height, width, 3), np.float32) * effects.chroma
        picture = picture + grain * np.sqrt(dark * dark + bright * bright * picture.clip(0, 255) / 255)
    if effects.sharpen > 0:
        picture = picture + effects.sharpen * (picture - cv2.GaussianBlur(picture, (0, 0), 1.0))
    result = np.ascontiguousarray((picture + 0.5).clip(0, 255).astype(np.uint8))
    if effects.jpeg is None:
        return result
    _, encoded = cv2.imencode(".jpg", result[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, effects.jpeg])
    decoded = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)
    return np.ascontiguousarray(decoded[..., ::-1])


def _line(length: float, angle: float) -> NDArray[np.float32]:
    """The kernel of straight motion blur."""
    size = int(length) // 2 * 2 + 3
    kernel = np.zeros((size, size), np.uint8)
    half = size // 2
    dx, dy = length / 2 * np.cos(angle), length / 2 * np.sin(angle)
    a, b = (round(half - dx), round(half - dy)), (round(half + dx), round(half + dy))
    cv2.line(kernel, a, b, 255, 1, cv2.LINE_AA)
    return kernel.astype(np.float32) / np.float32(max(1, int(kernel.sum())))
