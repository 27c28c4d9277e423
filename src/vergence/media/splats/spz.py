"""SPZ: 3-D Gaussians in a tenth of the bytes (Niantic Labs, github.com/nianticlabs/spz, versions 2 and 3).

One gzip stream of a header of 16 bytes and then, of all Gaussians: means (24-bit fixed point), opacities (8 bits),
colours (8 bits), scales (8 bits, logarithmic), rotations, harmonics above degree 0 (8 bits, coefficient by
coefficient, red green blue). The specification's axes are x right, y up, z towards the viewer, see `axes`.
"""

import math
import struct
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numba import njit
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.geometry.rows import CORES, by_rows
from vergence.media.splats.axes import AXES, HARMONICS, QUATERNION, flipped
from vergence.media.splats.ply import normalised
from vergence.types import Gaussians

MAGIC = 0x5053474E  # NGSP
HEADER = struct.Struct("<IIIBBBB")  # magic, version, count, degree, fractional bits, flags, reserved
ROTATION_BYTES = {2: 3, 3: 4}  # by version
EXTENSIONS = 2  # the flag that says records of a vendor's own follow the header
FEWEST_BITS, MOST_BITS = 12, 20  # behind the point: others write 12, a quarter of a millimetre
LARGEST_FIXED = 2.0**23 - 1
FINE = 10  # steps of a mean to a usual scale
COLOUR = 0.15  # of degree 0: leaves room above 1 and below 0, which higher degrees bring back
DENSEST = 1032  # to one: deflate packs no tighter
LEVEL, BLOCK = 2, 1 << 20  # level 6 takes twice as long for a percent
WINDOW = 1 << 15  # bytes of the past that deflate refers to
TRIFLE = 0.02  # of a part: so much more is made up for by the time
SAMPLE = 1 << 16  # bytes that tell how a part is deflated


def size(gaussians: Gaussians) -> int:
    """How large the file becomes at most, bytes."""
    return 17 * len(gaussians) + gaussians.harmonics.size + 4096


def save(path: Path, gaussians: Gaussians, *, version: int = 3) -> None:
    """Write Gaussians with all the harmonics they have, 8 bits a number.

    Version 3 has finer rotations; some viewers from before 2025 read only 2. The steps of the means adapt to the scene:
    at most a quarter of a millimetre, a tenth of a usual scale where that is less, more only where the scene is wider
    than 2 km from its middle.

    Raises:
        FormatError: a mean lies farther out than 8000 km, or there is no such version.
    """
    if version not in ROTATION_BYTES:
        raise FormatError(f"SPZ is written in version {' or '.join(map(str, ROTATION_BYTES))}, not {version}")
    count, terms = len(gaussians), gaussians.harmonics.shape[1]
    bits = _fractional_bits(gaussians)
    header = HEADER.pack(MAGIC, version, count, math.isqrt(terms) - 1, bits, 0, 0)
    means = np.empty((count, 9), np.uint8)
    opacities = np.empty(count, np.uint8)
    colours, scales = np.empty((2, count, 3), np.uint8)
    rotations = np.empty((count, ROTATION_BYTES[version]), np.uint8)
    rest = np.empty((count, terms - 1, 3), np.uint8)
    by_rows(_pack_means, count, gaussians.means * AXES, np.float64(2.0**bits), means)
    by_rows(
        _pack_bytes,
        count,
        gaussians.opacities,
        gaussians.scales,
        gaussians.harmonics,
        HARMONICS,
        opacities,
        colours,
        scales,
        rest,
    )
    turned = normalised(gaussians.rotations) * QUATERNION
    by_rows(_pack_smallest_three if version == 3 else _pack_first_three, count, turned, rotations)
    parts = [means, opacities, colours, scales, rotations, rest]
    path.write_bytes(gzipped([header, *(part.tobytes() for part in parts)]))


def load(path: Path) -> Gaussians:
    """Read Gaussians.

    Raises:
        MediaError: the file is damaged, or shorter than its header says.
        FormatError: it is no SPZ, or of a version or with extensions that are not read.
    """
    packed = path.read_bytes()
    if packed[:4] == struct.pack("<I", MAGIC):
        raise FormatError(f"{path} is SPZ of version 4 or newer; convert it to version 3 or to PLY first")
    unzip = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
    try:
        head = unzip.decompress(packed, HEADER.size)
        if len(head) < HEADER.size:
            raise MediaError(f"{path} is damaged: it ends inside its header; get a whole copy")
        magic, version, count, degree, bits, flags, _ = HEADER.unpack(head)
        if magic != MAGIC:
            raise FormatError(f"{path} is no SPZ: it does not begin with NGSP")
        if version not in ROTATION_BYTES or degree > 3 or bits > 23 or flags & EXTENSIONS:
            raise FormatError(
                f"{path} is SPZ of version {version}, degree {degree}, {bits} bits, flags {flags}; "
                "read are versions 2 and 3 to degree 3 without extensions: convert it to PLY first"
            )
        terms = (degree + 1) ** 2
        widths = (9, 1, 3, 3, ROTATION_BYTES[version], 3 * (terms - 1))
        promised = sum(widths) * count
        if promised > DENSEST * len(packed):  # before memory is taken for what a header claims
            raise MediaError(
                f"{path} is cut short: its header promises {count} Gaussians of {sum(widths)} bytes, "
                f"more than its {len(packed)} bytes can hold; get a whole copy"
            )
        body = unzip.decompress(unzip.unconsumed_tail, promised) if promised else b""
        if len(body) < promised or not _ends_well(unzip):
            raise MediaError(f"{path} is damaged: it does not end where its header says; get a whole copy")
    except zlib.error as error:
        raise MediaError(f"{path} is damaged or no SPZ ({error}); get a whole copy") from error
    starts = np.cumsum([0, *(width * count for width in widths)])
    means, opacities, colours, scales, rotations, rest = (
        np.frombuffer(body, np.uint8, width * count, start).reshape(count, width)
        for width, start in zip(widths, starts[:-1], strict=True)
    )
    harmonics = np.empty((count, terms, 3), np.float32)
    harmonics[:, 0] = (colours / np.float32(255) - np.float32(0.5)) / np.float32(COLOUR)
    harmonics[:, 1:] = (rest.reshape(count, terms - 1, 3).astype(np.float32) - 128) / 128
    return flipped(
        Gaussians(
            means=_fixed(means) * np.float32(2.0**-bits),
            scales=np.exp(scales / np.float32(16) - np.float32(10)),
            rotations=_smallest_three(rotations) if version == 3 else _first_three(rotations),
            opacities=opacities[:, 0].astype(np.float32) / np.float32(255),
            harmonics=harmonics,
        )
    )


def gzipped(parts: Sequence[bytes]) -> bytes:
    """One gzip stream (RFC 1952) of all parts, in blocks that are deflated on all cores.

    Each block knows what came just before it in its part, and ends on a whole byte (a sync flush), so put together they
    are what one thread would have written, to a thousandth.
    """

    def deflated(work: tuple[bytes, int, int]) -> bytes:
        part, start, strategy = work
        deflate = _deflate(strategy, past=part[max(0, start - WINDOW) : start])
        return deflate.compress(part[start : start + BLOCK]) + deflate.flush(zlib.Z_SYNC_FLUSH)

    work = [(part, start, way) for part in parts for way in (_strategy(part),) for start in range(0, len(part), BLOCK)]
    with ThreadPoolExecutor(CORES) as pool:
        blocks = list(pool.map(deflated, work))
    crc = 0
    for part in parts:
        crc = zlib.crc32(part, crc)
    head = b"\x1f\x8b\x08" + bytes(6) + b"\xff"  # deflate; no name, no time, no system
    size = sum(map(len, parts)) & 0xFFFFFFFF
    return b"".join([head, *blocks, _deflate(zlib.Z_RLE).flush(), struct.pack("<II", crc, size)])


def _strategy(part: bytes) -> int:
    """How a part is deflated: without looking for repetitions where a sample of it has none.

    Rotations and harmonics mostly have none. Looking takes twice the time there, and finds by chance what codes of
    single bytes say shorter.
    """
    middle = max(0, len(part) - SAMPLE) // 2
    sample = part[middle : middle + SAMPLE]
    plain, looked = (
        len(deflate.compress(sample) + deflate.flush())
        for deflate in (_deflate(zlib.Z_RLE), _deflate(zlib.Z_DEFAULT_STRATEGY))
    )
    return zlib.Z_RLE if plain <= looked * (1 + TRIFLE) else zlib.Z_DEFAULT_STRATEGY


def _deflate(strategy: int, past: bytes = b"") -> "zlib._Compress":
    return zlib.compressobj(LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, strategy, past)


def _ends_well(unzip: "zlib._Decompress") -> bool:
    """Whether nothing but the checksum follows, and it is right (zlib raises where not)."""
    return unzip.decompress(unzip.unconsumed_tail, 1) == b"" and unzip.eof


def _fractional_bits(gaussians: Gaussians) -> int:
    """Bits behind the point that means are stored with: as many as the scales ask for and 24 bits leave."""
    if not len(gaussians):
        return FEWEST_BITS
    farthest = float(np.abs(gaussians.means).max())
    usual = float(np.median(np.abs(gaussians.scales)))
    wanted = math.ceil(math.log2(FINE / usual)) if usual > 0 else FEWEST_BITS
    room = math.floor(math.log2(LARGEST_FIXED / farthest)) if farthest > 0 else MOST_BITS
    if room < 0:
        raise FormatError(
            f"SPZ holds means up to {LARGEST_FIXED / 1000:.0f} km, but one lies at {farthest / 1000:.0f}; write PLY"
        )
    return min(max(wanted, FEWEST_BITS), MOST_BITS, room)


@njit(nogil=True, cache=True)
def _pack_means(first, last, means, steps, packed):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        for axis in range(3):
            fixed = np.int64(np.rint(means[i, axis] * steps))
            for byte in range(3):
                packed[i, 3 * axis + byte] = (fixed >> (8 * byte)) & 255


@njit(nogil=True, cache=True)
def _to_byte(value):  # type: ignore[no-untyped-def]
    return np.uint8(min(max(np.rint(value), 0.0), 255.0))


@njit(nogil=True, cache=True)
def _pack_bytes(first, last, opacity, scale, harmonics, signs, opacities, colours, scales, rest):  # type: ignore[no-untyped-def]
    for i in range(first, last):
        opacities[i] = _to_byte(opacity[i] * 255.0)
        for c in range(3):
            colours[i, c] = _to_byte(harmonics[i, 0, c] * (COLOUR * 255.0) + 127.5)
            # A negative scale makes the same covariance as its absolute value.
            scales[i, c] = _to_byte((math.log(max(abs(float(scale[i, c])), 1e-30)) + 10.0) * 16.0)
        for k in range(1, harmonics.shape[1]):
            for c in range(3):
                rest[i, k - 1, c] = _to_byte(harmonics[i, k, c] * signs[k] * 128.0 + 128.0)


@njit(nogil=True, cache=True)
def _pack_first_three(first, last, rotations, packed):  # type: ignore[no-untyped-def]
    """x y z, of the quaternion whose w is positive."""
    for i in range(first, last):
        sign = -1.0 if rotations[i, 0] < 0 else 1.0
        for axis in range(3):
            packed[i, axis] = _to_byte(sign * rotations[i, 1 + axis] * 127.5 + 127.5)


@njit(nogil=True, cache=True)
def _pack_smallest_three(first, last, rotations, packed):  # type: ignore[no-untyped-def]
    """2 bits: which of x y z w is largest; then a sign and 9 bits of 1/sqrt(2) for each of the others in turn."""
    for i in range(first, last):
        largest = 0
        for k in range(1, 4):
            if abs(rotations[i, (k + 1) % 4]) > abs(rotations[i, (largest + 1) % 4]):
                largest = k
        is_turned = rotations[i, (largest + 1) % 4] < 0
        word = np.uint32(largest)
        for k in range(4):
            if k != largest:
                value = rotations[i, (k + 1) % 4]
                size = np.uint32(min(511.0, np.rint(511.0 * math.sqrt(2.0) * abs(float(value)))))
                sign = np.uint32(1) if (value < 0) != is_turned else np.uint32(0)
                word = np.uint32((word << np.uint32(10)) | (sign << np.uint32(9)) | size)
        for byte in range(4):
            packed[i, byte] = (word >> np.uint32(8 * byte)) & np.uint32(255)


def _fixed(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(N, 9) bytes to (N, 3) whole numbers of 24 bits with a sign."""
    parts = packed.reshape(-1, 3, 3).astype(np.int32)
    unsigned = parts[..., 0] | parts[..., 1] << 8 | parts[..., 2] << 16
    return np.where(unsigned >= 1 << 23, unsigned - (1 << 24), unsigned).astype(np.float32)


def _first_three(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    xyz = packed.astype(np.float32) / np.float32(127.5) - 1
    w = np.sqrt(np.maximum(0, 1 - (xyz * xyz).sum(axis=1, keepdims=True)))
    return normalised(np.concatenate([w, xyz], axis=1))


def _smallest_three(packed: NDArray[np.uint8]) -> NDArray[np.float32]:
    words = np.ascontiguousarray(packed).view("<u4")[:, 0]
    largest = words >> 30
    xyzw = np.zeros((len(words), 4), np.float32)
    rest = words.copy()
    for k in (3, 2, 1, 0):
        is_stored = largest != k
        sizes = (rest & 511).astype(np.float32) / np.float32(511 * math.sqrt(2))
        xyzw[:, k] = np.where(is_stored, np.where(rest & 512, -sizes, sizes), 0)
        rest = np.where(is_stored, rest >> 10, rest)
    left = np.sqrt(np.maximum(0, 1 - (xyzw * xyzw).sum(axis=1)))
    np.put_along_axis(xyzw, largest[:, None].astype(np.intp), left[:, None], axis=1)
    return normalised(np.roll(xyzw, 1, axis=1))
