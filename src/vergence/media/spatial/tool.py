"""Spatial films and photos by the `spatial` tool of macOS, in place of our own encoder.

The tool (Mike Swanson, blog.mikeswanson.com/spatial) has Apple's encoder at its hands, which predicts one view from the
other, so its films are smaller and known to play. It is given both views side by side.
"""

import logging
import shutil
import subprocess
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Self

import numpy as np

from vergence.errors import MediaError, SettingsError
from vergence.media.image import ImageSink
from vergence.media.spatial import heic
from vergence.media.spatial.metadata import SpatialCamera
from vergence.media.spatial.video import check_spatial
from vergence.media.targets import Target
from vergence.media.video_writer import EncodeSettings, VideoSink
from vergence.media.yuv import Picture
from vergence.types import Frame, MediaInfo, StereoPair

logger = logging.getLogger(__name__)

TOOL = "spatial"
CLEAN = EncodeSettings("hevc", crf=12)  # of the film handed over: its loss comes on top of the tool's own


class SpatialToolSink:
    """Writes pairs as a spatial film or photo by the external tool. The tool encodes at a quality of its own choice.

    Args:
        path: the result, .mov, .mp4 or .heic.
        like: the source, for its clock, colours and sound.
        camera: what the result says of its cameras.
        overwrite: replace what lies at `path`.

    Raises:
        SettingsError: the tool is not on the PATH.
        FormatError: another suffix.
        MediaError: on leaving: the tool failed.
        TargetError: see `Target`.
    """

    def __init__(
        self, path: Path, *, like: MediaInfo, camera: SpatialCamera | None = None, overwrite: bool = False
    ) -> None:
        if like.is_film:
            check_spatial(path, EncodeSettings())
        else:
            heic.check_spatial(path)
        tool = shutil.which(TOOL)
        if tool is None:
            raise SettingsError(f"the encoder {TOOL!r} is a program for macOS that is not on the PATH; leave it out")
        self.path = path
        self._tool, self._like = tool, like
        self._camera = camera or SpatialCamera()
        self._target = Target(path, overwrite=overwrite)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        self._stack.enter_context(self._target)
        folder = Path(self._stack.enter_context(TemporaryDirectory(prefix=".pairs-", dir=self.path.parent)))
        if self._like.is_film:
            self._pairs: VideoSink | ImageSink = VideoSink(
                folder / "pairs.mov", like=self._like, settings=CLEAN, is_bound=True
            )
        else:
            self._pairs = ImageSink(folder / "pairs.png", like=self._like)
        self._pairs.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            self._pairs.__exit__(kind, error, traceback)
            self._stack.__exit__(kind, error, traceback)
            return
        with self._stack:
            self._pairs.__exit__(None, None, None)
            self._run()

    def write(self, pair: StereoPair) -> None:
        """Append a pair; times must increase and sizes stay."""
        frame = pair.frame
        self._camera = self._camera.of(frame.intrinsics, width=frame.width, height=frame.height)
        both: Picture = np.hstack([pair.left, pair.right])  # type: ignore[assignment]  # of one dtype
        self._pairs.write(Frame(both, frame.index, frame.time, frame.duration, frame.shot))

    def _run(self) -> None:
        command = [self._tool, "make", "-i", str(self._pairs.path), "-f", "sbs", "-o", str(self._target.temporary)]
        command += ["--cdist", f"{self._camera.baseline:g}", "--hfov", f"{self._camera.degrees:.3f}"]
        command += ["--hadjust", f"{self._camera.disparity_adjustment:g}", "--primary", "left"]
        command += ["--projection", "rect", "-y"]
        logger.info("running %s", " ".join(command))
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if done.returncode or self._target.temporary.stat().st_size == 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            raise MediaError(f"{TOOL} could not write {self.path}: {said[-1] if said else 'it does not say why'}")
