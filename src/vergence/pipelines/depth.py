"""Photos and films to their depth."""

import logging
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from vergence.depth.model import DepthModel, load_model
from vergence.errors import FormatError
from vergence.media.camera import CameraSettings, with_camera
from vergence.media.depth_file import DepthSink
from vergence.media.formats import read_suffixes, written_suffixes
from vergence.media.open import open_sink
from vergence.media.sampling import Shrunk
from vergence.media.video_writer import EncodeSettings
from vergence.media.visualise import Remembered, beside, visualise
from vergence.pipelines.job import (
    QUEUE,
    Part,
    ProgressCallback,
    Result,
    check_not_its_own,
    depth_stages,
    drain,
    result_path,
    silent,
)
from vergence.stability.stabilise import StabiliseSettings
from vergence.streaming import Stage, overlapped
from vergence.types import Colour, Frame, MediaInfo

logger = logging.getLogger(__name__)

SCREEN = Colour(primaries=1, transfer=1, matrix=1)  # BT.709, as H.273 counts


def process_depth(
    source: str | Path,
    target: str | Path | None = None,
    *,
    model: str | DepthModel = "auto",
    grayscale: bool = False,
    side_by_side: bool = False,
    audio: bool = True,
    camera: CameraSettings | None = None,
    stabilising: StabiliseSettings | None = None,
    encode: EncodeSettings | None = None,
    part: Part | None = None,
    overwrite: bool = False,
    progress: ProgressCallback = silent,
) -> Result:
    """Write the depth of a photo or film.

    The suffix of `target` chooses: .png (16 bit), .npz and .exr hold the values, their kind and unit (of a film one
    file per frame, in a folder of the target's name); a film's suffix, or of a photo one such as .jpg, shows them,
    coloured or `grayscale`. None writes `NAME_depth.png` beside a photo and `NAME_depth.mp4` beside a film.

    `side_by_side` shows them to the right of the source instead, in a film, or of a photo in a picture. `audio=False`
    leaves out the sound of a film, with its subtitles and chapters.

    `camera` is what you know of the camera, before what the EXIF says: some models' metres depend on it.
    """
    part = part or Part()
    with part.of(source) as media:
        info = media.info
        path = depth_path(info, target, encode=encode, side_by_side=side_by_side)
        estimator = load_model(model) if isinstance(model, str) else model
        whole = media.source.info if isinstance(media, Shrunk) else info
        told = (camera or CameraSettings()).of(whole.width, whole.height)
        told = told and told.resized(info.width, info.height)
        stages: list[Stage] = [lambda frames: with_camera(frames, told), *depth_stages(info, estimator, stabilising)]
        if path.suffix.lower() in written_suffixes("depth") and not side_by_side:
            if grayscale:
                logger.warning(
                    "%s holds values, not greys; depth to look at is a .mp4, or of a photo a .jpg", path.name
                )
            with (
                DepthSink(path, like=info, overwrite=overwrite) as files,
                overlapped(media, *stages, size=QUEUE) as items,
            ):
                frames, seconds = drain(items, files.write, info, progress)
            return Result(files.path, frames, seconds, estimator.card.name)
        # Not .tif, which other programs keep values in.
        shown_in = [suffix for suffix in written_suffixes("picture") if suffix not in read_suffixes("depth")]
        if not (info.is_film or side_by_side or path.suffix.lower() in shown_in):
            raise FormatError(
                f"{path} cannot hold a photo's depth; choose from {', '.join(written_suffixes('depth'))}, "
                f"or to look at it from {', '.join(shown_in)}"
            )
        stages.append(lambda items: visualise(items, grayscale=grayscale))
        frames_in: Iterable[Frame] = media
        if side_by_side and info.path is None:
            frames_in = remembered = Remembered(media)
            stages.append(lambda pictures: beside(remembered.again(), pictures))
        elif side_by_side:
            # The source is read a second time: until a shot's range is known, only its depth is held in memory.
            stages.append(lambda pictures: beside(media, pictures))
        # Depth's own colours are a screen's, also where the film's are of another world, such as HDR.
        like = replace(info, bits=8, colour=info.colour if side_by_side else SCREEN)
        with (
            open_sink(path, like=like, settings=encode, overwrite=overwrite, carry_tracks=audio) as shown,
            overlapped(frames_in, *stages, size=QUEUE) as pictures,
        ):
            frames, seconds = drain(pictures, shown.write, info, progress)
        return Result(shown.path, frames, seconds, estimator.card.name)


def depth_path(
    info: MediaInfo, target: str | Path | None, *, encode: EncodeSettings | None = None, side_by_side: bool = False
) -> Path:
    """Where the depth of a source goes; raises as `result_path`, and `TargetError` where it would replace that."""
    path = result_path(info, target, "_depth", encode=encode, photo_suffix=None if side_by_side else ".png")
    check_not_its_own(path, info)
    return path
