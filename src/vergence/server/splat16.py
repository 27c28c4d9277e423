"""Gaussians as Spark's 16-byte splats, packed on the server so that the page only copies them; see docs/protocol.md."""

import zlib

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.geometry.rows import by_rows
from vergence.server.protocol import SPLAT_BLOCK, SPLAT_BYTES, SplatCodec
from vergence.types import Gaussians

F = np.float32
ZERO, ONE, HALF = F(0), F(1), F(0.5)
C0 = F(0.28209479177387814)  # the constant harmonic: 1 / (2 sqrt(pi))
TO_ANGLE = F(2 * 255 / np.pi)  # bytes in a radian of half the turn
LOG2 = tuple(map(F, (-0.09462681, 0.21394321, -0.3383772, 0.47749636, -0.7211441, 1.442693)))
ATAN = tuple(map(F, (-0.03636043, 0.08312646, -0.13447864, 0.1987204, -0.33325678, 0.9999992)))
LARGEST_HALF, SMALLEST_HALF = np.uint32(0x477FE000), np.uint32(0x38800000)  # bits of 65504 and of 2^-14
EXPONENTS = np.uint32((127 - 15) << 23)  # by which those of the two kinds of float differ
EIGHT, SIXTEEN, TWENTY_FOUR = np.uint32(8), np.uint32(16), np.uint32(24)

LN_SCALE_MIN, LN_SCALE_MAX = -9.0, 1.0  # 0.1 mm to 2.7 m, in steps of 4 %; Spark's own -12 to 9 has steps of 8.6 %
LEVEL = 1  # of deflate


def capacity_for(count: int) -> int:
    """The least room for `count` splats: a multiple of 2048, and never none."""
    return max(-(-count // SPLAT_BLOCK), 1) * SPLAT_BLOCK


def packed_splats(
    gaussians: Gaussians, *, ln_scale_min: float = LN_SCALE_MIN, ln_scale_max: float = LN_SCALE_MAX
) -> NDArray[np.uint8]:
    """Pack the Gaussians: (whole blocks of 2048, 16) bytes, zeros after the last.

    Colour is what they show without regard of where one looks from. Centres are half floats: 2 mm at 2 to 4 m.
    """
    count = len(gaussians)
    out = np.zeros((-(-count // SPLAT_BLOCK) * SPLAT_BLOCK, SPLAT_BYTES // 4), np.uint32)
    steps = F(254 / (ln_scale_max - ln_scale_min))
    means, scales = np.ascontiguousarray(gaussians.means), np.ascontiguousarray(gaussians.scales)
    by_rows(
        _pack, count, gaussians.harmonics[:, 0], gaussians.opacities, gaussians.rotations,
        means, means.view(np.uint32), scales.view(np.uint32), F(ln_scale_min), steps, out,
    )  # fmt: skip
    return out.astype("<u4", copy=False).view(np.uint8)


def splat_payload(splats: NDArray[np.uint8], *, codec: SplatCodec) -> bytes:
    """The payload of packed splats, without padding."""
    if codec == SplatCodec.PLAIN:
        return splats.tobytes()
    planes = np.ascontiguousarray(splats.T)
    planes[:, 1:] -= planes[:, :-1].copy()
    engine = zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    return engine.compress(planes.data) + engine.flush()


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _byte(value):  # type: ignore[no-untyped-def]
    return np.uint32(np.int32(min(max(value, ZERO), F(255)) + HALF))


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _half(value, bits):  # type: ignore[no-untyped-def]
    """The half float nearest to `value`, whose float32 bits are `bits`; the largest for all beyond, 0 for NaN."""
    size = bits & np.uint32(0x7FFFFFFF)
    sign = (bits >> np.uint32(16)) & np.uint32(0x8000)
    if size > np.uint32(0x7F800000):
        return np.uint32(0)
    if size >= LARGEST_HALF:
        return sign | np.uint32(0x7BFF)
    if size < SMALLEST_HALF:  # steps of 2^-24 from here to 0
        return sign | np.uint32(np.int32(abs(value) * F(16777216) + HALF))
    return sign | ((size - EXPONENTS + np.uint32(0xFFF) + ((size >> np.uint32(13)) & np.uint32(1))) >> np.uint32(13))


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _log2(bits):  # type: ignore[no-untyped-def]
    """Of a positive float32 with these bits, within 2e-6: a Chebyshev fit of log2(1 + f) / f."""
    f = F(np.int32(bits & np.uint32(0x7FFFFF))) * F(1 / 8388608)
    whole = F(np.int32(bits >> np.uint32(23)) - 127)
    p = F(0.02001665)
    for c in LOG2:
        p = p * f + c
    return whole + f * p


@njit(nogil=True, cache=True, fastmath=True, inline="always")
def _angle(sine, cosine):  # type: ignore[no-untyped-def]
    """Within 0..pi/2, of a sine and a cosine that are not negative, within 1e-6: a Chebyshev fit of atan(a) / a."""
    high = max(sine, cosine)
    a = min(sine, cosine) / high if high > ZERO else ZERO
    p = F(0.007648354)
    for c in ATAN:
        p = p * (a * a) + c
    return a * p if sine <= cosine else F(np.pi / 2) - a * p


@njit(nogil=True, cache=True, fastmath=True)
def _pack(first, last, colour, opacity, rotation, means, mean_bits, scale_bits, ln_min, steps, out):  # type: ignore[no-untyped-def]
    step2 = steps * F(0.6931471805599453)
    for i in range(first, last):
        r = _byte((HALF + C0 * colour[i, 0]) * F(255))
        g = _byte((HALF + C0 * colour[i, 1]) * F(255))
        b = _byte((HALF + C0 * colour[i, 2]) * F(255))
        out[i, 0] = r | (g << EIGHT) | (b << SIXTEEN) | (_byte(opacity[i] * F(255)) << TWENTY_FOUR)
        x, y, z = means[i, 0], means[i, 1], means[i, 2]
        out[i, 1] = _half(x, mean_bits[i, 0]) | (_half(y, mean_bits[i, 1]) << SIXTEEN)
        w, x, y, z = rotation[i, 0], rotation[i, 1], rotation[i, 2], rotation[i, 3]
        if w < ZERO:
            w, x, y, z = -w, -x, -y, -z
        # The angle by sine and cosine: near no turn at all the arc cosine of w has lost it.
        sine = np.sqrt(x * x + y * y + z * z)
        angle = _byte(_angle(sine, w) * TO_ANGLE)
        whole = abs(x) + abs(y) + abs(z)
        u, v = ZERO, ZERO
        if whole > ZERO:
            u, v = x / whole, y / whole
            if z < ZERO:
                p, q = u, v
                u = (ONE - abs(q)) * (ONE if p >= ZERO else -ONE)
                v = (ONE - abs(p)) * (ONE if q >= ZERO else -ONE)
        u, v = (u * HALF + HALF) * F(255), (v * HALF + HALF) * F(255)
        out[i, 2] = _half(means[i, 2], mean_bits[i, 2]) | (_byte(u) << SIXTEEN) | (_byte(v) << TWENTY_FOUR)
        word = angle << TWENTY_FOUR
        for k in range(3):
            bits = scale_bits[i, k]
            if np.uint32(0) < bits < np.uint32(0x7F800000):  # positive and finite; else it is not drawn
                step = (_log2(bits) * step2) - ln_min * steps + ONE
                word |= np.uint32(np.int32(min(max(step, ONE), F(255)) + HALF)) << np.uint32(8 * k)
        out[i, 3] = word
