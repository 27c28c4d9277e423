"""Spatial photos: two pictures in one HEIC, a stereo pair to those who look, the left one to all others.

pillow-heif writes the two pictures; what makes them a pair is added to its boxes: the entity group `ster`
(ISO/IEC 23008-12, 6.8.5), the intrinsic and extrinsic matrix of each camera (`cmin`, `cmex` of the same standard), and
XMP with the field of view, baseline and disparity adjustment. libheif reads all of it; on a device it has not been
tried.
"""

import io
import struct
from dataclasses import replace
from math import radians, tan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vergence.errors import FormatError, MediaError
from vergence.media.boxes import PICTURE, Box, full_box, holding, parse
from vergence.media.image import PhotoFile, carried_metadata
from vergence.media.spatial.metadata import SpatialCamera
from vergence.types import MediaInfo, StereoPair

SUFFIXES = (".heic", ".heif")
GROUP_ID = 1000  # of the pair; must be no item's
CMIN_SHIFT = 24  # bits after the point: focal lengths up to 127 picture widths
NAMESPACE = "http://ns.apple.com/image/1.0/"


class SpatialPhotoSink(PhotoFile):
    """A spatial photo as a sink of one pair.

    Args:
        path: the result, .heic.
        like: what the pair was made from; its RGB profile and EXIF are written again.
        camera: what the photo says of its cameras; a field of view not stated is that of the pair's picture.
        overwrite: replace what lies there.
        quality: 1..100.

    Raises:
        FormatError: another suffix, or the extra [formats] is not installed; while writing, a view too large for HEVC.
        TargetError: see `Target`.
    """

    def __init__(
        self,
        path: Path,
        *,
        like: MediaInfo | None,
        camera: SpatialCamera | None = None,
        overwrite: bool = False,
        quality: int = 92,
    ) -> None:
        check_spatial(path)
        self._codec = _codec()
        self._camera = camera or SpatialCamera()
        super().__init__(path, like=like, overwrite=overwrite, quality=quality)

    def write(self, pair: StereoPair) -> None:
        """Write the pair under its final name."""
        if self._is_written:
            raise FormatError(f"{self.path} holds one pair; write a film as spatial video")
        frame = pair.frame
        camera = self._camera.of(frame.intrinsics, width=frame.width, height=frame.height)
        metadata = carried_metadata(self._source, width=frame.width, height=frame.height)
        encoded = self._encode(pair, camera, metadata)
        with self._target as target:
            target.temporary.write_bytes(as_pair(encoded, camera, width=frame.width, height=frame.height))
        self._is_written = True

    def _encode(self, pair: StereoPair, camera: SpatialCamera, metadata: dict[str, bytes]) -> bytes:
        """Both pictures as two images of a HEIC, each with its XMP."""
        height, width = pair.left.shape[:2]
        pictures = self._codec.HeifFile()
        for rgb, x in ((pair.left, 0.0), (pair.right, camera.baseline / 1000)):
            added = pictures.add_frombytes("RGB", (width, height), _eight_bits(rgb).tobytes())
            info = (added[-1] if isinstance(added, self._codec.HeifFile) else added).info
            info["xmp"] = xmp(camera, width=width, height=height, x=x)
            if "icc_profile" in metadata:
                info["icc_profile"], info["icc_profile_type"] = metadata["icc_profile"], "prof"
            if "exif" in metadata:
                info["exif"] = metadata["exif"]
        file = io.BytesIO()
        try:
            pictures.save(file, quality=self._quality, primary_index=0)
        except RuntimeError as error:  # of any kind, libheif's too
            raise FormatError(
                f"pictures of {width}x{height} cannot be encoded as {self.path.suffix} ({error}); make them smaller"
            ) from error
        return file.getvalue()


def check_spatial(path: Path) -> None:
    """Raise `FormatError` where a spatial photo cannot be written under this suffix."""
    if path.suffix.lower() not in SUFFIXES:
        raise FormatError(f"a spatial photo goes into {SUFFIXES[0]}, not {path.name}")


def _codec() -> Any:
    try:
        import pillow_heif
    except ImportError as error:
        raise FormatError("a spatial photo needs an extra: pip install 'vergence[formats]'") from error
    return pillow_heif


def _eight_bits(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    eight: NDArray[np.uint8] = rgb if rgb.dtype == np.uint8 else (rgb >> 8).astype(np.uint8)
    return eight


def focal_length(camera: SpatialCamera, width: int) -> float:
    """Of a picture `width` pixels wide, px."""
    return width / 2 / tan(radians(camera.degrees) / 2)


def xmp(camera: SpatialCamera, *, width: int, height: int, x: float) -> bytes:
    """What one picture says of its camera, which stands at `x` metres to the right of the left one."""
    f = focal_length(camera, width)
    says = {
        "HorizontalFOV": f"{camera.degrees:.3f}",
        "Baseline": f"{camera.baseline:.3f}",
        "HorizontalDisparityAdjustment": f"{camera.disparity_adjustment:.4f}",
        "CameraModelType": "SimplifiedPinhole",
        "CameraIntrinsics": f"{f:.3f} 0 {width / 2:.1f} 0 {f:.3f} {height / 2:.1f} 0 0 1",
        "CameraExtrinsicsRotation": "1 0 0 0 1 0 0 0 1",
        "CameraExtrinsicsPosition": f"{x:.6f} 0 0",
        "StereoGroupIndex": "1",
    }
    elements = "".join(f"<apple:{name}>{value}</apple:{name}>" for name, value in says.items())
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" xmlns:apple="{NAMESPACE}">{elements}</rdf:Description>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def as_pair(heic: bytes, camera: SpatialCamera, *, width: int, height: int) -> bytes:
    """A HEIC of two pictures whose first is the left and whose second the right view of a pair.

    Args:
        heic: as libheif writes it, the boxes of the pictures before their data.
        camera: with its field of view stated.
        width, height: of either picture, px.

    Raises:
        MediaError: it does not hold two pictures.
    """
    boxes, _ = parse(heic, PICTURE)
    at = next((i for i, box in enumerate(boxes) if box.kind == b"meta"), None)
    if at is None:
        raise MediaError("the encoder's HEIC has no box meta")
    old = boxes[at]
    items = _picture_items(old.find(b"iinf"))
    if len(items) != 2:
        raise MediaError(f"the encoder's HEIC holds {len(items)} pictures where two were written")
    group = full_box(b"ster", struct.pack(">4I", GROUP_ID, len(items), *items))
    meta = old.with_children(holding(b"grpl", group))
    meta = meta.edited(lambda iprp: _with_cameras(iprp, items, camera, width, height), b"iprp")
    grown = len(meta.encode()) - len(old.encode())
    meta = meta.edited(lambda iloc: replace(iloc, data=_moved(iloc.data, grown)), b"iloc")
    return b"".join(box.encode() for box in (*boxes[:at], meta, *boxes[at + 1 :]))


def _picture_items(iinf: Box) -> list[int]:
    """The numbers of the coded pictures in an item information box, in order (ISO/IEC 14496-12, 8.11.6)."""
    wide = iinf.data[0] != 0
    entries, _ = parse(iinf.data[8 if wide else 6 :], {})
    items = []
    for entry in entries:
        version = entry.data[0]
        at = 8 if version >= 3 else 6
        if entry.data[at + 2 : at + 6] == b"hvc1":
            items.append(int.from_bytes(entry.data[4:at], "big"))
    return items


def _with_cameras(iprp: Box, items: list[int], camera: SpatialCamera, width: int, height: int) -> Box:
    """Add the camera of each picture to the item properties, and tell whose they are."""
    known = iprp.find(b"ipco").children or ()
    coded_width, coded_height = struct.unpack_from(">2I", iprp.find(b"ipco", b"ispe").data, 4)
    # All as shares of the coded size, which may be padded on the right and below.
    shares = (focal_length(camera, width) / coded_width, width / 2 / coded_width, height / 2 / coded_height)
    inner = full_box(
        b"cmin", struct.pack(">3i", *(round(share * (1 << CMIN_SHIFT)) for share in shares)), flags=CMIN_SHIFT << 8
    )
    left = full_box(b"cmex")  # at the origin
    right = full_box(b"cmex", struct.pack(">i", round(camera.baseline * 1000)), flags=1)  # x, micrometres
    first = len(known) + 1
    added: dict[int, tuple[int, ...]] = {items[0]: (first, first + 1), items[1]: (first, first + 2)}
    return iprp.edited(lambda ipco: replace(ipco, children=(*known, inner, left, right)), b"ipco").edited(
        lambda ipma: replace(ipma, data=_associated(ipma.data, added)), b"ipma"
    )


def _associated(ipma: bytes, added: dict[int, tuple[int, ...]]) -> bytes:
    """An item property association box in which items have more properties (ISO/IEC 14496-12, 8.11.14)."""
    id_size = 4 if ipma[0] else 2
    size = 2 if ipma[3] & 1 else 1
    (count,) = struct.unpack_from(">I", ipma, 4)
    out, at = bytearray(ipma[:8]), 8
    for _ in range(count):
        item = int.from_bytes(ipma[at : at + id_size], "big")
        number = ipma[at + id_size]
        end = at + id_size + 1 + number * size
        more = added.get(item, ())
        if any(index >= 1 << (8 * size - 1) for index in more):
            raise MediaError("the encoder's HEIC has too many item properties")
        out += ipma[at : at + id_size] + bytes((number + len(more),)) + ipma[at + id_size + 1 : end]
        out += b"".join(index.to_bytes(size, "big") for index in more)
        at = end
    return bytes(out)


def _moved(iloc: bytes, by: int) -> bytes:
    """An item location box whose data lie `by` bytes further on in the file (ISO/IEC 14496-12, 8.11.3)."""
    version = iloc[0]
    offset_size, length_size, base_size = iloc[4] >> 4, iloc[4] & 15, iloc[5] >> 4
    index_size = iloc[5] & 15 if version in (1, 2) else 0
    id_size = 4 if version == 2 else 2
    out = bytearray(iloc)
    at = 6
    items = int.from_bytes(iloc[at : at + id_size], "big")
    at += id_size

    def number(place: int, size: int) -> int:
        return int.from_bytes(out[place : place + size], "big")

    def move(place: int, size: int) -> None:
        out[place : place + size] = (number(place, size) + by).to_bytes(size, "big")

    for _ in range(items):
        at += id_size
        is_in_file = True
        if version in (1, 2):
            is_in_file = number(at, 2) & 15 == 0  # construction_method
            at += 2
        at += 2  # data_reference_index
        base_at = at
        at += base_size
        extents = number(at, 2)
        at += 2
        has_base = base_size > 0 and number(base_at, base_size) > 0
        if is_in_file and has_base:
            move(base_at, base_size)
        for _ in range(extents):
            at += index_size
            if is_in_file and not has_base:
                move(at, offset_size)
            at += offset_size + length_size
    return bytes(out)
